/* Members of JSON objects as dialects read and write them.
 *
 * Here: what the dialects have in common. Not here: what a member means. */
#ifndef LEASEHOLD_WIRE_FIELDS_H
#define LEASEHOLD_WIRE_FIELDS_H

#include <jansson.h>

#include "election/record.h"

/* The member, or NULL: absent and null are the same to Kubernetes. Borrowed. */
const json_t *fields_get(const json_t *object, const char *key);

/* Sets a member to `value`, whose reference is taken over, NULL for what could not be made. Returns 0 or LEASEHOLD_ERR_MEMORY. */
int fields_set(json_t *object, const char *key, json_t *value);

/* The object under `key`, made where there is none that can be written into. Borrowed; NULL when out of memory. */
json_t *fields_child(json_t *object, const char *key);

/* Something that the record's fields do not hold: a change of it must be a change of the record. */
void fields_add_rest(struct record *r, const json_t *value);

/* The holder's name into the record, cut (with a rest) where it is too long. Returns false for what is no name: not a text, or with
 * a NUL byte, which would make two names look the same. NULL and "" are no holder. */
bool fields_read_holder(const json_t *holder, struct record *r);

#endif
