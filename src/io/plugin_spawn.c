/* The child process of a plugin: how it begins, and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/plugin_internal.h"
#include "leasehold/errors.h"

enum { PLUGIN_WAIT_BY_FD = 3 }; /* P_PIDFD, since Linux 5.4 */

/* ---- which program, with which words ---- */

static bool spawn_is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The path of the command, or NULL with errno. A relative folder in PATH is passed over, as Go and so kubectl do: it would run
 * whatever lies in the folder we happen to be in. */
static char *spawn_find(const char *command)
{
    if (strchr(command, '/') != NULL)
        return strdup(command);
    const char *list = getenv("PATH");
    for (size_t size; list != NULL && *list != '\0'; list += size + (list[size] == ':')) {
        size = strcspn(list, ":");
        char *path = NULL;
        if (*list != '/')
            continue;
        if (asprintf(&path, "%.*s/%s", (int)size, list, command) < 0)
            return NULL;
        if (spawn_is_program(path))
            return path;
        free(path);
    }
    errno = ENOENT;
    return NULL;
}

static size_t spawn_count(char *const *list)
{
    size_t count = 0;
    while (list[count] != NULL)
        count++;
    return count;
}

/* The command and its arguments; the array alone is new. */
static char **spawn_arguments(const struct plugin_command *command)
{
    size_t count = spawn_count(command->arguments);
    char **list = calloc(count + 2, sizeof(*list));
    if (list == NULL)
        return NULL;
    list[0] = (char *)(uintptr_t)command->command;
    memcpy(list + 1, command->arguments, count * sizeof(*list));
    return list;
}

/* Both are about the same variable. */
static bool spawn_same_name(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");
    return strncmp(a, b, size) == 0 && b[size] == '=';
}

static bool spawn_is_replaced(const struct plugin_command *command, const char *variable)
{
    for (char *const *own = command->environment; *own != NULL; own++)
        if (spawn_same_name(*own, variable))
            return true;
    return command->more != NULL && spawn_same_name(command->more, variable);
}

/* The process's environment with what the command says otherwise; the array alone is new. */
static char **spawn_environment(const struct plugin_command *command)
{
    size_t count = environ != NULL ? spawn_count(environ) : 0;
    char **list = calloc(count + spawn_count(command->environment) + 2, sizeof(*list)), **end = list;
    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!spawn_is_replaced(command, environ[i]))
            *end++ = environ[i];
    for (char *const *own = command->environment; *own != NULL; own++)
        if (command->more == NULL || !spawn_same_name(command->more, *own))
            *end++ = *own;
    if (command->more != NULL)
        *end = (char *)(uintptr_t)command->more;
    return list;
}

/* ---- the start ---- */

/* A pipe of which neither end is 0, 1 or 2, which the child sets up one after the other. Our end does not block. */
static int spawn_pipe(int *ret_ours, int *ret_its)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    *ret_ours = fcntl(ends[0], F_DUPFD_CLOEXEC, 3);
    *ret_its = fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
    int saved = errno;
    close(ends[0]);
    close(ends[1]);
    errno = saved;
    return *ret_ours >= 0 && *ret_its >= 0 && fcntl(*ret_ours, F_SETFL, O_NONBLOCK) == 0 ? 0 : -1;
}

/* Returns 0 or an errno. */
static int spawn_attributes(posix_spawnattr_t *attributes, bool own_group)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (own_group ? POSIX_SPAWN_SETPGROUP : 0);
    int error = posix_spawnattr_setflags(attributes, (short)flags);
    if (error == 0)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    return error != 0 ? error : posix_spawnattr_setpgroup(attributes, 0);
}

/* Returns 0 or an errno. */
static int spawn_actions(posix_spawn_file_actions_t *actions, bool interactive, int out, int err)
{
    int error = interactive ? 0 : posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (error == 0 && err >= 0)
        error = posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
#if __GLIBC_PREREQ(2, 34)
    if (error == 0) /* before, close-on-exec must do, which all of ours have */
        error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
    return error;
}

/* Returns 0 or an errno. glibc's posix_spawn() neither copies memory nor runs handlers, whatever other threads hold. */
static int spawn_with(const struct plugin_command *command, const char *path, int out, int err, char *const *arguments,
                      char *const *variables, pid_t *ret_pid)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int error = posix_spawnattr_init(&attributes);
    if (error != 0)
        return error;
    error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = spawn_attributes(&attributes, !command->interactive);
        if (error == 0)
            error = spawn_actions(&actions, command->interactive, out, err);
        if (error == 0)
            error = posix_spawn(ret_pid, path, &actions, &attributes, arguments, variables);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* Returns 0 or an errno. */
static int spawn_start(const struct plugin_command *command, const char *path, int out, int err, pid_t *ret_pid)
{
    char **arguments = spawn_arguments(command), **variables = spawn_environment(command);
    int error = ENOMEM;
    if (arguments != NULL && variables != NULL)
        error = spawn_with(command, path, out, err, arguments, variables, ret_pid);
    free(arguments);
    free(variables);
    return error;
}

static void spawn_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

int plugin_spawn(const struct plugin_command *command, struct plugin_child *ret)
{
    struct plugin_child child = { .pid_fd = -1, .out_fd = -1, .err_fd = -1, .own_group = !command->interactive };
    int out = -1, err = -1, error = 0;
    char *path = spawn_find(command->command);
    if (path == NULL)
        return errno == ENOMEM ? LEASEHOLD_ERR_MEMORY : LEASEHOLD_ERR_SYSTEM;
    if (spawn_pipe(&child.out_fd, &out) != 0 || (!command->interactive && spawn_pipe(&child.err_fd, &err) != 0))
        error = errno;
    if (error == 0)
        error = spawn_start(command, path, out, err, &child.pid);
    free(path);
    spawn_close(out);
    spawn_close(err);
    if (error != 0) {
        spawn_close(child.out_fd);
        spawn_close(child.err_fd);
        errno = error;
        return error == ENOMEM ? LEASEHOLD_ERR_MEMORY : LEASEHOLD_ERR_SYSTEM;
    }
    child.pid_fd = (int)syscall(SYS_pidfd_open, child.pid, 0); /* always close-on-exec */
    *ret = child;
    return 0;
}

/* ---- the end ---- */

static int spawn_wait(const struct plugin_child *child, siginfo_t *info, int options)
{
    info->si_pid = 0;
    if (child->pid_fd >= 0) {
        if (waitid((idtype_t)PLUGIN_WAIT_BY_FD, (id_t)child->pid_fd, info, options) == 0)
            return 0;
        if (errno != EINVAL)
            return -1;
    }
    return waitid(P_PID, (id_t)child->pid, info, options);
}

enum plugin_state plugin_reap(const struct plugin_child *child, enum plugin_end *ret_end, int *ret_code)
{
    siginfo_t info;
    if (spawn_wait(child, &info, WEXITED | WNOHANG) != 0)
        return PLUGIN_UNKNOWN; /* ECHILD */
    if (info.si_pid == 0)
        return PLUGIN_RUNS;
    *ret_end = info.si_code == CLD_EXITED ? PLUGIN_EXITED : PLUGIN_KILLED;
    *ret_code = info.si_status;
    return PLUGIN_ENDED;
}

void plugin_kill(const struct plugin_child *child)
{
    siginfo_t info;
    if (spawn_wait(child, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        (void)kill(child->own_group ? -child->pid : child->pid, SIGKILL);
}
