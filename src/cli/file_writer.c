#include "cli/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The mutex guards all but the paths, which never change; it is held for no system call that could hang. */
struct file_writer {
    pthread_mutex_t mutex;
    pthread_cond_t wanted, ended;
    char *next;       /* to be written; NULL: all is */
    bool closing;     /* the thread ends when all is written */
    bool has_ended;   /* the thread has, or is about to, and leaves the rest to file_writer_close() */
    bool left_behind; /* file_writer_close() waited long enough: the thread frees */
    file_writer_complain_fn *complain;
    char *path, *draft;
};

/* "folder/.name.new": in the same folder, since rename(2) does not leave a file system. Always the same name, so that a process that
 * was killed leaves one draft at most. NULL when out of memory. */
static char *draft_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *draft = NULL;
    int folder = slash ? (int)(slash + 1 - path) : 0;
    return asprintf(&draft, "%.*s.%s.new", folder, path, path + folder) < 0 ? NULL : draft;
}

int file_write_all(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        text += written;
        size -= (size_t)written;
    }
    return 0;
}

/* A draft with this text. Returns 0, or -1 with errno and without the draft. */
static int write_draft(const char *draft, const char *text)
{
    /* What is there is a dead process's, or in a folder that all may write to somebody's trap: never written through. */
    if (unlink(draft) < 0 && errno != ENOENT)
        return -1;
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int result = file_write_all(fd, text, strlen(text));
    if (result == 0)
        result = fchmod(fd, 0644); /* whatever the umask says: the file is for others to read */
    int error = errno;
    if (close(fd) < 0 && result == 0) {
        result = -1; /* a network file system tells it now that its disk is full */
        error = errno;
    }
    if (result < 0)
        unlink(draft);
    errno = error;
    return result;
}

static int replace(const char *path, const char *draft, const char *text)
{
    if (write_draft(draft, text) < 0)
        return -1;
    if (rename(draft, path) == 0)
        return 0;
    int error = errno;
    unlink(draft);
    errno = error;
    return -1;
}

/* ---- at start ---- */

int file_writer_check(const char *path, char sentence[FILE_WRITER_SENTENCE_MAX])
{
    struct stat st;
    size_t length = strlen(path);
    if (length == 0 || path[length - 1] == '/') {
        snprintf(sentence, FILE_WRITER_SENTENCE_MAX, "'%.200s' is no name of a file; write one, as in /run/reports.json", path);
        return -1;
    }
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        snprintf(sentence, FILE_WRITER_SENTENCE_MAX, "'%.200s' is %s, which would be replaced; name a file", path,
                 S_ISDIR(st.st_mode)   ? "a directory"
                 : S_ISLNK(st.st_mode) ? "a symbolic link"
                                       : "a device, socket or pipe");
        return -1;
    }
    char text[128];
    char *draft = draft_of(path);
    int result = draft ? write_draft(draft, "") : -1;
    if (result == 0)
        unlink(draft);
    else
        snprintf(sentence, FILE_WRITER_SENTENCE_MAX, "'%.200s' cannot be written: %s; its folder must be there and be writable", path,
                 strerror_r(draft ? errno : ENOMEM, text, sizeof text));
    free(draft);
    return result;
}

/* ---- the thread ---- */

static void free_writer(struct file_writer *w)
{
    pthread_cond_destroy(&w->wanted);
    pthread_cond_destroy(&w->ended);
    pthread_mutex_destroy(&w->mutex);
    free(w->next);
    free(w->path);
    free(w->draft);
    free(w);
}

/* The next text, the caller's; NULL: there will be none. */
static char *take(struct file_writer *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->next && !w->closing)
        pthread_cond_wait(&w->wanted, &w->mutex);
    char *text = w->next;
    w->next = NULL;
    pthread_mutex_unlock(&w->mutex);
    return text;
}

static void *write_texts(void *user)
{
    struct file_writer *w = user;
    bool complained = false;
    for (char *text; (text = take(w)) != NULL; free(text)) {
        if (replace(w->path, w->draft, text) < 0 && !complained) {
            complained = true;
            w->complain(w->path, errno);
        }
    }
    pthread_mutex_lock(&w->mutex);
    bool left_behind = w->left_behind;
    w->has_ended = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->mutex);
    if (left_behind)
        free_writer(w);
    return NULL;
}

static int start(struct file_writer *w)
{
    pthread_t thread;
    pthread_attr_t detached;
    sigset_t all, before;
    int error = pthread_attr_init(&detached);
    if (error)
        return error;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &detached, write_texts, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return error;
}

int file_writer_open(const char *path, file_writer_complain_fn *complain, struct file_writer **ret)
{
    struct file_writer *w = calloc(1, sizeof *w);
    pthread_condattr_t monotonic;
    if (!w)
        return -1;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wanted, NULL);
    pthread_cond_init(&w->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    w->complain = complain;
    w->path = strdup(path);
    w->draft = draft_of(path);
    int error = w->path && w->draft ? start(w) : ENOMEM;
    if (error) {
        free_writer(w);
        errno = error;
        return -1;
    }
    *ret = w;
    return 0;
}

void file_writer_put(struct file_writer *w, char *text)
{
    pthread_mutex_lock(&w->mutex);
    char *old = w->next;
    w->next = text;
    pthread_cond_signal(&w->wanted);
    pthread_mutex_unlock(&w->mutex);
    free(old);
}

struct file_writer *file_writer_close(struct file_writer *w, int64_t patience_ns)
{
    struct timespec until;
    if (!w)
        return NULL;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t end_ns = until.tv_nsec + patience_ns;
    until.tv_sec += (time_t)(end_ns / 1000000000);
    until.tv_nsec = (long)(end_ns % 1000000000);
    pthread_mutex_lock(&w->mutex);
    w->closing = true;
    pthread_cond_signal(&w->wanted);
    while (!w->has_ended && pthread_cond_timedwait(&w->ended, &w->mutex, &until) != ETIMEDOUT)
        continue;
    w->left_behind = !w->has_ended;
    bool ended = w->has_ended;
    pthread_mutex_unlock(&w->mutex);
    if (ended)
        free_writer(w);
    return NULL;
}
