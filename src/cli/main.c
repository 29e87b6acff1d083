/* leasehold: one binary, one file per subcommand, this table. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/dev.h"
#include "cli/text.h"

const struct command commands[] = {
    { "run", cli_run, "run GROUP|--one-of GROUP,... [OPTIONS] -- CMD [ARGUMENTS]", "run CMD only while this candidate leads" },
    { "candidate", cli_candidate, "candidate GROUP [OPTIONS]", "stand for election without a child, and print events" },
    { "sidecar", cli_sidecar, "sidecar GROUP [OPTIONS]", "stand for election beside a program that asks over HTTP who leads" },
    { "status", cli_status, "status [GROUP] [OPTIONS]", "who leads, since when, until when" },
    { "watch", cli_watch, "watch [GROUP...] [--members] [OPTIONS]", "who leads now, then every change" },
    { "members", cli_members, "members [GROUP] [OPTIONS]", "who the members are, and which of them leads" },
    { "wait", cli_wait, "wait GROUP --for leader|holder=NAME|none [OPTIONS]", "wait until it is so" },
    { "resign", cli_resign, "resign GROUP [OPTIONS]", "ask the leader to hand over, and wait for the next" },
    { "transfer", cli_transfer, "transfer GROUP --to IDENTITY [OPTIONS]", "ask the leader to hand over to a certain candidate" },
    { "doctor", cli_doctor, "doctor [GROUP] [OPTIONS]", "examine server, rights, clock, settings and lock, and say what to do" },
    { "dev", cli_dev, "dev [OPTIONS] [-- CMD [ARGUMENTS]]", "serve the embedded API server" },
    { "completion", cli_completion, "completion bash|zsh|fish", "print what the shell needs to complete commands and options" },
    { "install", cli_install, "install FILE", "copy this program to FILE, for images that have no cp" },
    { "version", cli_version, "version", "print the version" },
    { "help", cli_help, "help [COMMAND]", "print help" },
};
const size_t commands_count = sizeof commands / sizeof *commands;

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < commands_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_commands(FILE *to)
{
    fprintf(to, "Leasehold: one active copy of a program on Kubernetes.\n\nUsage: %s COMMAND [OPTIONS] ...\n\nCommands:\n", program_name);
    for (size_t i = 0; i < commands_count; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\n`%s COMMAND --help` has the options of a command; man leasehold has everything.\n", program_name);
}

int cli_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1 && strcmp(argv[1], "--help") != 0) {
        text_complain("version", "takes no arguments, found '%s'", argv[1]);
        return EXIT_USAGE;
    }
    printf("leasehold %s\n", LEASEHOLD_VERSION_STRING);
    return EXIT_OK;
}

/* The number of places in which two words differ, and their difference in length: enough to notice a slip. */
static size_t distance(const char *a, const char *b)
{
    size_t row[32], length = strlen(b);
    if (length >= sizeof row / sizeof *row)
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = replaced < least ? replaced : least;
        }
    }
    return row[length];
}

/* The command that was probably meant: one that begins so, else the nearest by at most two letters; NULL: none. */
static const char *meant(const char *name)
{
    enum { LEAST_BEGINNING = 3, MOST_LETTERS = 2 };
    const char *nearest = NULL;
    size_t least = MOST_LETTERS + 1, length = strlen(name);
    for (size_t i = 0; i < commands_count; i++) {
        if (length >= LEAST_BEGINNING && strncmp(commands[i].name, name, length) == 0)
            return commands[i].name;
        size_t letters = distance(name, commands[i].name);
        if (letters < least && letters < length) {
            least = letters;
            nearest = commands[i].name;
        }
    }
    return nearest;
}

static int unknown(const char *command, const char *name)
{
    const char *nearest = meant(name);
    text_complain(command, "there is no command '%s'; `%s help` lists them%s%s%s", name, program_name, nearest ? "; did you mean '" : "",
                  nearest ? nearest : "", nearest ? "'?" : "");
    return EXIT_USAGE;
}

int cli_help(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        print_commands(stdout);
        return EXIT_OK;
    }
    const struct command *command = command_find(argv[1]);
    if (!command)
        return unknown("help", argv[1]);
    char help[] = "--help";
    char *arguments[] = { argv[1], help, NULL };
    return command->run == cli_help ? (print_commands(stdout), EXIT_OK) : command->run(2, arguments);
}

/* A descriptor of ours must not become stdin, stdout or stderr because these were closed: a complaint would go into a connection.
 * Each is opened the wrong way round, so that using it still fails. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            _exit(EXIT_FAILED);
}

/* What was written to stdout has to have arrived: a full disk must not look like success. */
static int finish(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        text_complain(NULL, "cannot write to stdout: %m");
        return code == EXIT_OK ? EXIT_FAILED : code;
    }
    return code;
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    /* kubectl runs its plugins by their files' names. */
    const char *called = argc > 0 ? strrchr(argv[0], '/') : NULL;
    if (argc > 0 && strcmp(called ? called + 1 : argv[0], "kubectl-leasehold") == 0)
        program_name = "kubectl leasehold";
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return finish(cli_help(1, argv));
    if (strcmp(argv[1], "--version") == 0)
        return finish(cli_version(1, argv));
    const struct command *command = command_find(argv[1]);
    if (!command)
        return unknown(NULL, argv[1]);
    /* run and dev give their child the disposition that they were started with, and see to it themselves. */
    if (command->run != cli_run && command->run != cli_dev)
        signal(SIGPIPE, SIG_IGN);
    return finish(command->run(argc - 1, argv + 1));
}
