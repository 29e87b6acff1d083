/* What a leader tells others through the API beside its lock: a label of its Pod, and Events of Kubernetes.
 *
 * Here: the bodies and paths of the requests. Not here: when they are sent (src/service/notice.h). */
#ifndef LEASEHOLD_WIRE_NOTICE_H
#define LEASEHOLD_WIRE_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dialect.h"

/* A merge patch that sets a Pod's label, or takes it away (value NULL). For free(3); NULL when out of memory. */
char *notice_label_body(const char *key, const char *value, size_t *ret_size);

struct notice_event {
    const struct dialect *dialect;
    const char *namespace_, *lock_name, *lock_uid;
    const char *identity;
    bool began;      /* to lead; else it has stopped */
    int64_t wall_us; /* since 1970 */
    uint64_t unique; /* tells it from all others of this lock */
};

/* An Event about the lock with the reason and message of client-go's: LeaderElection, "X became leader". For free(3); NULL when out
 * of memory. */
char *notice_event_body(const struct notice_event *e, size_t *ret_size);

/* /api/v1/namespaces/NS/events; the length, or LEASEHOLD_ERR_LIMIT. */
int notice_event_path(const char *namespace_, char *ret, size_t size);

#endif
