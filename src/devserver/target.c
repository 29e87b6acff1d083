/* A request target to path segments and query parameters. Pure. */
#include "devserver/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes in place; -1 for a broken escape or a NUL. */
static int decode(char *text, bool plus_is_space)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from == '%') {
            int high = hex(from[1]);
            int low = high < 0 ? -1 : hex(from[2]);
            if (low < 0 || (high == 0 && low == 0))
                return -1;
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            char c = *from;
            if (c == '+' && plus_is_space)
                c = ' ';
            *to++ = c;
        }
    }
    *to = '\0';
    return 0;
}

static int split_path(char *path, struct devserver_target *ret)
{
    char *rest = path;
    for (char *segment; (segment = strsep(&rest, "/")) != NULL;) {
        if (segment[0] == '\0')
            continue;
        if (ret->segment_count == DEVSERVER_SEGMENTS_MAX || decode(segment, false) < 0)
            return -1;
        ret->segments[ret->segment_count++] = segment;
    }
    return 0;
}

static int split_query(char *query, struct devserver_target *ret)
{
    char *rest = query;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        if (pair[0] == '\0')
            continue;
        char *value = strchr(pair, '=');
        if (value != NULL)
            *value++ = '\0';
        else
            value = pair + strlen(pair);
        if (ret->query_count == DEVSERVER_QUERY_MAX || decode(pair, true) < 0 || decode(value, true) < 0)
            return -1;
        ret->query[ret->query_count++] = (struct devserver_parameter){ pair, value };
    }
    return 0;
}

int devserver_target_parse(const char *text, struct devserver_target *ret)
{
    size_t length = strlen(text);
    char *memory = malloc(2 * length + 2);

    BUG_UNLESS(memory != NULL);
    memset(ret, 0, sizeof *ret);
    char *path = memory, *copy = memory + length + 1;
    memcpy(path, text, length + 1);
    memcpy(copy, text, length + 1);
    char *fragment = strchr(copy, '#');
    if (fragment != NULL)
        *fragment = '\0';
    path[strcspn(path, "?#")] = '\0';
    char *query = strchr(copy, '?');
    if (query != NULL)
        *query++ = '\0';
    ret->memory = memory;
    ret->path = path;
    if (split_path(copy, ret) < 0 || (query != NULL && split_query(query, ret) < 0)) {
        devserver_target_clear(ret);
        return -1;
    }
    return 0;
}

void devserver_target_clear(struct devserver_target *target)
{
    free(target->memory);
    memset(target, 0, sizeof *target);
}

const char *devserver_target_query(const struct devserver_target *target, const char *name)
{
    for (size_t i = 0; i < target->query_count; i++)
        if (strcmp(target->query[i].name, name) == 0)
            return target->query[i].value;
    return NULL;
}

bool devserver_target_flag(const struct devserver_target *target, const char *name)
{
    const char *value = devserver_target_query(target, name);
    return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0;
}
