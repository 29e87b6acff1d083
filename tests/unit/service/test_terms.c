/* Rule 9: what readers on other threads see of a term. Run under ThreadSanitizer, too. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/terms.h"

static _Atomic int64_t clock_ns;

static leasehold_time now(void *data)
{
    (void)data;
    int64_t ns = atomic_load(&clock_ns);
    return (leasehold_time){ ns, ns, 0 };
}

static const struct terms_clock reading = { now, NULL };

static struct term_snapshot term_of(uint64_t number, int64_t end_ns)
{
    struct term_snapshot term = { .number = number, .token = number * 1000, .term_at = { end_ns, end_ns, 0 } };
    snprintf(term.uid, sizeof term.uid, "uid-%llu", (unsigned long long)number);
    return term;
}

static void a_term_runs_until_its_end_by_either_clock(void **state)
{
    (void)state;
    struct terms t = { 0 };
    struct term_snapshot got;
    atomic_store(&clock_ns, 10);
    assert_false(terms_read(&t, &reading, NULL));
    assert_false(terms_extend(&t, (leasehold_time){ 1, 1, 0 }) && false);
    struct term_snapshot term = term_of(1, 100);
    terms_begin(&t, &term);
    assert_true(terms_read(&t, &reading, &got));
    assert_int_equal(got.token, 1000);
    assert_string_equal(got.uid, "uid-1");
    atomic_store(&clock_ns, 99);
    assert_true(terms_read(&t, &reading, NULL));
    assert_true(terms_extend(&t, (leasehold_time){ 200, 150, 0 }));
    atomic_store(&clock_ns, 149);
    assert_true(terms_read(&t, &reading, &got));
    assert_int_equal(got.term_at.boot_ns, 200);
    atomic_store(&clock_ns, 150);
    assert_false(terms_read(&t, &reading, &got));
}

static void never_true_again_in_a_term(void **state)
{
    (void)state;
    struct terms t = { 0 };
    struct term_snapshot term = term_of(1, 100);
    atomic_store(&clock_ns, 50);
    terms_begin(&t, &term);
    atomic_store(&clock_ns, 100);
    assert_false(terms_read(&t, &reading, NULL));
    assert_false(terms_extend(&t, (leasehold_time){ 500, 500, 0 }));
    assert_false(terms_read(&t, &reading, NULL));
    term = term_of(2, 500);
    terms_begin(&t, &term);
    assert_true(terms_read(&t, &reading, NULL));
    terms_end(&t);
    assert_false(terms_read(&t, &reading, NULL));
    assert_false(terms_extend(&t, (leasehold_time){ 600, 600, 0 }));
}

enum { READERS = 3, TERMS = 20000 };

struct shared {
    struct terms terms;
    _Atomic bool stop;
    _Atomic int arrived;              /* readers that saw the last term */
    _Atomic uint64_t over[TERMS + 2]; /* 1: a reader saw this term end */
};

static void *read_on(void *data)
{
    struct shared *s = data;
    uint64_t last = 0;
    while (!atomic_load(&s->stop)) {
        struct term_snapshot got;
        uint64_t ended_before = last > 0 ? atomic_load(&s->over[last]) : 0;
        if (!terms_read(&s->terms, &reading, &got)) {
            if (last > 0)
                atomic_store(&s->over[last], 1);
            continue;
        }
        char uid[LEASEHOLD_UID_MAX + 1] = "";
        snprintf(uid, sizeof uid, "uid-%llu", (unsigned long long)got.number);
        if (got.number < last || got.token != got.number * 1000 || strcmp(uid, got.uid) != 0 || (got.number == last && ended_before)) {
            atomic_fetch_add(&s->arrived, READERS);
            return s;
        }
        if (got.number == TERMS + 1 && last != got.number)
            atomic_fetch_add(&s->arrived, 1);
        last = got.number;
    }
    return NULL;
}

static void snapshots_are_whole_on_every_thread(void **state)
{
    (void)state;
    static struct shared s;
    pthread_t reader[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, read_on, &s), 0);
    for (uint64_t n = 1; n <= TERMS; n++) {
        int64_t at = atomic_load(&clock_ns);
        struct term_snapshot term = term_of(n, at + 10);
        terms_begin(&s.terms, &term);
        for (int i = 0; i < 4; i++) {
            at = atomic_fetch_add(&clock_ns, 6) + 6;
            terms_extend(&s.terms, (leasehold_time){ at + 5, at + 5, 0 });
        }
        terms_end(&s.terms);
    }
    struct term_snapshot last = term_of(TERMS + 1, LEASEHOLD_NEVER);
    terms_begin(&s.terms, &last);
    while (atomic_load(&s.arrived) < READERS)
        sched_yield();
    atomic_store(&s.stop, true);
    for (int i = 0; i < READERS; i++) {
        void *result;
        pthread_join(reader[i], &result);
        assert_null(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_term_runs_until_its_end_by_either_clock),
        cmocka_unit_test(never_true_again_in_a_term),
        cmocka_unit_test(snapshots_are_whole_on_every_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
