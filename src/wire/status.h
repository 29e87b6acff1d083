/* Kubernetes' Status: what a server says when it refuses.
 *
 * Here: bytes to a value of fixed size. Not here: what follows from it (src/service). */
#ifndef LEASEHOLD_WIRE_STATUS_H
#define LEASEHOLD_WIRE_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATUS_MESSAGE_MAX = 511, STATUS_WORD_MAX = 253 };

struct status {
    int code;                             /* 0: none */
    char reason[STATUS_WORD_MAX + 1];     /* this and the other words: "" when missing or too long */
    char message[STATUS_MESSAGE_MAX + 1]; /* cut on a character's boundary; control characters are spaces */
    char name[STATUS_WORD_MAX + 1];       /* details.name */
    char kind[STATUS_WORD_MAX + 1];       /* details.kind: for most refusals the resource, "leases" */
    char group[STATUS_WORD_MAX + 1];      /* details.group */
    int32_t retry_after_s;                /* details.retryAfterSeconds; 0: none */
};

/* Reads an answer's body. Returns 0 and *ret, or LEASEHOLD_ERR_PROTOCOL when it is no Status; *ret is untouched then. */
int status_parse(const char *bytes, size_t size, struct status *ret);

/* The same from a parsed object. */
int status_read(const json_t *object, struct status *ret);

/* A 404 that says of exactly this object that it does not exist: not of its namespace, not of the API, not a proxy's page. */
bool status_names_absent(const struct status *status, const char *resource, const char *name);

#endif
