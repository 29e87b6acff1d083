#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "supervisor/clock.h"

enum { SPAWN_VARIABLES = 5, SPAWN_VARIABLE_SIZE = 320 };

static const char *const names[SPAWN_VARIABLES] = { "LEASEHOLD_GROUP=", "LEASEHOLD_IDENTITY=", "LEASEHOLD_NAMESPACE=",
                                                    "LEASEHOLD_FENCING_TOKEN=", "LEASEHOLD_LOCK_UID=" };

_Static_assert(SUPERVISOR_IDENTITY_MAX + 32 < SPAWN_VARIABLE_SIZE, "an identity does not fit");

static bool is_ours(const char *variable)
{
    for (size_t i = 0; i < SPAWN_VARIABLES; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

int spawn_prepare(struct spawn_environment *environment, const struct supervisor_options *options)
{
    size_t count = 0, arguments = 0;

    while (environ != NULL && environ[count] != NULL)
        count++;
    while (options->argv[arguments] != NULL)
        arguments++;
    environment->list = calloc(count + SPAWN_VARIABLES + 1, sizeof(char *));
    environment->shell = calloc(arguments + 2, sizeof(char *));
    if (environment->list == NULL || environment->shell == NULL)
        return -1;
    environment->count = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_ours(environ[i]))
            environment->list[environment->count++] = environ[i];
    for (size_t i = 0; i < SPAWN_VARIABLES; i++) {
        environment->text[i] = calloc(1, SPAWN_VARIABLE_SIZE);
        if (environment->text[i] == NULL)
            return -1;
        environment->list[environment->count + i] = environment->text[i];
    }
    /* argv is char *const [] in execve(2) for old reasons only; nothing is written through it. */
    environment->shell[0] = (char *)(uintptr_t) "sh";
    environment->shell[1] = (char *)(uintptr_t)options->path;
    for (size_t i = 1; i < arguments; i++)
        environment->shell[i + 1] = options->argv[i];
    return 0;
}

static void fill(const struct spawn_environment *environment, const struct supervisor_start *start)
{
    char token[32];

    snprintf(token, sizeof token, "%" PRIu64, start->fencing_token);
    const char *values[SPAWN_VARIABLES] = { start->group, start->identity, start->namespace_name, token, start->lock_uid };
    for (size_t i = 0; i < SPAWN_VARIABLES; i++)
        snprintf(environment->text[i], SPAWN_VARIABLE_SIZE, "%s%s", names[i], values[i]);
}

static void __attribute__((noreturn)) give_up(int exec_fd, enum spawn_stage stage)
{
    struct spawn_report report = { .stage = (int32_t)stage, .error = errno };

    while (write(exec_fd, &report, sizeof report) < 0 && errno == EINTR)
        ;
    _exit(stage == SPAWN_EXEC && report.error == ENOENT ? SUPERVISOR_EXIT_NOT_FOUND : SUPERVISOR_EXIT_NOT_EXECUTABLE);
}

static void __attribute__((noreturn)) run_child(const struct spawn *spawn, pid_t keeper, int exec_fd, bool in_cgroup)
{
    const struct supervisor_options *options = spawn->options;
    char *const *variables = spawn->environment->list;

    setpgid(0, 0);
    /* The signal comes when the *thread* that forked ends, see PR_SET_PDEATHSIG(2const); the keeper has only one. If it has
     * ended before this line, another process is our parent by now. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != keeper)
        give_up(exec_fd, SPAWN_PARENT_GONE);
    if (!in_cgroup)
        cgroup_enter(spawn->cgroup);
    /* Without it an exec of a set-user-ID program clears the parent-death signal and can leave the reach of kill(2). */
    if (!options->allow_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        give_up(exec_fd, SPAWN_PRIVILEGES);
    terminal_lend(spawn->terminal, getpid()); /* SIGTTOU is still blocked here */
    sigaction(SIGCHLD, &spawn->signals->child, NULL);
    sigaction(SIGPIPE, &spawn->signals->pipe, NULL);
    sigprocmask(SIG_SETMASK, &spawn->signals->mask, NULL);

    if (clock_boot_ns() > spawn->latest_boot_ns) {
        errno = ETIME;
        give_up(exec_fd, SPAWN_LATE);
    }
    execve(options->path, options->argv, variables);
    if (errno == ENOEXEC) {
        if (clock_boot_ns() > spawn->latest_boot_ns) {
            errno = ETIME;
            give_up(exec_fd, SPAWN_LATE);
        }
        execve("/bin/sh", spawn->environment->shell, variables);
    }
    give_up(exec_fd, SPAWN_EXEC);
}

pid_t spawn_start(const struct spawn *spawn, int *ret_exec_fd)
{
    int pipe_fd[2];
    pid_t keeper = getpid();

    if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    fill(spawn->environment, spawn->start);
    bool in_cgroup;
    pid_t child = cgroup_fork(spawn->cgroup, &in_cgroup);
    if (child == 0)
        run_child(spawn, keeper, pipe_fd[1], in_cgroup);
    int error = errno;
    close(pipe_fd[1]);
    if (child < 0) {
        close(pipe_fd[0]);
        errno = error;
        return -1;
    }
    setpgid(child, child); /* both sides do it: whoever comes first, nobody signals a group that is not there yet */
    *ret_exec_fd = pipe_fd[0];
    return child;
}
