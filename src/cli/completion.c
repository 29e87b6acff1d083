/* Scripts for bash, zsh and fish, from the tables that the commands read their flags by. */
#include "cli/completion.h"

#include <string.h>

#include "cli/dev.h"
#include "cli/text.h"

/* dev reads its flags by itself. */
static const struct flag dev_flags[] = {
    { "listen", 0, "ADDRESS:PORT", "where to listen" },
    { "write-kubeconfig", 0, "FILE", "write a kubeconfig for this server" },
    { "enable-faults", 0, NULL, "serve /leasehold/faults" },
    { "allow-host", 0, "HOST", "accept this Host header too" },
    { "help", 0, NULL, "print its help" },
};

static const char shells[] = "bash|zsh|fish";

static void visit(const struct command *command, flags_visitor *each, void *context)
{
    if (command->run == cli_help || command->run == cli_version || command->run == cli_completion)
        return;
    if (command->run != cli_dev) {
        flags_visit(command, each, context);
        return;
    }
    for (size_t i = 0; i < sizeof dev_flags / sizeof *dev_flags; i++)
        each(context, &dev_flags[i], NULL);
}

/* Words that are separated by '|' as words that are separated by blanks. */
static void put_choices(const char *choices)
{
    for (const char *c = choices; *c; c++)
        putchar(*c == '|' ? ' ' : *c);
}

static bool is_file(const struct flag *flag)
{
    return flag->placeholder && strncmp(flag->placeholder, "FILE", 4) == 0;
}

/* Text inside of '…'; a quote is left and entered again. What is in `escaped` gets a backslash. */
static void put_quoted(const char *text, const char *escaped)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            fputs("'\\''", stdout);
        else
            printf("%s%c", strchr(escaped, *c) ? "\\" : "", *c);
    }
}

static void put_commands(void)
{
    for (size_t i = 0; i < commands_count; i++)
        printf("%s%s", i > 0 ? " " : "", commands[i].name);
}

/* ---- bash ---- */

static void bash_word(void *context, const struct flag *flag, const char *choices)
{
    (void)context;
    (void)choices;
    printf(" --%s", flag->name);
    if (flag->letter)
        printf(" -%c", flag->letter);
}

/* What comes behind a flag that takes a value: `run:--lock) …`. */
static void bash_value(void *context, const struct flag *flag, const char *choices)
{
    const struct command *command = context;
    if (!flag->placeholder)
        return;
    printf("    %s:--%s", command->name, flag->name);
    if (flag->letter)
        printf(" | %s:-%c", command->name, flag->letter);
    fputs(") ", stdout);
    if (choices) {
        fputs("words='", stdout);
        put_choices(choices);
        fputs("' ;;\n", stdout);
    } else {
        puts(is_file(flag) ? "compopt -o default; return ;;" : "return ;;");
    }
}

static void print_bash(void)
{
    puts("# bash completion for leasehold; printed by `leasehold completion bash`.\n"
         "_leasehold()\n"
         "{\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i words=\n"
         "    COMPREPLY=()\n"
         "    # bash takes --flag=value for three words.\n"
         "    if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
         "    for ((i = 2; i < COMP_CWORD; i++)); do\n"
         "        if [[ ${COMP_WORDS[i]} == -- ]]; then\n"
         "            if ((i == COMP_CWORD - 1)); then COMPREPLY=($(compgen -c -- \"$cur\")); else compopt -o default; fi\n"
         "            return\n"
         "        fi\n"
         "    done");
    fputs("    if ((COMP_CWORD == 1)); then COMPREPLY=($(compgen -W '", stdout);
    put_commands();
    puts("' -- \"$cur\")); return; fi\n"
         "    case ${COMP_WORDS[1]}:$prev in");
    for (size_t i = 0; i < commands_count; i++) {
        struct command command = commands[i];
        visit(&commands[i], bash_value, &command);
    }
    fputs("    completion:completion) words='", stdout);
    put_choices(shells);
    fputs("' ;;\n    help:help) words='", stdout);
    put_commands();
    puts("' ;;\n"
         "    *) case ${COMP_WORDS[1]} in");
    for (size_t i = 0; i < commands_count; i++) {
        printf("        %s) words='", commands[i].name);
        visit(&commands[i], bash_word, NULL);
        puts("' ;;");
    }
    puts("        esac ;;\n"
         "    esac\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -F _leasehold leasehold kubectl-leasehold");
}

/* ---- zsh ---- */

static void zsh_flag(void *context, const struct flag *flag, const char *choices)
{
    (void)context;
    printf(" \\\n            '--%s%s[", flag->name, flag->placeholder ? "=" : "");
    put_quoted(flag->help, "[]:\\");
    putchar(']');
    if (flag->placeholder) {
        putchar(':');
        put_quoted(flag->placeholder, "[]:\\");
        putchar(':');
        if (choices) {
            putchar('(');
            put_choices(choices);
            putchar(')');
        } else if (is_file(flag)) {
            fputs("_files", stdout);
        } else {
            putchar(' ');
        }
    }
    putchar('\'');
}

static void print_zsh(void)
{
    puts("#compdef leasehold kubectl-leasehold\n"
         "# zsh completion for leasehold; printed by `leasehold completion zsh`.\n"
         "_leasehold()\n"
         "{\n"
         "    local -a commands\n"
         "    commands=(");
    for (size_t i = 0; i < commands_count; i++) {
        printf("        '%s:", commands[i].name);
        put_quoted(commands[i].summary, ":\\");
        puts("'");
    }
    puts("    )\n"
         "    if ((CURRENT == 2)); then\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi\n"
         "    local command=$words[2]\n"
         "    shift words\n"
         "    ((CURRENT--))\n"
         "    case $command in");
    for (size_t i = 0; i < commands_count; i++) {
        if (commands[i].run == cli_completion || commands[i].run == cli_help || commands[i].run == cli_version)
            continue;
        printf("    %s)\n        _arguments", commands[i].name);
        visit(&commands[i], zsh_flag, NULL);
        puts(" \\\n            '*:::command: _normal'\n        ;;");
    }
    fputs("    completion) compadd ", stdout);
    put_choices(shells);
    fputs(" ;;\n    help) compadd ", stdout);
    put_commands();
    puts(" ;;\n"
         "    esac\n"
         "}\n"
         "if [[ $funcstack[1] == _leasehold ]]; then _leasehold \"$@\"; else compdef _leasehold leasehold kubectl-leasehold; fi");
}

/* ---- fish ---- */

static void fish_flag(void *context, const struct flag *flag, const char *choices)
{
    const struct command *command = context;
    printf("complete -c leasehold -n '__fish_seen_subcommand_from %s' -l %s", command->name, flag->name);
    if (flag->letter)
        printf(" -s %c", flag->letter);
    fputs(" -d '", stdout);
    for (const char *c = flag->help; *c; c++)
        printf("%s%c", *c == '\'' || *c == '\\' ? "\\" : "", *c);
    putchar('\'');
    if (choices) {
        fputs(" -x -a '", stdout);
        put_choices(choices);
        putchar('\'');
    } else if (flag->placeholder) {
        fputs(is_file(flag) ? " -r -F" : " -x", stdout);
    }
    putchar('\n');
}

static void print_fish(void)
{
    puts("# fish completion for leasehold; printed by `leasehold completion fish`.\n"
         "complete -c kubectl-leasehold -w leasehold\n"
         "complete -c leasehold -n 'not contains -- -- (commandline -opc)' -f");
    for (size_t i = 0; i < commands_count; i++) {
        printf("complete -c leasehold -n __fish_use_subcommand -a %s -d '%s'\n", commands[i].name, commands[i].summary);
        struct command command = commands[i];
        visit(&commands[i], fish_flag, &command);
    }
    fputs("complete -c leasehold -n '__fish_seen_subcommand_from completion' -a '", stdout);
    put_choices(shells);
    fputs("'\ncomplete -c leasehold -n '__fish_seen_subcommand_from help' -a '", stdout);
    put_commands();
    puts("'");
}

int cli_completion(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } printers[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        const struct command *self = command_find("completion");
        printf("Usage: %s %s\n\nTo %s.\n", program_name, self->usage, self->summary);
        return EXIT_OK;
    }
    for (size_t i = 0; argc == 2 && i < sizeof printers / sizeof *printers; i++) {
        if (strcmp(argv[1], printers[i].name) == 0) {
            printers[i].print();
            return EXIT_OK;
        }
    }
    text_complain("completion", "wants the name of one shell, %s; found '%s'", shells, argc > 1 ? argv[argc - 1] : "");
    return EXIT_USAGE;
}
