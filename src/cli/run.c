/* `leasehold run`: the supervisor's tree with an election in it. This file is what happens in the elector process, and what
 * is checked before there is one. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/status_file.h"
#include "cli/text.h"
#include "io/local_lock.h"
#include "probe/probe.h"
#include "supervisor/supervisor.h"
#include "wire/dialect.h"

enum { ONE_OF_MAX = 64, LOCAL_LOCK_TRIES = 50 };

enum {
    FLAG_ONCE,
    FLAG_EVENTS,
    FLAG_STOP_SIGNAL,
    FLAG_GROUP,
    FLAG_DRAIN_TIMEOUT,
    FLAG_ALLOW_NEW_PRIVS,
    FLAG_HTTP,
    FLAG_STATUS_FILE,
    FLAG_ONE_OF,
    FLAGS
};

struct run {
    struct arguments *arguments;
    const char *groups[ONE_OF_MAX]; /* one, or those of --one-of */
    size_t group_count;
    struct event_output events; /* fd -1: nowhere */
    int level;
    int http_fd;              /* listens; -1: no --http */
    const char *status_path;  /* NULL: no --status-file */
    pid_t pid;                /* of the process that people started */
    int64_t half_deadline_ns; /* no start with less than this of the term left (docs/design.md, rule 5) */
    /* In the elector. */
    leasehold_service *service;
    leasehold_group *elections[ONE_OF_MAX]; /* of the groups, in their order */
    struct probe *probe;                    /* NULL: none */
    struct status_file *status_file;        /* NULL: none */
    int local_fd;                           /* --local-lock, open and locked; -1: none, or somebody else has it */
    int keeper_fd;
    leasehold_group *leading; /* whose term the keeper was told of last, until its work has stopped; NULL: none */
    uint64_t group_term;      /* the term's number in that election; the keeper's grow over all elections */
    uint64_t waiting_term;    /* was too late to start: again with the next extension; 0: none */
    uint64_t stopped_term;    /* the last one told to stop: not to be started again */
    struct supervisor_message start;
    int64_t answer_by_ns; /* CLOCK_BOOTTIME by which the keeper must have answered START; INT64_MAX: it has */
};

/* ---- what the election says, to the keeper ---- */

static void tell(struct run *r, const struct supervisor_message *message)
{
    /* A full socket drops a DEADLINE, which the next one makes good; a keeper that is gone is noticed by poll. */
    (void)supervisor_send(r->keeper_fd, message);
}

/* It answers at once, be it that it is too late; a whole term of silence after the term that it was asked to begin is enough. */
static void tell_start(struct run *r)
{
    r->answer_by_ns = r->start.term_at_boot_ns + 2 * r->half_deadline_ns;
    tell(r, &r->start);
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void start(struct run *r, const leasehold_event *e)
{
    leasehold_group *g = leasehold_event_group(e);
    if (r->leading) {
        /* One group at a time is the balancer's promise; this keeps it. Nothing runs for this term. */
        leasehold_group_work_stopped(g, leasehold_event_term(e));
        return;
    }
    r->leading = g;
    r->group_term = leasehold_event_term(e);
    struct supervisor_message m = { .kind = SUPERVISOR_START, .term = r->start.term + 1 };
    m.kill_at_boot_ns = (int64_t)leasehold_event_stop_by_ns(e);
    m.term_at_boot_ns = (int64_t)leasehold_event_leading_until_ns(e);
    m.latest_start_boot_ns = m.term_at_boot_ns - r->half_deadline_ns;
    m.start.fencing_token = strtoull(leasehold_event_token(e), NULL, 10);
    copy(m.start.group, sizeof m.start.group, leasehold_group_name(g));
    copy(m.start.identity, sizeof m.start.identity, leasehold_group_identity(g));
    copy(m.start.namespace_name, sizeof m.start.namespace_name, leasehold_group_namespace(g));
    copy(m.start.lock_uid, sizeof m.start.lock_uid, leasehold_event_lock_uid(e));
    r->start = m;
    r->waiting_term = 0;
    tell_start(r);
}

/* About the term that the keeper knows. */
static bool is_present_term(const struct run *r, const leasehold_event *e)
{
    return r->leading && leasehold_event_group(e) == r->leading && leasehold_event_term(e) == r->group_term;
}

/* Nothing of the present term runs any more. */
static void work_stopped(struct run *r)
{
    leasehold_group *g = r->leading;
    r->leading = NULL;
    if (g)
        leasehold_group_work_stopped(g, r->group_term);
}

static void extend(struct run *r, const leasehold_event *e)
{
    if (!is_present_term(r, e))
        return;
    struct supervisor_message m = { .kind = SUPERVISOR_DEADLINE, .term = r->start.term };
    m.kill_at_boot_ns = (int64_t)leasehold_event_stop_by_ns(e);
    m.term_at_boot_ns = (int64_t)leasehold_event_leading_until_ns(e);
    if (r->waiting_term == m.term) {
        r->start.kill_at_boot_ns = m.kill_at_boot_ns;
        r->start.term_at_boot_ns = m.term_at_boot_ns;
        r->start.latest_start_boot_ns = m.term_at_boot_ns - r->half_deadline_ns;
        r->waiting_term = 0;
        tell_start(r);
    } else {
        tell(r, &m);
    }
}

static void stop(struct run *r, const leasehold_event *e)
{
    if (!is_present_term(r, e))
        return;
    struct supervisor_message m = { .kind = SUPERVISOR_STOP, .term = r->start.term };
    m.kill_at_boot_ns = (int64_t)leasehold_event_stop_by_ns(e);
    int reason = leasehold_event_reason(e);
    m.stop = reason == LEASEHOLD_REASON_RENEW_DEADLINE || reason == LEASEHOLD_REASON_LOST ? SUPERVISOR_STOP_LOSS : SUPERVISOR_STOP_REQUEST;
    if (leasehold_event_must_kill(e))
        m.kind = SUPERVISOR_KILL;
    tell(r, &m);
    r->stopped_term = m.term;
    if (r->waiting_term == m.term) {
        /* Its START was answered, nothing was executed, and no other answer will come. */
        r->waiting_term = 0;
        work_stopped(r);
    }
}

/* Returns true when the election has closed. */
static bool on_event(struct run *r, const leasehold_event *e)
{
    switch (leasehold_event_kind(e)) {
    case LEASEHOLD_EVENT_STARTED_LEADING:
        start(r, e);
        break;
    case LEASEHOLD_EVENT_EXTENDED:
        extend(r, e);
        break;
    case LEASEHOLD_EVENT_STOP_WORK:
        stop(r, e);
        break;
    case LEASEHOLD_EVENT_CLOSED:
        if (leasehold_event_group(e))
            break;
        status_file_tell(r->status_file, e);
        tell(r, &(struct supervisor_message){ .kind = SUPERVISOR_DONE });
        return true;
    default:
        break;
    }
    /* Orders first, then talk: a slow disk must not come before a stop, nor a reader that does not read before a renewal. */
    if (r->events.fd >= 0 && events_write(&r->events, e) < 0) {
        text_complain("run", "cannot write events: %m; no more are written");
        r->events.fd = -1;
    }
    http_tell(r->probe, e);
    status_file_tell(r->status_file, e);
    return false;
}

/* ---- what the keeper says, to the election ---- */

static void on_message(struct run *r, const struct supervisor_message *m)
{
    if (m->kind == SUPERVISOR_WORK_STARTED || m->kind == SUPERVISOR_WORK_STOPPED)
        r->answer_by_ns = INT64_MAX;
    switch (m->kind) {
    case SUPERVISOR_STOP_ASKED:
        leasehold_service_stop(r->service);
        break;
    case SUPERVISOR_WORK_STOPPED:
        if (m->outcome == SUPERVISOR_NOT_STARTED_LATE && m->term != r->stopped_term) {
            r->waiting_term = m->term;
            break;
        }
        /* Asked to close first, so that the lock is released for good and not stood for again. */
        if (m->run_ends)
            leasehold_service_stop(r->service);
        if (m->term == r->start.term)
            work_stopped(r);
        break;
    default:
        break; /* WORK_STARTED, CMD_EXITED: the lease is kept until the whole tree is gone */
    }
}

/* Returns 0, or -1 when the keeper is gone. */
static int read_keeper(struct run *r)
{
    struct supervisor_message m;
    int result;
    while ((result = supervisor_receive(r->keeper_fd, &m)) == 1)
        on_message(r, &m);
    return result;
}

/* A lock without work is of use to nobody. We die as if by accident: P then ends the keeper and starts both anew. Nothing is
 * released, for nobody knows what the keeper has done; the others wait the lease out. */
static void __attribute__((noreturn)) give_up_keeper(void)
{
    text_complain("run", "the keeper (its process is stopped?) has not answered for a whole term: it and the election are started anew");
    kill(getpid(), SIGKILL);
    _exit(SUPERVISOR_EXIT_FAILURE);
}

static int patience_ms(const struct run *r)
{
    if (r->answer_by_ns == INT64_MAX)
        return -1;
    int64_t left_ns = r->answer_by_ns - session_now_ns();
    return left_ns <= 0 ? 0 : (int)(left_ns / 1000000) + 1;
}

/* ---- the elector ---- */

static int follow(struct run *r)
{
    for (;;) {
        const leasehold_event *e;
        while (leasehold_service_next_event(r->service, &e) == 1)
            if (on_event(r, e))
                return 0;
        struct pollfd fds[] = { { .fd = leasehold_service_fd(r->service), .events = POLLIN },
                                { .fd = r->keeper_fd, .events = POLLIN },
                                { .fd = r->probe ? probe_fd(r->probe) : -1, .events = POLLIN } };
        if (poll(fds, 3, patience_ms(r)) < 0 && errno != EINTR) {
            text_complain("run", "cannot wait for events: %m");
            return SUPERVISOR_EXIT_FAILURE;
        }
        if (fds[2].revents)
            probe_turned(r->probe);
        if (fds[1].revents && read_keeper(r) < 0)
            return SUPERVISOR_EXIT_FAILURE;
        if (patience_ms(r) == 0)
            give_up_keeper();
        int error = leasehold_service_dispatch(r->service);
        if (error < 0) {
            text_complain("run", "%s", leasehold_strerror(error));
            return SUPERVISOR_EXIT_FAILURE;
        }
    }
}

static bool open_elections(struct run *r)
{
    for (size_t i = 0; i < r->group_count; i++)
        if (leasehold_group_open(&r->elections[i], r->service, r->groups[i], LEASEHOLD_CANDIDATE, NULL) < 0)
            return false;
    return true;
}

/* What others ask us while we stand. Returns false after printing what is wrong. */
static bool open_outlets(struct run *r)
{
    if (r->status_path && !(r->status_file = status_file_open("run", r->status_path, r->pid, r->elections, r->group_count,
                                                              r->arguments->values[FLAG_ONE_OF] != NULL)))
        return false;
    return r->http_fd < 0 || (r->probe = http_serve("run", r->http_fd, r->elections, r->group_count)) != NULL;
}

/* In P, when nothing of an earlier election lives: keeper, elector and CMD inherit it. */
static int hold_local_lock(void *user)
{
    struct run *r = user;
    const char *path = options_value(r->arguments->options, SETTING_LOCAL_LOCK);
    char sentence[LOCAL_LOCK_SENTENCE_MAX];
    int result;
    /* Those who were killed a moment ago may be about to end still. */
    for (int tries = 0; (result = local_lock_take(path, &r->local_fd, sentence)) == 0 && tries < LOCAL_LOCK_TRIES; tries++)
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    if (result < 1)
        text_complain("run", "%s", sentence);
    return r->local_fd;
}

static bool check_local_lock(const char *path)
{
    char sentence[LOCAL_LOCK_SENTENCE_MAX];
    int fd;
    if (strncmp(path, "fd:", 3) == 0) {
        text_complain("run", "--local-lock %s: a descriptor is for programs that link the library; name a file", path);
        return false;
    }
    int result = local_lock_take(path, &fd, sentence);
    if (result < 0)
        text_complain("run", "%s", sentence);
    if (fd >= 0)
        close(fd);
    return result >= 0;
}

static int elect(void *user, int keeper_fd)
{
    struct run *r = user;
    char sentence[SETTING_SENTENCE_MAX], local_lock[16] = "";
    int code = SUPERVISOR_EXIT_FAILURE;
    r->keeper_fd = keeper_fd;
    r->answer_by_ns = INT64_MAX;
    leasehold_options *o = r->arguments->options;
    if (r->local_fd >= 0)
        snprintf(local_lock, sizeof local_lock, "fd:%d", r->local_fd);
    leasehold_options_set(o, "local-lock", local_lock);
    int error = leasehold_service_open(&r->service, o);
    if (error < 0) {
        const char *why = leasehold_options_error(o);
        text_complain("run", "%s", *why ? why : leasehold_strerror(error));
        return code;
    }
    if (!open_elections(r)) {
        leasehold_service_error(r->service, sentence, sizeof sentence);
        text_complain("run", "%s", sentence);
    } else if (open_outlets(r)) {
        code = follow(r);
    }
    r->probe = probe_close(r->probe);
    r->status_file = status_file_close(r->status_file);
    for (size_t i = 0; i < r->group_count; i++)
        r->elections[i] = leasehold_group_unref(r->elections[i]);
    r->service = leasehold_service_unref(r->service);
    return code;
}

/* ---- the command line ---- */

static const struct flag flags[FLAGS] = {
    [FLAG_ONCE] = { "once", 0, NULL, "end with 75 after a loss instead of standing again" },
    [FLAG_EVENTS] = { "events", 0, "FILE|fd:N", "append events there, as -o says" },
    [FLAG_STOP_SIGNAL] = { "stop-signal", 0, "SIGNAL", "asks CMD to stop [TERM]" },
    [FLAG_GROUP] = { "group", 0, NULL, "signals go to CMD's process group, not to CMD alone" },
    [FLAG_DRAIN_TIMEOUT] = { "drain-timeout", 0, "DURATION", "for CMD to end after TERM or INT, while the lease is renewed [25s]" },
    [FLAG_ALLOW_NEW_PRIVS] = { "allow-new-privs", 0, NULL, "let CMD gain privileges by exec" },
    [FLAG_HTTP] = HTTP_FLAG(HTTP_HELP),
    [FLAG_STATUS_FILE] = STATUS_FILE_FLAG,
    [FLAG_ONE_OF] = { "one-of", 0, "GROUP,...", "instead of GROUP: lead one of these at a time; with --selector they are shared evenly" },
};

static int signal_number(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } names[] = { { "TERM", SIGTERM }, { "INT", SIGINT },   { "QUIT", SIGQUIT }, { "HUP", SIGHUP },
                  { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "KILL", SIGKILL }, { "WINCH", SIGWINCH } };
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].number;
    char *end;
    long number = strtol(name, &end, 10);
    return *name && !*end && number > 0 && number < SIGRTMIN ? (int)number : -1;
}

/* On a descriptor above 2: stdin and stdout are CMD's, and so is stderr after its exec. */
static int take_descriptor(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int error = errno;
    if (fd > 2)
        close(fd); /* the copy is ours, and CMD shall not have it */
    errno = error;
    return copy;
}

static bool open_events(struct run *r, const char *where)
{
    if (strncmp(where, "fd:", 3) == 0) {
        char *end;
        errno = 0;
        long fd = strtol(where + 3, &end, 10);
        bool is_number = where[3] >= '0' && where[3] <= '9' && !*end && !errno && fd <= INT_MAX;
        if (is_number && fd < 2) {
            text_complain("run", "--events '%s': %s is CMD's alone; write fd:2, or fd:3 with 3>FILE", where, fd ? "stdout" : "stdin");
            return false;
        }
        bool is_written = is_number && (fcntl((int)fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
        r->events.fd = is_written ? take_descriptor((int)fd) : -1;
        if (r->events.fd < 0)
            text_complain("run", "--events '%s' is no descriptor open for writing; write fd:N with N as your shell opened it (N>FILE)",
                          where);
        return r->events.fd >= 0;
    }
    /* O_NONBLOCK: a FIFO without a reader is an error now, and not an election that never begins. */
    int fd = open(where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
    r->events.fd = fd < 0 ? -1 : take_descriptor(fd);
    if (r->events.fd < 0 && errno == ENXIO)
        text_complain("run", "cannot open --events '%s': nobody reads from this pipe; start its reader first", where);
    else if (r->events.fd < 0)
        text_complain("run", "cannot open --events '%s': %m", where);
    return r->events.fd >= 0;
}

static bool read_options(struct run *r, struct supervisor_options *s)
{
    const struct arguments *a = r->arguments;
    s->once = a->values[FLAG_ONCE] != NULL;
    s->group = a->values[FLAG_GROUP] != NULL;
    s->allow_new_privs = a->values[FLAG_ALLOW_NEW_PRIVS] != NULL;
    if (a->values[FLAG_STOP_SIGNAL] && (s->stop_signal = signal_number(a->values[FLAG_STOP_SIGNAL])) < 0) {
        text_complain("run", "--stop-signal '%s' is no signal; write a name such as TERM or a number", a->values[FLAG_STOP_SIGNAL]);
        return false;
    }
    if (a->values[FLAG_DRAIN_TIMEOUT] && !flags_duration("run", "drain-timeout", a->values[FLAG_DRAIN_TIMEOUT], &s->drain_timeout_ns))
        return false;
    if (a->values[FLAG_HTTP] && (r->http_fd = http_listen("run", a->values[FLAG_HTTP])) < 0)
        return false;
    const char *local_lock = options_value(a->options, SETTING_LOCAL_LOCK);
    if (local_lock[0] && !check_local_lock(local_lock))
        return false;
    if (local_lock[0])
        s->hold = hold_local_lock;
    r->status_path = a->values[FLAG_STATUS_FILE];
    if (r->status_path && !status_file_check("run", r->status_path))
        return false;
    return !a->values[FLAG_EVENTS] || open_events(r, a->values[FLAG_EVENTS]);
}

/* a,b,c; cuts the list in place. */
static bool split_groups(struct run *r, char *list)
{
    for (char *name = list, *next; name; name = next) {
        next = strchr(name, ',');
        if (next)
            *next++ = '\0';
        for (size_t i = 0; i < r->group_count; i++) {
            if (strcmp(r->groups[i], name) == 0) {
                text_complain("run", "--one-of names '%s' twice", name);
                return false;
            }
        }
        if (r->group_count == ONE_OF_MAX) {
            text_complain("run", "--one-of takes at most %d groups", ONE_OF_MAX);
            return false;
        }
        r->groups[r->group_count++] = name;
    }
    return true;
}

static bool take_groups(struct run *r)
{
    struct arguments *a = r->arguments;
    const char *list = a->values[FLAG_ONE_OF];
    if (a->operands_count != (list ? 0 : 1) || !a->rest || a->rest_count == 0) {
        text_complain("run", "wants one GROUP or --one-of, and CMD behind --; usage: leasehold %s", command_find("run")->usage);
        return false;
    }
    if (!list) {
        r->groups[r->group_count++] = a->operands[0];
        return true;
    }
    leasehold_options_set(a->options, "balance", "one");
    return split_groups(r, (char *)(uintptr_t)list); /* of argv, which is ours */
}

static bool check_groups(const struct run *r, const struct dialect *dialect)
{
    char sentence[SETTING_SENTENCE_MAX];
    for (size_t i = 0; i < r->group_count; i++) {
        if (!options_name_is_good("group", r->groups[i], sentence) || !dialect->group_is_good(r->groups[i], sentence, sizeof sentence)) {
            text_complain("run", "%s", sentence);
            return false;
        }
    }
    const char *lock_name = options_value(r->arguments->options, SETTING_LOCK_NAME);
    if (r->group_count > 1 && !dialect->shared && lock_name[0]) {
        text_complain("run", "--one-of with --lock-name %s: a lock of kind %s has one group, leave the name out", lock_name, dialect->name);
        return false;
    }
    return true;
}

/* What can be wrong is found before anything stands for election. Returns 0 or an exit code. */
static int check(struct run *r, struct supervisor_options *s, char path[PATH_MAX])
{
    struct arguments *a = r->arguments;
    char sentence[SETTING_SENTENCE_MAX];
    struct election_settings settings;
    const struct dialect *dialect = dialect_find(options_value(a->options, SETTING_LOCK));
    if (!take_groups(r) || !check_groups(r, dialect))
        return EXIT_USAGE;
    if (options_election(a->options, dialect, &settings, sentence) < 0) {
        text_complain("run", "%s", sentence);
        return EXIT_USAGE;
    }
    r->half_deadline_ns = settings.renew_deadline_ns / 2;
    s->stop_timeout_ns = settings.stop_timeout_ns;
    s->release_timeout_ns = 3 * election_settings_request_limit_ns(&settings);
    if (!read_options(r, s))
        return EXIT_USAGE;
    int code = supervisor_check_command(a->rest[0], path, PATH_MAX, sentence, sizeof sentence);
    if (code != 0)
        text_complain("run", "%s", sentence);
    return code;
}

int cli_run(int argc, char **argv)
{
    struct arguments a;
    struct run r = { .arguments = &a, .http_fd = -1, .local_fd = -1, .pid = getpid(), .events = { .fd = -1, .never_waits = true } };
    struct supervisor_options s = supervisor_options_default();
    char path[PATH_MAX];
    int code;
    if (!flags_parse(command_find("run"), SETTING_FOR_SERVER | SETTING_FOR_GROUP | SETTING_FOR_CANDIDATE, flags, FLAGS, argc, argv, &a,
                     &code))
        return code;
    code = check(&r, &s, path);
    if (code == 0) {
        r.level = LEASEHOLD_LOG_WARNING + a.verbose;
        r.events.json = a.json;
        leasehold_options_set(a.options, "extended-events", "yes");
        /* Whatever the environment says: the work is over when the keeper says so. */
        leasehold_options_set(a.options, "confirm-stop", "yes");
        if (r.http_fd >= 0)
            http_prepare(a.options);
        if (r.status_path)
            status_file_prepare(a.options);
        leasehold_options_set_log(a.options, events_log, &r.level);
        s.argv = a.rest;
        s.path = path;
        code = supervisor_run(&s, elect, &r);
    }
    flags_free(&a);
    return code;
}
