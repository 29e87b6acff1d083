/* The file that says whether the process before has ended, with its work. */
#include "io/local_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <leasehold/errors.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96], copy[96];
static char sentence[LOCAL_LOCK_SENTENCE_MAX];
static uint64_t before[LOCAL_LOCK_PREDECESSORS];
static pid_t work; /* outlives the candidate that started it; 0: none */

static int open_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/leasehold-local-lock-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%.60s/g.lock", folder);
    snprintf(copy, sizeof copy, "%.60s/copy", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    if (work > 0)
        kill(work, SIGKILL);
    work = 0;
    unlink(path);
    unlink(copy);
    return rmdir(folder);
}

static int take(const char *what)
{
    int fd;
    sentence[0] = '\0';
    int result = local_lock_take(what, &fd, sentence);
    if (result != 1)
        assert_int_equal(fd, -1);
    assert_int_equal(result == 1, sentence[0] == '\0');
    return result == 1 ? fd : result;
}

/* A whole life: takes it, names itself, ends. What it learned is in `before`. */
static void lives(uint64_t nonce)
{
    int fd = take(path);
    assert_true(fd > 2);
    assert_int_equal(local_lock_claim(fd, nonce, before), 0);
    close(fd);
}

static void first_process_has_no_predecessor(void **state)
{
    (void)state;
    lives(0x10000);
    assert_int_equal(before[0], 0);
}

static void next_one_learns_who_was_before_the_newest_first(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 6; i++)
        lives(i << 16);
    for (uint64_t i = 0; i < LOCAL_LOCK_PREDECESSORS; i++)
        assert_int_equal(before[i], (5 - i) << 16);
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
}

static void held_by_a_process_it_is_not_taken(void **state)
{
    (void)state;
    int fd = take(path);
    assert_true(fd >= 0);
    assert_int_equal(take(path), 0);
    assert_non_null(strstr(sentence, "is held"));
    close(fd);
    fd = take(path);
    assert_true(fd >= 0);
    close(fd);
}

/* What the candidate has started is its work: it lives on after the candidate, without another descriptor of ours. */
static void held_by_work_that_outlives_its_candidate_it_is_not_taken(void **state)
{
    (void)state;
    int told[2];
    char byte;
    assert_int_equal(pipe(told), 0);
    fflush(NULL);
    pid_t candidate = fork();
    if (candidate == 0) {
        int fd = take(path);
        work = fork();
        if (work == 0) {
            execlp("sleep", "sleep", "1000", (char *)NULL);
            _exit(1);
        }
        (void)!write(told[1], &work, sizeof work);
        _exit(fd >= 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(candidate, &status, 0), candidate);
    assert_int_equal(status, 0);
    assert_int_equal(read(told[0], &work, sizeof work), sizeof work);
    close(told[1]);
    assert_int_equal(take(path), 0);
    kill(work, SIGKILL);
    /* Its end of the pipe closes as its last descriptor does. */
    assert_int_equal(read(told[0], &byte, 1), 0);
    close(told[0]);
    int fd = -1;
    for (int i = 0; i < 1000 && (fd = take(path)) <= 0; i++)
        usleep(10000);
    assert_true(fd > 0);
    close(fd);
}

static void descriptor_that_is_locked_already_is_taken_as_it_is(void **state)
{
    (void)state;
    char text[32];
    int fd = take(path);
    snprintf(text, sizeof text, "fd:%d", fd);
    assert_int_equal(take(text), fd);
    int other = open(path, O_RDWR);
    snprintf(text, sizeof text, "fd:%d", other);
    assert_int_equal(take(text), 0);
    close(other);
    assert_int_equal(take(text), LEASEHOLD_ERR_SYSTEM);
    close(fd);
}

static void text_of_another_file_names_nobody(void **state)
{
    (void)state;
    char command[512];
    lives(0x50000);
    snprintf(command, sizeof command, "cp %s %s && mv %s %s", path, copy, copy, path);
    assert_int_equal(system(command), 0);
    lives(0x60000);
    assert_int_equal(before[0], 0);
    lives(0x70000);
    assert_int_equal(before[0], 0x60000);
}

static void garbage_names_nobody_and_is_replaced(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "nonce 0000000000050000\n", "leasehold local lock 1\n", "\n\n\n" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        for (int n = 0; n < 100; n++)
            fputs(texts[i], file);
        fclose(file);
        lives(0x80000);
        assert_int_equal(before[0], 0);
        lives(0x90000);
        assert_int_equal(before[0], 0x80000);
        unlink(path);
    }
    /* Cut at each byte: whole lines count, the rest does not. */
    lives(0x10000);
    lives(0x20000);
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    for (off_t size = file.st_size - 1; size >= 0; size--) {
        assert_int_equal(truncate(path, size), 0);
        int fd = open(path, O_RDWR);
        char text[512];
        ssize_t got = pread(fd, text, sizeof text, 0);
        local_lock_claim(fd, 0x30000, before);
        assert_true(before[0] == 0 || before[0] == 0x20000);
        assert_int_equal(before[1], 0);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, text, (size_t)got, 0), got);
        close(fd);
    }
}

static void what_is_no_lock_is_refused(void **state)
{
    (void)state;
    char text[128];
    assert_int_equal(take(folder), LEASEHOLD_ERR_SYSTEM);
    snprintf(text, sizeof text, "%s/none/g.lock", folder);
    assert_int_equal(take(text), LEASEHOLD_ERR_SYSTEM);
    assert_non_null(strstr(sentence, "folder"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(take(path), LEASEHOLD_ERR_SYSTEM);
    unlink(path);
    assert_int_equal(symlink("/tmp/elsewhere", path), 0);
    assert_int_equal(take(path), LEASEHOLD_ERR_SYSTEM);
    static const char *const wrong[] = { "fd:", "fd:x", "fd:-1", "fd:99999999999999999999", "fd:1000000", "fd:3x", "" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(take(wrong[i]), LEASEHOLD_ERR_SYSTEM);
}

static void full_disk_leaves_the_predecessors_and_says_so(void **state)
{
    (void)state;
    lives(0x10000);
    int fd = open(path, O_RDONLY); /* as good as full: nothing can be written */
    assert_int_equal(local_lock_claim(fd, 0x20000, before), LEASEHOLD_ERR_SYSTEM);
    assert_int_equal(before[0], 0x10000);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_process_has_no_predecessor, open_folder, remove_folder),
        cmocka_unit_test_setup_teardown(next_one_learns_who_was_before_the_newest_first, open_folder, remove_folder),
        cmocka_unit_test_setup_teardown(held_by_a_process_it_is_not_taken, open_folder, remove_folder),
        cmocka_unit_test_setup_teardown(held_by_work_that_outlives_its_candidate_it_is_not_taken, open_folder, remove_folder),
        cmocka_unit_test_setup_teardown(descriptor_that_is_locked_already_is_taken_as_it_is, open_folder, remove_folder),
        cmocka_unit_test_setup_teardown(text_of_another_file_names_nobody, open_folder, remove_folder),
        cmocka_unit_test_setup_teardown(garbage_names_nobody_and_is_replaced, open_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_is_no_lock_is_refused, open_folder, remove_folder),
        cmocka_unit_test_setup_teardown(full_disk_leaves_the_predecessors_and_says_so, open_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
