#include "cli/text.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/times.h"

const char *program_name = "leasehold";

/* ---- characters ---- */

/* Reads one character. Returns its bytes, or 0 for a byte that begins none (overlong forms and surrogates are none). */
static size_t character(const unsigned char *p, uint32_t *ret)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = *p < 0x80 ? 1 : *p >= 0xf0 && *p < 0xf5 ? 4 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xc2 && *p < 0xe0 ? 2 : 0;
    if (size < 2) {
        *ret = *p;
        return size;
    }
    uint32_t c = *p & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fU);
    }
    *ret = c;
    return c < least[size] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : size;
}

static bool can_be_shown(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return false;
    /* Marks of direction, and separators of lines. */
    return !(c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
}

/* Writes to `to`, unless it is NULL; returns the columns. */
static size_t put(FILE *to, const char *text)
{
    size_t columns = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        uint32_t c;
        size_t size = character(p, &c);
        if (size && can_be_shown(c)) {
            if (to)
                fwrite(p, 1, size, to);
            columns++;
            p += size;
            continue;
        }
        for (size_t i = 0; i < (size ? size : 1); i++, p++) {
            if (to)
                fprintf(to, "\\x%02x", *p);
            columns += 4;
        }
    }
    return columns;
}

void text_put(FILE *to, const char *text)
{
    put(to, text);
}

size_t text_width(const char *text)
{
    return put(NULL, text);
}

/* ---- complaints ---- */

void text_complain(const char *command, const char *format, ...)
{
    char *sentence = NULL, *line = NULL;
    size_t size = 0;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&sentence, format, arguments);
    va_end(arguments);
    FILE *to = length < 0 ? NULL : open_memstream(&line, &size);
    if (to) {
        fprintf(to, "leasehold%s%s: ", command ? " " : "", command ? command : "");
        text_put(to, sentence);
        fputc('\n', to);
        if (fclose(to) != 0)
            size = 0;
    }
    if (size > PIPE_BUF) {
        size = PIPE_BUF;
        line[size - 1] = '\n';
    }
    struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
    /* A failure here has nobody left to be told to. */
    if (size && poll(&ready, 1, 0) == 1 && write(STDERR_FILENO, line, size) < 0)
        size = 0;
    free(line);
    if (length >= 0)
        free(sentence);
}

/* ---- durations ---- */

_Static_assert((int)TEXT_AGE_SIZE >= (int)TIMES_DURATION_SIZE, "an age has room");

void text_age(int64_t us, char ret[TEXT_AGE_SIZE])
{
    int64_t ns = us < 0 ? 0 : us > INT64_MAX / 1000 ? INT64_MAX : us * 1000;
    int64_t unit = ns >= INT64_C(10000000000) ? INT64_C(1000000000) : 1000000;
    times_duration_format(ns / unit * unit, ret);
}

/* ---- tables ---- */

void table_add(struct table *t, const char *cell)
{
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        char **cells = realloc(t->cells, room * sizeof *cells);
        if (!cells) {
            t->failed = 1;
            return;
        }
        t->cells = cells;
        t->room = room;
    }
    char *copy = strdup(cell);
    if (!copy)
        t->failed = 1;
    else
        t->cells[t->count++] = copy;
}

static void print_row(char *const *cells, size_t columns, const size_t *widths, FILE *to)
{
    for (size_t i = 0; i < columns; i++) {
        text_put(to, cells[i]);
        if (i + 1 < columns)
            fprintf(to, "%*s", (int)(widths[i] - text_width(cells[i])) + 2, "");
    }
    fputc('\n', to);
}

int table_print(struct table *t, FILE *to)
{
    size_t widths[TABLE_COLUMNS_MAX] = { 0 };
    for (size_t i = 0; i < t->count; i++) {
        size_t width = text_width(t->cells[i]);
        if (width > widths[i % t->columns])
            widths[i % t->columns] = width;
    }
    for (size_t i = 0; i + t->columns <= t->count && !t->failed; i += t->columns)
        print_row(t->cells + i, t->columns, widths, to);
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i]);
    free(t->cells);
    int result = t->failed ? -1 : 0;
    *t = (struct table){ .columns = t->columns };
    return result;
}
