/* Members over real sockets, with a thread of the service's own, read by other threads meanwhile. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

#define PODS_PATH "/api/v1/namespaces/default/pods"

enum { PODS = 300, PATIENCE_MS = 30000 };

static void create(struct world *w, int number)
{
    char body[256];
    snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"p-%03d\",\"labels\":{\"app\":\"x\"}}}", number);
    assert_int_equal(world_send(w, "POST", PODS_PATH, body), 201);
}

static void delete (struct world *w, int number)
{
    char path[128];
    snprintf(path, sizeof path, PODS_PATH "/p-%03d", number);
    assert_int_equal(world_send(w, "DELETE", path, ""), 200);
}

/* Each of these is one member or none; who hears of differences alone keeps them up. */
struct known {
    bool there[PODS];
    size_t count, differences;
    bool wrong;
};

static void note(void *user, int difference, const leasehold_members *members, size_t index)
{
    struct known *k = user;
    bool *there = &k->there[strtoul(leasehold_members_name(members, index) + 2, NULL, 10)];
    k->differences++;
    if (difference == LEASEHOLD_MEMBER_CHANGED)
        return;
    k->wrong = k->wrong || *there == (difference == LEASEHOLD_MEMBER_ADDED);
    *there = difference == LEASEHOLD_MEMBER_ADDED;
    k->count = *there ? k->count + 1 : k->count - 1;
}

/* Reads events until there are this many members. */
static void follow_until(leasehold_service *s, leasehold_roster *r, struct known *k, size_t count)
{
    uint64_t end_ns = world_boot_ns() + PATIENCE_MS * UINT64_C(1000000);
    const leasehold_event *e;
    while (k->count != count) {
        if (world_boot_ns() > end_ns)
            fail_msg("waited for %zu members, there are %zu", count, k->count);
        struct pollfd fd = { .fd = leasehold_service_fd(s), .events = POLLIN };
        poll(&fd, 1, 100);
        while (leasehold_service_next_event(s, &e) == 1) {
            if (leasehold_event_kind(e) == LEASEHOLD_EVENT_WARNING)
                fail_msg("%s", leasehold_event_text(e));
            assert_ptr_equal(leasehold_event_roster(e), r);
            leasehold_members_compare(leasehold_event_members_before(e), leasehold_event_members(e), note, k);
            assert_int_equal(leasehold_members_count(leasehold_event_members(e)), k->count);
            assert_false(k->wrong);
        }
    }
}

struct reader {
    leasehold_roster *roster;
    _Atomic bool stop;
    _Atomic size_t read;
    _Atomic bool wrong;
};

/* Takes sets and looks whether each is whole: in order, and every member found by its name. */
static void *read_sets(void *data)
{
    struct reader *reader = data;
    while (!atomic_load(&reader->stop)) {
        leasehold_members *m = NULL;
        if (leasehold_roster_members(reader->roster, &m) != 1)
            continue;
        for (size_t i = 0; i < leasehold_members_count(m); i++) {
            const char *name = leasehold_members_name(m, i);
            size_t at = PODS;
            bool in_order = i == 0 || strcmp(leasehold_members_name(m, i - 1), name) < 0;
            if (!in_order || !leasehold_members_find(m, name, &at) || at != i)
                atomic_store(&reader->wrong, true);
        }
        leasehold_members_unref(m);
        atomic_fetch_add(&reader->read, 1);
    }
    return NULL;
}

static void threads_read_while_members_come_and_go(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_options *o = world_options(w, "a");
    leasehold_service *s = NULL;
    leasehold_roster *r = NULL;
    struct reader reader = { .read = 0 };
    struct known known = { .count = 0 };
    pthread_t thread;
    assert_int_equal(leasehold_options_set(o, "selector", "app=x"), 0);
    assert_int_equal(leasehold_service_open(&s, o), 0);
    for (int i = 0; i < PODS / 3; i++)
        create(w, i);
    assert_int_equal(leasehold_roster_open(&r, s, NULL), 0);
    assert_int_equal(leasehold_service_start_thread(s), 0);
    reader.roster = leasehold_roster_ref(r);
    assert_int_equal(pthread_create(&thread, NULL, read_sets, &reader), 0);
    follow_until(s, r, &known, PODS / 3);
    for (int i = PODS / 3; i < PODS; i++)
        create(w, i);
    follow_until(s, r, &known, PODS);
    for (int i = 0; i < PODS; i += 2)
        delete (w, i);
    follow_until(s, r, &known, PODS / 2);
    for (int i = 0; i < PODS; i++)
        assert_int_equal(known.there[i], i % 2);
    atomic_store(&reader.stop, true);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&reader.read) > 0);
    assert_false(atomic_load(&reader.wrong));
    /* A set outlives its service. */
    leasehold_members *m = NULL;
    assert_int_equal(leasehold_roster_members(r, &m), 1);
    leasehold_service_unref(s);
    leasehold_roster_unref(reader.roster);
    leasehold_roster_unref(r);
    assert_int_equal(leasehold_members_count(m), PODS / 2);
    leasehold_members_unref(m);
    leasehold_options_unref(o);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(threads_read_while_members_come_and_go) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
