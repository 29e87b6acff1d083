#include "store/selector.h"

#include "election/bug.h"
#include "store/store.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

struct reader {
    const char *text;
    const char *p;
    char *error;
    size_t error_size;
};

static int refuse(struct reader *r, const char *why)
{
    snprintf(r->error, r->error_size, "unable to parse requirement: %s at character %zu of \"%.256s\"", why, (size_t)(r->p - r->text) + 1,
             r->text);
    return -1;
}

static void skip_space(struct reader *r)
{
    while (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')
        r->p++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '/';
}

/* A word, possibly empty; owned by the caller. */
static char *word(struct reader *r)
{
    skip_space(r);
    const char *start = r->p;
    while (is_word(*r->p))
        r->p++;
    char *text = strndup(start, (size_t)(r->p - start));
    BUG_UNLESS(text != NULL);
    skip_space(r);
    return text;
}

static bool literal(struct reader *r, const char *wanted)
{
    size_t length = strlen(wanted);
    if (strncmp(r->p, wanted, length) != 0)
        return false;
    r->p += length;
    return true;
}

static void add_value(struct store_requirement *q, char *value)
{
    char **values = realloc(q->values, (q->value_count + 1) * sizeof *values);
    BUG_UNLESS(values != NULL);
    values[q->value_count++] = value;
    q->values = values;
}

static struct store_requirement *add(struct store_requirement **list, size_t *count, enum store_operator op, char *key)
{
    struct store_requirement *grown = realloc(*list, (*count + 1) * sizeof *grown);
    BUG_UNLESS(grown != NULL);
    *list = grown;
    struct store_requirement *q = &grown[(*count)++];
    *q = (struct store_requirement){ .op = op, .key = key };
    return q;
}

static int value_list(struct reader *r, struct store_requirement *q)
{
    skip_space(r);
    if (!literal(r, "("))
        return refuse(r, "expected '('");
    do {
        add_value(q, word(r));
    } while (literal(r, ","));
    if (!literal(r, ")"))
        return refuse(r, "expected ',' or ')'");
    return 0;
}

/* What follows the key of a label requirement. */
static int label_condition(struct reader *r, struct store_requirement *q)
{
    if (*r->p == '\0' || *r->p == ',') {
        q->op = STORE_EXISTS;
        return 0;
    }
    if (literal(r, "!=")) {
        q->op = STORE_NOT_EQUALS;
        add_value(q, word(r));
    } else if (literal(r, "==") || literal(r, "=")) {
        q->op = STORE_EQUALS;
        add_value(q, word(r));
    } else if (*r->p == '>' || *r->p == '<') {
        q->op = *r->p++ == '>' ? STORE_GREATER : STORE_LESS;
        add_value(q, word(r));
        const char *number = q->values[0];
        if (number[0] == '\0' || strlen(number) > 18 || strspn(number, "0123456789") != strlen(number))
            return refuse(r, "the value of '<' and '>' must be an integer");
    } else if (strncmp(r->p, "in", 2) == 0 && !is_word(r->p[2])) {
        r->p += 2;
        q->op = STORE_IN;
        return value_list(r, q);
    } else if (strncmp(r->p, "notin", 5) == 0 && !is_word(r->p[5])) {
        r->p += 5;
        q->op = STORE_NOT_IN;
        return value_list(r, q);
    } else {
        return refuse(r, "expected one of '=', '!=', '==', 'in', 'notin', '<', '>'");
    }
    return 0;
}

static int label_requirement(struct reader *r, struct store_selector *s)
{
    skip_space(r);
    bool negated = literal(r, "!");
    char *key = word(r);
    if (key[0] == '\0') {
        free(key);
        return refuse(r, "expected a key");
    }
    struct store_requirement *q = add(&s->labels, &s->label_count, STORE_NOT_EXISTS, key);
    if (!negated && label_condition(r, q) < 0)
        return -1;
    skip_space(r);
    if (*r->p != ',' && *r->p != '\0')
        return refuse(r, "expected ',' or the end");
    return 0;
}

static int reader_open(struct reader *r, const char *text, char *error, size_t error_size)
{
    *r = (struct reader){ .text = text, .p = text, .error = error, .error_size = error_size };
    size_t length = strlen(text);
    if (length > STORE_SELECTOR_BYTES_MAX) {
        snprintf(error, error_size, "the selector has %zu bytes, %d are allowed", length, (int)STORE_SELECTOR_BYTES_MAX);
        return -1;
    }
    return 0;
}

static int too_many(char *error, size_t error_size)
{
    snprintf(error, error_size, "the selector has more than %d requirements", (int)STORE_REQUIREMENTS_MAX);
    return -1;
}

int store_selector_labels(struct store_selector *ret, const char *text, char *error, size_t error_size)
{
    struct reader r;

    if (text == NULL)
        return 0;
    if (reader_open(&r, text, error, error_size) < 0)
        return -1;
    skip_space(&r);
    if (*r.p == '\0')
        return 0;
    do {
        if (ret->label_count == STORE_REQUIREMENTS_MAX)
            return too_many(error, error_size);
        if (label_requirement(&r, ret) < 0)
            return -1;
    } while (literal(&r, ","));
    return 0;
}

/* Field values escape ',' '=' and '\' with a backslash. Owned by the caller; NULL for a stray backslash. */
static char *field_value(struct reader *r)
{
    char *value = malloc(strlen(r->p) + 1);
    size_t length = 0;

    BUG_UNLESS(value != NULL);
    while (*r->p != '\0' && *r->p != ',') {
        if (*r->p == '\\') {
            r->p++;
            if (*r->p != '\\' && *r->p != ',' && *r->p != '=') {
                free(value);
                return NULL;
            }
        }
        value[length++] = *r->p++;
    }
    value[length] = '\0';
    return value;
}

static bool is_allowed(const char *key, const char *const *allowed)
{
    if (strcmp(key, "metadata.name") == 0 || strcmp(key, "metadata.namespace") == 0)
        return true;
    for (; *allowed != NULL; allowed++)
        if (strcmp(key, *allowed) == 0)
            return true;
    return false;
}

static int field_requirement(struct reader *r, struct store_selector *s, const char *const *allowed)
{
    char *key = word(r);
    if (strncmp(key, "regarding.", 10) == 0) { /* events.k8s.io's name for the same field */
        char *v1 = NULL;
        BUG_UNLESS(asprintf(&v1, "involvedObject.%s", key + 10) > 0);
        free(key);
        key = v1;
    }
    if (!is_allowed(key, allowed)) {
        snprintf(r->error, r->error_size,
                 *allowed != NULL ? "field label not supported: %.128s"
                                  : "\"%.128s\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
                 key);
        free(key);
        return -1;
    }
    enum store_operator op = STORE_EQUALS;
    if (literal(r, "!=")) {
        op = STORE_NOT_EQUALS;
    } else if (!literal(r, "==") && !literal(r, "=")) {
        free(key);
        return refuse(r, "expected '=', '==' or '!='");
    }
    struct store_requirement *q = add(&s->fields, &s->field_count, op, key);
    char *value = field_value(r);
    if (value == NULL)
        return refuse(r, "a backslash may only stand before ',', '=' and '\\'");
    add_value(q, value);
    return 0;
}

int store_selector_fields(struct store_selector *ret, const char *text, const char *const *allowed, char *error, size_t error_size)
{
    struct reader r;

    if (text == NULL || text[0] == '\0')
        return 0;
    if (reader_open(&r, text, error, error_size) < 0)
        return -1;
    do {
        if (ret->field_count == STORE_REQUIREMENTS_MAX)
            return too_many(error, error_size);
        if (*r.p != ',' && *r.p != '\0' && field_requirement(&r, ret, allowed) < 0)
            return -1;
    } while (literal(&r, ","));
    return 0;
}

/* ---- matching -----------------------------------------------------------------------------------------------------
 */

static bool listed(const struct store_requirement *q, const char *value)
{
    for (size_t i = 0; i < q->value_count; i++)
        if (strcmp(q->values[i], value) == 0)
            return true;
    return false;
}

static bool compare_integer(const struct store_requirement *q, const char *value)
{
    char *end;
    if (value[0] == '\0')
        return false;
    long long number = strtoll(value, &end, 10);
    if (*end != '\0')
        return false;
    long long bound = strtoll(q->values[0], NULL, 10);
    return q->op == STORE_GREATER ? number > bound : number < bound;
}

static bool label_matches(const struct store_requirement *q, const json_t *labels)
{
    const char *value = json_string_value(json_object_get(labels, q->key));
    switch (q->op) {
    case STORE_EQUALS:
    case STORE_IN:
        return value != NULL && listed(q, value);
    case STORE_NOT_EQUALS:
    case STORE_NOT_IN:
        return value == NULL || !listed(q, value);
    case STORE_EXISTS:
        return value != NULL;
    case STORE_NOT_EXISTS:
        return value == NULL;
    case STORE_GREATER:
    case STORE_LESS:
        return value != NULL && compare_integer(q, value);
    }
    return false;
}

/* The value at a dotted path as text; "" where nothing is. */
static const char *field_text(const json_t *object, const char *path)
{
    const json_t *value = object;
    while (value != NULL) {
        const char *dot = strchr(path, '.');
        if (dot == NULL) {
            value = json_object_get(value, path);
            break;
        }
        value = json_object_getn(value, path, (size_t)(dot - path));
        path = dot + 1;
    }
    if (json_is_true(value))
        return "true";
    const char *text = json_string_value(value);
    return text != NULL ? text : "";
}

bool store_selector_matches(const struct store_selector *s, const json_t *object)
{
    for (size_t i = 0; i < s->field_count; i++) {
        const struct store_requirement *q = &s->fields[i];
        if ((strcmp(field_text(object, q->key), q->values[0]) == 0) != (q->op == STORE_EQUALS))
            return false;
    }
    if (s->label_count == 0)
        return true;
    const json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
    for (size_t i = 0; i < s->label_count; i++)
        if (!label_matches(&s->labels[i], labels))
            return false;
    return true;
}

const char *store_selector_name(const struct store_selector *s)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (s->fields[i].op == STORE_EQUALS && strcmp(s->fields[i].key, "metadata.name") == 0)
            return s->fields[i].values[0];
    return NULL;
}

static void clear(struct store_requirement *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < list[i].value_count; j++)
            free(list[i].values[j]);
        free(list[i].values);
        free(list[i].key);
    }
    free(list);
}

void store_selector_clear(struct store_selector *s)
{
    clear(s->labels, s->label_count);
    clear(s->fields, s->field_count);
    memset(s, 0, sizeof *s);
}
