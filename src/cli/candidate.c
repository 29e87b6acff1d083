/* `leasehold candidate`: stands for election without a child. For scripts that follow the events, and for trying things out.
 * `leasehold sidecar`: the same beside a program that cannot be wrapped and asks over HTTP who leads. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/status_file.h"
#include "cli/text.h"
#include "probe/probe.h"

static int follow(struct session *s, const char *command, struct event_output *out, struct status_file *file)
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
        status_file_tell(file, e);
        if (leasehold_event_kind(e) == LEASEHOLD_EVENT_CLOSED && !leasehold_event_group(e))
            return code;
        http_tell(s->probe, e);
        if (out->fd >= 0 && events_write(out, e) < 0) {
            /* Whom nobody hears must not lead: the lock is released for one who is heard. */
            text_complain(command, "cannot write events: %m");
            out->fd = -1;
            code = EXIT_FAILED;
            stopping = true;
            leasehold_service_stop(s->service);
        }
    }
}

/* Where the leader-elector sidecar of kubernetes/contrib listened, as its users are used to. */
#define SIDECAR_ADDRESS "127.0.0.1:4040"

enum { FLAG_HTTP, FLAG_STATUS_FILE, FLAGS };

static const struct flag flags[FLAGS] = { [FLAG_HTTP] = HTTP_FLAG(HTTP_HELP), [FLAG_STATUS_FILE] = STATUS_FILE_FLAG };
static const struct flag sidecar_flags[FLAGS] = {
    [FLAG_HTTP] = HTTP_FLAG(HTTP_HELP " [" SIDECAR_ADDRESS "]"), [FLAG_STATUS_FILE] = STATUS_FILE_FLAG
};

/* Takes the listening descriptor, if there is one. */
static int stand(const char *command, const struct arguments *a, int listening)
{
    struct event_output out = { .fd = 1, .json = a->json };
    struct session s;
    struct status_file *file = NULL;
    const char *path = a->values[FLAG_STATUS_FILE];
    leasehold_group *g = NULL;
    int code = EXIT_FAILED;
    if (session_open(&s, command, a->options) < 0) {
        if (listening >= 0)
            close(listening);
        return code;
    }
    if (leasehold_group_open(&g, s.service, a->operands[0], LEASEHOLD_CANDIDATE, NULL) < 0) {
        char sentence[SETTING_SENTENCE_MAX] = "";
        leasehold_service_error(s.service, sentence, sizeof sentence);
        text_complain(command, "%s", sentence);
        code = EXIT_USAGE;
        if (listening >= 0)
            close(listening);
    } else if ((listening < 0 || (s.probe = http_serve(command, listening, &g, 1)) != NULL) &&
               (!path || (file = status_file_open(command, path, getpid(), &g, 1, false)) != NULL)) {
        code = follow(&s, command, &out, file);
    }
    s.probe = probe_close(s.probe);
    status_file_close(file);
    leasehold_group_unref(g);
    session_close(&s);
    return code;
}

static int candidate(const char *name, const char *default_http, int argc, char **argv)
{
    const struct command *command = command_find(name);
    struct arguments a;
    int code, listening = -1;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_GROUP | SETTING_FOR_CANDIDATE, default_http ? sidecar_flags : flags, FLAGS,
                     argc, argv, &a, &code))
        return code;
    const char *address = a.values[FLAG_HTTP] ? a.values[FLAG_HTTP] : default_http;
    int level = LEASEHOLD_LOG_ERROR + a.verbose;
    code = EXIT_USAGE;
    /* There is no work: what is asked to stop has stopped. */
    leasehold_options_set(a.options, "confirm-stop", "no");
    leasehold_options_set_log(a.options, events_log, &level);
    if (address)
        http_prepare(a.options);
    if (a.values[FLAG_STATUS_FILE])
        status_file_prepare(a.options);
    if (a.operands_count != 1 || a.rest)
        text_complain(name, "wants one GROUP; usage: leasehold %s", command->usage);
    else if ((!a.values[FLAG_STATUS_FILE] || status_file_check(name, a.values[FLAG_STATUS_FILE])) &&
             (!address || (listening = http_listen(name, address)) >= 0))
        code = stand(name, &a, listening);
    flags_free(&a);
    return code;
}

int cli_candidate(int argc, char **argv)
{
    return candidate("candidate", NULL, argc, argv);
}

int cli_sidecar(int argc, char **argv)
{
    return candidate("sidecar", SIDECAR_ADDRESS, argc, argv);
}
