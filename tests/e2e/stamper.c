/* A worker that leaves a trace: appends "CLOCK_BOOTTIME_ns pid identity" to FILE about every 3 ms, each line with one write(2),
 * so that files of several workers tell whether two of them ever worked at once. It can behave as badly as real daemons do.
 *
 *   stamper FILE [--ignore-term] [--children N] [--daemonize] [--setuid UID] [--exit-after MS] [--exit-code N]
 *
 * --children N: N further processes stamp too. --daemonize: they have left session and group by setsid and a double fork.
 * --setuid UID: drops to UID, all of them. --exit-after MS: the first process ends, with the code of --exit-code (default 0);
 * its children go on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STAMP_PERIOD_NS = 3000000, LINE_MAX_BYTES = 400 };

struct settings {
    const char *file;
    bool ignore_term;
    bool daemonize;
    long children;
    long uid;
    long exit_after_ms;
    long exit_code;
};

static int64_t boot_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void __attribute__((noreturn)) fail(const char *what)
{
    fprintf(stderr, "stamper: %s: %s\n", what, strerror(errno));
    exit(111);
}

static void __attribute__((noreturn)) stamp(int fd, int64_t end_ns, int code)
{
    const struct timespec period = { .tv_nsec = STAMP_PERIOD_NS };
    const char *identity = getenv("LEASEHOLD_IDENTITY");
    char line[LINE_MAX_BYTES];

    for (;;) {
        int64_t now = boot_ns();
        if (now >= end_ns)
            exit(code);
        int length = snprintf(line, sizeof line, "%lld %d %s\n", (long long)now, (int)getpid(),
                              identity != NULL && *identity != '\0' ? identity : "-");
        if (write(fd, line, (size_t)length) != length)
            fail("write");
        nanosleep(&period, NULL);
    }
}

static void start_child(const struct settings *settings, int fd)
{
    pid_t child = fork();

    if (child < 0)
        fail("fork");
    if (child > 0) {
        if (settings->daemonize)
            waitpid(child, NULL, 0);
        return;
    }
    if (settings->daemonize) {
        setsid();
        pid_t second = fork();
        if (second != 0)
            _exit(second < 0);
    }
    stamp(fd, INT64_MAX, 0);
}

static long number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < 0) {
        fprintf(stderr, "stamper: %s is not a number\n", text);
        exit(111);
    }
    return value;
}

static struct settings parse(int argc, char **argv)
{
    struct settings settings = { .uid = -1, .exit_after_ms = -1 };

    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--ignore-term") == 0)
            settings.ignore_term = true;
        else if (strcmp(argv[i], "--daemonize") == 0)
            settings.daemonize = true;
        else if (strcmp(argv[i], "--children") == 0 && more)
            settings.children = number(argv[++i]);
        else if (strcmp(argv[i], "--setuid") == 0 && more)
            settings.uid = number(argv[++i]);
        else if (strcmp(argv[i], "--exit-after") == 0 && more)
            settings.exit_after_ms = number(argv[++i]);
        else if (strcmp(argv[i], "--exit-code") == 0 && more)
            settings.exit_code = number(argv[++i]);
        else if (settings.file == NULL && argv[i][0] != '-')
            settings.file = argv[i];
        else {
            fprintf(stderr, "stamper: what is %s? see the head of tests/e2e/stamper.c\n", argv[i]);
            exit(111);
        }
    }
    if (settings.file == NULL) {
        fprintf(stderr, "stamper: which file?\n");
        exit(111);
    }
    return settings;
}

int main(int argc, char **argv)
{
    struct settings settings = parse(argc, argv);
    int64_t end_ns = settings.exit_after_ms < 0 ? INT64_MAX : boot_ns() + settings.exit_after_ms * 1000000;
    int fd = open(settings.file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

    if (fd < 0)
        fail(settings.file);
    if (settings.ignore_term)
        signal(SIGTERM, SIG_IGN);
    if (settings.uid >= 0 && setuid((uid_t)settings.uid) != 0)
        fail("setuid");
    for (long i = 0; i < settings.children; i++)
        start_child(&settings, fd);
    stamp(fd, end_ns, (int)settings.exit_code);
}
