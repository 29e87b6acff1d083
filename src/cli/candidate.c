/* `leasehold candidate`: stands for election without a child. For scripts that follow the events, and for trying things out. */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"

static int follow(struct session *s, struct event_output *out)
{
    bool stopping = false;
    int code = EXIT_OK;
    for (;;) {
        const leasehold_event *e = NULL;
        int result = session_next(s, INT64_MAX, &e);
        if (result < 0)
            return EXIT_FAILED;
        if (result == 0) {
            if (stopping)
                return 128 + s->signalled; /* a second signal: do not wait for the release */
            stopping = true;
            leasehold_service_stop(s->service);
            continue;
        }
        if (leasehold_event_kind(e) == LEASEHOLD_EVENT_CLOSED && !leasehold_event_group(e))
            return code;
        if (out->fd >= 0 && events_write(out, e) < 0) {
            /* Whom nobody hears must not lead: the lock is released for one who is heard. */
            text_complain("candidate", "cannot write events: %m");
            out->fd = -1;
            code = EXIT_FAILED;
            stopping = true;
            leasehold_service_stop(s->service);
        }
    }
}

int cli_candidate(int argc, char **argv)
{
    const struct command *command = command_find("candidate");
    struct arguments a;
    int code;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_GROUP | SETTING_FOR_CANDIDATE, NULL, 0, argc, argv, &a, &code))
        return code;
    if (a.operands_count != 1 || a.rest) {
        text_complain("candidate", "wants one GROUP; usage: leasehold %s", command->usage);
        flags_free(&a);
        return EXIT_USAGE;
    }
    int level = LEASEHOLD_LOG_ERROR + a.verbose;
    struct event_output out = { .fd = 1, .json = a.json };
    struct session s;
    /* There is no work: what is asked to stop has stopped. */
    leasehold_options_set(a.options, "confirm-stop", "no");
    leasehold_options_set_log(a.options, events_log, &level);
    code = EXIT_FAILED;
    if (session_open(&s, command->name, a.options) == 0) {
        char sentence[SETTING_SENTENCE_MAX] = "";
        if (leasehold_group_open(NULL, s.service, a.operands[0], LEASEHOLD_CANDIDATE, NULL) < 0) {
            leasehold_service_error(s.service, sentence, sizeof sentence);
            text_complain("candidate", "%s", sentence);
            code = EXIT_USAGE;
        } else {
            code = follow(&s, &out);
        }
        session_close(&s);
    }
    flags_free(&a);
    return code;
}
