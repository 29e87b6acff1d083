/* `run` with an elector that needs no server: it leads as it is told and pushes a deadline every 100 ms. What it promised goes
 * to a log, so that a test can hold the worker's stamps against it.
 *
 *   supervisor_fake [OPTIONS] -- CMD...
 *
 *   --log FILE         "BOOT_NS WORD IDENTITY TERM VALUE" a line; VALUE of start and deadline: kill_at
 *   --lease-ms N       kill_at lies this far behind each push (default 1000)
 *   --wait-ms N        from the elector's start, or the end of a term, to the next START (default 50)
 *   --terms N          lead so many terms, then stand by
 *   --act WHAT@MS      so long after WORK_STARTED of the first term: loss, kill, request, silent, return, crash, late, old
 *   --return-code N    for return
 *   --first-late       the first START has a latest_start that has passed
 *   --release-ms N     the release takes so long
 *   --stop-ms --drain-ms --restart-ms --release-limit-ms N, --once --group --allow-new-privs --no-cgroup, --stop-signal N */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/clock.h"
#include "supervisor/supervisor.h"

#define MS INT64_C(1000000)
enum { PUSH_MS = 100, LIFE_MAX_S = 300 };

struct settings {
    struct supervisor_options options;
    const char *log;
    const char *act;
    int64_t lease_ns;
    int64_t wait_ns;
    int64_t act_after_ns;
    int64_t release_ns;
    long terms;
    long return_code;
    bool first_late;
};

struct elector {
    const struct settings *settings;
    int fd;
    int log_fd;
    uint64_t term;
    bool working;
    bool closing;
    bool silent;
    bool refused_once;
    int64_t start_at; /* of the next term */
    int64_t push_at;
    int64_t act_at;
    int64_t done_at;
};

static void name_term(const struct elector *e, char *name, size_t size)
{
    snprintf(name, size, "e%d-t%d", (int)getpid(), (int)e->term);
}

static void note(const struct elector *e, const char *word, int64_t value)
{
    char identity[64], line[200];

    if (e->log_fd < 0)
        return;
    name_term(e, identity, sizeof identity);
    int length =
        snprintf(line, sizeof line, "%lld %s %s %d %lld\n", (long long)clock_boot_ns(), word, identity, (int)e->term, (long long)value);
    if (write(e->log_fd, line, (size_t)length) != length)
        _exit(99);
}

static void send_start(struct elector *e, uint64_t term)
{
    int64_t now = clock_boot_ns();
    struct supervisor_message m = { .kind = SUPERVISOR_START, .term = term, .kill_at_boot_ns = now + e->settings->lease_ns };

    m.latest_start_boot_ns = now + e->settings->lease_ns / 2;
    if (e->settings->first_late && !e->refused_once)
        m.latest_start_boot_ns = now - MS;
    m.start.fencing_token = 1000 + term;
    snprintf(m.start.group, sizeof m.start.group, "reports");
    snprintf(m.start.namespace_name, sizeof m.start.namespace_name, "default");
    snprintf(m.start.lock_uid, sizeof m.start.lock_uid, "uid-1");
    name_term(e, m.start.identity, sizeof m.start.identity);
    /* Before it is sent: whatever happens next, the log knows the promise. */
    note(e, "start", m.kill_at_boot_ns);
    supervisor_send(e->fd, &m);
}

static void push(struct elector *e)
{
    int64_t now = clock_boot_ns();
    struct supervisor_message m = { .kind = SUPERVISOR_DEADLINE, .term = e->term, .kill_at_boot_ns = now + e->settings->lease_ns };

    e->push_at = now + PUSH_MS * MS;
    note(e, "deadline", m.kill_at_boot_ns);
    supervisor_send(e->fd, &m);
}

static int64_t act(struct elector *e)
{
    const char *what = e->settings->act;
    struct supervisor_message m = { .term = e->term };

    e->act_at = INT64_MAX;
    note(e, what, 0);
    if (strcmp(what, "loss") == 0) {
        m.kind = SUPERVISOR_STOP;
        m.stop = SUPERVISOR_STOP_LOSS;
        e->silent = true;
    } else if (strcmp(what, "request") == 0) {
        m.kind = SUPERVISOR_STOP;
        m.stop = SUPERVISOR_STOP_REQUEST;
    } else if (strcmp(what, "kill") == 0) {
        m.kind = SUPERVISOR_KILL;
        e->silent = true;
    } else if (strcmp(what, "silent") == 0) {
        e->silent = true;
        return -1;
    } else if (strcmp(what, "crash") == 0) {
        raise(SIGSEGV);
    } else if (strcmp(what, "return") == 0) {
        return e->settings->return_code;
    } else if (strcmp(what, "old") == 0) { /* words of other terms, which must change nothing */
        m.kind = SUPERVISOR_KILL;
        m.term = e->term + 7;
        supervisor_send(e->fd, &m);
        m.kind = SUPERVISOR_DEADLINE;
        m.kill_at_boot_ns = 1;
    } else {
        _exit(98);
    }
    supervisor_send(e->fd, &m);
    return -1;
}

static void on_message(struct elector *e, const struct supervisor_message *m)
{
    int64_t now = clock_boot_ns();

    switch (m->kind) {
    case SUPERVISOR_WORK_STARTED:
        note(e, "started", 0);
        if (e->settings->act != NULL && e->term == 1)
            e->act_at = now + e->settings->act_after_ns;
        break;
    case SUPERVISOR_CMD_EXITED:
        note(e, "exited", m->wait_status);
        break;
    case SUPERVISOR_WORK_STOPPED:
        note(e, "stopped", m->outcome);
        e->working = e->silent = false;
        e->act_at = INT64_MAX;
        e->start_at = now + e->settings->wait_ns;
        if (m->outcome == SUPERVISOR_NOT_STARTED_LATE) {
            e->refused_once = true;
            e->term--;
        }
        if (m->run_ends || e->closing) {
            e->closing = true;
            e->done_at = now + e->settings->release_ns;
        }
        break;
    case SUPERVISOR_STOP_ASKED:
        note(e, "asked", 0);
        e->closing = true;
        if (!e->working)
            e->done_at = now + e->settings->release_ns;
        break;
    default:
        _exit(97);
    }
}

static int wait_ms(const struct elector *e)
{
    int64_t at = e->done_at < e->act_at ? e->done_at : e->act_at, now = clock_boot_ns();

    if (e->working && !e->silent && e->push_at < at)
        at = e->push_at;
    if (!e->working && !e->closing && e->start_at < at)
        at = e->start_at;
    if (at == INT64_MAX)
        return -1;
    return at <= now ? 0 : (int)((at - now) / MS) + 1;
}

static int fake_elector(void *user, int keeper_fd)
{
    const struct settings *settings = user;
    struct elector state = { .settings = settings, .fd = keeper_fd, .log_fd = -1, .act_at = INT64_MAX, .done_at = INT64_MAX };
    struct elector *e = &state;

    if (settings->log != NULL)
        e->log_fd = open(settings->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    e->start_at = clock_boot_ns() + settings->wait_ns;
    note(e, "standing", 0);
    for (;;) {
        struct pollfd fd = { .fd = keeper_fd, .events = POLLIN };
        struct supervisor_message m;
        int result;

        poll(&fd, 1, wait_ms(e));
        while ((result = supervisor_receive(keeper_fd, &m)) == 1)
            on_message(e, &m);
        if (result < 0)
            return 0;
        int64_t now = clock_boot_ns();
        if (now >= e->done_at) {
            note(e, "released", 0);
            return 0;
        }
        if (now >= e->act_at) {
            int64_t code = act(e);
            if (code >= 0)
                return (int)code;
        }
        if (e->working && !e->silent && now >= e->push_at)
            push(e);
        if (!e->working && !e->closing && now >= e->start_at && (settings->terms < 0 || (long)e->term < settings->terms)) {
            e->term++;
            e->working = true;
            e->push_at = now + PUSH_MS * MS;
            send_start(e, e->term);
        }
        if (!e->working && settings->terms >= 0 && (long)e->term >= settings->terms)
            e->start_at = INT64_MAX;
    }
}

static int64_t ms(const char *text)
{
    return strtol(text, NULL, 10) * MS;
}

static bool take_flag(struct settings *s, const char *name)
{
    if (strcmp(name, "--once") == 0)
        s->options.once = true;
    else if (strcmp(name, "--group") == 0)
        s->options.group = true;
    else if (strcmp(name, "--allow-new-privs") == 0)
        s->options.allow_new_privs = true;
    else if (strcmp(name, "--no-cgroup") == 0)
        s->options.use_cgroup = false;
    else if (strcmp(name, "--first-late") == 0)
        s->first_late = true;
    else
        return false;
    return true;
}

static bool take_value(struct settings *s, const char *name, char *value)
{
    const struct {
        const char *name;
        int64_t *target;
    } times[] = { { "--lease-ms", &s->lease_ns },
                  { "--wait-ms", &s->wait_ns },
                  { "--release-ms", &s->release_ns },
                  { "--stop-ms", &s->options.stop_timeout_ns },
                  { "--drain-ms", &s->options.drain_timeout_ns },
                  { "--restart-ms", &s->options.restart_pause_ns },
                  { "--release-limit-ms", &s->options.release_timeout_ns } };

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (strcmp(name, times[i].name) == 0) {
            *times[i].target = ms(value);
            return true;
        }
    if (strcmp(name, "--log") == 0)
        s->log = value;
    else if (strcmp(name, "--terms") == 0)
        s->terms = strtol(value, NULL, 10);
    else if (strcmp(name, "--return-code") == 0)
        s->return_code = strtol(value, NULL, 10);
    else if (strcmp(name, "--stop-signal") == 0)
        s->options.stop_signal = (int)strtol(value, NULL, 10);
    else if (strcmp(name, "--act") == 0 && strchr(value, '@') != NULL) {
        s->act = strtok(value, "@");
        s->act_after_ns = ms(strtok(NULL, "@"));
    } else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct settings s = { .options = supervisor_options_default(), .lease_ns = 1000 * MS, .wait_ns = 50 * MS, .terms = -1 };
    char path[4096], sentence[500];
    int i = 1;

    s.options.restart_pause_ns = 200 * MS;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (take_flag(&s, argv[i]))
            continue;
        if (i + 1 >= argc || !take_value(&s, argv[i], argv[i + 1])) {
            fprintf(stderr, "supervisor_fake: what is %s?\n", argv[i]);
            return 96;
        }
        i++;
    }
    if (i + 1 >= argc) {
        fprintf(stderr, "supervisor_fake: no command\n");
        return 96;
    }
    s.options.argv = argv + i + 1;
    int code = supervisor_check_command(argv[i + 1], path, sizeof path, sentence, sizeof sentence);
    if (code != 0) {
        fprintf(stderr, "%s\n", sentence);
        return code;
    }
    s.options.path = path;
    alarm(LIFE_MAX_S); /* a test that was killed leaves nobody behind: P dies of it, and with P all the others */
    return supervisor_run(&s.options, fake_elector, &s);
}
