#include "cli/list.h"
#include "cli/api.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "wire/dialect.h"
#include "wire/object.h"
#include "wire/request.h"
#include "wire/status.h"

enum { LIST_BYTES_MAX = 64 << 20, LIST_ITEMS_MAX = 100000 };

struct list {
    const char *command; /* NULL: what is wrong is not told */
    const struct dialect *dialect;
    const char *namespace_; /* NULL: all */
    int code;
    struct status_row *rows;
    size_t count, room;
    const json_t *object; /* whose groups are being added */
};

__attribute__((format(printf, 2, 3))) static void complain(const struct list *l, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (l->command)
        text_complain(l->command, "%s", sentence);
}

static char *copy_of(const char *text)
{
    return strdup(text ? text : "");
}

void list_free(struct status_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)(uintptr_t)rows[i].name);
        free((char *)(uintptr_t)rows[i].group);
        free((char *)(uintptr_t)rows[i].namespace_);
    }
    free(rows);
}

/* The next row, empty; NULL when out of memory. */
static struct status_row *new_row(struct list *l)
{
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        struct status_row *rows = realloc(l->rows, room * sizeof *rows);
        if (!rows)
            return NULL;
        l->rows = rows;
        l->room = room;
    }
    struct status_row *row = &l->rows[l->count++];
    *row = (struct status_row){ .lock = l->dialect->name };
    return row;
}

/* What the present object says about a group. */
static void add_group(void *user, const char *group)
{
    struct list *l = user;
    const json_t *object = l->object;
    struct record r;
    struct record_version version = { .resource_version = 0 };
    struct status_row *row = l->code == EXIT_OK && l->count < LIST_ITEMS_MAX ? new_row(l) : NULL;
    if (row) {
        row->name = copy_of(object_name(object));
        row->group = copy_of(group);
        row->namespace_ = copy_of(object_namespace(object));
    }
    if (!row || !row->name || !row->group || !row->namespace_) {
        l->code = l->count < LIST_ITEMS_MAX ? EXIT_FAILED : l->code;
        return;
    }
    l->dialect->read(object, group, &r);
    object_version(object, &version);
    static const int states[] = { LEASEHOLD_RECORD_ABSENT, LEASEHOLD_RECORD_EMPTIED, LEASEHOLD_RECORD_UNREADABLE, LEASEHOLD_RECORD_HELD };
    row->record = (struct leasehold_record){
        .size = sizeof row->record, .state = states[r.kind], .acquired_us = r.acquire_us, .renewed_us = r.renew_us
    };
    row->record.transitions = (uint32_t)r.transitions;
    row->record.lease_duration_ns = (uint64_t)r.duration_ms * 1000000;
    row->record.resource_version = version.resource_version;
    memcpy(row->record.holder, r.holder, sizeof r.holder);
    memcpy(row->record.lock_uid, version.uid, sizeof version.uid);
    row->ours = r.mark.present && r.mark.names_holder;
    if (row->ours && r.mark.token)
        snprintf(row->record.token, sizeof row->record.token, "%" PRIu64, r.mark.token);
}

static int by_name(const void *a, const void *b)
{
    const struct status_row *left = a, *right = b;
    int result = strcmp(left->namespace_, right->namespace_);
    return result ? result : strcmp(left->group, right->group);
}

static void take_items(struct list *l, const json_t *items)
{
    l->code = EXIT_OK;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const char *name = object_name(l->object = json_array_get(items, i));
        if (l->dialect->shared)
            l->dialect->each_group(l->object, add_group, l);
        else
            add_group(l, name ? name : "");
    }
    if (l->code != EXIT_OK)
        complain(l, "out of memory");
    else if (l->dialect->shared && l->count)
        qsort(l->rows, l->count, sizeof *l->rows, by_name);
}

/* What is wrong with an answer that is no list. */
static void explain(const struct list *l, const struct api_answer *answer)
{
    const struct dialect *d = l->dialect;
    struct status status;
    if (status_parse(answer->body, answer->size, &status) < 0)
        complain(l, "the server answered %d with something that is no list of %s; is this a Kubernetes API server?", answer->status,
                 d->resource);
    else if (answer->status == 403)
        complain(l,
                 "the API server forbids to list %s in %s%s: add a rule to the %s: apiGroups: [\"%s\"], resources: [\"%s\"], "
                 "verbs: [\"list\"] (it says: %.200s); or name a GROUP",
                 d->resource, l->namespace_ ? "namespace " : "all namespaces", l->namespace_ ? l->namespace_ : "",
                 l->namespace_ ? "Role" : "ClusterRole", d->api_group, d->resource, status.message[0] ? status.message : "nothing");
    else
        complain(l, "the server answered %d to the list of %s: %s", answer->status, d->resource,
                 status.message[0] ? status.message : "no reason");
}

static void ask(struct list *l, struct api *api, const char *path, int64_t timeout_ns)
{
    struct api_answer answer;
    json_error_t error;
    api_request(api, "GET", path, NULL, NULL, timeout_ns, &answer);
    json_t *list = answer.status == 200 ? json_loadb(answer.body, answer.size, JSON_REJECT_DUPLICATES, &error) : NULL;
    const json_t *items = json_object_get(list, "items");
    l->code = EXIT_FAILED;
    if (json_is_array(items))
        take_items(l, items);
    else if (answer.status == 0)
        complain(l, "%s", answer.sentence);
    else
        explain(l, &answer);
    json_decref(list);
    api_answer_clear(&answer);
}

static int list_path(const struct list *l, const char *only, char *ret, size_t size)
{
    int length = request_collection_path(l->dialect, l->namespace_, ret, size);
    if (length < 0 || !only)
        return length;
    /* The name of an object needs no escaping. */
    size_t used = strlen(ret);
    int more = snprintf(ret + used, size - used, "?fieldSelector=metadata.name%%3D%s", only);
    return more < 0 || (size_t)more >= size - used ? -1 : 0;
}

int list_locks(const char *command, const struct arguments *a, bool all_namespaces, int64_t timeout_ns, struct status_row **ret_rows,
               size_t *ret_count)
{
    struct list l = { .command = command, .dialect = dialect_find(options_value(a->options, SETTING_LOCK)), .code = EXIT_FAILED };
    struct api *api = NULL;
    char sentence[KUBE_SENTENCE_MAX], path[REQUEST_PATH_MAX];
    if (!l.dialect) {
        complain(&l, "lock %s: this release knows lease and configmap", options_value(a->options, SETTING_LOCK));
        return EXIT_USAGE;
    }
    if (api_open(a, &api, sentence) < 0) {
        complain(&l, "%s", sentence);
        return EXIT_FAILED;
    }
    l.namespace_ = all_namespaces ? NULL : api_namespace(api);
    /* Of the ConfigMaps of a namespace only the one that holds the locks is of interest. */
    const char *only = l.dialect->shared ? options_value(a->options, SETTING_LOCK_NAME) : NULL;
    if (list_path(&l, only, path, sizeof path) < 0)
        complain(&l, "namespace '%s' is too long", l.namespace_);
    else
        ask(&l, api, path, timeout_ns);
    api_close(api);
    *ret_rows = l.rows;
    *ret_count = l.count;
    return l.code;
}
