/* Flags, made from the table of settings and the few of a command's own. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"
#include "wire/times.h"

enum { FIRST_SETTING = 1000, FIRST_FLAG = 2000, OPTION_CONFIG = 3000, OPTION_HELP };

static bool is_flag(const struct setting *setting, unsigned used_by)
{
    return !(setting->used_by & SETTING_FOR_LIBRARY) && (setting->used_by & used_by);
}

/* Its bare name says yes, as with kubectl. */
static bool is_switch(const struct setting *setting)
{
    return setting->type == SETTING_YES_NO;
}

/* ---- help ---- */

static const struct flag output_flag = { "output", 'o', "FORMAT", "text or json; status, members: also wide and name" };
static const struct flag config_flag = { "config", 0, "FILE", "settings as lines `name = value`" };
static const struct flag verbose_flag = { "verbose", 'v', NULL, "say more on stderr; twice: still more" };
static const struct flag help_flag = { "help", 'h', NULL, "print this" };

/* While somebody visits the flags of a command, --help goes there. */
static flags_visitor *visitor;
static void *visitor_context;

static void print_setting(const struct setting *s)
{
    char left[64];
    snprintf(left, sizeof left, is_switch(s) ? "%s--%s[=%s]" : "%s--%s %s", s == &settings_table[SETTING_NAMESPACE] ? "-n, " : "    ",
             s->name, s->placeholder);
    const char *standard = s->default_text[0] ? s->default_text : s->default_note;
    printf("  %-34s %s", left, s->help);
    const char *camels = setting_default((enum setting_id)(s - settings_table), "configmap");
    if (standard && strcmp(camels, s->default_text) != 0)
        printf(" [%s; configmap: %s]\n", standard, camels);
    else if (standard)
        printf(" [%s]\n", standard);
    else
        putchar('\n');
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
    printf("Usage: %s %s\n\nTo %s.\n\nOptions:\n", program_name, command->usage, command->summary);
    for (size_t i = 0; i < flags_count; i++)
        print_flag(&flags[i]);
    for (size_t i = 0; i < SETTINGS; i++)
        if (is_flag(&settings_table[i], used_by))
            print_setting(&settings_table[i]);
    print_flag(&output_flag);
    print_flag(&config_flag);
    print_flag(&verbose_flag);
    print_flag(&help_flag);
    printf("\nEach setting can also be given as LEASEHOLD_… in the environment (LEASEHOLD_LEASE_DURATION) or in the file; flags win.\n"
           "Durations are written with a unit: 15s, 500ms, 1m30s.\n");
}

static bool prints_tables(const struct command *command)
{
    return command->run == cli_status || command->run == cli_members;
}

static void visit_flags(const struct command *command, unsigned used_by, const struct flag *flags, size_t flags_count)
{
    for (size_t i = 0; i < flags_count; i++)
        visitor(visitor_context, &flags[i], NULL);
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct setting *s = &settings_table[i];
        if (!is_flag(s, used_by))
            continue;
        struct flag flag = { s->name, i == SETTING_NAMESPACE ? 'n' : 0, is_switch(s) ? NULL : s->placeholder, s->help };
        visitor(visitor_context, &flag, s->choices);
    }
    visitor(visitor_context, &output_flag, prints_tables(command) ? "text|json|wide|name" : "text|json");
    visitor(visitor_context, &config_flag, NULL);
    visitor(visitor_context, &verbose_flag, NULL);
    visitor(visitor_context, &help_flag, NULL);
}

void flags_visit(const struct command *command, flags_visitor *visit, void *context)
{
    char name[] = "visit", help[] = "--help";
    char *arguments[] = { name, help, NULL };
    visitor = visit;
    visitor_context = context;
    command->run(2, arguments);
    visitor = NULL;
}

/* ---- reading ---- */

struct reader {
    const struct command *command;
    unsigned used_by;
    const struct flag *flags;
    size_t flags_count;
    struct arguments *a;
    const char *config;
    const char *given[SETTINGS]; /* by flags; the last one counts */
    struct option options[SETTINGS + FLAGS_MAX + 8];
    char letters[64];
};

static void add_option(struct reader *r, size_t *count, const char *name, int has_value, int value, int letter)
{
    r->options[(*count)++] = (struct option){ name, has_value, NULL, value };
    if (letter) {
        size_t size = strlen(r->letters);
        r->letters[size] = (char)letter;
        r->letters[size + 1] = has_value == required_argument ? ':' : 0;
        r->letters[size + 2] = 0;
    }
}

static void make_options(struct reader *r)
{
    size_t count = 0;
    memcpy(r->letters, ":", 2); /* missing values are told apart from unknown options */
    for (size_t i = 0; i < SETTINGS; i++)
        if (is_flag(&settings_table[i], r->used_by))
            add_option(r, &count, settings_table[i].name, is_switch(&settings_table[i]) ? optional_argument : required_argument,
                       FIRST_SETTING + (int)i, i == SETTING_NAMESPACE ? 'n' : 0);
    for (size_t i = 0; i < r->flags_count; i++)
        add_option(r, &count, r->flags[i].name, r->flags[i].placeholder ? required_argument : no_argument, FIRST_FLAG + (int)i,
                   r->flags[i].letter);
    add_option(r, &count, "output", required_argument, 'o', 'o');
    add_option(r, &count, "verbose", no_argument, 'v', 'v');
    add_option(r, &count, "config", required_argument, OPTION_CONFIG, 0);
    add_option(r, &count, "help", no_argument, 'h', 'h');
}

static bool set_output(struct reader *r, const char *value)
{
    bool table = prints_tables(r->command);
    r->a->json = strcmp(value, "json") == 0;
    r->a->wide = table && strcmp(value, "wide") == 0;
    r->a->names = table && strcmp(value, "name") == 0;
    if (r->a->json || r->a->wide || r->a->names || strcmp(value, "text") == 0)
        return true;
    text_complain(r->command->name, "output '%s' is none of %s", value, table ? "text, wide, json, name" : "text, json");
    return false;
}

static bool take_setting(struct reader *r, size_t id, const char *value)
{
    char sentence[SETTING_SENTENCE_MAX];
    if (setting_check(&settings_table[id], value, sentence) < 0) {
        text_complain(r->command->name, "%s", sentence);
        return false;
    }
    r->given[id] = value;
    return true;
}

/* What getopt refused. A short option is told by optopt: in a cluster such as -la, optind is still at its beginning. */
static void refuse_option(const struct reader *r, int option, const char *element)
{
    const char *name = r->command->name;
    char letter[3] = { '-', 0, 0 };
    bool is_long = strncmp(element, "--", 2) == 0;
    if (option == '?' && optopt > 0 && optopt < FIRST_SETTING && !strchr(r->letters, optopt)) {
        letter[1] = (char)optopt;
        text_complain(name, "there is no option %s; `%s %s --help` lists them%s", letter, program_name, name,
                      r->command->run == cli_run && !r->a->rest ? ", and CMD with its options goes behind --" : "");
    } else if (option == '?' && optopt > 0) {
        text_complain(name, "%s takes no value; leave out what is behind the =", element);
    } else if (option == '?') {
        text_complain(name, "there is no option %s; `%s %s --help` lists them", element, program_name, name);
    } else {
        letter[1] = (char)optopt;
        text_complain(name, "%s wants a value; `%s %s --help` says which", is_long ? element : letter, program_name, name);
    }
}

static bool take_option(struct reader *r, int option, const char *element)
{
    if (option == 'n')
        return take_setting(r, SETTING_NAMESPACE, optarg);
    if (option >= FIRST_SETTING && option < FIRST_FLAG)
        return take_setting(r, (size_t)(option - FIRST_SETTING), optarg ? optarg : "yes");
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
    case '?':
        refuse_option(r, option, element);
        return false;
    default:
        return false; /* every other value is in the tables above */
    }
}

/* Returns 1 to go on, 0 after --help, -1 when something is wrong. */
static int read_flags(struct reader *r, int argc, char **argv)
{
    optind = 0; /* glibc: begin anew, with permutation */
    opterr = 0;
    for (;;) {
        int option = getopt_long(argc, argv, r->letters, r->options, NULL);
        if (option == -1)
            break;
        if (option == 'h') {
            (visitor ? visit_flags : print_help)(r->command, r->used_by, r->flags, r->flags_count);
            return 0;
        }
        const char *element = optind > 1 && optind <= argc ? argv[optind - 1] : "";
        if (!take_option(r, option, element))
            return -1;
    }
    for (; optind < argc; optind++) {
        if (r->a->operands_count == OPERANDS_MAX) {
            text_complain(r->command->name, "more than %d names", OPERANDS_MAX);
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
        error = leasehold_options_load(o, r->a->config = r->config);
    if (error == 0)
        error = leasehold_options_load_environment(o);
    for (size_t i = 0; i < SETTINGS && error == 0; i++)
        if (r->given[i])
            error = leasehold_options_set(o, settings_table[i].name, r->given[i]);
    if (error < 0) {
        const char *sentence = leasehold_options_error(o);
        text_complain(r->command->name, "%s", *sentence ? sentence : leasehold_strerror(error));
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
    /* Whoever runs a command has named the kubeconfig, or kubectl's; and the standard input of `run` is CMD's alone. */
    const char *plugins = command->run == cli_run || command->run == cli_sidecar ? "yes" : "interactive";
    if (!ret->options || leasehold_options_set(ret->options, "exec-plugins", plugins) < 0) {
        text_complain(command->name, "out of memory");
        *ret_code = EXIT_FAILED;
        flags_free(ret);
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
    text_complain(command, "--%s '%s' is %s", flag, value, why);
    return false;
}
