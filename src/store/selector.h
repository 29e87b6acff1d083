/* Label and field selectors as Kubernetes writes them: text in, a compiled form out, and whether an object matches.
 * Pure. */
#ifndef LEASEHOLD_STORE_SELECTOR_H
#define LEASEHOLD_STORE_SELECTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum store_operator {
    STORE_EQUALS = 0,
    STORE_NOT_EQUALS, /* also true where the key is missing */
    STORE_IN,
    STORE_NOT_IN,
    STORE_EXISTS,
    STORE_NOT_EXISTS,
    STORE_GREATER,
    STORE_LESS
};

struct store_requirement {
    enum store_operator op;
    char *key;
    char **values;
    size_t value_count;
};

struct store_selector {
    struct store_requirement *labels;
    size_t label_count;
    struct store_requirement *fields;
    size_t field_count;
};

/* Compiles a label selector ("a=b,c!=d,e in (f,g),h notin (i),j,!k"). Returns 0, or -1 with a sentence in error. The
 * outcome is added to *ret, which starts zeroed. NULL and "" select everything. */
int store_selector_labels(struct store_selector *ret, const char *text, char *error, size_t error_size);

/* The same for a field selector ("metadata.name=x,status.phase!=Running"); allowed: a NULL-ended list of further paths
 * beside metadata.name and metadata.namespace. */
int store_selector_fields(struct store_selector *ret, const char *text, const char *const *allowed, char *error, size_t error_size);

bool store_selector_matches(const struct store_selector *s, const json_t *object);

/* The value of a `metadata.name=` requirement, or NULL: a cheap first look for watches. Lives as long as the selector.
 */
const char *store_selector_name(const struct store_selector *s);

/* Frees what it holds; the struct is zeroed. */
void store_selector_clear(struct store_selector *s);

#endif
