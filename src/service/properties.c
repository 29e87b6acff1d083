#include "service/properties.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char blanks[] = " \t\f\r";

struct properties properties_begin(char *text)
{
    return (struct properties){ text, 1 };
}

/* The line's end within the text is made its NUL. */
static char *take_line(struct properties *p)
{
    char *line = p->next, *end = strpbrk(line, "\r\n");
    p->next = NULL;
    p->line++;
    if (end) {
        bool both = end[0] == '\r' && end[1] == '\n';
        *end = '\0';
        p->next = end + 1 + both;
    }
    return line + strspn(line, blanks);
}

static bool goes_on(const char *line)
{
    size_t size = strlen(line), slashes = 0;
    while (slashes < size && line[size - 1 - slashes] == '\\')
        slashes++;
    return slashes % 2 == 1;
}

/* Joins the lines that a backslash continues; they only move to the front. */
static char *take_logical_line(struct properties *p)
{
    char *line = take_line(p);
    while (line[0] != '#' && line[0] != '!' && goes_on(line)) {
        char *end = line + strlen(line) - 1;
        *end = '\0';
        if (!p->next)
            break;
        const char *more = take_line(p);
        memmove(end, more, strlen(more) + 1);
    }
    return line;
}

static int hex4(const char *text, uint32_t *ret)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | (uint32_t)digit;
    }
    *ret = value;
    return 0;
}

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

/* Behind "\u": one character, of two escapes where it takes two. Returns what follows, or NULL. */
static const char *take_unicode(const char *from, char **to)
{
    uint32_t c, low;
    if (hex4(from, &c) < 0 || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
        return NULL;
    from += 4;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (from[0] != '\\' || from[1] != 'u' || hex4(from + 2, &low) < 0 || low < 0xdc00 || low > 0xdfff)
            return NULL;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        from += 6;
    }
    *to = put_utf8(*to, c);
    return from;
}

/* In place: an escape is never shorter than what it means. Returns 0, or -1. */
static int unescape(char *text)
{
    static const char named[] = "tnrf", meant[] = "\t\n\r\f";
    char *to = text;
    const char *from = text;
    while (*from) {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        from++;
        const char *at = *from ? strchr(named, *from) : NULL;
        if (*from == 'u') {
            from = take_unicode(from + 1, &to);
            if (!from)
                return -1;
        } else if (*from) {
            *to = *from;
            if (at)
                *to = meant[at - named];
            to++;
            from++;
        }
    }
    *to = '\0';
    return 0;
}

/* The first of `=`, `:` or a blank that no backslash stands before. */
static char *end_of_name(char *line)
{
    for (; *line; line++) {
        if (*line == '\\' && line[1])
            line++;
        else if (strchr("=: \t\f", *line))
            break;
    }
    return line;
}

static void cut_blanks(char *text)
{
    size_t size = strlen(text);
    while (size > 0 && strchr(blanks, text[size - 1]) && !(size > 1 && text[size - 2] == '\\'))
        text[--size] = '\0';
}

int properties_next(struct properties *p, struct property *ret)
{
    while (p->next) {
        int number = p->line;
        char *line = take_logical_line(p);
        if (!line[0] || line[0] == '#' || line[0] == '!')
            continue;
        char *end = end_of_name(line), *value = end + strspn(end, blanks);
        bool separated = *value == '=' || *value == ':';
        if (separated)
            value += 1 + strspn(value + 1, blanks);
        *ret = (struct property){ line, value, number };
        if (!separated && !*value)
            return -1;
        *end = '\0';
        cut_blanks(value);
        if (unescape(line) < 0 || unescape(value) < 0) {
            ret->name = NULL;
            return -1;
        }
        return 1;
    }
    return 0;
}
