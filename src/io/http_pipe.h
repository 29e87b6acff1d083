/* SIGPIPE kept from the host while libcurl writes. Part of the HTTP room, not for others.
 *
 * A library may not change what a signal does in its host. Since 7.87 libcurl writes with MSG_NOSIGNAL even below TLS; before,
 * OpenSSL wrote with write(). There the signal is blocked on this thread around each call and taken away if it came. */
#ifndef LEASEHOLD_IO_HTTP_PIPE_H
#define LEASEHOLD_IO_HTTP_PIPE_H

#include <signal.h>
#include <stdbool.h>

struct http_pipe {
    bool guarded, pending; /* pending: it was the host's before we came */
    sigset_t old;
};

void http_pipe_enter(struct http_pipe *pipe);
void http_pipe_leave(const struct http_pipe *pipe);

#endif
