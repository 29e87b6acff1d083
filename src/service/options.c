/* Values by name: set from text, a file or the environment, merged, and turned into an election's settings. */
#include "service/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/camel.h"
#include "service/properties.h"
#include "wire/dialect.h"

static const leasehold_options all_defaults;

leasehold_options *leasehold_options_new(void)
{
    return calloc(1, sizeof(leasehold_options));
}

static void drop_value(leasehold_options *o, size_t id)
{
    if (o->values[id] && settings_table[id].type == SETTING_SECRET)
        explicit_bzero(o->values[id], strlen(o->values[id]));
    free(o->values[id]);
    o->values[id] = NULL;
}

leasehold_options *leasehold_options_unref(leasehold_options *o)
{
    if (o)
        for (size_t i = 0; i < SETTINGS; i++)
            drop_value(o, i);
    free(o);
    return NULL;
}

const char *leasehold_options_error(const leasehold_options *o)
{
    return o ? o->error : "";
}

void leasehold_options_set_log(leasehold_options *o, leasehold_log_fn *fn, void *user)
{
    if (!o)
        return;
    o->log = fn;
    o->log_user = user;
}

const char *options_value(const leasehold_options *o, enum setting_id id)
{
    if (o && o->values[id])
        return o->values[id];
    return setting_default(id, o && o->values[SETTING_LOCK] ? o->values[SETTING_LOCK] : settings_table[SETTING_LOCK].default_text);
}

const char *leasehold_options_get(const leasehold_options *o, const char *name)
{
    const struct setting *setting = name ? setting_find(name) : NULL;
    return setting ? options_value(o, (enum setting_id)(setting - settings_table)) : NULL;
}

/* ---- setting ------------------------------------------------------------------------------------------------------ */

static int store(leasehold_options *o, const struct setting *setting, const char *value)
{
    char *copy = value ? strdup(value) : NULL;
    if (value && !copy)
        return LEASEHOLD_ERR_MEMORY;
    size_t id = (size_t)(setting - settings_table);
    drop_value(o, id);
    o->values[id] = copy;
    return 0;
}

/* The nearest name, for who has misspelt one: the one that begins the same for longest. */
static const char *nearest(const char *name)
{
    const char *best = NULL;
    size_t best_size = 2;
    for (int i = 0; i < SETTINGS; i++) {
        size_t same = 0;
        while (name[same] && name[same] == settings_table[i].name[same])
            same++;
        if (same > best_size) {
            best = settings_table[i].name;
            best_size = same;
        }
    }
    return best;
}

static int set(leasehold_options *o, const char *name, const char *value, char sentence[SETTING_SENTENCE_MAX])
{
    const struct setting *setting = setting_find(name);
    if (!setting) {
        const char *near = nearest(name);
        snprintf(sentence, SETTING_SENTENCE_MAX, "there is no setting %.80s%s%s", name, near ? "; did you mean " : "", near ? near : "");
        return LEASEHOLD_ERR_OPTION;
    }
    int error = value ? setting_check(setting, value, sentence) : 0;
    return error < 0 ? error : store(o, setting, value);
}

int leasehold_options_set(leasehold_options *o, const char *name, const char *value)
{
    if (!o || !name)
        return LEASEHOLD_ERR_ARGUMENT;
    o->error[0] = '\0';
    return set(o, name, value, o->error);
}

leasehold_options *options_copy(const leasehold_options *o)
{
    leasehold_options *copy = leasehold_options_new();
    const leasehold_options *from = o ? o : &all_defaults;
    for (int i = 0; copy && i < SETTINGS; i++)
        if (store(copy, &settings_table[i], from->values[i]) < 0)
            copy = leasehold_options_unref(copy);
    if (copy) {
        leasehold_options_set_log(copy, from->log, from->log_user);
        copy->host = from->host;
    }
    return copy;
}

int options_merge(const leasehold_options *base, const leasehold_options *overrides, leasehold_options **ret,
                  char sentence[SETTING_SENTENCE_MAX])
{
    leasehold_options *merged = options_copy(base);
    if (!merged)
        return LEASEHOLD_ERR_MEMORY;
    int error = 0;
    for (int i = 0; overrides && error == 0 && i < SETTINGS; i++) {
        if (!overrides->values[i])
            continue;
        if (settings_table[i].used_by & SETTING_FOR_GROUP) {
            error = store(merged, &settings_table[i], overrides->values[i]);
        } else {
            snprintf(sentence, SETTING_SENTENCE_MAX, "%s is the same for all groups of a service", settings_table[i].name);
            error = LEASEHOLD_ERR_OPTION;
        }
    }
    if (error < 0) {
        leasehold_options_unref(merged);
        return error;
    }
    *ret = merged;
    return 0;
}

/* Puts what `from` has set into `o`, moving it; `from` is gone then. */
static void move_values(leasehold_options *o, leasehold_options *from)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        if (!from->values[i])
            continue;
        drop_value(o, i);
        o->values[i] = from->values[i];
        from->values[i] = NULL;
    }
    leasehold_options_unref(from);
}

/* ---- file --------------------------------------------------------------------------------------------------------- */

/* Camel's labels come one by one. */
static int add_selector(leasehold_options *o, const char *label, char sentence[SETTING_SENTENCE_MAX])
{
    const char *before = o->values[SETTING_SELECTOR];
    size_t size = (before ? strlen(before) + 1 : 0) + strlen(label) + 1;
    char *joined = malloc(size);
    if (!joined)
        return LEASEHOLD_ERR_MEMORY;
    snprintf(joined, size, "%s%s%s", before ? before : "", before ? "," : "", label);
    int error = set(o, "selector", joined, sentence);
    free(joined);
    return error;
}

/* Returns 1 when it was one of Camel's, 0 when ours, or an error. */
static int take_property(leasehold_options *o, const struct property *p, struct camel_setting *camel, char sentence[SETTING_SENTENCE_MAX])
{
    int is_camels = setting_find(p->name) ? 0 : camel_translate(p->name, p->value, camel, sentence);
    if (is_camels == 2)
        return 1;
    if (is_camels <= 0)
        return is_camels < 0 ? is_camels : set(o, p->name, p->value, sentence);
    char why[SETTING_SENTENCE_MAX] = "";
    int error = camel->adds ? add_selector(o, camel->value, why) : set(o, settings_table[camel->id].name, camel->value, why);
    if (error == LEASEHOLD_ERR_OPTION)
        snprintf(sentence, SETTING_SENTENCE_MAX, "%.80s: %.500s", p->name, why);
    return error < 0 ? error : 1;
}

static void explain_property(const struct property *p, char sentence[SETTING_SENTENCE_MAX])
{
    if (p->name)
        snprintf(sentence, SETTING_SENTENCE_MAX, "\"%.80s\" is not of the form name = value", p->name);
    else
        snprintf(sentence, SETTING_SENTENCE_MAX, "an escape \\u is not followed by four digits of a character; write \\\\ for a backslash");
}

/* All lines into `o`. */
static int parse_lines(leasehold_options *o, char *text, int *ret_line, char sentence[SETTING_SENTENCE_MAX])
{
    struct properties lines = properties_begin(text);
    struct property p = { 0 };
    struct camel_setting *camel = malloc(sizeof *camel);
    bool camels = false;
    int error = camel ? 0 : LEASEHOLD_ERR_MEMORY, more;
    while (error == 0 && (more = properties_next(&lines, &p)) != 0) {
        int result = LEASEHOLD_ERR_OPTION;
        if (more < 0)
            explain_property(&p, sentence);
        else
            result = take_property(o, &p, camel, sentence);
        camels = camels || result == 1;
        error = result < 0 ? result : 0;
    }
    free(camel);
    *ret_line = p.line;
    /* Who writes Camel's names means Camel's lock, with its defaults. */
    if (error == 0 && camels && !o->values[SETTING_LOCK])
        error = store(o, &settings_table[SETTING_LOCK], dialect_configmap.name);
    return error;
}

int options_parse(leasehold_options *o, const char *source, const char *text, size_t size)
{
    o->error[0] = '\0';
    char *copy = strndup(text, size);
    leasehold_options *parsed = leasehold_options_new();
    int error = copy && parsed ? 0 : LEASEHOLD_ERR_MEMORY, number = 0;
    if (error == 0 && strlen(copy) != size) {
        snprintf(o->error, sizeof o->error, "%.200s holds a zero byte: it is not an options file", source);
        error = LEASEHOLD_ERR_OPTION;
    }
    char sentence[SETTING_SENTENCE_MAX] = "";
    if (error == 0) {
        error = parse_lines(parsed, copy, &number, sentence);
        if (error == LEASEHOLD_ERR_OPTION)
            snprintf(o->error, sizeof o->error, "%.200s:%d: %.400s", source, number, sentence);
    }
    free(copy);
    if (error < 0)
        leasehold_options_unref(parsed);
    else
        move_values(o, parsed);
    return error;
}

int leasehold_options_load(leasehold_options *o, const char *path)
{
    if (!o || !path)
        return LEASEHOLD_ERR_ARGUMENT;
    o->error[0] = '\0';
    FILE *file = fopen(path, "re");
    char *text = malloc(SETTING_FILE_MAX + 1);
    int error = 0;
    size_t size = 0;
    if (!text) {
        error = LEASEHOLD_ERR_MEMORY;
    } else if (!file) {
        error = LEASEHOLD_ERR_SYSTEM;
    } else {
        size = fread(text, 1, SETTING_FILE_MAX + 1, file);
        if (ferror(file))
            error = LEASEHOLD_ERR_SYSTEM;
        else if (size > SETTING_FILE_MAX)
            error = LEASEHOLD_ERR_LIMIT;
    }
    int reason = errno;
    if (error == LEASEHOLD_ERR_SYSTEM)
        snprintf(o->error, sizeof o->error, "%.400s cannot be read: %s", path, strerrordesc_np(reason));
    else if (error == LEASEHOLD_ERR_LIMIT)
        snprintf(o->error, sizeof o->error, "%.400s is larger than %d bytes: it is not an options file", path, SETTING_FILE_MAX);
    else if (error == 0)
        error = options_parse(o, path, text, size);
    if (file)
        fclose(file);
    free(text);
    errno = reason;
    return error;
}

/* ---- environment -------------------------------------------------------------------------------------------------- */

int options_from_environment(leasehold_options *o, const char *(*lookup)(void *user, const char *name), void *user)
{
    o->error[0] = '\0';
    leasehold_options *found = leasehold_options_new();
    int error = found ? 0 : LEASEHOLD_ERR_MEMORY;
    for (int i = 0; error == 0 && i < SETTINGS; i++) {
        char sentence[SETTING_SENTENCE_MAX] = "";
        /* What the program promises in its code is not for others to say: it might release a lock under its own work. */
        bool programs_own = settings_table[i].used_by & SETTING_FOR_LIBRARY;
        const char *value = programs_own ? NULL : lookup(user, settings_table[i].environment);
        if (!value || !value[0])
            continue;
        error = set(found, settings_table[i].name, value, sentence);
        if (error == LEASEHOLD_ERR_OPTION)
            snprintf(o->error, sizeof o->error, "environment variable %s: %.500s", settings_table[i].environment, sentence);
    }
    if (error < 0)
        leasehold_options_unref(found);
    else
        move_values(o, found);
    return error;
}

static const char *process_environment(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

int leasehold_options_load_environment(leasehold_options *o)
{
    return o ? options_from_environment(o, process_environment, NULL) : LEASEHOLD_ERR_ARGUMENT;
}

/* ---- against each other ------------------------------------------------------------------------------------------- */

int leasehold_options_check(leasehold_options *o)
{
    if (!o)
        return LEASEHOLD_ERR_ARGUMENT;
    o->error[0] = '\0';
    const struct dialect *dialect = dialect_find(options_value(o, SETTING_LOCK));
    struct election_settings ignored;
    if (!dialect) {
        snprintf(o->error, sizeof o->error, "lock %s comes in a later release", options_value(o, SETTING_LOCK));
        return LEASEHOLD_ERR_UNSUPPORTED;
    }
    if (strcmp(options_value(o, SETTING_BALANCE), "even") == 0 && !options_value(o, SETTING_SELECTOR)[0]) {
        snprintf(o->error, sizeof o->error, "balance is even, but selector is empty: it must say which Pods share the groups");
        return LEASEHOLD_ERR_SETTINGS;
    }
    return options_election(o, dialect, &ignored, o->error);
}
