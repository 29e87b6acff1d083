/* `leasehold members`: one look at who the members are, and which of them leads. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/list.h"
#include "cli/member_line.h"
#include "cli/text.h"

enum { FLAG_TIMEOUT, FLAGS };
enum { MEMBERS_TIMEOUT_S = 10, SECOND_US = 1000000 };

static const struct flag flags[FLAGS] = {
    [FLAG_TIMEOUT] = { "timeout", 0, "DURATION", "give up when the server has not answered by then [10s]" },
};

/* What was found out. */
struct view {
    leasehold_members *members;
    bool asked_leader;
    char holder[256]; /* of a valid record; "": nobody leads */
};

/* ---- printing ----------------------------------------------------------------------------------------------------- */

static void add_row(struct table *t, const struct view *v, size_t i, bool wide)
{
    const leasehold_members *m = v->members;
    char age[TEXT_AGE_SIZE] = "-";
    const char *address = leasehold_members_address(m, i), *node = leasehold_members_node(m, i);
    if (leasehold_members_since_us(m, i))
        text_age((session_wall_us() - leasehold_members_since_us(m, i)) / SECOND_US * SECOND_US, age);
    table_add(t, leasehold_members_name(m, i));
    if (v->asked_leader)
        table_add(t, member_leads(v->holder, leasehold_members_name(m, i)) ? "yes" : "-");
    table_add(t, leasehold_members_ready(m, i) ? "yes" : "no");
    table_add(t, leasehold_members_terminating(m, i) ? "Terminating" : leasehold_pod_phase_name(leasehold_members_phase(m, i)));
    table_add(t, address[0] ? address : "-");
    table_add(t, node[0] ? node : "-");
    table_add(t, age);
    if (wide)
        table_add(t, leasehold_members_uid(m, i));
}

static int print_table(const struct view *v, bool wide)
{
    static const char *const titles[] = { "NAME", "LEADER", "READY", "PHASE", "IP", "NODE", "AGE", "UID" };
    enum { LEADER = 1, TITLES = sizeof titles / sizeof *titles };
    struct table t = { .columns = (size_t)(TITLES - !v->asked_leader - !wide) };
    for (size_t i = 0; i < (size_t)TITLES - !wide; i++)
        if (i != LEADER || v->asked_leader)
            table_add(&t, titles[i]);
    for (size_t i = 0; i < leasehold_members_count(v->members); i++)
        add_row(&t, v, i, wide);
    return table_print(&t, stdout);
}

static int print_json(const struct view *v)
{
    for (size_t i = 0; i < leasehold_members_count(v->members); i++) {
        size_t size;
        char *line = member_line(v->members, i, v->asked_leader ? v->holder : NULL, &size);
        if (!line)
            return -1;
        printf("%s\n", line);
        free(line);
    }
    return 0;
}

static int print(const struct arguments *a, const struct view *v)
{
    int result = 0;
    if (a->json)
        result = print_json(v);
    else if (a->names)
        for (size_t i = 0; i < leasehold_members_count(v->members); i++)
            printf("%s\n", leasehold_members_name(v->members, i));
    else if (leasehold_members_count(v->members) == 0)
        text_complain("members", "there are no members here; --selector chooses by labels, -n by namespace");
    else
        result = print_table(v, a->wide);
    if (result < 0)
        text_complain("members", "out of memory");
    return result < 0 ? EXIT_FAILED : EXIT_OK;
}

/* ---- looking ------------------------------------------------------------------------------------------------------ */

/* True when the lock is known; the holder is taken from it if its lease is valid by its record. */
static bool know_leader(leasehold_group *g, const struct arguments *a, struct view *v)
{
    struct status_row row = { .record = { .size = sizeof row.record }, .assumed_lease_ns = status_assumed_lease_ns(a) };
    if (leasehold_group_record(g, &row.record) != 1)
        return false;
    snprintf(v->holder, sizeof v->holder, "%s", status_row_is_valid(&row) ? row.record.holder : "");
    return true;
}

static int look(struct session *s, leasehold_roster *r, leasehold_group *g, const struct arguments *a, int64_t timeout_ns, struct view *v)
{
    int64_t until = session_now_ns() + timeout_ns;
    for (;;) {
        const leasehold_event *e = NULL;
        int result = session_next(s, until, &e);
        if (result < 0)
            return EXIT_FAILED;
        if (!v->members)
            leasehold_roster_members(r, &v->members);
        if ((!g || know_leader(g, a, v)) && v->members)
            return EXIT_OK;
        if (result == 1 && leasehold_event_kind(e) == LEASEHOLD_EVENT_WARNING) {
            text_complain("members", "%s", leasehold_event_text(e));
            return EXIT_FAILED;
        }
        if (result == 0 && s->signalled)
            return 128 + s->signalled;
        if (result == 0)
            break;
    }
    text_complain("members", "the server did not answer within the time given (--timeout)");
    return EXIT_FAILED;
}

static int members_of(struct session *s, const struct arguments *a, int64_t timeout_ns)
{
    leasehold_roster *r = NULL;
    leasehold_group *g = NULL;
    struct view v = { .asked_leader = a->operands_count == 1 };
    int code = EXIT_USAGE;
    int error = leasehold_roster_open(&r, s->service, NULL);
    if (error == 0 && v.asked_leader)
        error = leasehold_group_open(&g, s->service, a->operands[0], LEASEHOLD_OBSERVER, NULL);
    if (error < 0) {
        char sentence[SETTING_SENTENCE_MAX];
        leasehold_service_error(s->service, sentence, sizeof sentence);
        text_complain("members", "%s", sentence[0] ? sentence : leasehold_strerror(error));
    } else {
        code = look(s, r, g, a, timeout_ns, &v);
        if (code == EXIT_OK)
            code = print(a, &v);
    }
    leasehold_members_unref(v.members);
    leasehold_roster_unref(r);
    leasehold_group_unref(g);
    return code;
}

int cli_members(int argc, char **argv)
{
    const struct command *command = command_find("members");
    struct arguments a;
    int64_t timeout_ns = MEMBERS_TIMEOUT_S * INT64_C(1000000000);
    int code;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_OBSERVER | SETTING_FOR_MEMBERS, flags, FLAGS, argc, argv, &a, &code))
        return code;
    int level = LEASEHOLD_LOG_ERROR + a.verbose;
    struct session s;
    leasehold_options_set_log(a.options, events_log, &level);
    code = EXIT_USAGE;
    if (a.operands_count > 1 || a.rest) {
        text_complain("members", "wants one GROUP or none; usage: leasehold %s", command->usage);
    } else if (!a.values[FLAG_TIMEOUT] || flags_duration("members", "timeout", a.values[FLAG_TIMEOUT], &timeout_ns)) {
        code = EXIT_FAILED;
        if (session_open(&s, command->name, a.options) == 0) {
            code = members_of(&s, &a, timeout_ns);
            session_close(&s);
        }
    }
    flags_free(&a);
    return code;
}
