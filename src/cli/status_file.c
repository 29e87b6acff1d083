#include "cli/status_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file_writer.h"
#include "cli/text.h"
#include "service/options.h"
#include "wire/times.h"

/* A disk that hangs must not keep a process that was told to end. */
#define LAST_WRITE_NS INT64_C(1000000000)

enum state { STARTING, STANDBY, LEADING, STOPPING, STOPPED };
static const char *const state_names[] = { "starting", "standby", "leading", "stopping", "stopped" };

struct entry {
    leasehold_group *group; /* borrowed */
    enum state state;
    int64_t begin_us;  /* of our own term */
    uint64_t until_ns; /* CLOCK_BOOTTIME: end of our own term unless it is renewed */
    char token[24];    /* of the term that is known last, ours or another's */
    char lock_uid[64];
};

struct status_file {
    struct file_writer *writer;
    pid_t pid;
    bool list;
    size_t count;
    struct entry entries[];
};

/* ---- what it says ---- */

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *time_or_null(int64_t us)
{
    char time[TIMES_MICRO_SIZE];
    times_format(us, time);
    return us ? json_string(time) : json_null();
}

/* The wall clock at which a moment of CLOCK_BOOTTIME will be, as far as can be said now; for people alone. */
static int64_t wall_of(uint64_t boot_ns)
{
    return session_wall_us() + ((int64_t)boot_ns - session_now_ns()) / 1000;
}

static bool is_own_term(const struct entry *e)
{
    return e->state == LEADING || e->state == STOPPING;
}

static json_t *entry_json(const struct entry *e)
{
    const leasehold_group *g = e->group;
    char holder[256] = "", address[64] = "";
    struct leasehold_record record = { .size = sizeof record };
    bool own = is_own_term(e), over = e->state == STOPPED;
    leasehold_group_leader(g, holder, sizeof holder);
    leasehold_group_leader_address(g, address, sizeof address);
    leasehold_group_record(g, &record);
    bool known = holder[0] && !over;
    int64_t begin_us = own ? e->begin_us : known ? record.acquired_us : 0;
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "group", leasehold_group_name(g), "identity", leasehold_group_identity(g),
                  "namespace", leasehold_group_namespace(g), "lock", leasehold_group_lock(g), "lock_name", leasehold_group_lock_name(g),
                  "state", state_names[e->state], "leading", e->state == LEADING && leasehold_group_is_leading(g));
    json_t *more = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "holder", text_or_null(known ? holder : ""), "address",
                             text_or_null(known ? address : ""), "fencing_token", text_or_null(own || known ? e->token : ""), "lock_uid",
                             text_or_null(e->lock_uid), "term_begin", time_or_null(begin_us), "valid_until",
                             time_or_null(own ? wall_of(e->until_ns) : 0));
    if (!json || !more || json_object_update(json, more) < 0) {
        json_decref(json);
        json = NULL;
    }
    json_decref(more);
    return json;
}

/* All groups, and which of them is led. NULL when out of memory. */
static json_t *list_json(const struct status_file *f)
{
    json_t *groups = json_array(), *json = NULL;
    const char *led = NULL;
    for (size_t i = 0; i < f->count && groups; i++) {
        if (f->entries[i].state == LEADING && leasehold_group_is_leading(f->entries[i].group))
            led = leasehold_group_name(f->entries[i].group);
        if (json_array_append_new(groups, entry_json(&f->entries[i])) < 0) {
            json_decref(groups);
            groups = NULL;
        }
    }
    if (groups)
        json = json_pack("{s:s?, s:b, s:o}", "group", led, "leading", led != NULL, "groups", groups);
    return json;
}

/* For free(3); NULL when out of memory. */
static char *text_of(const struct status_file *f)
{
    char *text = NULL, *line = NULL;
    json_t *json = f->list ? list_json(f) : entry_json(&f->entries[0]);
    if (json && json_object_set_new(json, "observed", time_or_null(session_wall_us())) == 0 &&
        json_object_set_new(json, "pid", json_integer(f->pid)) == 0)
        text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    return line;
}

static void write_state(struct status_file *f)
{
    char *text = text_of(f);
    if (text) /* else the next event says it */
        file_writer_put(f->writer, text);
}

/* ---- when ---- */

static void copy_term(struct entry *to, const leasehold_event *e)
{
    snprintf(to->token, sizeof to->token, "%s", leasehold_event_token(e));
    snprintf(to->lock_uid, sizeof to->lock_uid, "%s", leasehold_event_lock_uid(e));
}

/* Returns true when the event changes what is to be told. */
static bool take(struct entry *to, const leasehold_event *e)
{
    switch (leasehold_event_kind(e)) {
    case LEASEHOLD_EVENT_STARTED_LEADING:
        to->state = LEADING;
        to->begin_us = leasehold_event_wall_us(e);
        to->until_ns = leasehold_event_leading_until_ns(e);
        copy_term(to, e);
        return true;
    case LEASEHOLD_EVENT_EXTENDED:
        to->until_ns = leasehold_event_leading_until_ns(e);
        return is_own_term(to);
    case LEASEHOLD_EVENT_STOP_WORK:
        to->state = STOPPING;
        return true;
    case LEASEHOLD_EVENT_STOPPED_LEADING:
        to->state = STANDBY;
        return true;
    case LEASEHOLD_EVENT_LEADER_CHANGED:
        if (to->state == STARTING)
            to->state = STANDBY;
        if (!is_own_term(to))
            copy_term(to, e);
        return true;
    case LEASEHOLD_EVENT_LEADER_ADDRESS:
        return true;
    default:
        return false;
    }
}

void status_file_tell(struct status_file *f, const leasehold_event *e)
{
    if (!f)
        return;
    leasehold_group *g = leasehold_event_group(e);
    bool changed = false, closed = leasehold_event_kind(e) == LEASEHOLD_EVENT_CLOSED;
    for (size_t i = 0; i < f->count; i++) {
        struct entry *entry = &f->entries[i];
        if (closed && (!g || g == entry->group)) {
            entry->state = STOPPED;
            changed = true;
        } else if (g == entry->group) {
            changed = take(entry, e) || changed;
        }
    }
    if (changed)
        write_state(f);
}

/* ---- begin and end ---- */

bool status_file_check(const char *command, const char *path)
{
    char sentence[FILE_WRITER_SENTENCE_MAX];
    if (file_writer_check(path, sentence) == 0)
        return true;
    text_complain(command, "--status-file %s", sentence);
    return false;
}

void status_file_prepare(leasehold_options *o)
{
    leasehold_options_set(o, "leader-address", "yes");
    leasehold_options_set(o, "extended-events", "yes"); /* each renewal moves the end that the file tells */
}

static void complain(const char *path, int error)
{
    char text[128];
    const char *reason = strerror_r(error, text, sizeof text);
    text_complain(NULL, "--status-file '%s' cannot be written: %s; the election goes on, and so do the tries", path, reason);
}

struct status_file *status_file_open(const char *command, const char *path, pid_t pid, leasehold_group *const *groups, size_t count,
                                     bool list)
{
    struct status_file *f = calloc(1, sizeof *f + count * sizeof f->entries[0]);
    if (!f || file_writer_open(path, complain, &f->writer) < 0) {
        text_complain(command, "--status-file '%s': cannot start to write: %m", path);
        free(f);
        return NULL;
    }
    f->pid = pid;
    f->list = list;
    f->count = count;
    for (size_t i = 0; i < count; i++)
        f->entries[i].group = groups[i];
    write_state(f);
    return f;
}

struct status_file *status_file_close(struct status_file *f)
{
    if (f)
        file_writer_close(f->writer, LAST_WRITE_NS);
    free(f);
    return NULL;
}
