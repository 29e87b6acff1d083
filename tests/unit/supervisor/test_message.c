/* Packets between elector and keeper: whole or refused, never waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/message.h"

enum { PACKETS_MAX = 100000 };

static int pair[2];

static int open_pair(void **unused)
{
    (void)unused;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
}

static int close_pair(void **unused)
{
    (void)unused;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static struct supervisor_message start_message(void)
{
    struct supervisor_message m = { .kind = SUPERVISOR_START, .term = 3, .kill_at_boot_ns = 5, .latest_start_boot_ns = 4 };

    m.start.fencing_token = UINT64_MAX;
    memset(m.start.group, 'g', SUPERVISOR_GROUP_MAX);
    memset(m.start.identity, 'i', SUPERVISOR_IDENTITY_MAX);
    memset(m.start.namespace_name, 'n', SUPERVISOR_NAMESPACE_MAX);
    memset(m.start.lock_uid, 'u', SUPERVISOR_UID_MAX);
    return m;
}

static void a_message_arrives_whole(void **unused)
{
    struct supervisor_message sent = start_message(), got;

    (void)unused;
    assert_int_equal(supervisor_receive(pair[1], &got), 0);
    assert_int_equal(supervisor_send(pair[0], &sent), 0);
    assert_int_equal(supervisor_receive(pair[1], &got), 1);
    assert_memory_equal(&sent, &got, sizeof got);
    assert_int_equal(supervisor_receive(pair[1], &got), 0);
}

static void refuses(const void *data, size_t size)
{
    struct supervisor_message got = { .term = 77 };

    assert_int_equal(send(pair[0], data, size, 0), size);
    assert_int_equal(supervisor_receive(pair[1], &got), -EPROTO);
    assert_int_equal(got.term, 77); /* untouched */
}

static void what_is_no_message_is_refused(void **unused)
{
    struct supervisor_message m = start_message();
    char longer[sizeof m + 1] = { 0 };

    (void)unused;
    memcpy(longer, &m, sizeof m);
    refuses(longer, sizeof longer);
    refuses(&m, sizeof m - 1);
    refuses("x", 1);
    m.kind = SUPERVISOR_MESSAGE_KINDS;
    refuses(&m, sizeof m);
    m = start_message(), m.kind = SUPERVISOR_MESSAGE_NONE;
    refuses(&m, sizeof m);
    m = start_message(), m.stop = SUPERVISOR_STOPS;
    refuses(&m, sizeof m);
    m = start_message(), m.outcome = SUPERVISOR_OUTCOMES;
    refuses(&m, sizeof m);
}

static void a_string_without_its_end_is_refused(void **unused)
{
    struct supervisor_message m = start_message();

    (void)unused;
    m.start.group[SUPERVISOR_GROUP_MAX] = 'x';
    refuses(&m, sizeof m);
    m = start_message(), m.start.identity[SUPERVISOR_IDENTITY_MAX] = 'x';
    refuses(&m, sizeof m);
    m = start_message(), m.start.namespace_name[SUPERVISOR_NAMESPACE_MAX] = 'x';
    refuses(&m, sizeof m);
    m = start_message(), m.start.lock_uid[SUPERVISOR_UID_MAX] = 'x';
    refuses(&m, sizeof m);
}

static void a_full_socket_is_told_and_not_waited_for(void **unused)
{
    struct supervisor_message m = start_message();
    int result = 0, packets = 0;

    (void)unused;
    for (; result == 0 && packets < PACKETS_MAX; packets++)
        result = supervisor_send(pair[0], &m);
    assert_int_equal(result, -EAGAIN);
    assert_true(packets > 20); /* the keeper says a handful of words a term: see tell() */
}

static void a_closed_side_is_told(void **unused)
{
    struct supervisor_message m = start_message(), got;

    (void)unused;
    assert_int_equal(supervisor_send(pair[0], &m), 0);
    close(pair[0]);
    assert_int_equal(supervisor_receive(pair[1], &got), 1); /* the last words first */
    assert_int_equal(supervisor_receive(pair[1], &got), -EPIPE);
    assert_int_equal(supervisor_send(pair[1], &m), -EPIPE); /* and no SIGPIPE */
    pair[0] = dup(pair[1]);
}

/* The kernel tells of words that were never read before it gives those that were sent: both must still arrive. */
static void last_words_of_a_side_that_did_not_read_all(void **unused)
{
    struct supervisor_message m = start_message(), got;

    (void)unused;
    assert_int_equal(supervisor_send(pair[1], &m), 0);
    assert_int_equal(supervisor_send(pair[0], &m), 0);
    close(pair[0]);
    assert_int_equal(supervisor_receive(pair[1], &got), 1);
    assert_int_equal(supervisor_receive(pair[1], &got), -EPIPE);
    pair[0] = dup(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_arrives_whole, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(what_is_no_message_is_refused, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_string_without_its_end_is_refused, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_full_socket_is_told_and_not_waited_for, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(last_words_of_a_side_that_did_not_read_all, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_closed_side_is_told, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
