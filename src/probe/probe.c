#include "probe/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "election/bug.h"
#include "probe/internal.h"
#include "service/thread.h"

static void ring(int fd)
{
    uint64_t one = 1;
    (void)!write(fd, &one, sizeof one); /* full: it is readable, which is all that is wanted */
}

static void hush(int fd)
{
    uint64_t count;
    (void)!read(fd, &count, sizeof count);
}

/* ---- on the thread ------------------------------------------------------------------------------------------------ */

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    struct probe *p = user;
    (void)what;
    hush(fd);
    pthread_mutex_lock(&p->lock);
    bool ends = p->ends;
    pthread_mutex_unlock(&p->lock);
    if (ends) {
        event_base_loopbreak(p->base);
        return;
    }
    probe_serve_waiters(p);
    probe_serve_readers(p);
    probe_schedule(p);
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct probe *p = user;
    (void)fd;
    (void)what;
    probe_serve_waiters(p);
    probe_keep_alive(p);
    probe_schedule(p);
}

void probe_schedule(struct probe *p)
{
    struct timeval after = { .tv_sec = p->waiters ? 1 : PROBE_KEEPALIVE_S };
    if (p->readers || p->waiters)
        event_add(p->on_tick, &after);
    else
        event_del(p->on_tick);
}

static void *work(void *data)
{
    struct probe *p = data;
    event_base_dispatch(p->base);
    return NULL;
}

/* ---- from the loop ------------------------------------------------------------------------------------------------ */

int probe_fd(const struct probe *p)
{
    return p->ask_fd;
}

void probe_turned(struct probe *p)
{
    hush(p->ask_fd);
    pthread_mutex_lock(&p->lock);
    p->turned = p->asked;
    pthread_mutex_unlock(&p->lock);
    ring(p->wake_fd);
}

void probe_tell(struct probe *p, const char *name, const char *line, size_t size)
{
    char *text = NULL;
    size_t text_size = 0;
    FILE *to = open_memstream(&text, &text_size);
    if (!to)
        return;
    fprintf(to, "event: %s\ndata: ", name);
    fwrite(line, 1, size, to);
    fputs("\n\n", to);
    if (fclose(to) != 0) {
        free(text);
        return;
    }
    pthread_mutex_lock(&p->lock);
    struct probe_line *slot = &p->lines[p->line_count++ % PROBE_LINES_MAX];
    free(slot->text);
    *slot = (struct probe_line){ text, text_size };
    pthread_mutex_unlock(&p->lock);
    ring(p->wake_fd);
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

static void set_up_loop(struct probe *p, int listening)
{
    /* As httpd does: without memory for its first few bytes there is nothing to serve. */
    p->base = event_base_new();
    BUG_UNLESS(p->base);
    p->on_wake = event_new(p->base, p->wake_fd, EV_READ | EV_PERSIST, on_wake, p);
    p->on_tick = event_new(p->base, -1, 0, on_tick, p);
    BUG_UNLESS(p->on_wake && p->on_tick && event_add(p->on_wake, NULL) == 0);
    p->httpd = httpd_open(p->base, PROBE_CONNECTIONS_MAX, probe_answer, p);
    httpd_listen(p->httpd, listening);
}

/* But the thread. */
static void take_down(struct probe *p)
{
    if (p->httpd) {
        httpd_close_all(p->httpd);
        httpd_close(p->httpd);
    }
    BUG_UNLESS(!p->readers && !p->waiters);
    if (p->on_wake)
        event_free(p->on_wake);
    if (p->on_tick)
        event_free(p->on_tick);
    if (p->base)
        event_base_free(p->base);
    for (size_t i = 0; i < PROBE_LINES_MAX; i++)
        free(p->lines[i].text);
    close(p->wake_fd);
    close(p->ask_fd);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int probe_open(struct probe **ret, int listening, leasehold_group *const *groups, size_t group_count, char sentence[PROBE_SENTENCE_MAX])
{
    BUG_UNLESS(group_count > 0 && group_count <= PROBE_GROUPS_MAX);
    struct probe *p = calloc(1, sizeof *p);
    if (!p || (p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        snprintf(sentence, PROBE_SENTENCE_MAX, "cannot serve --http: %m");
        free(p);
        close(listening);
        return -1;
    }
    pthread_mutex_init(&p->lock, NULL);
    p->ask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < group_count; i++)
        p->groups[i] = groups[i];
    p->group_count = group_count;
    set_up_loop(p, listening);
    if (p->ask_fd < 0 || thread_start(&p->thread, work, p) < 0) {
        snprintf(sentence, PROBE_SENTENCE_MAX, "cannot serve --http: %m");
        take_down(p);
        return -1;
    }
    *ret = p;
    return 0;
}

struct probe *probe_close(struct probe *p)
{
    if (!p)
        return NULL;
    pthread_mutex_lock(&p->lock);
    p->ends = true;
    pthread_mutex_unlock(&p->lock);
    ring(p->wake_fd);
    pthread_join(p->thread, NULL);
    take_down(p);
    return NULL;
}
