/* Events as lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "wire/event_line.h"
#include "wire/times.h"

int events_write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static char *text_line(const leasehold_event *e, size_t *ret_size)
{
    char time[TIMES_MICRO_SIZE];
    char *line = NULL;
    leasehold_group *g = leasehold_event_group(e);
    times_format(leasehold_event_wall_us(e), time);
    int size = asprintf(&line, "%s %s: %s\n", time, g ? leasehold_group_name(g) : "leasehold", leasehold_event_text(e));
    if (size < 0)
        return NULL;
    *ret_size = (size_t)size;
    return line;
}

static char *json_line(const leasehold_event *e, size_t *ret_size)
{
    leasehold_group *g = leasehold_event_group(e);
    int kind = leasehold_event_kind(e);
    bool stops = kind == LEASEHOLD_EVENT_STOP_WORK || kind == LEASEHOLD_EVENT_STOPPED_LEADING;
    const char *reason = kind == LEASEHOLD_EVENT_WARNING ? leasehold_event_text(e) : stops ? leasehold_reason_name(leasehold_event_reason(e)) : "";
    struct event_line line = {
        .event = leasehold_event_name(e),
        .group = g ? leasehold_group_name(g) : "",
        .identity = g ? leasehold_group_identity(g) : "",
        .holder = leasehold_event_holder(e),
        .fencing_token = leasehold_event_token(e),
        .lock_uid = leasehold_event_lock_uid(e),
        .reason = reason,
        .wall_us = leasehold_event_wall_us(e),
        .boottime_ns = leasehold_event_boot_ns(e),
    };
    char *text = event_line_format(&line, ret_size);
    char *with_end = text ? realloc(text, *ret_size + 2) : NULL;
    if (!with_end) {
        free(text);
        return NULL;
    }
    memcpy(with_end + *ret_size, "\n", 2);
    ++*ret_size;
    return with_end;
}

int events_write(const struct event_output *out, const leasehold_event *e)
{
    int kind = leasehold_event_kind(e);
    if (kind == LEASEHOLD_EVENT_EXTENDED || kind == LEASEHOLD_EVENT_CLOSED)
        return 0;
    size_t size = 0;
    char *line = out->json ? json_line(e, &size) : text_line(e, &size);
    if (!line) {
        errno = ENOMEM;
        return -1;
    }
    int result = events_write_all(out->fd, line, size);
    free(line);
    return result;
}

void events_log(void *user, int level, const char *line)
{
    if (level <= *(const int *)user)
        fprintf(stderr, "leasehold: %s\n", line);
}
