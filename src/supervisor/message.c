/* The packets between elector and keeper: whole, checked, never waited for. */
#include "supervisor/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int supervisor_send(int fd, const struct supervisor_message *message)
{
    for (;;) {
        ssize_t sent = send(fd, message, sizeof *message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == (ssize_t)sizeof *message)
            return 0;
        if (sent >= 0)
            return -EPROTO;
        if (errno != EINTR)
            return -errno;
    }
}

static bool ends_within(const char *string, size_t size)
{
    return memchr(string, '\0', size) != NULL;
}

static bool is_message(const struct supervisor_message *m, ssize_t size)
{
    const struct supervisor_start *s = &m->start;

    return size == (ssize_t)sizeof *m && m->kind > SUPERVISOR_MESSAGE_NONE && m->kind < SUPERVISOR_MESSAGE_KINDS &&
           m->stop < SUPERVISOR_STOPS && m->outcome < SUPERVISOR_OUTCOMES && ends_within(s->group, sizeof s->group) &&
           ends_within(s->identity, sizeof s->identity) && ends_within(s->namespace_name, sizeof s->namespace_name) &&
           ends_within(s->lock_uid, sizeof s->lock_uid);
}

int supervisor_receive(int fd, struct supervisor_message *message)
{
    struct supervisor_message m;

    for (;;) {
        /* MSG_TRUNC: the packet's real size, so that a longer one is not taken for one of ours. */
        ssize_t size = recv(fd, &m, sizeof m, MSG_DONTWAIT | MSG_TRUNC);
        if (size == 0)
            return -EPIPE;
        if (size > 0) {
            if (!is_message(&m, size))
                return -EPROTO;
            *message = m;
            return 1;
        }
        if (errno == EAGAIN)
            return 0;
        /* A peer that closed before it had read all gives ECONNRESET once (unix(7)), ahead of the packets that it had sent. */
        if (errno != EINTR && errno != ECONNRESET)
            return -errno;
    }
}
