/* Text of the form `name = value`, as java.util.Properties reads it (class comment of Properties.load): comments with # and !, one of
 * '=', ':' or blanks between name and value, a backslash at a line's end, and escapes.
 *
 * Here: lines into names and values. Not here: what a name means. Pure; works within the text given. */
#ifndef LEASEHOLD_SERVICE_PROPERTIES_H
#define LEASEHOLD_SERVICE_PROPERTIES_H

struct properties {
    char *next; /* the rest of the text */
    int line;   /* number of the line that `next` begins, from 1 */
};

struct property {
    char *name, *value; /* in the text */
    int line;           /* where it begins */
};

/* Reads from `text`, which is changed and must live as long as what is read from it. */
struct properties properties_begin(char *text);

/* The next one. Returns 1 and *ret, 0 at the end, or -1 with ret->line: a name without anything behind it, with ret->name; or with
 * name NULL, an escape \u that is no character. */
int properties_next(struct properties *p, struct property *ret);

#endif
