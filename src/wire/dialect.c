#include "wire/dialect.h"

#include <string.h>

#include "wire/fields.h"

static const struct dialect *const dialects[] = { &dialect_lease, &dialect_configmap, NULL };

const struct dialect *dialect_find(const char *name)
{
    for (const struct dialect *const *d = dialects; *d; d++)
        if (strcmp((*d)->name, name) == 0)
            return *d;
    return NULL;
}

json_t *dialect_new_object(const struct dialect *d, const char *namespace_, const char *name)
{
    json_t *object = json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", d->api_version, "kind", d->kind, "metadata", "name", name,
                               "namespace", namespace_);
    json_t *metadata = json_object_get(object, "metadata");
    for (int i = 0; object && i < DIALECT_LABELS && d->labels[i].name; i++) {
        json_t *labels = fields_child(metadata, "labels");
        if (!labels || fields_set(labels, d->labels[i].name, json_string(d->labels[i].value)) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}
