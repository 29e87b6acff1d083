#include "io/plugin.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/plugin_internal.h"
#include "leasehold/errors.h"

enum { PLUGIN_READS_A_TURN = 16 }; /* of a pipe's worth; the rest waits for the next dispatch */

struct plugin {
    struct loop *loop;
    plugin_fn *fn;
    void *user;
    struct plugin_child child;
    struct loop_watch *out_watch, *err_watch, *pid_watch;
    struct loop_timer limit_timer, poll_timer;
    bool told, reaped;
    size_t size, max;
    size_t complaint_size;
    char complaint[PLUGIN_COMPLAINT_MAX];
    char output[]; /* max + 1 */
};

static void plugin_close(struct plugin *plugin, struct loop_watch **watch, int *fd)
{
    *watch = loop_watch_free(plugin->loop, *watch);
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void plugin_close_pipes(struct plugin *plugin)
{
    plugin_close(plugin, &plugin->out_watch, &plugin->child.out_fd);
    plugin_close(plugin, &plugin->err_watch, &plugin->child.err_fd);
}

/* The last line that has something in it. */
static char *plugin_last_line(char *text)
{
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL)
        text[--size] = '\0';
    char *line = strrchr(text, '\n');
    line = line != NULL ? line + 1 : text;
    line += strspn(line, " \t");
    while ((*line & 0xc0) == 0x80) /* cut in the middle of a character */
        line++;
    return line;
}

static void plugin_tell(struct plugin *plugin, enum plugin_end end, int code, leasehold_time now)
{
    plugin_close_pipes(plugin);
    loop_timer_set(plugin->loop, &plugin->limit_timer, LEASEHOLD_NEVER);
    plugin->told = true;
    plugin->output[plugin->size] = '\0';
    plugin->complaint[plugin->complaint_size] = '\0';
    struct plugin_result result = { end, code, plugin->output, plugin->size, plugin_last_line(plugin->complaint) };
    plugin->fn(plugin->user, &result, now);
}

/* Ends one that is beyond a limit. It is reaped when it is gone, which may take as long as the kernel likes. */
static void plugin_stop(struct plugin *plugin, enum plugin_end end, leasehold_time now)
{
    plugin_kill(&plugin->child);
    plugin_tell(plugin, end, 0, now);
}

/* What one read of stdout came to: more than 0: go on; 0: the end; -1: nothing for now; -2: too much. */
static int plugin_read_output(struct plugin *plugin)
{
    /* One byte beyond the limit is room for its NUL, and tells that there is more. */
    ssize_t n = read(plugin->child.out_fd, plugin->output + plugin->size, plugin->max + 1 - plugin->size);
    if (n < 0)
        return errno == EINTR ? 1 : errno == EAGAIN ? -1 : 0;
    if ((size_t)n > plugin->max - plugin->size)
        return -2;
    plugin->size += (size_t)n;
    return n > 0 ? 1 : 0;
}

static int plugin_read_complaint(struct plugin *plugin)
{
    char text[4096];
    ssize_t n = read(plugin->child.err_fd, text, sizeof(text));
    if (n < 0)
        return errno == EINTR ? 1 : errno == EAGAIN ? -1 : 0;
    for (ssize_t i = 0; i < n; i++)
        if (text[i] == '\0')
            text[i] = '?';
    size_t size = (size_t)n, room = sizeof(plugin->complaint) - 1;
    size_t taken = size < room ? size : room;
    size_t kept = plugin->complaint_size < room - taken ? plugin->complaint_size : room - taken;
    memmove(plugin->complaint, plugin->complaint + plugin->complaint_size - kept, kept);
    memcpy(plugin->complaint + kept, text + size - taken, taken);
    plugin->complaint_size = kept + taken;
    return n > 0 ? 1 : 0;
}

/* Reads what there is now of both; false when it is too much. After its end nothing comes from it any more, though a process that
 * it left behind may hold the pipe for ever. */
static bool plugin_drain(struct plugin *plugin)
{
    int got = 1;
    while (plugin->child.out_fd >= 0 && (got = plugin_read_output(plugin)) > 0)
        ;
    if (got == -2)
        return false;
    for (int i = 0; i < PLUGIN_READS_A_TURN && plugin->child.err_fd >= 0 && plugin_read_complaint(plugin) > 0; i++)
        ;
    return true;
}

/* Looks whether it has ended, and tells. */
static void plugin_look(struct plugin *plugin, leasehold_time now)
{
    enum plugin_end end = PLUGIN_REAPED;
    int code = 0;
    if (plugin_reap(&plugin->child, &end, &code) == PLUGIN_RUNS) {
        if (plugin->child.pid_fd < 0)
            loop_timer_set(plugin->loop, &plugin->poll_timer, time_sum(now.boot_ns, PLUGIN_POLL_MS * INT64_C(1000000)));
        return;
    }
    plugin->reaped = true;
    plugin_close(plugin, &plugin->pid_watch, &plugin->child.pid_fd);
    loop_timer_set(plugin->loop, &plugin->poll_timer, LEASEHOLD_NEVER);
    if (!plugin->told)
        plugin_tell(plugin, plugin_drain(plugin) ? end : PLUGIN_TOO_MUCH, code, now);
}

static void plugin_on_output(void *user, uint32_t events, leasehold_time now)
{
    struct plugin *plugin = user;
    int got = 1;
    (void)events;
    for (int i = 0; i < PLUGIN_READS_A_TURN && got > 0; i++)
        got = plugin_read_output(plugin);
    if (got == -2) {
        plugin_stop(plugin, PLUGIN_TOO_MUCH, now);
    } else if (got == 0) {
        plugin_close(plugin, &plugin->out_watch, &plugin->child.out_fd);
        plugin_look(plugin, now);
    }
}

static void plugin_on_complaint(void *user, uint32_t events, leasehold_time now)
{
    struct plugin *plugin = user;
    (void)events;
    (void)now;
    if (plugin_read_complaint(plugin) == 0)
        plugin_close(plugin, &plugin->err_watch, &plugin->child.err_fd);
}

static void plugin_on_exit(void *user, uint32_t events, leasehold_time now)
{
    (void)events;
    plugin_look(user, now);
}

static void plugin_on_poll(void *user, leasehold_time now)
{
    plugin_look(user, now);
}

static void plugin_on_limit(void *user, leasehold_time now)
{
    plugin_stop(user, PLUGIN_TOO_LONG, now);
}

static int plugin_watch(struct plugin *plugin)
{
    struct loop *loop = plugin->loop;
    const struct plugin_child *child = &plugin->child;
    int error = loop_watch_new(loop, child->out_fd, EPOLLIN, plugin_on_output, plugin, &plugin->out_watch);
    if (error == 0 && child->err_fd >= 0)
        error = loop_watch_new(loop, child->err_fd, EPOLLIN, plugin_on_complaint, plugin, &plugin->err_watch);
    if (error == 0 && child->pid_fd >= 0)
        error = loop_watch_new(loop, child->pid_fd, EPOLLIN, plugin_on_exit, plugin, &plugin->pid_watch);
    return error;
}

int plugin_start(struct loop *loop, const struct plugin_command *command, plugin_fn *fn, void *user, struct plugin **ret_plugin)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin) + command->output_max + 1);
    if (plugin == NULL)
        return LEASEHOLD_ERR_MEMORY;
    plugin->loop = loop;
    plugin->fn = fn;
    plugin->user = user;
    plugin->max = command->output_max;
    loop_timer_init(&plugin->limit_timer, plugin_on_limit, plugin);
    loop_timer_init(&plugin->poll_timer, plugin_on_poll, plugin);
    int error = plugin_spawn(command, &plugin->child);
    if (error != 0) {
        free(plugin);
        return error;
    }
    error = plugin_watch(plugin);
    if (error != 0) {
        int saved = errno;
        plugin_free(plugin);
        errno = saved;
        return error;
    }
    int64_t now = clock_now().boot_ns;
    loop_timer_set(loop, &plugin->limit_timer, time_sum(now, command->limit_ns));
    if (plugin->child.pid_fd < 0)
        loop_timer_set(loop, &plugin->poll_timer, now);
    *ret_plugin = plugin;
    return 0;
}

/* Waits until it is gone, for `left_ms` at most. */
static void plugin_await(const struct plugin *plugin, int left_ms)
{
    enum plugin_end end;
    int code;
    while (plugin_reap(&plugin->child, &end, &code) == PLUGIN_RUNS && left_ms > 0) {
        struct pollfd one = { .fd = plugin->child.pid_fd, .events = POLLIN };
        int step_ms = plugin->child.pid_fd >= 0 ? left_ms : PLUGIN_POLL_MS;
        if (poll(&one, 1, step_ms) <= 0)
            left_ms -= step_ms;
    }
}

struct plugin *plugin_free(struct plugin *plugin)
{
    if (plugin == NULL)
        return NULL;
    plugin_close_pipes(plugin);
    if (!plugin->told)
        plugin_kill(&plugin->child);
    if (!plugin->reaped)
        plugin_await(plugin, plugin->told ? PLUGIN_TOLD_MS : PLUGIN_FREE_MS);
    plugin_close(plugin, &plugin->pid_watch, &plugin->child.pid_fd);
    loop_timer_set(plugin->loop, &plugin->limit_timer, LEASEHOLD_NEVER);
    loop_timer_set(plugin->loop, &plugin->poll_timer, LEASEHOLD_NEVER);
    explicit_bzero(plugin->output, plugin->size);
    free(plugin);
    return NULL;
}
