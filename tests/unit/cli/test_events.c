#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/command.h"
#include "service/events.h"

static int pipe_ends[2];

static int open_pipe(void **state)
{
    (void)state;
    return pipe2(pipe_ends, O_CLOEXEC);
}

static int close_pipe(void **state)
{
    (void)state;
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return 0;
}

static const char *written(void)
{
    static char text[PIPE_BUF];
    fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
    ssize_t size = read(pipe_ends[0], text, sizeof text - 1);
    text[size < 0 ? 0 : size] = 0;
    return text;
}

static void fill(void)
{
    static const char bytes[PIPE_BUF];
    fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK);
    while (write(pipe_ends[1], bytes, sizeof bytes) > 0)
        continue;
    fcntl(pipe_ends[1], F_SETFL, 0);
}

static void drain(void)
{
    static char bytes[65536];
    fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
    while (read(pipe_ends[0], bytes, sizeof bytes) > 0)
        continue;
}

static leasehold_event warning(const char *text)
{
    leasehold_event e = { .kind = LEASEHOLD_EVENT_WARNING, .wall_us = INT64_C(1795403675000001), .boot_ns = 7 };
    snprintf(e.text, sizeof e.text, "%s", text);
    return e;
}

static void a_line_of_text_stays_one_line(void **state)
{
    (void)state;
    struct event_output out = { .fd = pipe_ends[1] };
    leasehold_event e = warning("he said\nno\x1b[2J");
    assert_int_equal(events_write(&out, &e), 0);
    assert_string_equal(written(), "2026-11-23T03:14:35.000001Z leasehold: he said\\x0ano\\x1b[2J\n");
}

static void a_line_of_json_has_every_key(void **state)
{
    (void)state;
    struct event_output out = { .fd = pipe_ends[1], .json = true };
    leasehold_event e = warning("no");
    assert_int_equal(events_write(&out, &e), 0);
    assert_string_equal(written(),
                        "{\"event\":\"warning\",\"group\":null,\"identity\":null,\"holder\":null,\"fencing_token\":null,\"lock_uid\":null,"
                        "\"reason\":\"no\",\"time\":\"2026-11-23T03:14:35.000001Z\",\"boottime_ns\":7}\n");
}

static void what_has_no_line_is_passed_over(void **state)
{
    (void)state;
    struct event_output out = { .fd = -1 };
    leasehold_event extended = { .kind = LEASEHOLD_EVENT_EXTENDED }, closed = { .kind = LEASEHOLD_EVENT_CLOSED };
    assert_int_equal(events_write(&out, &extended), 0);
    assert_int_equal(events_write(&out, &closed), 0);
}

static void a_reader_that_does_not_read_is_not_waited_for(void **state)
{
    (void)state;
    struct event_output out = { .fd = pipe_ends[1], .never_waits = true };
    leasehold_event e = warning("unread");
    fill();
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(events_write(&out, &e), 0);
        assert_int_equal(out.lost, i);
    }
    drain();
    e = warning("read");
    assert_int_equal(events_write(&out, &e), 0);
    assert_int_equal(out.lost, 0);
    const char *text = written();
    assert_non_null(strstr(text, " 3 events before this one were not written"));
    assert_non_null(strstr(text, ": read\n"));
    assert_null(strstr(text, "unread"));
}

static void a_full_disk_and_a_closed_pipe_are_errors(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    leasehold_event e = warning("x");
    assert_true(full >= 0);
    errno = 0;
    assert_int_equal(events_write(&(struct event_output){ .fd = full }, &e), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(events_write(&(struct event_output){ .fd = full, .never_waits = true }, &e), -1);
    close(full);
    assert_int_equal(events_write(&(struct event_output){ .fd = -1 }, &e), -1);
    assert_int_equal(errno, EBADF);
}

static void the_leader_alone_is_a_line(void **state)
{
    (void)state;
    struct leasehold_record record = { .size = sizeof record, .token = "42", .lock_uid = "u" };
    struct event_output out = { .fd = pipe_ends[1] };
    assert_int_equal(events_write_leader(&out, "g", &record, "a\n"), 0);
    assert_string_equal(written(), "a\\x0a\n");
    assert_int_equal(events_write_leader(&out, "g", &record, ""), 0);
    assert_string_equal(written(), "");
    out.json = true;
    assert_int_equal(events_write_leader(&out, "g", &record, "a"), 0);
    const char *text = written();
    assert_non_null(strstr(
        text, "{\"event\":\"new_leader\",\"group\":\"g\",\"identity\":null,\"holder\":\"a\",\"fencing_token\":\"42\",\"lock_uid\":\"u\""));
    assert_int_equal(events_write_leader(&out, "g", &record, ""), 0);
    assert_non_null(strstr(written(), "\"holder\":null,\"fencing_token\":null"));
}

#define WITH_PIPE(test) cmocka_unit_test_setup_teardown(test, open_pipe, close_pipe)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PIPE(a_line_of_text_stays_one_line),
        WITH_PIPE(a_line_of_json_has_every_key),
        WITH_PIPE(what_has_no_line_is_passed_over),
        WITH_PIPE(a_reader_that_does_not_read_is_not_waited_for),
        WITH_PIPE(a_full_disk_and_a_closed_pipe_are_errors),
        WITH_PIPE(the_leader_alone_is_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
