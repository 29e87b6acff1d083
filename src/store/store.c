/* Opening, closing and looking into a store. */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

static void add_namespace(struct store *s, const char *name, int64_t now_us)
{
    struct store_answer answer;
    json_t *body = store_must(json_pack("{s:{s:s}}", "metadata", "name", name));
    struct store_request request = { .verb = STORE_CREATE, .resource = STORE_NAMESPACES, .body = body };

    store_handle(s, &request, now_us, &answer);
    BUG_UNLESS(answer.code == 201);
    store_answer_clear(&answer);
    json_decref(body);
}

struct store *store_open(const struct store_options *options, int64_t now_us)
{
    static const struct store_options defaults;
    const struct store_options *o = options != NULL ? options : &defaults;
    struct store *s = calloc(1, sizeof *s);

    BUG_UNLESS(s != NULL);
    s->version = o->first_version != 0 ? o->first_version : now_us > 0 ? (uint64_t)now_us : 1;
    s->random = o->seed;
    s->objects_max = o->objects_max != 0 ? o->objects_max : STORE_OBJECTS_DEFAULT;
    s->history_max = o->history_max != 0 ? o->history_max : STORE_HISTORY_DEFAULT;
    s->watches_max = o->watches_max != 0 ? o->watches_max : STORE_WATCHES_DEFAULT;
    for (int i = 0; i < STORE_KINDS; i++) {
        s->kinds[i].history = calloc(s->history_max, sizeof *s->kinds[i].history);
        BUG_UNLESS(s->kinds[i].history != NULL);
        s->kinds[i].compacted = s->version;
    }
    s->bytes_max = o->bytes_max != 0 ? o->bytes_max : STORE_BYTES_DEFAULT;
    if (!o->bare) {
        add_namespace(s, "default", now_us);
        add_namespace(s, "kube-system", now_us);
    }
    return s;
}

struct store *store_close(struct store *s)
{
    if (s == NULL)
        return NULL;
    BUG_UNLESS(s->watches == 0);
    store_compact(s, 0);
    for (int i = 0; i < STORE_KINDS; i++) {
        for (size_t j = 0; j < s->kinds[i].count; j++)
            json_decref(s->kinds[i].entries[j].object);
        free(s->kinds[i].entries);
        free(s->kinds[i].history);
    }
    free(s);
    return NULL;
}

const json_t *store_peek(const struct store *s, enum store_resource resource, const char *namespace_, const char *name)
{
    const struct store_kind *k = &s->kinds[store_type(resource)->kind];
    bool found;
    size_t position = store_find(k, namespace_ != NULL ? namespace_ : "", name, &found);
    return found ? k->entries[position].object : NULL;
}

uint64_t store_version(const struct store *s)
{
    return s->version;
}

size_t store_object_count(const struct store *s)
{
    return s->objects;
}

size_t store_watch_count(const struct store *s)
{
    return s->watches;
}

void store_answer_clear(struct store_answer *answer)
{
    json_decref(answer->body);
    answer->body = NULL;
}

int store_version_parse(const char *text, uint64_t *ret)
{
    uint64_t value = 0;
    size_t length = strlen(text);

    if (length == 0 || length > 20)
        return -1;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return -1;
        value = value * 10 + digit;
    }
    *ret = value;
    return 0;
}
