#include "cmocka_all.h"
#include "wire/times.h"

static void every_form_that_servers_and_clients_emit_is_read(void **state)
{
    (void)state;
    const char *const same[] = {
        "2026-11-23T03:14:35Z",           "2026-11-23T03:14:35.000000Z", "2026-11-23T03:14:35.000000+00:00", "2026-11-23T04:14:35+01",
        "2026-11-23T08:44:35+0530",       "2026-11-23T08:44:35+05:30",   "2026-11-22T22:14:35-05:00",        "2026-11-23t03:14:35z",
        "2026-11-23 03:14:35.000000000Z", "2026-11-23T03:14:35.0Z",      "2026-11-23T03:14:34.000000Z",
    };
    int64_t expected;
    assert_int_equal(times_parse(same[0], &expected), 0);
    assert_int_equal(expected, INT64_C(1795403675000000));
    for (size_t i = 1; i < sizeof same / sizeof *same - 1; i++) {
        int64_t us = 0;
        assert_int_equal(times_parse(same[i], &us), 0);
        assert_int_equal(us, expected);
    }
    int64_t us;
    assert_int_equal(times_parse("2026-11-23T03:14:34.123456789Z", &us), 0);
    assert_int_equal(us, expected - 1000000 + 123456);
    assert_int_equal(times_parse("2016-12-31T23:59:60Z", &us), 0); /* a leap second */
}

static void garbage_is_refused_and_leaves_the_result_alone(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T03:14:35",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T03:60:00Z",
        "2026-11-23T03:14:61Z",
        "2026-11-23T03:14:35.Z",
        "2026-11-23T03:14:35.1234567890Z",
        "2026-11-23T03:14:35Zx",
        " 2026-11-23T03:14:35Z",
        "2026-11-23T03:14:35+5",
        "2026-11-23T03:14:35+05:",
        "2026-11-23T03:14:35+24:00",
        "-026-11-23T03:14:35Z",
        "2026-1-23T03:14:35Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us = 42;
        if (times_parse(bad[i], &us) != LEASEHOLD_ERR_PROTOCOL || us != 42)
            fail_msg("'%s' was read as %lld", bad[i], (long long)us);
    }
}

static void a_time_written_is_read_as_itself(void **state)
{
    (void)state;
    const int64_t times[] = {
        0, 1, -1, 951782399999999, 951782400000000, TIMES_LEAST_US, TIMES_MOST_US, INT64_C(1795403675123456), -62135596799999999
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char text[TIMES_MICRO_SIZE];
        int64_t us = 0;
        times_format(times[i], text);
        assert_int_equal(strlen(text), TIMES_MICRO_SIZE - 1);
        assert_int_equal(times_parse(text, &us), 0);
        assert_int_equal(us, times[i]);
    }
    char text[TIMES_MICRO_SIZE];
    times_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
    times_format(INT64_C(951782400000000), text);
    assert_string_equal(text, "2000-02-29T00:00:00.000000Z");
}

static void durations_with_units_are_read(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        { "15s", INT64_C(15000000000) },
        { "500ms", 500000000 },
        { "1m30s", INT64_C(90000000000) },
        { "2h", INT64_C(7200000000000) },
        { "1.5s", 1500000000 },
        { "100us", 100000 },
        { "100\xc2\xb5s", 100000 },
        { "1ns", 1 },
        { "0s", 0 },
        { "0", 0 },
        { "1h1m1s1ms", INT64_C(3661001000000) },
        { "0.25h", INT64_C(900000000000) },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t ns = -1;
        assert_int_equal(times_duration_parse(good[i].text, &ns, NULL), 0);
        assert_int_equal(ns, good[i].ns);
        char text[TIMES_DURATION_SIZE];
        int64_t again = -1;
        times_duration_format(ns, text);
        assert_int_equal(times_duration_parse(text, &again, NULL), 0);
        assert_int_equal(again, ns);
    }
    char text[TIMES_DURATION_SIZE];
    times_duration_format(INT64_C(90000000000), text);
    assert_string_equal(text, "1m30s");
    times_duration_format(INT64_MAX, text);
    assert_string_equal(text, "2562047h47m16.854775807s");
}

static void durations_are_written_as_people_do(void **state)
{
    (void)state;
    const struct {
        int64_t ns;
        const char *text;
    } good[] = {
        { 0, "0s" },
        { -1, "0s" },
        { 1, "1ns" },
        { 999999, "999.999us" },
        { 1500000, "1.5ms" },
        { 500000000, "500ms" },
        { INT64_C(13200000000), "13.2s" },
        { INT64_C(60000000000), "1m" },
        { INT64_C(60000000001), "1m1ns" },
        { INT64_C(90250000000), "1m30.25s" },
        { INT64_C(3600000000000), "1h" },
        { INT64_C(5400000000000), "1h30m" },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[TIMES_DURATION_SIZE];
        int64_t again = -1;
        times_duration_format(good[i].ns, text);
        assert_string_equal(text, good[i].text);
        assert_int_equal(times_duration_parse(text, &again, NULL), 0);
        assert_int_equal(again, good[i].ns < 0 ? 0 : good[i].ns);
    }
}

static void what_a_number_does_not_hold_is_told(void **state)
{
    (void)state;
    int64_t us;
    bool exact = false;
    assert_int_equal(times_parse_exact("2026-11-23T03:14:35.123456000Z", &us, &exact), 0);
    assert_true(exact);
    assert_int_equal(times_parse_exact("2026-11-23T03:14:35.123456001Z", &us, &exact), 0);
    assert_false(exact);
    assert_int_equal(times_parse_exact("2016-12-31T23:59:60Z", &us, &exact), 0);
    assert_false(exact);
}

static void wrong_durations_say_why(void **state)
{
    (void)state;
    const char *const bad[] = { "",     "s",       "15",  "1.5", "15 s", "-1s",  "+1s",         "1s1m",
                                "1s1s", "1.5m30s", "1.s", ".5s", "15x",  "1e3s", "9999999999h", "99999999999999999999s" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ns = 42;
        const char *why = NULL;
        assert_int_equal(times_duration_parse(bad[i], &ns, &why), LEASEHOLD_ERR_OPTION);
        assert_int_equal(ns, 42);
        assert_non_null(why);
    }
    int64_t ns;
    const char *why;
    times_duration_parse("15", &ns, &why);
    assert_non_null(strstr(why, "write a unit"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_that_servers_and_clients_emit_is_read),
        cmocka_unit_test(garbage_is_refused_and_leaves_the_result_alone),
        cmocka_unit_test(a_time_written_is_read_as_itself),
        cmocka_unit_test(durations_with_units_are_read),
        cmocka_unit_test(durations_are_written_as_people_do),
        cmocka_unit_test(what_a_number_does_not_hold_is_told),
        cmocka_unit_test(wrong_durations_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
