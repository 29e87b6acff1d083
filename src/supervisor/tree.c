/* One scan of /proc: numbers and parents into a table, ascending as the kernel lists them; branches are then marked by looking
 * each parent up. No allocation: the keeper scans while it is short of everything. */
#include "supervisor/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TREE_STAT_MAX = 1024, TREE_DENTS = 16384, TREE_CHILDREN_TEXT = 8192 };

enum tree_mark { TREE_UNKNOWN = 0, TREE_INSIDE, TREE_OUTSIDE };

struct tree_entry {
    struct tree_process process;
    enum tree_mark mark;
};

/* As the kernel writes it, see getdents(2); glibc has no declaration. */
struct tree_dirent {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

static struct tree_entry entries[TREE_PROCESSES_MAX];

int tree_open(void)
{
    char self[32];
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    ssize_t length = readlinkat(fd, "self", self, sizeof self - 1);
    if (length > 0) {
        self[length] = '\0';
        if (strtol(self, NULL, 10) == getpid())
            return fd;
    }
    close(fd);
    errno = ENOTSUP;
    return -1;
}

int tree_parse_stat(const char *text, struct tree_process *process)
{
    enum { STATE = 3, PARENT = 4, THREADS = 20, START = 22 }; /* numbered as in proc_pid_stat(5) */
    /* The name in parentheses may hold anything, ") S 1" too: the fields start behind the last one. */
    const char *at = strrchr(text, ')');
    struct tree_process found = *process;
    char state, *end;

    if (at == NULL || at[1] != ' ' || at[2] == '\0')
        return -1;
    state = at[2];
    at += 3;
    for (int field = STATE + 1; field <= START; field++, at = end) {
        unsigned long long value = strtoull(at, &end, 10);
        if (end == at)
            return -1;
        if (field == PARENT)
            found.parent = (pid_t)value;
        else if (field == THREADS)
            /* A thread group whose leader has ended shows Z while other threads go on working. */
            found.alive = (state != 'Z' && state != 'X') || value > 1;
        else if (field == START)
            found.start = value;
    }
    *process = found;
    return 0;
}

/* Reads a small file of /proc whole. Returns its length, or -1. */
static ssize_t read_file(int dir, const char *name, char *text, size_t text_size)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    ssize_t size = read(fd, text, text_size - 1);
    close(fd);
    if (size >= 0)
        text[size] = '\0';
    return size;
}

static int read_stat(int dir, const char *name, struct tree_process *process)
{
    char text[TREE_STAT_MAX];

    return read_file(dir, name, text, sizeof text) > 0 ? tree_parse_stat(text, process) : -1;
}

static int open_process(int proc_fd, pid_t pid)
{
    char name[16];

    snprintf(name, sizeof name, "%d", (int)pid);
    return openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool send_signal(int dir, pid_t pid, int signal)
{
    if (syscall(SYS_pidfd_send_signal, dir, signal, NULL, 0) == 0)
        return true;
    return errno == ENOSYS && kill(pid, signal) == 0;
}

/* Signals the process that was found, or nobody. */
static void signal_process(int proc_fd, const struct tree_process *found, int signal)
{
    struct tree_process present;
    int dir = open_process(proc_fd, found->pid);

    if (dir < 0)
        return;
    if (read_stat(dir, "stat", &present) == 0 && present.start == found->start)
        send_signal(dir, found->pid, signal);
    close(dir);
}

static bool is_spared(const struct tree_spared *spared, pid_t pid)
{
    for (size_t i = 0; spared != NULL && i < spared->count; i++)
        if (spared->pid[i] == pid)
            return true;
    return false;
}

/* Appends the children of `parent` that its first thread has forked. Returns the new count, or -1. */
static int append_children(int proc_fd, pid_t parent, struct tree_process *list, int count)
{
    char text[TREE_CHILDREN_TEXT], name[48], *at = text, *end;

    snprintf(name, sizeof name, "%d/task/%d/children", (int)parent, (int)parent);
    if (read_file(proc_fd, name, text, sizeof text) < 0)
        return -1;
    for (; count < TREE_QUICK_MAX; count++, at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at || *end != ' ') /* a number at the buffer's end may be cut */
            break;
        list[count] = (struct tree_process){ .pid = (pid_t)pid, .parent = parent };
    }
    return count;
}

int tree_signal_quick(int proc_fd, pid_t root, const struct tree_spared *spared, int signal)
{
    static struct tree_process list[TREE_QUICK_MAX];
    int count = append_children(proc_fd, root, list, 0), signalled = 0;

    if (count < 0)
        return -1;
    for (int i = 0; i < count; i++) {
        if (is_spared(spared, list[i].pid))
            continue;
        int more = append_children(proc_fd, list[i].pid, list, count);
        count = more < 0 ? count : more;
    }
    for (int i = 0; i < count; i++) {
        struct tree_process present = { .pid = list[i].pid };
        int dir = is_spared(spared, list[i].pid) ? -1 : open_process(proc_fd, list[i].pid);
        if (dir < 0)
            continue;
        if (read_stat(dir, "stat", &present) != 0 || !present.alive)
            present.parent = 0;
        /* Still of this tree, or an orphan come up to its root since its parent was hit a moment ago. A number that was used
         * again there is as good. */
        if ((present.parent == list[i].parent || present.parent == root) && send_signal(dir, list[i].pid, signal))
            signalled++;
        close(dir);
    }
    return signalled;
}

/* Handles one name of /proc. Returns the number of entries after it. */
static size_t take_name(int proc_fd, const char *name, size_t count, pid_t root, int signal)
{
    char file[32], *end;
    long pid = strtol(name, &end, 10);

    if (end == name || *end != '\0' || pid <= 0)
        return count;
    struct tree_process process = { .pid = (pid_t)pid };
    snprintf(file, sizeof file, "%ld/stat", pid);
    if (read_stat(proc_fd, file, &process) != 0)
        return count;
    if (count < TREE_PROCESSES_MAX) {
        entries[count] = (struct tree_entry){ process, TREE_UNKNOWN };
        return count + 1;
    }
    /* No room: orphans come up to `root` one by one, so its own children are enough for a caller that repeats. */
    if (process.parent == root && process.alive && signal != 0)
        signal_process(proc_fd, &process, signal);
    return count;
}

static int compare_entries(const void *a, const void *b)
{
    pid_t left = ((const struct tree_entry *)a)->process.pid, right = ((const struct tree_entry *)b)->process.pid;
    return left < right ? -1 : left > right;
}

/* Fills entries[], ascending. Returns their number, or -1. */
static ssize_t scan(int proc_fd, pid_t root, int signal)
{
    static char buffer[TREE_DENTS] __attribute__((aligned(8)));
    size_t count = 0;
    bool sorted = true;

    if (lseek(proc_fd, 0, SEEK_SET) < 0)
        return -1;
    for (;;) {
        long size = syscall(SYS_getdents64, proc_fd, buffer, sizeof buffer);
        if (size < 0)
            return -1;
        if (size == 0)
            break;
        for (long at = 0; at < size;) {
            const struct tree_dirent *entry = (const struct tree_dirent *)(const void *)(buffer + at);
            size_t before = count;
            count = take_name(proc_fd, entry->name, count, root, signal);
            if (count > before && before > 0 && entries[before].process.pid < entries[before - 1].process.pid)
                sorted = false;
            at += entry->length;
        }
    }
    if (!sorted)
        qsort(entries, count, sizeof entries[0], compare_entries);
    return (ssize_t)count;
}

static struct tree_entry *find(size_t count, pid_t pid)
{
    struct tree_entry key = { .process = { .pid = pid } };
    return bsearch(&key, entries, count, sizeof entries[0], compare_entries);
}

/* Walks up from an entry until a mark, `root` or the top is met, then marks the way. */
static enum tree_mark mark_branch(size_t count, struct tree_entry *entry, pid_t root)
{
    enum tree_mark mark = TREE_OUTSIDE;
    size_t steps = 0;

    for (struct tree_entry *at = entry; at != NULL && steps <= count; at = find(count, at->process.parent), steps++) {
        if (at->mark != TREE_UNKNOWN) {
            mark = at->mark;
            break;
        }
        if (at->process.parent == root) {
            mark = TREE_INSIDE;
            break;
        }
    }
    for (struct tree_entry *at = entry; at != NULL && at->mark == TREE_UNKNOWN && at->process.pid != root && steps > 0;
         at = find(count, at->process.parent), steps--)
        at->mark = mark;
    entry->mark = mark;
    return mark;
}

int tree_signal(int proc_fd, pid_t root, const struct tree_spared *spared, int signal)
{
    int living = 0;
    ssize_t count = scan(proc_fd, root, signal);

    if (count < 0)
        return -1;
    for (size_t i = 0; spared != NULL && i < spared->count; i++) {
        struct tree_entry *entry = find((size_t)count, spared->pid[i]);
        if (entry != NULL)
            entry->mark = TREE_OUTSIDE;
    }
    struct tree_entry *top = find((size_t)count, root);
    if (top != NULL)
        top->mark = TREE_OUTSIDE;
    for (ssize_t i = 0; i < count; i++) {
        struct tree_entry *entry = &entries[i];
        if (mark_branch((size_t)count, entry, root) != TREE_INSIDE || !entry->process.alive)
            continue;
        living++;
        if (signal != 0)
            signal_process(proc_fd, &entry->process, signal);
    }
    return living;
}

int tree_children(int proc_fd, pid_t root, struct tree_spared *spared)
{
    ssize_t count = scan(proc_fd, root, 0);

    if (count < 0)
        return -1;
    spared->count = 0;
    for (ssize_t i = 0; i < count; i++) {
        if (entries[i].process.parent != root)
            continue;
        if (spared->count == TREE_SPARED_MAX) {
            errno = ENOSPC;
            return -1;
        }
        spared->pid[spared->count++] = entries[i].process.pid;
    }
    return 0;
}
