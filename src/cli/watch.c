/* `leasehold watch`: the present state of each group and of the members first, then every change; reconnects for ever. Without a
 * group: all there are, and those that come to be. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/list.h"
#include "cli/text.h"

enum { FLAG_MEMBERS, FLAGS };

static const struct flag flags[FLAGS] = {
    [FLAG_MEMBERS] = { "members", 0, NULL, "also tell who the members are: those Pods that --selector chooses" },
};

/* Each group is an observer with a watch of its own. */
enum { FOUND_MAX = 256 };
#define FIND_AGAIN_NS (10 * INT64_C(1000000000))
#define FIND_TIMEOUT_NS (5 * INT64_C(1000000000))

struct watch {
    struct session session;
    const struct arguments *arguments;
    struct event_output out;
    char *found[FOUND_MAX]; /* names of the groups that were found */
    size_t found_count;
    bool full; /* and that was told */
};

static bool open_group(struct watch *w, const char *group)
{
    char sentence[SETTING_SENTENCE_MAX];
    if (leasehold_group_open(NULL, w->session.service, group, LEASEHOLD_OBSERVER, NULL) == 0)
        return true;
    leasehold_service_error(w->session.service, sentence, sizeof sentence);
    text_complain("watch", "%s", sentence);
    return false;
}

static void take(struct watch *w, const char *group)
{
    for (size_t i = 0; i < w->found_count; i++)
        if (strcmp(w->found[i], group) == 0)
            return;
    if (w->found_count == FOUND_MAX) {
        if (!w->full)
            text_complain("watch", "more than %d groups are here; the first %d are followed: name those that you want", FOUND_MAX,
                          FOUND_MAX);
        w->full = true;
        return;
    }
    char *name = strdup(group);
    if (!name)
        return;
    /* A lock whose name no group of ours can have is somebody else's: that is told once. */
    w->found[w->found_count++] = name;
    open_group(w, group);
}

/* Returns an exit code; what is wrong is printed only the first time: later the observers tell. */
static int find(struct watch *w, bool first)
{
    struct status_row *rows = NULL;
    size_t count = 0;
    int code = list_locks(first ? "watch" : NULL, w->arguments, false, FIND_TIMEOUT_NS, &rows, &count);
    for (size_t i = 0; code == EXIT_OK && i < count; i++)
        take(w, rows[i].group);
    list_free(rows, count);
    return code;
}

static int follow(struct watch *w, bool finds)
{
    int64_t find_at = finds ? session_now_ns() + FIND_AGAIN_NS : INT64_MAX;
    for (;;) {
        const leasehold_event *e = NULL;
        int result = session_next(&w->session, find_at, &e);
        if (result < 0)
            return EXIT_FAILED;
        if (result == 0 && w->session.signalled)
            return EXIT_OK;
        if (result == 0) {
            find(w, false);
            find_at = session_now_ns() + FIND_AGAIN_NS;
        } else if (events_write(&w->out, e) < 0) {
            text_complain("watch", "cannot write events: %m");
            return EXIT_FAILED;
        }
    }
}

static int open_groups(struct watch *w, bool finds)
{
    for (int i = 0; i < w->arguments->operands_count; i++)
        if (!open_group(w, w->arguments->operands[i]))
            return EXIT_USAGE;
    return finds ? find(w, true) : EXIT_OK;
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

static int watch(struct watch *w)
{
    const struct arguments *a = w->arguments;
    leasehold_roster *members = NULL;
    bool finds = a->operands_count == 0 && !a->values[FLAG_MEMBERS];
    int code = !a->values[FLAG_MEMBERS] || open_members(&w->session, &members) ? open_groups(w, finds) : EXIT_USAGE;
    if (code == EXIT_OK)
        code = follow(w, finds);
    leasehold_roster_unref(members);
    for (size_t i = 0; i < w->found_count; i++)
        free(w->found[i]);
    return code;
}

int cli_watch(int argc, char **argv)
{
    const struct command *command = command_find("watch");
    struct arguments a;
    int code;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_OBSERVER | SETTING_FOR_MEMBERS, flags, FLAGS, argc, argv, &a, &code))
        return code;
    if (a.rest) {
        text_complain("watch", "runs no command; usage: leasehold %s", command->usage);
        flags_free(&a);
        return EXIT_USAGE;
    }
    int level = LEASEHOLD_LOG_ERROR + a.verbose;
    struct watch w = { .arguments = &a, .out = { .fd = 1, .json = a.json } };
    leasehold_options_set_log(a.options, events_log, &level);
    leasehold_options_set(a.options, "leader-address", "yes");
    code = EXIT_FAILED;
    if (session_open(&w.session, command->name, a.options) == 0) {
        code = watch(&w);
        session_close(&w.session);
    }
    flags_free(&a);
    return code;
}
