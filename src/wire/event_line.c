#include "wire/event_line.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "wire/times.h"

/* A string as JSON; what is no UTF-8 (an argument of ours, a host's name) keeps its readable part. */
static json_t *text_of(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    char *copy = strdup(text);
    if (!copy)
        return NULL;
    for (char *at = copy; *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

static json_t *text_or_null(const char *text)
{
    return text && *text ? text_of(text) : json_null();
}

char *event_line_format(const struct event_line *line, size_t *ret_size)
{
    char time[TIMES_MICRO_SIZE];
    times_format(line->wall_us, time);
    json_t *json = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:I}", "event", line->event, "group", text_or_null(line->group),
                             "identity", text_or_null(line->identity), "holder", text_or_null(line->holder), "fencing_token",
                             text_or_null(line->fencing_token), "lock_uid", text_or_null(line->lock_uid), "reason",
                             text_or_null(line->reason), "time", time, "boottime_ns", (json_int_t)line->boottime_ns);
    if (json && line->address)
        json_object_set_new(json, "address", text_or_null(line->address));
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (text)
        *ret_size = strlen(text);
    return text;
}
