/* Programs that print credentials, played by shell scripts: good ones, and all the ways to be a bad one. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/clock.h"
#include "io/plugin.h"
#include "io/plugin_internal.h"

#define S INT64_C(1000000000)

struct told {
    unsigned count;
    enum plugin_end end;
    int code;
    char *output;
    size_t size;
    char complaint[PLUGIN_COMPLAINT_MAX];
};

static struct loop *loop;

static void on_result(void *user, const struct plugin_result *result, leasehold_time now)
{
    struct told *told = user;
    (void)now;
    told->count++;
    told->end = result->end;
    told->code = result->code;
    told->size = result->size;
    assert_int_equal(result->output[result->size], 0);
    told->output = strdup(result->output);
    snprintf(told->complaint, sizeof(told->complaint), "%s", result->complaint);
}

static int open_loop(void **state)
{
    (void)state;
    return loop_new(&loop);
}

static int close_loop(void **state)
{
    (void)state;
    loop = loop_free(loop);
    return 0;
}

static struct plugin *start_sh(const char *script, int64_t limit_ns, size_t most, struct told *told)
{
    char *arguments[] = { (char *)(uintptr_t) "-c", (char *)(uintptr_t)script, NULL };
    char *environment[] = { (char *)(uintptr_t) "OWN=a b", (char *)(uintptr_t) "MORE=lost", NULL };
    struct plugin_command command = {
        .command = "sh", .arguments = arguments, .environment = environment, .more = "MORE=told", .output_max = most, .limit_ns = limit_ns
    };
    struct plugin *plugin;
    *told = (struct told){ 0 };
    if (plugin_start(loop, &command, on_result, told, &plugin) != 0)
        fail_msg("cannot start: %s", strerror(errno));
    return plugin;
}

/* Turns the loop until the end was told. */
static void await(const struct told *told)
{
    leasehold_time begin = clock_now();
    while (told->count == 0) {
        assert_true(loop_wait(loop, S) >= 0);
        assert_int_equal(loop_dispatch(loop), 0);
        assert_true(clock_now().boot_ns - begin.boot_ns < 60 * S);
    }
}

static struct told run(const char *script, int64_t limit_ns, size_t most)
{
    struct told told;
    struct plugin *plugin = start_sh(script, limit_ns, most, &told);
    await(&told);
    assert_null(plugin_free(plugin));
    assert_int_equal(told.count, 1);
    return told;
}

static void check(const char *script, enum plugin_end end, int code, const char *output, const char *complaint)
{
    struct told told = run(script, 60 * S, 1000);
    if (told.end != end || told.code != code || strcmp(told.output, output) != 0 || strcmp(told.complaint, complaint) != 0)
        fail_msg("%s: %d, %d, \"%s\", \"%s\"", script, told.end, told.code, told.output, told.complaint);
    free(told.output);
}

static void output_exit_code_and_complaint_are_told(void **state)
{
    (void)state;
    check("echo hello", PLUGIN_EXITED, 0, "hello\n", "");
    check("printf a; sleep 0.1; printf b", PLUGIN_EXITED, 0, "ab", "");
    check("echo no >&2; echo '  log in first ' >&2; echo >&2; exit 3", PLUGIN_EXITED, 3, "", "log in first");
    check("kill -9 $$", PLUGIN_KILLED, SIGKILL, "", "");
    char end[PLUGIN_COMPLAINT_MAX]; /* the last of it */
    memset(end, '0', sizeof(end));
    strcpy(end + sizeof(end) - 2, "y");
    check("printf 'x%0500dy' 0 >&2; exit 1", PLUGIN_EXITED, 1, "", end);
    check("exec >&-; sleep 0.2; exit 4", PLUGIN_EXITED, 4, "", ""); /* its pipe ends before it does */
}

static void it_has_nothing_of_ours_but_the_environment(void **state)
{
    (void)state;
    setenv("LEASEHOLD_TEST_KEPT", "kept", 1);
    check("echo \"$LEASEHOLD_TEST_KEPT,$OWN,$MORE\"", PLUGIN_EXITED, 0, "kept,a b,told\n", "");
    check("cat; echo end", PLUGIN_EXITED, 0, "end\n", ""); /* reads stdin: there is none */
    int leaky = open("/dev/null", O_RDONLY);               /* a host's, not close-on-exec */
    char script[128];
    snprintf(script, sizeof(script), "[ -e /proc/self/fd/%d ] && echo leaks || echo closed", leaky);
    check(script, PLUGIN_EXITED, 0, "closed\n", "");
    close(leaky);
    sigset_t blocked, old;
    sigfillset(&blocked);
    sigprocmask(SIG_SETMASK, &blocked, &old);
    signal(SIGPIPE, SIG_IGN);
    /* 1 to 28; the C library has its own idea of two beyond. */
    check("sed -n 's/^Sig\\(Blk\\|Ign\\):.*\\(.......\\)$/\\1 \\2/p' /proc/self/status", PLUGIN_EXITED, 0, "Blk 0000000\nIgn 0000000\n",
          "");
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &old, NULL);
    check("read -r pid name state parent group more </proc/$$/stat; [ $pid = $group ] && echo own", PLUGIN_EXITED, 0, "own\n", "");
}

static void output_has_a_limit(void **state)
{
    (void)state;
    struct told told = run("head -c 100000 /dev/zero | tr '\\0' x", 60 * S, 100000);
    assert_int_equal(told.end, PLUGIN_EXITED);
    assert_int_equal(told.size, 100000);
    free(told.output);
    told = run("head -c 100001 /dev/zero | tr '\\0' x", 60 * S, 100000);
    assert_int_equal(told.end, PLUGIN_TOO_MUCH);
    free(told.output);
    told = run("exec yes", 60 * S, 1 << 20); /* for ever */
    assert_int_equal(told.end, PLUGIN_TOO_MUCH);
    free(told.output);
}

/* Of the process whose number the file `path` says. */
static bool lives(const char *path)
{
    FILE *file = fopen(path, "r");
    int pid = 0;
    if (file == NULL || fscanf(file, "%d", &pid) != 1)
        fail_msg("%s has no number", path);
    fclose(file);
    char name[64], status;
    snprintf(name, sizeof(name), "/proc/%d/stat", pid);
    file = fopen(name, "r");
    if (file == NULL)
        return false;
    assert_int_equal(fscanf(file, "%*d %*s %c", &status), 1);
    fclose(file);
    return status != 'Z' && status != 'X';
}

static bool dies(const char *path)
{
    for (int i = 0; i < 6000 && lives(path); i++)
        usleep(10000);
    return !lives(path);
}

static void one_that_takes_too_long_is_killed_with_its_group(void **state)
{
    (void)state;
    char folder[] = "/tmp/leasehold-plugin-XXXXXX", script[256], own[64], others[64];
    assert_non_null(mkdtemp(folder));
    snprintf(own, sizeof(own), "%s/own", folder);
    snprintf(others, sizeof(others), "%s/other", folder);
    snprintf(script, sizeof(script), "trap '' TERM HUP; sleep 1000 & echo $! >%s; echo $$ >%s; printf half; wait", others, own);
    struct told told;
    struct plugin *plugin = start_sh(script, S / 2, 1000, &told);
    await(&told);
    assert_int_equal(told.end, PLUGIN_TOO_LONG);
    assert_string_equal(told.output, "half");
    assert_true(dies(own) && dies(others));
    plugin_free(plugin);
    free(told.output);

    /* One that is given up before its end goes the same way, and nothing is told. */
    unlink(others);
    plugin = start_sh(script, 60 * S, 1000, &told);
    while (access(own, F_OK) != 0 || access(others, F_OK) != 0)
        usleep(10000);
    usleep(100000);
    plugin_free(plugin);
    assert_int_equal(told.count, 0);
    assert_true(dies(own) && dies(others));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
    assert_int_equal(errno, ECHILD);
    unlink(own);
    unlink(others);
    rmdir(folder);
}

static void a_child_that_keeps_the_pipe_holds_nothing_up(void **state)
{
    (void)state;
    leasehold_time begin = clock_now();
    check("sleep 50 & echo done", PLUGIN_EXITED, 0, "done\n", "");
    assert_true(clock_now().boot_ns - begin.boot_ns < 40 * S);
}

static void a_host_may_reap_our_children(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    check("echo hello; exit 1", PLUGIN_REAPED, 0, "hello\n", "");
    check("sleep 0.2; echo later", PLUGIN_REAPED, 0, "later\n", "");
    signal(SIGCHLD, SIG_DFL);

    struct told told;
    struct plugin *plugin = start_sh("echo hello", 60 * S, 1000, &told);
    assert_true(waitpid(-1, NULL, 0) > 0);
    await(&told);
    assert_int_equal(told.end, PLUGIN_REAPED);
    assert_string_equal(told.output, "hello\n");
    plugin_free(plugin);
    free(told.output);
}

/* The numbers of one that was reaped may be anybody's: of this test's own process here. */
static void nobody_else_is_killed(void **state)
{
    (void)state;
    struct plugin_child child = { .pid = getpid(), .pid_fd = -1, .out_fd = -1, .err_fd = -1 };
    enum plugin_end end;
    int code;
    plugin_kill(&child);
    assert_int_equal(plugin_reap(&child, &end, &code), PLUGIN_UNKNOWN);
}

static void programs_are_found_in_absolute_folders_of_path(void **state)
{
    (void)state;
    char *const nothing[] = { NULL };
    struct plugin_command command = { .command = "no-such-program-anywhere", .arguments = nothing, .environment = nothing, .limit_ns = S };
    struct plugin *plugin = NULL;
    char *old = strdup(getenv("PATH"));
    struct told told = { 0 };
    assert_true(plugin_start(loop, &command, on_result, &told, &plugin) < 0);
    assert_int_equal(errno, ENOENT);
    command.command = "/tmp";
    assert_true(plugin_start(loop, &command, on_result, &told, &plugin) < 0);
    assert_int_equal(errno, EACCES);
    command.command = "sh";
    char here[4096];
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir("/bin"), 0);
    setenv("PATH", "::.:bin", 1);
    assert_true(plugin_start(loop, &command, on_result, &told, &plugin) < 0);
    assert_int_equal(errno, ENOENT);
    setenv("PATH", "bin::/nowhere:/bin", 1);
    assert_int_equal(plugin_start(loop, &command, on_result, &told, &plugin), 0);
    await(&told);
    plugin_free(plugin);
    free(told.output);
    setenv("PATH", old, 1);
    free(old);
    assert_int_equal(chdir(here), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(output_exit_code_and_complaint_are_told, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(it_has_nothing_of_ours_but_the_environment, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(output_has_a_limit, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(one_that_takes_too_long_is_killed_with_its_group, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(a_child_that_keeps_the_pipe_holds_nothing_up, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(a_host_may_reap_our_children, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(nobody_else_is_killed, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(programs_are_found_in_absolute_folders_of_path, open_loop, close_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
