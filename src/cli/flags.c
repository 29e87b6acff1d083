/* Flags, made from the table of settings and the few of a command's own. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "wire/times.h"

enum { FIRST_SETTING = 1000, FIRST_FLAG = 2000, OPTION_CONFIG = 3000, OPTION_HELP };

/* Observers and servers: what every command has. */
static bool is_flag(const struct setting *setting, unsigned used_by)
{
    return !(setting->used_by & SETTING_FOR_LIBRARY) && (setting->used_by & used_by);
}

/* ---- help ---- */

static void print_setting(const struct setting *s)
{
    char left[64];
    snprintf(left, sizeof left, "%s--%s %s", s == &settings_table[SETTING_NAMESPACE] ? "-n, " : "    ", s->name, s->placeholder ? s->placeholder : "");
    const char *standard = s->default_text[0] ? s->default_text : s->default_note;
    printf("  %-34s %s%s%s%s\n", left, s->help, standard ? " [" : "", standard ? standard : "", standard ? "]" : "");
}

static void print_flag(const struct flag *f)
{
    char left[64], letter[8] = "    ";
    if (f->letter)
        snprintf(letter, sizeof letter, "-%c, ", f->letter);
    snprintf(left, sizeof left, "%s--%s %s", letter, f->name, f->placeholder ? f->placeholder : "");
    printf("  %-34s %s\n", left, f->help);
}

static void print_help(const struct command *command, unsigned used_by, const struct flag *flags, size_t flags_count)
{
    printf("Usage: leasehold %s\n\nTo %s.\n\nOptions:\n", command->usage, command->summary);
    for (size_t i = 0; i < flags_count; i++)
        print_flag(&flags[i]);
    for (size_t i = 0; i < SETTINGS; i++)
        if (is_flag(&settings_table[i], used_by))
            print_setting(&settings_table[i]);
    print_flag(&(struct flag){ "output", 'o', "FORMAT", "text or json; status: also wide and name" });
    print_flag(&(struct flag){ "config", 0, "FILE", "settings as lines `name = value`" });
    print_flag(&(struct flag){ "verbose", 'v', NULL, "say more on stderr; twice: still more" });
    print_flag(&(struct flag){ "help", 'h', NULL, "print this" });
    printf("\nEach setting can also be given as LEASEHOLD_… in the environment (LEASEHOLD_LEASE_DURATION) or in the file; flags win.\n"
           "Durations are written with a unit: 15s, 500ms, 1m30s.\n");
}

/* ---- reading ---- */

struct reader {
    const struct command *command;
    unsigned used_by;
    const struct flag *flags;
    size_t flags_count;
    struct arguments *a;
    const char *config;
    struct {
        const struct setting *setting;
        const char *value;
    } given[SETTINGS * 2];
    size_t given_count;
    struct option options[SETTINGS + FLAGS_MAX + 8];
    char letters[64];
};

static void add_option(struct reader *r, size_t *count, const char *name, bool has_value, int value, int letter)
{
    r->options[(*count)++] = (struct option){ name, has_value ? required_argument : no_argument, NULL, value };
    if (letter) {
        size_t size = strlen(r->letters);
        r->letters[size] = (char)letter;
        r->letters[size + 1] = has_value ? ':' : 0;
        r->letters[size + 2] = 0;
    }
}

static void make_options(struct reader *r)
{
    size_t count = 0;
    memcpy(r->letters, ":", 2); /* missing values are told apart from unknown options */
    for (size_t i = 0; i < SETTINGS; i++)
        if (is_flag(&settings_table[i], r->used_by))
            add_option(r, &count, settings_table[i].name, true, FIRST_SETTING + (int)i, i == SETTING_NAMESPACE ? 'n' : 0);
    for (size_t i = 0; i < r->flags_count; i++)
        add_option(r, &count, r->flags[i].name, r->flags[i].placeholder != NULL, FIRST_FLAG + (int)i, r->flags[i].letter);
    add_option(r, &count, "output", true, 'o', 'o');
    add_option(r, &count, "verbose", false, 'v', 'v');
    add_option(r, &count, "config", true, OPTION_CONFIG, 0);
    add_option(r, &count, "help", false, 'h', 'h');
}

static bool set_output(struct reader *r, const char *value)
{
    bool status = r->command->run == cli_status;
    r->a->json = strcmp(value, "json") == 0;
    r->a->wide = status && strcmp(value, "wide") == 0;
    r->a->names = status && strcmp(value, "name") == 0;
    if (r->a->json || r->a->wide || r->a->names || strcmp(value, "text") == 0)
        return true;
    fprintf(stderr, "leasehold %s: output '%s' is none of %s\n", r->command->name, value, status ? "text, wide, json, name" : "text, json");
    return false;
}

static bool take_setting(struct reader *r, size_t id, const char *value)
{
    char sentence[SETTING_SENTENCE_MAX];
    if (setting_check(&settings_table[id], value, sentence) < 0) {
        fprintf(stderr, "leasehold %s: %s\n", r->command->name, sentence);
        return false;
    }
    if (r->given_count < sizeof r->given / sizeof *r->given) {
        r->given[r->given_count].setting = &settings_table[id];
        r->given[r->given_count++].value = value;
    }
    return true;
}

static bool take_option(struct reader *r, int option, const char *argument)
{
    if (option == 'n')
        return take_setting(r, SETTING_NAMESPACE, optarg);
    if (option >= FIRST_SETTING && option < FIRST_FLAG)
        return take_setting(r, (size_t)(option - FIRST_SETTING), optarg);
    if (option >= FIRST_FLAG && option < OPTION_CONFIG) {
        r->a->values[option - FIRST_FLAG] = optarg ? optarg : "";
        return true;
    }
    for (size_t i = 0; i < r->flags_count; i++) {
        if (r->flags[i].letter && option == r->flags[i].letter) {
            r->a->values[i] = optarg ? optarg : "";
            return true;
        }
    }
    switch (option) {
    case 'o':
        return set_output(r, optarg);
    case 'v':
        r->a->verbose++;
        return true;
    case OPTION_CONFIG:
        r->config = optarg;
        return true;
    case ':':
        fprintf(stderr, "leasehold %s: %s wants a value; `leasehold %s --help` says which\n", r->command->name, argument, r->command->name);
        return false;
    default:
        fprintf(stderr, "leasehold %s: there is no option %s; `leasehold %s --help` lists them\n", r->command->name, argument, r->command->name);
        return false;
    }
}

/* Returns 1 to go on, 0 after --help, -1 when something is wrong. */
static int read_flags(struct reader *r, int argc, char **argv)
{
    optind = 0; /* glibc: begin anew, with permutation */
    opterr = 0;
    for (;;) {
        int at = optind > 0 ? optind : 1;
        int option = getopt_long(argc, argv, r->letters, r->options, NULL);
        if (option == -1)
            break;
        if (option == 'h') {
            print_help(r->command, r->used_by, r->flags, r->flags_count);
            return 0;
        }
        const char *argument = optind > 0 && optind <= argc && optind > at ? argv[optind - 1] : argv[at < argc ? at : argc - 1];
        if (!take_option(r, option, argument))
            return -1;
    }
    for (; optind < argc; optind++) {
        if (r->a->operands_count == OPERANDS_MAX) {
            fprintf(stderr, "leasehold %s: more than %d names\n", r->command->name, OPERANDS_MAX);
            return -1;
        }
        r->a->operands[r->a->operands_count++] = argv[optind];
    }
    return 1;
}

/* File, then environment, then flags: the later one wins. */
static int apply(struct reader *r)
{
    leasehold_options *o = r->a->options;
    int error = 0;
    if (!r->config)
        r->config = getenv("LEASEHOLD_CONFIG");
    if (r->config && *r->config)
        error = leasehold_options_load(o, r->config);
    if (error == 0)
        error = leasehold_options_load_environment(o);
    for (size_t i = 0; i < r->given_count && error == 0; i++)
        error = leasehold_options_set(o, r->given[i].setting->name, r->given[i].value);
    if (error < 0) {
        const char *sentence = leasehold_options_error(o);
        fprintf(stderr, "leasehold %s: %s\n", r->command->name, *sentence ? sentence : leasehold_strerror(error));
        return -1;
    }
    return 1;
}

bool flags_parse(const struct command *command, unsigned used_by, const struct flag *flags, size_t flags_count, int argc, char **argv,
                 struct arguments *ret, int *ret_code)
{
    struct reader r = { .command = command, .used_by = used_by, .flags = flags, .flags_count = flags_count, .a = ret };
    memset(ret, 0, sizeof *ret);
    *ret_code = EXIT_USAGE;
    /* What is behind "--" is CMD's, whatever it looks like. */
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            ret->rest = argv + i + 1;
            ret->rest_count = argc - i - 1;
            argc = i;
            break;
        }
    }
    ret->options = leasehold_options_new();
    if (!ret->options) {
        fprintf(stderr, "leasehold %s: out of memory\n", command->name);
        *ret_code = EXIT_FAILED;
        return false;
    }
    make_options(&r);
    int result = read_flags(&r, argc, argv);
    if (result == 1)
        result = apply(&r);
    if (result == 1)
        return true;
    if (result == 0)
        *ret_code = EXIT_OK;
    flags_free(ret);
    return false;
}

void flags_free(struct arguments *a)
{
    a->options = leasehold_options_unref(a->options);
}

bool flags_duration(const char *command, const char *flag, const char *value, int64_t *ret_ns)
{
    const char *why;
    if (times_duration_parse(value, ret_ns, &why) == 0)
        return true;
    fprintf(stderr, "leasehold %s: --%s '%s' is %s\n", command, flag, value, why);
    return false;
}
