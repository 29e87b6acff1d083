/* `leasehold dev`: serves the embedded API until a signal, or for as long as CMD runs.
 *
 * The server runs in a thread of its own; this thread waits for signals and for CMD. */
#include "cli/dev.h"
#include "cli/file_writer.h"

#include "devserver/devserver.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

enum { EXIT_OWN_FAILURE = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127, EXIT_USAGE = 2, PATH_BYTES = 4096 };

static const char usage[] =
    "Usage: leasehold dev [OPTIONS]\n"
    "       leasehold dev [OPTIONS] -- CMD [ARGUMENT...]\n"
    "\n"
    "Serves a small Kubernetes API (Leases, ConfigMaps, Pods, Namespaces, Events) from memory, for development and tests.\n"
    "Prints its URL and serves until TERM or INT. With CMD: runs CMD with KUBECONFIG set to this server, prints nothing, and\n"
    "ends with CMD's exit code.\n"
    "\n"
    "  --listen ADDRESS:PORT     where to listen (127.0.0.1:0: any free port)\n"
    "  --write-kubeconfig FILE   write a kubeconfig for this server, readable by you alone\n"
    "  --enable-faults           serve /leasehold/faults, which makes this server fail on demand\n"
    "  --allow-host HOST[:PORT]  accept this Host header too; may be repeated\n"
    "  --help                    this text\n"
    "\n"
    "Everybody who can reach the port may do everything: keep it on loopback.\n";

struct dev_settings {
    struct devserver_options server;
    const char *allow_hosts[DEVSERVER_ALLOW_HOSTS_MAX + 1];
    size_t allow_host_count;
    const char *kubeconfig;
    char **command; /* NULL: none */
};

/* One sentence on stderr; errno's words follow where way_out is NULL. */
static int complain(const char *what, const char *value, const char *way_out)
{
    if (way_out == NULL) {
        fprintf(stderr, "leasehold dev: %s \"%s\": %m\n", what, value);
        return EXIT_OWN_FAILURE;
    }
    fprintf(stderr, "leasehold dev: %s \"%s\"%s\n", what, value, way_out);
    return EXIT_OWN_FAILURE;
}

/* ---- settings ----------------------------------------------------------------------------------------------------- */

/* Returns -1 to go on, else the exit code. */
static int read_settings(int argc, char **argv, struct dev_settings *s)
{
    static const struct option options[] = {
        { "listen", required_argument, NULL, 'l' },  { "write-kubeconfig", required_argument, NULL, 'k' },
        { "enable-faults", no_argument, NULL, 'f' }, { "allow-host", required_argument, NULL, 'a' },
        { "help", no_argument, NULL, 'h' },          { NULL, 0, NULL, 0 },
    };
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        switch (option) {
        case 'l':
            s->server.listen = optarg;
            break;
        case 'k':
            s->kubeconfig = optarg;
            break;
        case 'f':
            s->server.enable_faults = true;
            break;
        case 'a':
            if (s->allow_host_count == DEVSERVER_ALLOW_HOSTS_MAX)
                return complain("--allow-host", optarg, ": at most 16 hosts can be allowed");
            s->allow_hosts[s->allow_host_count++] = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs("Try 'leasehold dev --help'.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
        complain("unexpected argument", argv[optind], ": a command to run goes after --");
        return EXIT_USAGE;
    }
    s->command = optind < argc ? argv + optind : NULL;
    s->server.allow_hosts = s->allow_hosts;
    s->server.version = LEASEHOLD_VERSION_STRING;
    return -1;
}

/* ---- kubeconfig --------------------------------------------------------------------------------------------------- */

/* Puts a kubeconfig into an open file and closes it. */
static int fill_kubeconfig(int fd, const char *address)
{
    char text[1024];
    /* Clients of Node.js refuse plain HTTP unless they are told not to verify; to the others it says nothing. */
    int size = snprintf(text, sizeof text,
                        "apiVersion: v1\n"
                        "kind: Config\n"
                        "clusters:\n"
                        "- name: leasehold-dev\n"
                        "  cluster:\n"
                        "    server: http://%s\n"
                        "    insecure-skip-tls-verify: true\n"
                        "users:\n"
                        "- name: leasehold-dev\n"
                        "  user: {}\n"
                        "contexts:\n"
                        "- name: leasehold-dev\n"
                        "  context:\n"
                        "    cluster: leasehold-dev\n"
                        "    user: leasehold-dev\n"
                        "    namespace: default\n"
                        "current-context: leasehold-dev\n",
                        address);
    int result = file_write_all(fd, text, (size_t)size);
    int why = errno;
    if (close(fd) < 0 && result == 0)
        return -1;
    errno = why;
    return result;
}

/* Beside the target and renamed, so that nobody ever reads half a file. */
static int write_kubeconfig(const char *path, const char *address)
{
    char temporary[PATH_BYTES];
    int size = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (size < 0 || (size_t)size >= sizeof temporary) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fill_kubeconfig(fd, address) == 0 && rename(temporary, path) == 0)
        return 0;
    int why = errno;
    unlink(temporary);
    errno = why;
    return -1;
}

static int temporary_kubeconfig(char path[PATH_BYTES], const char *address)
{
    const char *folder = getenv("TMPDIR");
    int size = snprintf(path, PATH_BYTES, "%s/leasehold-dev.XXXXXX", folder != NULL && folder[0] == '/' ? folder : "/tmp");
    if (size < 0 || size >= PATH_BYTES) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fill_kubeconfig(fd, address) == 0)
        return 0;
    unlink(path);
    return -1;
}

/* ---- CMD ---------------------------------------------------------------------------------------------------------- */

/* Our environment with KUBECONFIG replaced; only for a child about to exec. NULL without memory. */
static char **environment_with(const char *kubeconfig)
{
    static char variable[PATH_BYTES + sizeof "KUBECONFIG="];
    size_t count = 0, kept = 0;
    while (environ[count] != NULL)
        count++;
    char **list = calloc(count + 2, sizeof(char *));
    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "KUBECONFIG=", 11) != 0)
            list[kept++] = environ[i];
    snprintf(variable, sizeof variable, "KUBECONFIG=%s", kubeconfig);
    list[kept] = variable;
    return list;
}

/* Only the child's side of the fork; told through the pipe why exec failed. */
static void __attribute__((noreturn))
become_command(char **command, const char *kubeconfig, const sigset_t *mask, const struct rlimit *files, pid_t parent, int report)
{
    /* A CMD whose API server was killed has nothing left to talk to. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_OWN_FAILURE);
    setrlimit(RLIMIT_NOFILE, files);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    char **environment = environment_with(kubeconfig);
    if (environment != NULL)
        execvpe(command[0], command, environment);
    int why = errno;
    (void)!write(report, &why, sizeof why);
    _exit(EXIT_NOT_FOUND);
}

/* Returns 0 and the child, or the exit code for a CMD that could not be started. */
static int start_command(char **command, const char *kubeconfig, const sigset_t *mask, const struct rlimit *files, pid_t *ret_child)
{
    int report[2];
    int why = 0;
    pid_t parent = getpid();

    if (pipe2(report, O_CLOEXEC) < 0)
        return complain("cannot make a pipe to start", command[0], NULL);
    pid_t child = fork();
    if (child == 0)
        become_command(command, kubeconfig, mask, files, parent, report[1]);
    close(report[1]);
    ssize_t got;
    do {
        got = child < 0 ? 0 : read(report[0], &why, sizeof why);
    } while (got < 0 && errno == EINTR);
    close(report[0]);
    if (child < 0)
        return complain("cannot fork for", command[0], NULL);
    if (got == 0) {
        *ret_child = child;
        return 0;
    }
    waitpid(child, NULL, 0);
    errno = why;
    complain("cannot run", command[0], NULL);
    return why == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

/* Passes signals on until CMD has ended; its exit code. */
static int wait_for_command(pid_t child, const sigset_t *waited)
{
    for (;;) {
        siginfo_t info;
        int status;
        int signal_number = sigwaitinfo(waited, &info);
        if (signal_number == SIGCHLD) {
            if (waitpid(child, &status, WNOHANG) == child)
                return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        } else if (signal_number > 0 && info.si_code != SI_KERNEL) {
            /* The terminal sends Ctrl-C to CMD as well; what a process sent came only to us. */
            kill(child, signal_number);
        }
    }
}

/* ---- all together ------------------------------------------------------------------------------------------------- */

static void *serve(void *user)
{
    struct devserver *server = user;
    if (devserver_run(server) < 0) {
        fputs("leasehold dev: the event loop failed\n", stderr);
        kill(getpid(), SIGTERM);
    }
    return NULL;
}

static int wait_for_signal(const sigset_t *waited)
{
    int signal_number;
    do {
        signal_number = sigwaitinfo(waited, NULL);
    } while (signal_number < 0 || signal_number == SIGCHLD);
    return 0;
}

static int run(const struct dev_settings *s, struct devserver *server, const sigset_t *waited, const sigset_t *before,
               const struct rlimit *files)
{
    char kubeconfig[PATH_BYTES] = "";
    pthread_t thread;
    pid_t child = 0;
    int result = 0;

    if (s->kubeconfig != NULL && write_kubeconfig(s->kubeconfig, devserver_address(server)) < 0)
        return complain("cannot write the kubeconfig", s->kubeconfig, NULL);
    if (s->command != NULL) {
        if (temporary_kubeconfig(kubeconfig, devserver_address(server)) < 0)
            return complain("cannot write a temporary kubeconfig", kubeconfig, NULL);
        result = start_command(s->command, kubeconfig, before, files, &child);
    }
    if (result == 0 && pthread_create(&thread, NULL, serve, server) != 0)
        result = complain("cannot start a thread for", devserver_address(server), "");
    if (result == 0) {
        if (child == 0) {
            printf("http://%s\n", devserver_address(server));
            fflush(stdout);
        }
        result = child != 0 ? wait_for_command(child, waited) : wait_for_signal(waited);
        devserver_stop(server);
        pthread_join(thread, NULL);
    }
    if (kubeconfig[0] != '\0')
        unlink(kubeconfig);
    return result;
}

int cli_dev(int argc, char **argv)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD };
    struct dev_settings settings;
    struct devserver *server = NULL;
    struct rlimit files, more;
    sigset_t waited, before;
    char error[512];

    memset(&settings, 0, sizeof settings);
    int result = read_settings(argc, argv, &settings);
    if (result >= 0)
        return result;
    sigemptyset(&waited);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (settings.command != NULL || (signals[i] != SIGUSR1 && signals[i] != SIGUSR2 && signals[i] != SIGWINCH))
            sigaddset(&waited, signals[i]);
    pthread_sigmask(SIG_BLOCK, &waited, &before);
    signal(SIGPIPE, SIG_IGN);
    /* As many connections as the system grants; CMD gets the limit back. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        more = files;
        more.rlim_cur = more.rlim_max;
        setrlimit(RLIMIT_NOFILE, &more);
    }
    if (devserver_open(&settings.server, &server, error, sizeof error) < 0) {
        fprintf(stderr, "leasehold dev: %s\n", error);
        return EXIT_OWN_FAILURE;
    }
    result = run(&settings, server, &waited, &before, &files);
    devserver_close(server);
    return result;
}
