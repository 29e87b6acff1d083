/* When an exec plugin runs, and what serves meanwhile, on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "election/time.h"
#include "kube/credential.h"

#define S INT64_C(1000000000)
#define BOOT (1000 * S)             /* when each test begins */
#define WALL INT64_C(1700000000000) /* in ms, at that time */

static struct kube_credential c;

static int fresh(void **state)
{
    (void)state;
    c = (struct kube_credential){ 0 };
    return 0;
}

static int done(void **state)
{
    (void)state;
    kube_credential_clear(&c);
    return 0;
}

/* At `s` seconds a run begins and gives a token for `life_s` (negative: it has expired already; 0: for ever). */
static void runs(int64_t s, int64_t life_s)
{
    assert_true(kube_credential_is_due(&c, BOOT + s * S));
    kube_credential_began(&c, BOOT + s * S);
    struct kube_exec_answer answer = { .token = strdup("t"), .expires = life_s != 0 };
    answer.expires_us = (WALL + (s + life_s) * 1000) * 1000;
    kube_credential_came(&c, &answer, BOOT + s * S, (WALL + s * 1000) * 1000);
    assert_null(answer.token);
}

static void fails(int64_t s)
{
    assert_true(kube_credential_is_due(&c, BOOT + s * S));
    kube_credential_began(&c, BOOT + s * S);
    kube_credential_failed(&c);
}

#define STATE(s, what) assert_int_equal(kube_credential_state(&c, BOOT + (s)*S), KUBE_CREDENTIAL_##what)
#define DUE(s) assert_true(kube_credential_is_due(&c, BOOT + (s)*S))
#define NOT_DUE(s) assert_false(kube_credential_is_due(&c, BOOT + (s)*S))

static void the_first_request_waits_for_a_run(void **state)
{
    (void)state;
    STATE(0, WAIT);
    DUE(0);
    kube_credential_began(&c, BOOT);
    STATE(0, WAIT);
    NOT_DUE(100); /* one at a time */
    kube_credential_failed(&c);
    STATE(1, NONE);
    NOT_DUE(4);
    DUE(5);
    STATE(5, WAIT);
}

static void what_does_not_expire_is_kept(void **state)
{
    (void)state;
    runs(0, 0);
    NOT_DUE(1000000);
    STATE(1000000, READY);
}

static void the_next_run_is_ahead_of_the_end(void **state)
{
    (void)state;
    runs(0, 3600);
    NOT_DUE(3539);
    DUE(3540);
    kube_credential_began(&c, BOOT + 3540 * S);
    STATE(3599, READY); /* the old one serves while the plugin runs */
    STATE(3600, WAIT);
    kube_credential_failed(&c);
    STATE(3590, READY);
    STATE(3600, WAIT); /* a new run is due by then */
}

static void a_short_life_is_renewed_in_its_last_quarter(void **state)
{
    (void)state;
    runs(0, 40);
    NOT_DUE(29);
    DUE(30);
    STATE(39, READY);
    fails(38);
    STATE(39, READY);
    STATE(40, NONE); /* expired, and too early for another */
    STATE(43, WAIT);
}

static void an_expired_one_is_presented_until_the_next_run(void **state)
{
    (void)state;
    runs(0, -100);
    STATE(0, READY);
    NOT_DUE(4);
    STATE(4, READY);
    DUE(5);
    STATE(5, WAIT);
}

static void the_end_of_time_is_no_trap(void **state)
{
    (void)state;
    kube_credential_began(&c, BOOT);
    struct kube_exec_answer answer = { .token = strdup("t"), .expires = true, .expires_us = INT64_MAX };
    kube_credential_came(&c, &answer, BOOT, INT64_C(1));
    STATE(1000000, READY);
    NOT_DUE(1000000);
}

static void a_refusal_asks_anew_but_not_at_once(void **state)
{
    (void)state;
    runs(0, 3600);
    assert_false(kube_credential_refused(&c, c.generation, BOOT + 4 * S)); /* it just came: the server does not want it */
    STATE(4, READY);
    assert_true(kube_credential_refused(&c, c.generation, BOOT + 6 * S));
    STATE(6, WAIT);
    DUE(6);
    unsigned old = c.generation;
    runs(6, 3600);
    STATE(6, READY);
    assert_true(kube_credential_refused(&c, old, BOOT + 7 * S)); /* of the one before: try the new one */
    STATE(7, READY);
    NOT_DUE(7);
}

static void a_refused_one_serves_on_when_there_is_no_other(void **state)
{
    (void)state;
    runs(0, 3600);
    assert_true(kube_credential_refused(&c, c.generation, BOOT + 10 * S));
    fails(10);
    STATE(11, READY);
    assert_false(kube_credential_refused(&c, c.generation, BOOT + 11 * S));
    assert_true(kube_credential_refused(&c, c.generation, BOOT + 16 * S));
    DUE(16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_request_waits_for_a_run, fresh, done),
        cmocka_unit_test_setup_teardown(what_does_not_expire_is_kept, fresh, done),
        cmocka_unit_test_setup_teardown(the_next_run_is_ahead_of_the_end, fresh, done),
        cmocka_unit_test_setup_teardown(a_short_life_is_renewed_in_its_last_quarter, fresh, done),
        cmocka_unit_test_setup_teardown(an_expired_one_is_presented_until_the_next_run, fresh, done),
        cmocka_unit_test_setup_teardown(the_end_of_time_is_no_trap, fresh, done),
        cmocka_unit_test_setup_teardown(a_refusal_asks_anew_but_not_at_once, fresh, done),
        cmocka_unit_test_setup_teardown(a_refused_one_serves_on_when_there_is_no_other, fresh, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
