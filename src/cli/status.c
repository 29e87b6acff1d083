/* `leasehold status`: one look at who leads. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/list.h"
#include "cli/text.h"
#include "wire/times.h"

enum { FLAG_OBSERVE, FLAG_ALL, FLAG_TIMEOUT, FLAGS };
enum { STATUS_TIMEOUT_S = 10 };
/* Who may not get Pods is answered as soon; a server that hangs here does not take the status away. */
#define ADDRESS_WAIT_NS (2 * INT64_C(1000000000))

static const struct flag flags[FLAGS] = {
    [FLAG_OBSERVE] = { "observe", 0, NULL, "watch the lock until a renewal is seen or its lease is over, instead of believing its stamp" },
    [FLAG_ALL] = { "all-namespaces", 'A', NULL, "locks of all namespaces" },
    [FLAG_TIMEOUT] = { "timeout", 0, "DURATION", "give up when the server has not answered by then [10s]" },
};

/* By the record alone: its stamp against this machine's wall clock, which may differ from the writer's. Without a stamp there is
 * nothing to judge by. */
bool status_row_is_valid(const struct status_row *row)
{
    const struct leasehold_record *r = &row->record;
    if (r->state != LEASEHOLD_RECORD_HELD)
        return false;
    if (row->observed)
        return row->observed_valid;
    int64_t lease_ns = r->lease_duration_ns ? (int64_t)r->lease_duration_ns : row->assumed_lease_ns;
    return r->renewed_us != 0 && session_wall_us() - r->renewed_us < lease_ns / 1000;
}

/* How long a holder is waited for whose record does not say it. */
int64_t status_assumed_lease_ns(const struct arguments *a)
{
    int64_t foreign = setting_number(&settings_table[SETTING_FOREIGN_LEASE], options_value(a->options, SETTING_FOREIGN_LEASE));
    int64_t own = setting_number(&settings_table[SETTING_LEASE_DURATION], options_value(a->options, SETTING_LEASE_DURATION));
    return foreign > own ? foreign : own;
}

static const char *validity(const struct status_row *row)
{
    return row->observed ? "observed" : "by-record";
}

/* ---- printing ---- */

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static json_t *time_or_null(int64_t us)
{
    char time[TIMES_MICRO_SIZE];
    times_format(us, time);
    return us ? json_string(time) : json_null();
}

static json_t *seconds_or_null(bool known, double seconds)
{
    return known ? json_real(seconds) : json_null();
}

static int print_json(const struct status_row *row)
{
    bool valid = status_row_is_valid(row);
    const struct leasehold_record *r = &row->record;
    char time[TIMES_MICRO_SIZE];
    times_format(session_wall_us(), time);
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "event", "status", "group", row->group, "holder", text_or_null(r->holder), "leader",
                  text_or_null(valid ? r->holder : ""), "fencing_token", text_or_null(r->token), "lock_uid", text_or_null(r->lock_uid));
    json_t *more =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:b, s:s, s:b, s:s, s:I}", "lock", row->lock, "namespace", row->namespace_, "name",
                  row->name, "lease_duration_s", seconds_or_null(r->lease_duration_ns, (double)r->lease_duration_ns / 1e9),
                  "last_renewal_age_s", seconds_or_null(r->renewed_us, (double)(session_wall_us() - r->renewed_us) / 1e6), "since",
                  time_or_null(r->acquired_us), "transitions", (json_int_t)r->transitions, "valid", valid, "validity", validity(row),
                  "leasehold", row->ours, "time", time, "boottime_ns", (json_int_t)session_now_ns());
    if (more)
        json_object_set_new(more, "address", text_or_null(valid ? row->address : ""));
    char *text = json && more && json_object_update(json, more) == 0 ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(json);
    json_decref(more);
    if (!text)
        return -1;
    printf("%s\n", text);
    free(text);
    return 0;
}

static void add_row(struct table *t, const struct status_row *row, bool wide, bool namespaces)
{
    const struct leasehold_record *r = &row->record;
    char since[TIMES_DURATION_SIZE] = "-", renewed[TIMES_DURATION_SIZE] = "-", lease[TIMES_DURATION_SIZE] = "-", terms[16];
    bool valid = status_row_is_valid(row);
    if (r->acquired_us && valid)
        text_age(session_wall_us() - r->acquired_us, since);
    if (r->renewed_us)
        text_age(session_wall_us() - r->renewed_us, renewed);
    if (r->lease_duration_ns)
        times_duration_format((int64_t)r->lease_duration_ns, lease);
    if (namespaces)
        table_add(t, row->namespace_);
    table_add(t, row->group);
    table_add(t, valid ? r->holder : "<none>");
    table_add(t, since);
    table_add(t, renewed);
    table_add(t, lease);
    table_add(t, validity(row));
    table_add(t, row->ours ? "leasehold" : r->state == LEASEHOLD_RECORD_HELD ? "other" : "-");
    if (!wide)
        return;
    snprintf(terms, sizeof terms, "%" PRIu32, r->transitions);
    table_add(t, terms);
    table_add(t, r->token[0] ? r->token : "-");
    table_add(t, row->lock);
    table_add(t, row->name);
    table_add(t, valid && row->address[0] ? row->address : "-");
}

static int print_table(const struct status_row *rows, size_t count, bool wide, bool namespaces)
{
    static const char *const titles[] = { "NAMESPACE", "GROUP",       "LEADER", "SINCE", "RENEWED", "LEASE",  "VALIDITY",
                                          "BY",        "TRANSITIONS", "TOKEN",  "LOCK",  "NAME",    "ADDRESS" };
    enum { ALWAYS = 7, WIDE = 5 };
    struct table t = { .columns = (size_t)namespaces + ALWAYS + (wide ? WIDE : 0) };
    for (size_t i = 0; i < t.columns; i++)
        table_add(&t, titles[i + !namespaces]);
    for (size_t i = 0; i < count; i++)
        add_row(&t, &rows[i], wide, namespaces);
    return table_print(&t, stdout);
}

/* The leaders' names alone, for $(...). */
static void print_names(const struct status_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_put(stdout, status_row_is_valid(&rows[i]) ? rows[i].record.holder : "");
        putchar('\n');
    }
}

static int print_rows(const struct arguments *a, const struct status_row *rows, size_t count)
{
    int result = 0;
    if (a->names)
        print_names(rows, count);
    else if (a->json)
        for (size_t i = 0; i < count && result == 0; i++)
            result = print_json(&rows[i]);
    else
        result = print_table(rows, count, a->wide, a->values[FLAG_ALL] != NULL);
    if (result < 0)
        text_complain("status", "out of memory");
    return result < 0 ? EXIT_FAILED : EXIT_OK;
}

/* ---- one group, through an observer ---- */

/* Observed: a renewal came, or the lease we received was over on our own clock. */
static bool observed_enough(const leasehold_group *g, const struct leasehold_record *first, struct status_row *row)
{
    row->observed = true;
    if (row->record.state != LEASEHOLD_RECORD_HELD)
        return true;
    char leader[256];
    row->observed_valid = leasehold_group_leader(g, leader, sizeof leader) > 0;
    return !row->observed_valid || row->record.renewed_us != first->renewed_us || row->record.transitions != first->transitions;
}

/* Until when a holder's lease is watched: its end, by our clock, and a moment for the events to say so. */
static int64_t end_of_lease(const struct leasehold_record *record)
{
    enum { MOMENT_NS = 1000000000 };
    return record->valid_until_ns > INT64_MAX - MOMENT_NS ? INT64_MAX : (int64_t)record->valid_until_ns + MOMENT_NS;
}

/* Whether the Pod of the present leader was looked up, be it in vain. */
static void note_address(struct status_row *row, const leasehold_event *e)
{
    int kind = leasehold_event_kind(e);
    if (kind == LEASEHOLD_EVENT_LEADER_CHANGED || kind == LEASEHOLD_EVENT_LEADER_ADDRESS)
        row->looked_up = kind == LEASEHOLD_EVENT_LEADER_ADDRESS;
}

static void await_address(struct session *s, const leasehold_group *g, struct status_row *row)
{
    int64_t until = session_now_ns() + ADDRESS_WAIT_NS;
    const leasehold_event *e = NULL;
    while (!row->looked_up && session_next(s, until, &e) == 1)
        note_address(row, e);
    leasehold_group_leader_address(g, row->address, sizeof row->address);
}

static int look(struct session *s, leasehold_group *g, const struct arguments *a, int64_t timeout_ns, struct status_row *row)
{
    struct leasehold_record first = { .size = 0 };
    int64_t until = session_now_ns() + timeout_ns;
    for (;;) {
        const leasehold_event *e = NULL;
        int result = session_next(s, until, &e);
        if (result < 0)
            return EXIT_FAILED;
        if (result == 1)
            note_address(row, e);
        row->record.size = sizeof row->record;
        if (leasehold_group_record(g, &row->record) == 1) {
            if (!a->values[FLAG_OBSERVE])
                return EXIT_OK;
            if (!first.size) {
                first = row->record;
                int64_t end = end_of_lease(&first);
                until = a->values[FLAG_TIMEOUT] && until < end ? until : end;
            }
            if (observed_enough(g, &first, row))
                return EXIT_OK;
        } else if (result == 1 && leasehold_event_kind(e) == LEASEHOLD_EVENT_WARNING) {
            text_complain("status", "%s", leasehold_event_text(e));
            return EXIT_FAILED;
        }
        if (result == 0 && s->signalled)
            return 128 + s->signalled;
        if (result == 0)
            break;
    }
    if (!first.size) {
        text_complain("status", "the server did not answer within the time given (--timeout)");
        return EXIT_FAILED;
    }
    row->observed = false;
    text_complain("status",
                  "neither a renewal nor the end of the lease came within the time given (--timeout); the validity is by the record");
    return EXIT_OK;
}

static int status_of_group(struct session *s, const struct arguments *a, int64_t timeout_ns)
{
    leasehold_group *g = NULL;
    if (leasehold_group_open(&g, s->service, a->operands[0], LEASEHOLD_OBSERVER, NULL) < 0) {
        char sentence[SETTING_SENTENCE_MAX];
        leasehold_service_error(s->service, sentence, sizeof sentence);
        text_complain("status", "%s", sentence);
        return EXIT_USAGE;
    }
    struct status_row row = { .group = a->operands[0],
                              .namespace_ = leasehold_group_namespace(g),
                              .lock = leasehold_group_lock(g),
                              .name = leasehold_group_lock_name(g) };
    row.assumed_lease_ns = status_assumed_lease_ns(a);
    int code = look(s, g, a, timeout_ns, &row);
    row.ours = row.record.token[0] != 0;
    if (code == EXIT_OK && row.record.state == LEASEHOLD_RECORD_ABSENT) {
        text_complain("status", "there is no lock %s/%s in namespace %s", row.lock, row.name, row.namespace_);
        code = EXIT_NO_LOCK;
    } else if (code == EXIT_OK) {
        if (status_row_is_valid(&row))
            await_address(s, g, &row);
        code = print_rows(a, &row, 1);
        if (code == EXIT_OK && !status_row_is_valid(&row))
            code = EXIT_NO_LEADER;
    }
    leasehold_group_unref(g);
    return code;
}

/* ---- all locks of a namespace ---- */

static int status_of_all(const struct arguments *a, int64_t timeout_ns)
{
    struct status_row *rows = NULL;
    size_t count = 0;
    int code = list_locks("status", a, a->values[FLAG_ALL] != NULL, timeout_ns, &rows, &count);
    for (size_t i = 0; i < count; i++)
        rows[i].assumed_lease_ns = status_assumed_lease_ns(a);
    if (code == EXIT_OK && count == 0 && !a->json)
        text_complain("status", "there are no locks here; -n NAMESPACE or -A looks elsewhere");
    else if (code == EXIT_OK)
        code = print_rows(a, rows, count);
    list_free(rows, count);
    return code;
}

int cli_status(int argc, char **argv)
{
    const struct command *command = command_find("status");
    struct arguments a;
    int64_t timeout_ns = STATUS_TIMEOUT_S * INT64_C(1000000000);
    int code;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_OBSERVER, flags, FLAGS, argc, argv, &a, &code))
        return code;
    int level = LEASEHOLD_LOG_ERROR + a.verbose;
    struct session s;
    leasehold_options_set_log(a.options, events_log, &level);
    leasehold_options_set(a.options, "leader-address", "yes");
    code = EXIT_USAGE;
    if (a.operands_count > 1 || a.rest || (a.operands_count == 1 && a.values[FLAG_ALL])) {
        text_complain("status", "wants one GROUP, or -A, or neither; usage: leasehold %s", command->usage);
    } else if (!a.values[FLAG_TIMEOUT] || flags_duration("status", "timeout", a.values[FLAG_TIMEOUT], &timeout_ns)) {
        code = EXIT_FAILED;
        if (a.operands_count == 0) {
            code = status_of_all(&a, timeout_ns);
        } else if (session_open(&s, command->name, a.options) == 0) {
            code = status_of_group(&s, &a, timeout_ns);
            session_close(&s);
        }
    }
    flags_free(&a);
    return code;
}
