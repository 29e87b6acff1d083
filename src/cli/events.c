/* Events as lines. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/member_line.h"
#include "cli/text.h"
#include "wire/event_line.h"
#include "wire/times.h"

/* ---- bytes ---- */

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EAGAIN) {
            /* Whoever shares this descriptor made it non-blocking. */
            struct pollfd ready = { .fd = fd, .events = POLLOUT };
            if (poll(&ready, 1, -1) < 0 && errno != EINTR)
                return -1;
            continue;
        }
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* Whether this many bytes can be written now. A pipe that polls as writable takes PIPE_BUF of them; files always do. */
static bool has_room(int fd, size_t size)
{
    struct stat st;
    struct pollfd ready = { .fd = fd, .events = POLLOUT };
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return true;
    return size <= PIPE_BUF && poll(&ready, 1, 0) == 1;
}

/* ---- lines ---- */

static char *text_line(const leasehold_event *e, size_t *ret_size)
{
    char time[TIMES_MICRO_SIZE];
    char *line = NULL;
    leasehold_group *g = leasehold_event_group(e);
    FILE *to = open_memstream(&line, ret_size);
    if (!to)
        return NULL;
    times_format(leasehold_event_wall_us(e), time);
    fprintf(to, "%s %s: ", time, g ? leasehold_group_name(g) : "leasehold");
    text_put(to, leasehold_event_text(e));
    fputc('\n', to);
    if (fclose(to) == 0)
        return line;
    free(line);
    return NULL;
}

/* The line with its end; frees `text`. */
static char *with_end(char *text, size_t *ret_size)
{
    char *line = text ? realloc(text, *ret_size + 2) : NULL;
    if (!line) {
        free(text);
        return NULL;
    }
    memcpy(line + *ret_size, "\n", 2);
    ++*ret_size;
    return line;
}

static char *json_text(const struct event_line *line, size_t *ret_size)
{
    return with_end(event_line_format(line, ret_size), ret_size);
}

char *events_json(const leasehold_event *e, size_t *ret_size)
{
    leasehold_group *g = leasehold_event_group(e);
    int kind = leasehold_event_kind(e);
    if (kind == LEASEHOLD_EVENT_MEMBERS_CHANGED)
        return with_end(members_line(e, ret_size), ret_size);
    bool stops = kind == LEASEHOLD_EVENT_STOP_WORK || kind == LEASEHOLD_EVENT_STOPPED_LEADING;
    const char *reason = kind == LEASEHOLD_EVENT_WARNING ? leasehold_event_text(e)
                         : stops                         ? leasehold_reason_name(leasehold_event_reason(e))
                                                         : "";
    struct event_line line = {
        .event = leasehold_event_name(e),
        .group = g ? leasehold_group_name(g) : "",
        .identity = g ? leasehold_group_identity(g) : "",
        .holder = leasehold_event_holder(e),
        .fencing_token = leasehold_event_token(e),
        .lock_uid = leasehold_event_lock_uid(e),
        .reason = reason,
        .address = kind == LEASEHOLD_EVENT_LEADER_ADDRESS ? leasehold_event_address(e) : NULL,
        .wall_us = leasehold_event_wall_us(e),
        .boottime_ns = leasehold_event_boot_ns(e),
    };
    return json_text(&line, ret_size);
}

/* What is written once there is room again. */
static char *lost_line(const struct event_output *out, size_t *ret_size)
{
    char sentence[128], time[TIMES_MICRO_SIZE];
    char *line = NULL;
    snprintf(sentence, sizeof sentence, "%u events before this one were not written: nobody read them in time", out->lost);
    if (out->json)
        return json_text(
            &(struct event_line){
                .event = "warning", .reason = sentence, .wall_us = session_wall_us(), .boottime_ns = (uint64_t)session_now_ns() },
            ret_size);
    times_format(session_wall_us(), time);
    int size = asprintf(&line, "%s leasehold: %s\n", time, sentence);
    if (size < 0)
        return NULL;
    *ret_size = (size_t)size;
    return line;
}

/* ---- events ---- */

/* Frees `line`. */
static int write_line(const struct event_output *out, char *line, size_t size)
{
    if (!line) {
        errno = ENOMEM;
        return -1;
    }
    int result = write_all(out->fd, line, size);
    free(line);
    return result;
}

bool events_has_line(const leasehold_event *e)
{
    int kind = leasehold_event_kind(e);
    bool in_vain = kind == LEASEHOLD_EVENT_LEADER_ADDRESS && !leasehold_event_address(e)[0];
    return kind != LEASEHOLD_EVENT_EXTENDED && kind != LEASEHOLD_EVENT_CLOSED && !in_vain;
}

int events_write(struct event_output *out, const leasehold_event *e)
{
    if (!events_has_line(e))
        return 0;
    size_t size = 0, lost_size = 0;
    char *lost = out->lost ? lost_line(out, &lost_size) : NULL;
    char *line = out->json ? events_json(e, &size) : text_line(e, &size);
    if (line && out->never_waits && !has_room(out->fd, size + lost_size)) {
        out->lost++;
        free(line);
        free(lost);
        return 0;
    }
    if (out->lost && write_line(out, lost, lost_size) < 0) {
        free(line);
        return -1;
    }
    out->lost = 0;
    return write_line(out, line, size);
}

int events_write_leader(struct event_output *out, const char *group, const struct leasehold_record *record, const char *leader)
{
    struct event_line line = {
        .event = "new_leader", .group = group, .holder = leader, .lock_uid = record->lock_uid, .wall_us = session_wall_us()
    };
    char *text = NULL;
    size_t size = 0;
    line.fencing_token = leader[0] ? record->token : "";
    line.boottime_ns = (uint64_t)session_now_ns();
    if (out->json) {
        text = json_text(&line, &size);
        return write_line(out, text, size);
    }
    FILE *to = leader[0] ? open_memstream(&text, &size) : NULL;
    if (!to)
        return leader[0] ? -1 : 0;
    text_put(to, leader);
    fputc('\n', to);
    if (fclose(to) == 0)
        return write_line(out, text, size);
    free(text);
    errno = ENOMEM;
    return -1;
}

void events_log(void *user, int level, const char *line)
{
    if (level <= *(const int *)user)
        text_complain(NULL, "%s", line);
}
