#include "io/http_pipe.h"

#include <curl/curl.h>
#include <time.h>

enum { HTTP_PIPE_NEEDED_BEFORE = 0x075700 };

static void http_pipe_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
}

void http_pipe_enter(struct http_pipe *pipe)
{
    sigset_t set, pending;
    pipe->guarded = curl_version_info(CURLVERSION_NOW)->version_num < HTTP_PIPE_NEEDED_BEFORE;
    if (!pipe->guarded)
        return;
    pipe->pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
    http_pipe_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, &pipe->old);
}

void http_pipe_leave(const struct http_pipe *pipe)
{
    sigset_t set, pending;
    if (!pipe->guarded)
        return;
    http_pipe_set(&set);
    if (!pipe->pending && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1)
        (void)sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 });
    pthread_sigmask(SIG_SETMASK, &pipe->old, NULL);
}
