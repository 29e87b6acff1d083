#include "supervisor/family.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int control_send(int fd, enum control_kind kind, int value, const char *format, ...)
{
    struct control control = { .kind = (int32_t)kind, .value = value };

    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(control.text, sizeof control.text, format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized) */
        va_end(arguments);
    }
    for (;;) {
        if (send(fd, &control, sizeof control, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof control)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

int control_receive(int fd, struct control *control)
{
    for (;;) {
        ssize_t size = recv(fd, control, sizeof *control, MSG_DONTWAIT | MSG_TRUNC);
        if (size == (ssize_t)sizeof *control && control->kind > CONTROL_NONE && control->kind < CONTROL_KINDS &&
            memchr(control->text, '\0', sizeof control->text) != NULL)
            return 1;
        if (size == 0)
            return -EPIPE;
        if (size > 0)
            return -EPROTO;
        if (errno == EAGAIN)
            return 0;
        /* ECONNRESET: see supervisor_receive(); what the peer had sent is still to come. */
        if (errno != EINTR && errno != ECONNRESET)
            return -errno;
    }
}

int family_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0); /* always close-on-exec */
}
