/* Between request.c and write.c: the verbs that change the store, and what both use to answer. */
#ifndef LEASEHOLD_STORE_WRITE_H
#define LEASEHOLD_STORE_WRITE_H

#include "store/internal.h"

void store_handle_create(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                         struct store_answer *ret);
void store_handle_update(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                         struct store_answer *ret);
void store_handle_patch(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                        struct store_answer *ret);
void store_handle_delete(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                         struct store_answer *ret);
void store_handle_delete_collection(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                                    struct store_answer *ret);

void store_handle_list(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                       struct store_answer *ret);

/* A resourceVersion parameter of GET and LIST: refuses what this store has not reached yet. Returns 0 when *ret is
 * untouched. */
int store_check_read_version(struct store *s, const struct store_request *r, struct store_answer *ret);
/* Answers with a Status (stolen); the code is the Status' own. */
void store_answer_status(struct store_answer *ret, json_t *status);
/* Answers with an object as the resource shows it; the reference stays the caller's. */
void store_answer_object(struct store_answer *ret, const struct store_type *t, int code, json_t *object);
/* The list around items (stolen). */
/* An object as an item of a list: without kind and apiVersion of its own. A new reference. */
json_t *store_list_item(const struct store_type *t, json_t *object);
json_t *store_list_body(const struct store *s, const struct store_type *t, json_t *items);
/* First position of a namespace (NULL: of all), and the one past its last. */
size_t store_range(const struct store_kind *k, const char *namespace_, size_t *ret_end);

#endif
