/* Command lines in, settings and operands out. What is said of wrong ones is in tests/e2e/cli_badinput.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/command.h"

enum { FLAG_PLAIN, FLAG_VALUE, FLAGS };
static const struct flag own[FLAGS] = { [FLAG_PLAIN] = { "plain", 'p', NULL, "" }, [FLAG_VALUE] = { "value", 0, "TEXT", "" } };
enum { ALL = SETTING_FOR_SERVER | SETTING_FOR_GROUP | SETTING_FOR_CANDIDATE | SETTING_FOR_OBSERVER, WORDS_MAX = 90 };

static struct arguments a;
static char *copies[WORDS_MAX];

/* Parses words behind the command's name; true: go on. */
static bool parse(const char *const *words, int *code)
{
    int argc = 1;
    copies[0] = (char *)(uintptr_t) "test";
    for (; words[argc - 1]; argc++)
        copies[argc] = (char *)(uintptr_t)words[argc - 1];
    copies[argc] = NULL;
    const struct command command = { "test", NULL, "test", "test" };
    return flags_parse(&command, ALL, own, FLAGS, argc, copies, &a, code);
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL }, &code)

static void assert_value(enum setting_id id, const char *expected)
{
    assert_string_equal(options_value(a.options, id), expected);
}

static void options_and_names_in_any_order(void **state)
{
    (void)state;
    int code;
    assert_true(
        PARSE("g", "--lease-duration", "20s", "-p", "h", "--renew-deadline=12s", "--value", "--plain", "-n", "there", "-vv", "-ojson"));
    assert_int_equal(a.operands_count, 2);
    assert_string_equal(a.operands[0], "g");
    assert_string_equal(a.operands[1], "h");
    assert_string_equal(a.values[FLAG_PLAIN], "");
    assert_string_equal(a.values[FLAG_VALUE], "--plain");
    assert_value(SETTING_LEASE_DURATION, "20s");
    assert_value(SETTING_RENEW_DEADLINE, "12s");
    assert_value(SETTING_NAMESPACE, "there");
    assert_int_equal(a.verbose, 2);
    assert_true(a.json);
    assert_null(a.rest);
    flags_free(&a);
}

static void behind_two_dashes_nothing_is_ours(void **state)
{
    (void)state;
    int code;
    assert_true(PARSE("g", "--", "ls", "--identity", "x", "--", "-v"));
    assert_int_equal(a.operands_count, 1);
    assert_int_equal(a.rest_count, 5);
    assert_string_equal(a.rest[0], "ls");
    assert_int_equal(a.verbose, 0);
    flags_free(&a);
    assert_true(PARSE("g", "--"));
    assert_non_null(a.rest);
    assert_int_equal(a.rest_count, 0);
    flags_free(&a);
}

static void the_last_of_a_flag_counts_however_often(void **state)
{
    (void)state;
    int code;
    const char *words[WORDS_MAX] = { NULL };
    for (size_t i = 0; i < WORDS_MAX - 4; i += 2) {
        words[i] = "--identity";
        words[i + 1] = "early";
    }
    words[WORDS_MAX - 4] = "--identity";
    words[WORDS_MAX - 3] = "last";
    assert_true(parse(words, &code));
    assert_value(SETTING_IDENTITY, "last");
    flags_free(&a);
}

static void flags_win_over_environment_over_file(void **state)
{
    (void)state;
    int code;
    char path[] = "/tmp/leasehold-test-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    fputs("identity = file\nlock-name = file\nuser-agent = file\n", file);
    fclose(file);
    setenv("LEASEHOLD_IDENTITY", "environment", 1);
    setenv("LEASEHOLD_LOCK_NAME", "environment", 1);
    setenv("LEASEHOLD_PORT", "tcp://10.0.0.1:80", 1);
    assert_true(PARSE("--config", path, "--identity", "flag"));
    assert_value(SETTING_IDENTITY, "flag");
    assert_value(SETTING_LOCK_NAME, "environment");
    assert_value(SETTING_USER_AGENT, "file");
    flags_free(&a);
    setenv("LEASEHOLD_CONFIG", path, 1);
    assert_true(PARSE("g"));
    assert_value(SETTING_USER_AGENT, "file");
    flags_free(&a);
    unlink(path);
    assert_false(PARSE("g"));
    assert_int_equal(code, EXIT_USAGE);
    unsetenv("LEASEHOLD_CONFIG");
    unsetenv("LEASEHOLD_IDENTITY");
    unsetenv("LEASEHOLD_LOCK_NAME");
    unsetenv("LEASEHOLD_PORT");
}

static void what_is_wrong_ends_with_2_and_nothing_to_free(void **state)
{
    (void)state;
    int code = 0;
    const char *const wrong[][3] = {
        { "--no-such" },           { "-x" },           { "--identity" },        { "-n" },         { "--plain=x" },
        { "--lease-duration=15" }, { "-o", "yaml" },   { "--port", "1" },       { "-ztop" },      { "--l=x" },
        { "--service-host=x" },    { "--config=/no" }, { "--confirm-stop=no" }, { "-o", "wide" }, { "--jitter=nan" }
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        code = 0;
        assert_false(PARSE(wrong[i][0], wrong[i][1]));
        assert_int_equal(code, EXIT_USAGE);
        assert_null(a.options);
    }
}

static void as_many_names_as_there_is_room_for(void **state)
{
    (void)state;
    int code;
    const char *words[WORDS_MAX] = { NULL };
    for (size_t i = 0; i < OPERANDS_MAX; i++)
        words[i] = "g";
    assert_true(parse(words, &code));
    assert_int_equal(a.operands_count, OPERANDS_MAX);
    flags_free(&a);
    words[OPERANDS_MAX] = "g";
    assert_false(parse(words, &code));
    assert_int_equal(code, EXIT_USAGE);
}

/* No flag, and so no variable of ours, can be one that Kubernetes injects for a Service of our name. */
static void no_setting_is_called_as_kubernetes_calls_services(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTINGS; i++) {
        assert_int_not_equal(strncmp(settings_table[i].name, "port", 4), 0);
        assert_int_not_equal(strncmp(settings_table[i].name, "service-", 8), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_names_in_any_order),
        cmocka_unit_test(behind_two_dashes_nothing_is_ours),
        cmocka_unit_test(the_last_of_a_flag_counts_however_often),
        cmocka_unit_test(flags_win_over_environment_over_file),
        cmocka_unit_test(what_is_wrong_ends_with_2_and_nothing_to_free),
        cmocka_unit_test(as_many_names_as_there_is_room_for),
        cmocka_unit_test(no_setting_is_called_as_kubernetes_calls_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
