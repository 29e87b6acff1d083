/* `leasehold wait`: until somebody leads, a certain one does, or nobody does; as `kubectl wait`. */
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"

enum { FLAG_FOR, FLAG_TIMEOUT, FLAGS };

static const struct flag flags[FLAGS] = {
    [FLAG_FOR] = { "for", 0, "CONDITION", "leader, holder=NAME or none" },
    [FLAG_TIMEOUT] = { "timeout", 0, "DURATION", "give up after this long [30s]" },
};

struct condition {
    bool none;
    const char *holder; /* NULL: anybody */
};

static bool read_condition(const char *text, struct condition *ret)
{
    *ret = (struct condition){ 0 };
    if (!text) {
        text_complain("wait", "wants --for leader, --for holder=NAME or --for none");
        return false;
    }
    if (strcmp(text, "leader") == 0)
        return true;
    ret->none = strcmp(text, "none") == 0;
    if (strncmp(text, "holder=", 7) == 0 && text[7])
        ret->holder = text + 7;
    if (ret->none || ret->holder)
        return true;
    text_complain("wait", "--for '%s' is none of leader, holder=NAME, none", text);
    return false;
}

static bool is_so(const leasehold_group *g, const struct condition *c, struct leasehold_record *record, char leader[256])
{
    record->size = sizeof *record;
    if (leasehold_group_record(g, record) != 1 || leasehold_group_leader(g, leader, 256) < 0)
        return false;
    if (c->none)
        return leader[0] == 0;
    return leader[0] && (!c->holder || strcmp(leader, c->holder) == 0);
}

static int follow(struct session *s, const leasehold_group *g, const struct condition *c, int64_t timeout_ns, struct event_output *out)
{
    struct leasehold_record record = { .size = 0 };
    char leader[256] = "", warning[SETTING_SENTENCE_MAX] = "";
    int64_t until = session_now_ns() + timeout_ns;
    for (;;) {
        const leasehold_event *e = NULL;
        int result = session_next(s, until, &e);
        if (is_so(g, c, &record, leader)) {
            if (events_write_leader(out, leasehold_group_name(g), &record, leader) == 0)
                return EXIT_OK;
            text_complain("wait", "cannot write to stdout: %m");
            return EXIT_FAILED;
        }
        if (result < 0)
            return EXIT_FAILED;
        if (result == 1 && leasehold_event_kind(e) == LEASEHOLD_EVENT_WARNING)
            snprintf(warning, sizeof warning, "%s", leasehold_event_text(e));
        if (result == 0)
            break;
    }
    if (s->signalled)
        return 128 + s->signalled;
    bool known = record.state != LEASEHOLD_RECORD_UNKNOWN;
    text_complain("wait", "not so within the time given; %s%s%s%s",
                  leader[0] ? leader
                  : known   ? "nobody"
                            : "nothing is known of the lock",
                  leader[0] || known ? " leads" : "", warning[0] ? "; " : "", warning);
    return EXIT_FAILED;
}

int cli_wait(int argc, char **argv)
{
    const struct command *command = command_find("wait");
    struct arguments a;
    struct condition condition = { 0 };
    int64_t timeout_ns = INT64_C(30000000000);
    int code;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_OBSERVER, flags, FLAGS, argc, argv, &a, &code))
        return code;
    code = EXIT_USAGE;
    if (a.operands_count != 1 || a.rest)
        text_complain("wait", "wants one GROUP; usage: leasehold %s", command->usage);
    else if (read_condition(a.values[FLAG_FOR], &condition) &&
             (!a.values[FLAG_TIMEOUT] || flags_duration("wait", "timeout", a.values[FLAG_TIMEOUT], &timeout_ns)))
        code = EXIT_OK;
    struct session s;
    leasehold_group *g = NULL;
    int level = LEASEHOLD_LOG_ERROR + a.verbose;
    if (code == EXIT_OK) {
        leasehold_options_set_log(a.options, events_log, &level);
        code = EXIT_FAILED;
        if (session_open(&s, command->name, a.options) == 0) {
            char sentence[SETTING_SENTENCE_MAX];
            if (leasehold_group_open(&g, s.service, a.operands[0], LEASEHOLD_OBSERVER, NULL) == 0) {
                code = follow(&s, g, &condition, timeout_ns, &(struct event_output){ .fd = 1, .json = a.json });
            } else {
                leasehold_service_error(s.service, sentence, sizeof sentence);
                text_complain("wait", "%s", sentence);
            }
            g = leasehold_group_unref(g);
            session_close(&s);
        }
    }
    flags_free(&a);
    return code;
}
