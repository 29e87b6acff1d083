#include "wire/dialect.h"

#include <string.h>

static const struct dialect *const dialects[] = { &dialect_lease, NULL };

const struct dialect *dialect_find(const char *name)
{
    for (const struct dialect *const *d = dialects; *d; d++)
        if (strcmp((*d)->name, name) == 0)
            return *d;
    return NULL;
}

json_t *dialect_new_object(const struct dialect *d, const char *namespace_, const char *name)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", d->api_version, "kind", d->kind, "metadata", "name", name, "namespace",
                     namespace_);
}
