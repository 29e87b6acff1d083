/* All locks of a namespace in one request, for `leasehold status` and `watch` without a group. */
#ifndef LEASEHOLD_CLI_LIST_H
#define LEASEHOLD_CLI_LIST_H

#include "cli/command.h"

struct status_row {
    const char *group, *namespace_, *lock, *name;
    struct leasehold_record record;
    int64_t assumed_lease_ns; /* where the record does not say its duration */
    bool ours;                /* the holder is a Leasehold: its term mark stands beside the record */
    bool observed;            /* judged by what was received, not by its stamp */
    bool observed_valid;
    bool looked_up;   /* for the leader's Pod */
    char address[64]; /* of the leader's Pod; "": not known */
};

bool status_row_is_valid(const struct status_row *row);
/* How long a holder is waited for whose record does not say it. */
int64_t status_assumed_lease_ns(const struct arguments *a);

/* Reads them; prints what is wrong as from `command`, NULL: nothing. Returns an exit code; *ret_rows is for list_free(). */
int list_locks(const char *command, const struct arguments *a, bool all_namespaces, int64_t timeout_ns, struct status_row **ret_rows,
               size_t *ret_count);
void list_free(struct status_row *rows, size_t count);

#endif
