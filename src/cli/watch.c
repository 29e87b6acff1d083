/* `leasehold watch`: the present state of each group first, then every change; reconnects for ever. */
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"

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

int cli_watch(int argc, char **argv)
{
    const struct command *command = command_find("watch");
    struct arguments a;
    int code;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_OBSERVER, NULL, 0, argc, argv, &a, &code))
        return code;
    if (a.operands_count == 0 || a.rest) {
        text_complain("watch", "wants one GROUP or more; usage: leasehold %s", command->usage);
        flags_free(&a);
        return EXIT_USAGE;
    }
    int level = LEASEHOLD_LOG_ERROR + a.verbose;
    struct event_output out = { .fd = 1, .json = a.json };
    struct session s;
    leasehold_options_set_log(a.options, events_log, &level);
    code = EXIT_FAILED;
    if (session_open(&s, command->name, a.options) == 0) {
        code = open_groups(&s, &a) ? follow(&s, &out) : EXIT_USAGE;
        session_close(&s);
    }
    flags_free(&a);
    return code;
}
