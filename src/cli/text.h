/* Text that others chose (holders, servers' sentences) on a person's terminal, in lines and in columns.
 *
 * Here: spelling and padding. Not here: what is said, and JSON, which escapes by itself (src/wire/event_line.h). */
#ifndef LEASEHOLD_CLI_TEXT_H
#define LEASEHOLD_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* "leasehold", or "kubectl leasehold" where kubectl called us; for usage lines. */
extern const char *program_name;

/* Writes text as it can be shown: control characters, marks that turn the direction of writing, and bytes that are no UTF-8 are
 * written as \x1b. Whoever may write a lock must not steer the terminal of whoever reads it, nor begin a new line there. */
void text_put(FILE *to, const char *text);

/* Columns that text_put() takes, at one for each character. */
size_t text_width(const char *text);

/* One sentence on stderr, behind "leasehold COMMAND: " ("leasehold: " for NULL) and as text_put() writes it, in one write(2) of
 * at most PIPE_BUF bytes. Nobody waits for a stderr that is not read: it is dropped then. */
void text_complain(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum { TEXT_AGE_SIZE = 48 };
/* A length of time that people compare: to the second from ten seconds on, else to the millisecond. */
void text_age(int64_t us, char ret[TEXT_AGE_SIZE]);

enum { TABLE_COLUMNS_MAX = 13 };

/* A table whose columns are as wide as their widest cell. Start with { .columns = n }. */
struct table {
    size_t columns, count, room;
    char **cells; /* row after row */
    int failed;   /* out of memory */
};

/* The next cell, from left to right and top to bottom; it is copied. */
void table_add(struct table *t, const char *cell);
/* Prints all rows and empties the table. Returns 0, or -1 when memory ran out: nothing was printed then. */
int table_print(struct table *t, FILE *to);

#endif
