/* `leasehold watch`: the present state of each group and of the members first, then every change; reconnects for ever. */
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"

enum { FLAG_MEMBERS, FLAGS };

static const struct flag flags[FLAGS] = {
    [FLAG_MEMBERS] = { "members", 0, NULL, "also tell who the members are: those Pods that --selector chooses" },
};

static int follow(struct session *s, struct event_output *out)
{
    for (;;) {
        const leasehold_event *e = NULL;
        int result = session_next(s, INT64_MAX, &e);
        if (result < 0)
            return EXIT_FAILED;
        if (result == 0)
            return EXIT_OK;
        if (events_write(out, e) < 0) {
            text_complain("watch", "cannot write events: %m");
            return EXIT_FAILED;
        }
    }
}

static bool open_groups(struct session *s, const struct arguments *a)
{
    for (int i = 0; i < a->operands_count; i++) {
        char sentence[SETTING_SENTENCE_MAX];
        if (leasehold_group_open(NULL, s->service, a->operands[i], LEASEHOLD_OBSERVER, NULL) < 0) {
            leasehold_service_error(s->service, sentence, sizeof sentence);
            text_complain("watch", "%s", sentence);
            return false;
        }
    }
    return true;
}

static bool open_members(struct session *s, leasehold_roster **ret)
{
    char sentence[SETTING_SENTENCE_MAX];
    if (leasehold_roster_open(ret, s->service, NULL) == 0)
        return true;
    leasehold_service_error(s->service, sentence, sizeof sentence);
    text_complain("watch", "%s", sentence);
    return false;
}

static int watch(struct session *s, const struct arguments *a)
{
    struct event_output out = { .fd = 1, .json = a->json };
    leasehold_roster *members = NULL;
    int code = EXIT_USAGE;
    if ((!a->values[FLAG_MEMBERS] || open_members(s, &members)) && open_groups(s, a))
        code = follow(s, &out);
    leasehold_roster_unref(members);
    return code;
}

int cli_watch(int argc, char **argv)
{
    const struct command *command = command_find("watch");
    struct arguments a;
    int code;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_OBSERVER | SETTING_FOR_MEMBERS, flags, FLAGS, argc, argv, &a, &code))
        return code;
    if ((a.operands_count == 0 && !a.values[FLAG_MEMBERS]) || a.rest) {
        text_complain("watch", "wants one GROUP or more, or --members; usage: leasehold %s", command->usage);
        flags_free(&a);
        return EXIT_USAGE;
    }
    int level = LEASEHOLD_LOG_ERROR + a.verbose;
    struct session s;
    leasehold_options_set_log(a.options, events_log, &level);
    leasehold_options_set(a.options, "leader-address", "yes");
    code = EXIT_FAILED;
    if (session_open(&s, command->name, a.options) == 0) {
        code = watch(&s, &a);
        session_close(&s);
    }
    flags_free(&a);
    return code;
}
