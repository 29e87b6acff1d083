#include "supervisor/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CGROUP_PREFIX "leasehold-run-"

static bool copy(char to[PATH_MAX], const char *from)
{
    int length = snprintf(to, PATH_MAX, "%s", from);
    return length >= 0 && length < PATH_MAX;
}

/* Our place in the v2 hierarchy: the line "0::PATH" of /proc/self/cgroup. */
static bool read_own_path(char path[PATH_MAX])
{
    char *line = NULL;
    size_t size = 0;
    bool found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");

    if (file == NULL)
        return false;
    while (!found && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0)
            found = copy(path, line + 3);
    }
    free(line);
    fclose(file);
    return found;
}

/* Where that hierarchy is mounted, and which part of it: fields 4 and 5 of the line with type cgroup2, see
 * proc_pid_mountinfo(5). Paths with escaped characters are not understood and not found. */
static bool read_mount(char root[PATH_MAX], char mount[PATH_MAX])
{
    char *line = NULL;
    size_t size = 0;
    bool found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");

    if (file == NULL)
        return false;
    while (!found && getline(&line, &size, file) > 0) {
        char *type = strstr(line, " - cgroup2 "), *save = NULL;
        if (type == NULL)
            continue;
        *type = '\0';
        char *field = strtok_r(line, " ", &save);
        for (int i = 1; field != NULL && i < 4; i++)
            field = strtok_r(NULL, " ", &save);
        char *point = strtok_r(NULL, " ", &save);
        if (field == NULL || point == NULL || !copy(root, field) || !copy(mount, point))
            continue;
        found = strchr(root, '\\') == NULL && strchr(mount, '\\') == NULL;
    }
    free(line);
    fclose(file);
    return found;
}

/* Runs that were killed whole have left theirs. Nobody holds their lock any more, in whatever PID namespace they lived. One that
 * has processes in it stays, see rmdir(2). */
static void remove_stale(const char *parent)
{
    DIR *directory = opendir(parent);
    struct dirent *entry;

    if (directory == NULL)
        return;
    while ((entry = readdir(directory)) != NULL) {
        if (strncmp(entry->d_name, CGROUP_PREFIX, strlen(CGROUP_PREFIX)) != 0)
            continue;
        int fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
        close(fd);
    }
    closedir(directory);
}

static bool make_directory(struct cgroup *cgroup)
{
    char own[PATH_MAX], root[PATH_MAX], mount[PATH_MAX], parent[PATH_MAX];
    struct timespec now;

    if (!read_own_path(own) || !read_mount(root, mount))
        return false;
    size_t root_length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(own, root, root_length) != 0 || (own[root_length] != '/' && own[root_length] != '\0'))
        return false;
    const char *below = own + root_length;
    int length = snprintf(parent, sizeof parent, "%s%s", mount, strcmp(below, "/") == 0 ? "" : below);
    if (length <= 0 || (size_t)length >= sizeof parent)
        return false;
    remove_stale(parent);
    /* The time tells it from one that a killed predecessor of the same number left behind. */
    clock_gettime(CLOCK_BOOTTIME, &now);
    length = snprintf(cgroup->directory, sizeof cgroup->directory, "%s/" CGROUP_PREFIX "%d-%lld%09ld", parent, (int)getpid(),
                      (long long)now.tv_sec, now.tv_nsec);
    return length > 0 && (size_t)length < sizeof cgroup->directory && mkdir(cgroup->directory, 0755) == 0;
}

void cgroup_create(struct cgroup *cgroup)
{
    *cgroup = CGROUP_NONE;
    if (!make_directory(cgroup)) {
        cgroup->directory[0] = '\0';
        return;
    }
    cgroup->lock_fd = open(cgroup->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroup->lock_fd >= 0 && flock(cgroup->lock_fd, LOCK_SH | LOCK_NB) == 0) {
        cgroup->procs_fd = openat(cgroup->lock_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        cgroup->kill_fd = openat(cgroup->lock_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC); /* since Linux 5.14 */
    }
    if (cgroup->procs_fd < 0 || cgroup->kill_fd < 0)
        cgroup_remove(cgroup);
}

static pid_t fork_inside(const struct cgroup *cgroup, int exit_signal)
{
    struct clone_args arguments = { .flags = CLONE_INTO_CGROUP, .exit_signal = (unsigned)exit_signal, .cgroup = (unsigned)cgroup->lock_fd };

    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

/* Whether a child that begins inside lives. Some kernels (seen with Linux 6.18) kill it at birth when cgroup.kill was written once, here
 * or in the cgroup of the caller; older ones and seccomp filters refuse. The file may be written by each of our processes, so nobody
 * knows without a try: a tenth of a millisecond. It ends without SIGCHLD. */
static bool lets_children_begin(const struct cgroup *cgroup)
{
    int status = 0;

    if (cgroup->lock_fd < 0)
        return false;
    pid_t child = fork_inside(cgroup, 0);
    if (child == 0)
        _exit(EXIT_SUCCESS);
    if (child < 0)
        return false;
    while (waitpid(child, &status, __WALL) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

pid_t cgroup_fork(const struct cgroup *cgroup, bool *ret_inside)
{
    *ret_inside = lets_children_begin(cgroup);
    return *ret_inside ? fork_inside(cgroup, SIGCHLD) : fork();
}

bool cgroup_enter(const struct cgroup *cgroup)
{
    return cgroup->procs_fd >= 0 && write(cgroup->procs_fd, "0", 1) == 1;
}

bool cgroup_kill(const struct cgroup *cgroup)
{
    return cgroup->kill_fd >= 0 && pwrite(cgroup->kill_fd, "1", 1, 0) == 1;
}

bool cgroup_unlink(const struct cgroup *cgroup)
{
    return cgroup->directory[0] == '\0' || rmdir(cgroup->directory) == 0 || errno == ENOENT;
}

void cgroup_remove(struct cgroup *cgroup)
{
    if (cgroup->procs_fd >= 0)
        close(cgroup->procs_fd);
    if (cgroup->kill_fd >= 0)
        close(cgroup->kill_fd);
    if (cgroup->lock_fd >= 0)
        close(cgroup->lock_fd);
    cgroup_unlink(cgroup);
    *cgroup = CGROUP_NONE;
}
