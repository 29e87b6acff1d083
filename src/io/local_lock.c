#include "io/local_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <leasehold/errors.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { TEXT_MAX = 256, OPEN_TRIES = 16 };

static int __attribute__((format(printf, 3, 4))) refuse(char *sentence, int error, const char *format, ...)
{
    int reason = errno;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, LOCAL_LOCK_SENTENCE_MAX, format, arguments);
    va_end(arguments);
    errno = reason;
    return error;
}

/* ---- the lock ----------------------------------------------------------------------------------------------------- */

/* Where flock() is the server's matter, or a user's program's, two machines may both have it. */
static bool is_local(int fd)
{
    static const unsigned long remote[] = { NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC, FUSE_SUPER_MAGIC,
                                            V9FS_MAGIC,      CEPH_SUPER_MAGIC, AFS_FS_MAGIC,     AFS_SUPER_MAGIC,  CODA_SUPER_MAGIC };
    struct statfs s;
    if (fstatfs(fd, &s) != 0)
        return false;
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        if ((unsigned long)(s.f_type & 0xffffffff) == remote[i])
            return false;
    return true;
}

/* Returns 1, 0 or an error as local_lock_take() does. */
static int lock(const char *path, int fd, char *sentence)
{
    struct stat file;
    if (fstat(fd, &file) != 0)
        return refuse(sentence, LEASEHOLD_ERR_SYSTEM, "local lock %.200s is no open file (%m)", path);
    if (!S_ISREG(file.st_mode)) {
        errno = EINVAL;
        return refuse(sentence, LEASEHOLD_ERR_SYSTEM, "local lock %.200s is not a regular file: name one that may be made there", path);
    }
    if (!is_local(fd))
        return refuse(sentence, LEASEHOLD_ERR_UNSUPPORTED,
                      "local lock %.200s is not on a local file system, so another machine may not see it locked: name a file on a local "
                      "disk or a tmpfs",
                      path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 1;
    if (errno == EWOULDBLOCK)
        return refuse(sentence, 0,
                      "local lock %.200s is held: another candidate of this identity, or work of one, lives on this machine; its lease is "
                      "waited for as anybody else's",
                      path);
    return refuse(sentence, LEASEHOLD_ERR_SYSTEM, "local lock %.200s cannot be locked (%m)", path);
}

static int take_descriptor(const char *path, int *ret_fd, char *sentence)
{
    char *end;
    errno = 0;
    long fd = strtol(path + 3, &end, 10);
    if (path[3] < '0' || path[3] > '9' || *end || errno || fd > INT_MAX) {
        errno = EINVAL;
        return refuse(sentence, LEASEHOLD_ERR_SYSTEM,
                      "local lock %.80s is no descriptor; write fd:N with the N of a locked file, or a path", path);
    }
    int result = lock(path, (int)fd, sentence);
    *ret_fd = result == 1 ? (int)fd : -1;
    return result;
}

/* Where a program was started without stdin the lowest number is free, but means something to those who inherit it. */
static int above_stdio(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int copy = fcntl(fd, F_DUPFD, 3), reason = errno;
    close(fd);
    errno = reason;
    return copy;
}

int local_lock_take(const char *path, int *ret_fd, char sentence[LOCAL_LOCK_SENTENCE_MAX])
{
    *ret_fd = -1;
    if (strncmp(path, "fd:", 3) == 0)
        return take_descriptor(path, ret_fd, sentence);
    for (int i = 0; i < OPEN_TRIES; i++) {
        struct stat file, there;
        /* Not O_CLOEXEC: what the candidate starts is its work. O_NONBLOCK: a FIFO is refused, not waited for. */
        int fd = above_stdio(open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600));
        if (fd < 0)
            return refuse(sentence, LEASEHOLD_ERR_SYSTEM, "local lock %.200s cannot be opened (%m): name a file in a folder that is there",
                          path);
        int result = lock(path, fd, sentence);
        /* A file that was replaced before it was locked is not the one that others will look at. */
        if (result == 1 && fstat(fd, &file) == 0 && stat(path, &there) == 0 && file.st_ino == there.st_ino && file.st_dev == there.st_dev) {
            *ret_fd = fd;
            return 1;
        }
        int reason = errno;
        close(fd);
        errno = reason;
        if (result != 1)
            return result;
    }
    errno = EAGAIN;
    return refuse(sentence, LEASEHOLD_ERR_SYSTEM, "local lock %.200s is replaced again and again: let nobody else write it", path);
}

/* ---- the nonces in it --------------------------------------------------------------------------------------------- */

/* The inode is in the text, so that a copy of the file names nobody. */
static int head(int fd, char text[TEXT_MAX])
{
    struct stat file;
    if (fstat(fd, &file) != 0)
        return -1;
    return snprintf(text, TEXT_MAX, "leasehold local lock 1\ninode %ju\n", (uintmax_t)file.st_ino);
}

static void read_predecessors(int fd, uint64_t predecessors[LOCAL_LOCK_PREDECESSORS])
{
    char text[TEXT_MAX] = "", expected[TEXT_MAX];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    int head_size = head(fd, expected);
    if (size <= 0 || head_size < 0 || strncmp(text, expected, (size_t)head_size) != 0)
        return;
    const char *at = text + head_size;
    for (int i = 0; i < LOCAL_LOCK_PREDECESSORS; i++) {
        char *end;
        uint64_t nonce = strncmp(at, "nonce ", 6) == 0 ? strtoull(at + 6, &end, 16) : 0;
        /* Sixteen digits and a line's end: one that was cut by a full disk is nobody's. */
        if (!nonce || end != at + 22 || *end != '\n')
            return;
        predecessors[i] = nonce;
        at = end + 1;
    }
}

int local_lock_claim(int fd, uint64_t own, uint64_t predecessors[LOCAL_LOCK_PREDECESSORS])
{
    char text[TEXT_MAX];
    memset(predecessors, 0, LOCAL_LOCK_PREDECESSORS * sizeof *predecessors);
    read_predecessors(fd, predecessors);
    int used = head(fd, text);
    if (used < 0)
        return LEASEHOLD_ERR_SYSTEM;
    used += snprintf(text + used, sizeof text - (size_t)used, "nonce %016" PRIx64 "\n", own);
    for (int i = 0; i < LOCAL_LOCK_PREDECESSORS - 1 && predecessors[i]; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "nonce %016" PRIx64 "\n", predecessors[i]);
    /* Older lines that a shorter text leaves behind are of processes that have ended, too. */
    if (pwrite(fd, text, (size_t)used, 0) != used || ftruncate(fd, used) != 0)
        return LEASEHOLD_ERR_SYSTEM;
    return 0;
}
