/* A file that is always whole, and a disk that hangs: nobody but the writer's own thread waits for it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/file_writer.h"

enum { PATH_SIZE = 128 };
#define SECOND INT64_C(1000000000)

static char folder[] = "/tmp/leasehold-file-writer-XXXXXX", path[PATH_SIZE];
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER; /* who holds it makes rename() hang */
static atomic_int renames_begun, complaints, complaint_error;

/* Comes before libc's: the disk of this test. */
int rename(const char *from, const char *to)
{
    atomic_fetch_add(&renames_begun, 1);
    pthread_mutex_lock(&disk);
    pthread_mutex_unlock(&disk);
    return (int)syscall(SYS_rename, from, to);
}

static void complain(const char *where, int error)
{
    (void)where;
    complaint_error = error;
    atomic_fetch_add(&complaints, 1);
}

static void put(struct file_writer *w, const char *text)
{
    file_writer_put(w, strdup(text));
}

static bool file_is(const char *expected)
{
    char text[256] = "";
    FILE *f = fopen(path, "r");
    size_t size = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    return size == strlen(expected) && memcmp(text, expected, size) == 0;
}

static void moment(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

#define WAIT_FOR(condition)                                                                                                                \
    do {                                                                                                                                   \
        for (int tries = 0; !(condition) && tries < 6000; tries++)                                                                         \
            moment();                                                                                                                      \
        assert_true(condition);                                                                                                            \
    } while (0)

static int setup(void **state)
{
    (void)state;
    static const char fresh[] = "/tmp/leasehold-file-writer-XXXXXX";
    memcpy(folder, fresh, sizeof fresh);
    complaints = 0;
    renames_begun = 0;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/state", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails where a draft was left */
}

static void the_newest_text_is_there_for_all_to_read(void **state)
{
    (void)state;
    struct file_writer *w = NULL;
    struct stat st;
    mode_t before = umask(077);
    assert_int_equal(file_writer_open(path, complain, &w), 0);
    put(w, "one\n");
    WAIT_FOR(file_is("one\n"));
    put(w, "two\n");
    put(w, "three\n");
    assert_null(file_writer_close(w, 60 * SECOND));
    umask(before);
    assert_true(file_is("three\n"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(complaints, 0);
}

static void a_disk_that_hangs_keeps_nobody_waiting(void **state)
{
    (void)state;
    struct file_writer *w = NULL;
    pthread_mutex_lock(&disk);
    assert_int_equal(file_writer_open(path, complain, &w), 0);
    put(w, "one\n");
    WAIT_FOR(renames_begun == 1);
    /* Would not come back, were it to wait for the disk. */
    for (int i = 0; i < 1000; i++)
        put(w, "many\n");
    put(w, "last\n");
    assert_null(file_writer_close(w, SECOND / 100));
    assert_false(file_is("last\n"));
    pthread_mutex_unlock(&disk);
    /* The thread that was left behind does its work and frees, as the leak checker sees. */
    WAIT_FOR(file_is("last\n"));
    assert_int_equal(renames_begun, 2);
}

static void a_failure_is_told_once_and_tried_again(void **state)
{
    (void)state;
    struct file_writer *w = NULL;
    assert_int_equal(file_writer_open(path, complain, &w), 0);
    assert_int_equal(rmdir(folder), 0);
    put(w, "one\n");
    WAIT_FOR(complaints == 1);
    assert_int_equal(complaint_error, ENOENT);
    put(w, "two\n");
    assert_int_equal(mkdir(folder, 0700), 0);
    put(w, "three\n");
    WAIT_FOR(file_is("three\n"));
    file_writer_close(w, 60 * SECOND);
    assert_int_equal(complaints, 1);
}

static void a_draft_in_the_way_is_not_written_through(void **state)
{
    (void)state;
    char draft[PATH_SIZE], victim[PATH_SIZE];
    struct stat st;
    struct file_writer *w = NULL;
    snprintf(draft, sizeof draft, "%s/.state.new", folder);
    snprintf(victim, sizeof victim, "%s/victim", folder);
    fclose(fopen(victim, "w"));
    assert_int_equal(symlink(victim, draft), 0);
    assert_int_equal(file_writer_open(path, complain, &w), 0);
    put(w, "text\n");
    file_writer_close(w, 60 * SECOND);
    assert_true(file_is("text\n"));
    assert_int_equal(stat(victim, &st), 0);
    assert_int_equal(st.st_size, 0);
    unlink(victim);
}

static void what_cannot_be_is_said_at_once(void **state)
{
    (void)state;
    char sentence[FILE_WRITER_SENTENCE_MAX], other[PATH_SIZE + 16];
    assert_int_equal(file_writer_check("", sentence), -1);
    assert_non_null(strstr(sentence, "no name of a file"));
    assert_int_equal(file_writer_check(folder, sentence), -1);
    assert_non_null(strstr(sentence, "a directory"));
    assert_int_equal(file_writer_check("/dev/null", sentence), -1);
    assert_non_null(strstr(sentence, "a device"));
    snprintf(other, sizeof other, "%s/missing/state", folder);
    assert_int_equal(file_writer_check(other, sentence), -1);
    assert_non_null(strstr(sentence, "No such file"));
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(file_writer_check(path, sentence), -1);
    assert_non_null(strstr(sentence, "a symbolic link"));
    unlink(path);
    assert_int_equal(file_writer_check(path, sentence), 0);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_text_is_there_for_all_to_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_hangs_keeps_nobody_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_is_told_once_and_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_draft_in_the_way_is_not_written_through, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_said_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
