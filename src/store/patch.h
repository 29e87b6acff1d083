/* JSON merge patch (RFC 7386) and JSON patch (RFC 6902) on jansson values. Pure; inputs are never changed. */
#ifndef LEASEHOLD_STORE_PATCH_H
#define LEASEHOLD_STORE_PATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* True when the value nests no deeper than `depth` levels. Recursion is bounded by it, so it comes before anything that
 * is not. */
bool store_shallow(const json_t *value, int depth);

/* The target with the patch applied: a new value owned by the caller. */
json_t *store_patch_merge(const json_t *target, const json_t *patch);

enum store_patch_outcome {
    STORE_PATCH_DONE = 0,
    STORE_PATCH_MALFORMED, /* not a JSON patch: an answer of 400 */
    STORE_PATCH_TOO_LONG,  /* more operations than STORE_PATCH_OPERATIONS_MAX: 413 */
    STORE_PATCH_REFUSED    /* a well-formed operation that cannot be applied, `test` included: 422 */
};

/* The document with all operations applied in *ret (owned by the caller), or a sentence in error and *ret untouched. */
enum store_patch_outcome store_patch_json(const json_t *document, const json_t *operations, json_t **ret, char *error, size_t error_size);

#endif
