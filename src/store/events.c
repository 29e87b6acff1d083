/* An Event is stored once, in its v1 form; events.k8s.io/v1 shows the same object with other names. */
#include "store/internal.h"

#include <string.h>

struct renamed {
    const char *core;
    const char *newer;
};

static const struct renamed names[] = {
    { "involvedObject", "regarding" },
    { "message", "note" },
    { "source", "deprecatedSource" },
    { "firstTimestamp", "deprecatedFirstTimestamp" },
    { "lastTimestamp", "deprecatedLastTimestamp" },
    { "count", "deprecatedCount" },
    { "reportingComponent", "reportingController" },
};

static const char *rename_member(const char *name, bool to_newer)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, to_newer ? names[i].core : names[i].newer) == 0)
            return to_newer ? names[i].newer : names[i].core;
    return name;
}

static json_t *convert(const json_t *object, bool to_newer)
{
    const char *name;
    json_t *value;
    json_t *converted = store_must(json_object());

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        const char *wanted = rename_member(name, to_newer);
        if (strcmp(name, "apiVersion") == 0)
            store_set(converted, name, json_string(to_newer ? "events.k8s.io/v1" : "v1"));
        else
            BUG_UNLESS(json_object_set(converted, wanted, value) == 0);
    }
    return converted;
}

json_t *store_event_canonical(const json_t *body)
{
    return convert(body, false);
}

json_t *store_view(const struct store_type *t, json_t *object)
{
    if (strcmp(t->info.group, "events.k8s.io") == 0)
        return convert(object, true);
    return json_incref(object);
}
