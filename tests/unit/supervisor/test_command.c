/* CMD is looked for before anything stands for election: as execvp(3) would, with a sentence when it is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/supervisor.h"

static char directory[] = "/tmp/leasehold-command-XXXXXX";
static char found[4096], sentence[400];

static void make_file(const char *name, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static int set_up(void **unused)
{
    (void)unused;
    if (mkdtemp(directory) == NULL || chdir(directory) != 0 || mkdir("a", 0700) != 0 || mkdir("b", 0700) != 0)
        return -1;
    make_file("a/plain", 0600);
    make_file("a/both", 0600);
    make_file("b/both", 0700);
    make_file("b/only", 0700);
    make_file("here", 0700);
    return mkdir("b/directory", 0700);
}

static int tear_down(void **unused)
{
    static const char *const files[] = { "a/plain", "a/both", "b/both", "b/only", "here" };

    (void)unused;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    rmdir("b/directory");
    rmdir("a");
    rmdir("b");
    return rmdir(directory);
}

static int check(const char *path, const char *command)
{
    setenv("PATH", path, 1);
    sentence[0] = found[0] = '\0';
    return supervisor_check_command(command, found, sizeof found, sentence, sizeof sentence);
}

static void path_is_searched_in_its_order(void **unused)
{
    (void)unused;
    assert_int_equal(check("a:b", "only"), 0);
    assert_string_equal(found, "b/only");
    assert_int_equal(check("a:b", "both"), 0); /* the one without permission is passed over */
    assert_string_equal(found, "b/both");
    assert_int_equal(check("a::b", "here"), 0); /* an empty entry is the current directory */
    assert_string_equal(found, "./here");
    assert_int_equal(check("a:", "here"), 0);
    assert_string_equal(found, "./here");
}

static void a_slash_means_a_path(void **unused)
{
    (void)unused;
    assert_int_equal(check("a", "./here"), 0);
    assert_string_equal(found, "./here");
    assert_int_equal(check("a", "b/only"), 0);
}

static void says_is(int code, const char *path, const char *command, const char *words)
{
    assert_int_equal(check(path, command), code);
    assert_non_null(strstr(sentence, words));
    assert_null(strchr(sentence, '\n'));
}

static void what_cannot_be_started_is_said(void **unused)
{
    (void)unused;
    says_is(127, "a:b", "nothing", "nothing is in no directory of PATH");
    says_is(127, "a:b", "", "the command is empty");
    says_is(127, "a", "./nothing", "./nothing does not exist");
    says_is(127, "a", "./here/nothing", "cannot be reached");
    says_is(126, "a:b", "plain", "plain cannot be executed");
    says_is(126, "a", "a/plain", "chmod +x");
    says_is(126, "a", "./b/directory", "is a directory");
    says_is(127, "b", "directory", "is in no directory of PATH");
}

static void a_path_too_long_is_said(void **unused)
{
    char small[4];

    (void)unused;
    assert_int_equal(supervisor_check_command("./here", small, sizeof small, sentence, sizeof sentence), 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_is_searched_in_its_order),
        cmocka_unit_test(a_slash_means_a_path),
        cmocka_unit_test(what_cannot_be_started_is_said),
        cmocka_unit_test(a_path_too_long_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
