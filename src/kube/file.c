#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

int kube_fail(char sentence[KUBE_SENTENCE_MAX], int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, KUBE_SENTENCE_MAX, format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    va_end(arguments);
    for (char *c = sentence; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return error;
}

int kube_fail_memory(char sentence[KUBE_SENTENCE_MAX])
{
    return kube_fail(sentence, LEASEHOLD_ERR_MEMORY, "no memory is left to read the Kubernetes configuration");
}

static int file_fail(char reason[KUBE_REASON_MAX], int error_number)
{
    char text[96];
    snprintf(reason, KUBE_REASON_MAX, "%s", strerror_r(error_number, text, sizeof(text)));
    return LEASEHOLD_ERR_CONFIG;
}

/* Waits until a pipe has something, or its last writer is gone; before the first writer came, neither is so. False with errno when
 * that took too long. */
static bool file_pipe_waits(int fd)
{
    struct pollfd one = { .fd = fd, .events = POLLIN };
    int ready = poll(&one, 1, KUBE_PIPE_LIMIT_MS);
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0 || (ready < 0 && errno == EINTR);
}

/* Reads to the end or to one byte more than `max`. Returns the size, or -1 with errno. */
static ssize_t file_read_all(int fd, bool is_pipe, unsigned char *data, size_t max)
{
    size_t size = 0;
    while (size <= max) {
        if (is_pipe && !file_pipe_waits(fd))
            return -1;
        ssize_t n = read(fd, data + size, max + 1 - size);
        if (n < 0 && (errno == EINTR || (is_pipe && errno == EAGAIN)))
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    return (ssize_t)size;
}

static int file_read_open(int fd, bool takes_pipe, size_t max, struct kube_bytes *ret, char reason[KUBE_REASON_MAX])
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return file_fail(reason, errno);
    bool is_pipe = takes_pipe && S_ISFIFO(st.st_mode);
    if (!S_ISREG(st.st_mode) && !is_pipe) {
        snprintf(reason, KUBE_REASON_MAX, "it is %s", S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
        return LEASEHOLD_ERR_CONFIG;
    }
    /* The size may change while it is read: room for what it has now and a little more, never beyond max. */
    size_t room = !is_pipe && st.st_size >= 0 && (uintmax_t)st.st_size < max ? (size_t)st.st_size + 4096 : max;
    room = room < max ? room : max;
    unsigned char *data = malloc(room + 2);
    if (data == NULL) {
        snprintf(reason, KUBE_REASON_MAX, "no memory is left");
        return LEASEHOLD_ERR_MEMORY;
    }
    ssize_t size = file_read_all(fd, is_pipe, data, room);
    if (size >= 0 && (size_t)size <= room) {
        data[size] = '\0';
        *ret = (struct kube_bytes){ data, (size_t)size };
        return 0;
    }
    int error = LEASEHOLD_ERR_CONFIG;
    if (size < 0 && is_pipe && errno == ETIMEDOUT)
        snprintf(reason, KUBE_REASON_MAX, "it is a pipe, and nobody wrote or closed it for %d s", KUBE_PIPE_LIMIT_MS / 1000);
    else if (size < 0)
        error = file_fail(reason, errno);
    else
        snprintf(reason, KUBE_REASON_MAX, "it is larger than %zu bytes", max);
    explicit_bzero(data, room + 2);
    free(data);
    return error;
}

static int file_read_path(const char *path, bool takes_pipe, size_t max, struct kube_bytes *ret, char reason[KUBE_REASON_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return file_fail(reason, errno);
    int error = file_read_open(fd, takes_pipe, max, ret, reason);
    close(fd);
    return error;
}

int kube_file_read(const char *path, size_t max, struct kube_bytes *ret, char reason[KUBE_REASON_MAX])
{
    return file_read_path(path, false, max, ret, reason);
}

int kube_input_read(const char *path, size_t max, struct kube_bytes *ret, char reason[KUBE_REASON_MAX])
{
    return file_read_path(path, true, max, ret, reason);
}

bool kube_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

void kube_bytes_free(struct kube_bytes *bytes)
{
    if (bytes->data != NULL)
        explicit_bzero(bytes->data, bytes->size);
    free(bytes->data);
    *bytes = (struct kube_bytes){ NULL, 0 };
}

char *kube_text_free(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
    return NULL;
}
