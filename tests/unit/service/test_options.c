/* Settings by name: values, sentences, files, the environment, and the inequalities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/options.h"
#include "wire/dialect.h"

static void refuses(const char *name, const char *value, const char *sentence)
{
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, name, value), LEASEHOLD_ERR_OPTION);
    assert_string_equal(leasehold_options_error(o), sentence);
    leasehold_options_unref(o);
}

static void refused_values_say_what_is_wanted(void **state)
{
    (void)state;
    refuses("lease-duraton", "15s", "there is no setting lease-duraton; did you mean lease-duration");
    refuses("port", "1", "there is no setting port");
    refuses("jitter", "x", "jitter is x, but must be a factor like 1.2");
    refuses("jitter", "0.9", "jitter is 0.9, but must be from 1.00 to 10.00");
    refuses("clock-rate-error", "1", "clock-rate-error is 1, but must be a percentage like 1%");
    refuses("clock-rate-error", "30%", "clock-rate-error is 30%, but must be from 0.0% to 20.0%");
    refuses("renew-deadline", "", "renew-deadline is empty, but must be a duration with its unit, like 15s, 500ms or 1m30s");
    refuses("renew-deadline", "0s", "renew-deadline is 0s, but must be from 1ns to 1440m");
    refuses("confirm-stop", "maybe", "confirm-stop is maybe, but must be yes or no");
    refuses("lock", "endpoints", "lock is endpoints, but must be one of: lease|configmap");
    refuses("identity", "a\nb", "identity has a control character in it");
    refuses("identity", "a\xff", "identity is not UTF-8");
    refuses("selector", "app", "selector is app, but must be labels with their values, like app=reports,tier=web");
    refuses("selector", "app=a b", "selector is app=a b, but must be labels with their values, like app=reports,tier=web");
    refuses("selector", "app=x,", "selector is app=x,, but must be labels with their values, like app=reports,tier=web");
    refuses("selector", "app!=x", "selector is app!=x, but must be labels with their values, like app=reports,tier=web");
    refuses("selector", "Not-A-Domain/app=x",
            "selector is Not-A-Domain/app=x, but must be labels with their values, like app=reports,tier=web");
    refuses("member-pods", "some", "member-pods is some, but must be one of: all|ready");
    refuses("watch-refresh-interval", "-1y",
            "watch-refresh-interval: -1y is no duration: write numbers with units, as in 15s, 500ms or 1m30s");
    refuses("namespace", "Default",
            "namespace is \"Default\", but must be the name of a Kubernetes object: lower case letters, digits, '-' and '.', at "
            "most 253 bytes, with a letter or digit at both ends");
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, "lease-duration", "15"), LEASEHOLD_ERR_OPTION);
    assert_non_null(strstr(leasehold_options_error(o), "write a unit"));
    assert_int_equal(leasehold_options_set(o, "lease-duration", "-15s"), LEASEHOLD_ERR_OPTION);
    assert_int_equal(leasehold_options_set(o, NULL, "15"), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_options_set(NULL, "jitter", "2"), LEASEHOLD_ERR_ARGUMENT);
    leasehold_options_unref(o);
}

static void takes(const char *name, const char *value)
{
    leasehold_options *o = leasehold_options_new();
    if (leasehold_options_set(o, name, value) < 0)
        fail_msg("%s", leasehold_options_error(o));
    assert_string_equal(leasehold_options_get(o, name), value);
    leasehold_options_unref(o);
}

static void selectors_are_labels_as_kubernetes_takes_them(void **state)
{
    (void)state;
    takes("selector", "");
    takes("selector", "app=reports");
    takes("selector", "app.kubernetes.io/name=Reports_2.0,tier=web,flag=");
    char word[80];
    memset(word, 'x', sizeof word);
    memcpy(word, "a=", 2);
    word[2 + 63] = '\0';
    takes("selector", word);
    word[2 + 63] = 'x';
    word[2 + 64] = '\0';
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, "selector", word), LEASEHOLD_ERR_OPTION);
    char longest[SETTING_SELECTOR_MAX + 2];
    for (size_t i = 0; i < sizeof longest; i += 4)
        memcpy(longest + i, "a=b,", sizeof longest - i < 4 ? sizeof longest - i : 4);
    longest[SETTING_SELECTOR_MAX - 1] = '\0';
    takes("selector", longest);
    memcpy(longest + SETTING_SELECTOR_MAX - 4, "a=bc", 4);
    longest[SETTING_SELECTOR_MAX] = '\0';
    takes("selector", longest);
    memcpy(longest + SETTING_SELECTOR_MAX - 4, "a=bcd", 5);
    longest[SETTING_SELECTOR_MAX + 1] = '\0';
    assert_int_equal(leasehold_options_set(o, "selector", longest), LEASEHOLD_ERR_OPTION);
    assert_string_equal(leasehold_options_error(o), "selector has 1025 bytes, at most 1024 are allowed");
    leasehold_options_unref(o);
    takes("watch-refresh-interval", "0");
    takes("watch-refresh-interval", "-1s");
    takes("member-pods", "ready");
}

static void values_are_kept_and_put_back(void **state)
{
    (void)state;
    leasehold_options *o = leasehold_options_new();
    assert_string_equal(leasehold_options_get(o, "lease-duration"), "15s");
    assert_int_equal(leasehold_options_set(o, "lease-duration", "20s"), 0);
    assert_string_equal(leasehold_options_get(o, "lease-duration"), "20s");
    assert_int_equal(leasehold_options_set(o, "lease-duration", "20"), LEASEHOLD_ERR_OPTION);
    assert_string_equal(leasehold_options_get(o, "lease-duration"), "20s");
    assert_int_equal(leasehold_options_set(o, "lease-duration", NULL), 0);
    assert_string_equal(leasehold_options_get(o, "lease-duration"), "15s");
    assert_string_equal(leasehold_options_get(o, "identity"), "");
    assert_null(leasehold_options_get(o, "port"));
    char longest[LEASEHOLD_IDENTITY_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[LEASEHOLD_IDENTITY_MAX + 1] = '\0';
    assert_int_equal(leasehold_options_set(o, "identity", longest), LEASEHOLD_ERR_OPTION);
    longest[LEASEHOLD_IDENTITY_MAX] = '\0';
    assert_int_equal(leasehold_options_set(o, "identity", longest), 0);
    assert_null(leasehold_options_unref(o));
    assert_null(leasehold_options_unref(NULL));
}

static void contradicts(const char *text, const char *sentence)
{
    leasehold_options *o = leasehold_options_new();
    if (options_parse(o, "test", text, strlen(text)) < 0)
        fail_msg("%s", leasehold_options_error(o));
    int result = leasehold_options_check(o);
    assert_string_equal(leasehold_options_error(o), sentence);
    assert_int_equal(result, sentence[0] ? LEASEHOLD_ERR_SETTINGS : 0);
    leasehold_options_unref(o);
}

static void the_inequalities_are_told_in_numbers(void **state)
{
    (void)state;
    contradicts("", "");
    contradicts(
        "renew-deadline = 14s\nstop-timeout = 1s",
        "renew-deadline 14s leaves 0.2s to stop the worker, but --stop-timeout is 1s: with lease-duration 15s it may be at most 13.2s");
    contradicts("renew-deadline = 14.3s", "renew-deadline 14.3s leaves no time to stop the worker before the lease can pass on: with "
                                          "lease-duration 15s it must be less than 14.2s");
    contradicts("lease-duration = 2s\nrenew-deadline = 1s\nretry-period = 100ms\nkill-margin = 1990ms",
                "lease-duration 2s leaves no time to work: clock-rate-error, kill-margin and --stop-timeout take all of it");
    contradicts("lease-duration = 15500ms", "lease-duration is 15.5s, but a Lease records whole seconds, and at least 2s of them");
    contradicts("lease-duration = 1s", "lease-duration is 1s, but a Lease records whole seconds, and at least 2s of them");
    contradicts("lease-duration = 10s", "lease-duration 10s must be longer than renew-deadline 10s");
    contradicts("retry-period = 9s", "renew-deadline 10s must be longer than retry-period 9s times jitter 1.20, that is 10.8s");
    contradicts("renew-interval = 10s",
                "renew-interval 10s leaves no time for two more tries before renew-deadline 10s: it must be shorter");
    contradicts("lease-duration = 60s\nrenew-deadline = 40s\nretry-period = 5s\nstop-timeout = 17s", "");
}

static int64_t judged_ms(const char *const pairs[])
{
    leasehold_options *o = leasehold_options_new();
    struct election_settings s;
    char sentence[SETTING_SENTENCE_MAX];
    for (size_t i = 0; pairs[i]; i += 2)
        assert_int_equal(leasehold_options_set(o, pairs[i], pairs[i + 1]), 0);
    if (options_election(o, dialect_find(options_value(o, SETTING_LOCK)), &s, sentence) < 0)
        fail_msg("%s", sentence);
    leasehold_options_unref(o);
    return s.judged_lease_ns / 1000000;
}

static void a_configmap_has_camels_defaults(void **state)
{
    (void)state;
    leasehold_options *o = leasehold_options_new();
    assert_string_equal(leasehold_options_get(o, "lease-duration"), "15s");
    assert_int_equal(leasehold_options_set(o, "lock", "configmap"), 0);
    static const char *const preset[][2] = {
        { "lease-duration", "20s" },         { "renew-deadline", "15s" }, { "retry-period", "6s" },           { "jitter", "1.2" },
        { "retry-on-error-interval", "5s" }, { "lock-name", "leaders" },  { "watch-refresh-interval", "30m" }
    };
    for (size_t i = 0; i < sizeof preset / sizeof *preset; i++)
        assert_string_equal(leasehold_options_get(o, preset[i][0]), preset[i][1]);
    assert_int_equal(leasehold_options_check(o), 0);
    assert_int_equal(leasehold_options_set(o, "lease-duration", "30s"), 0);
    assert_string_equal(leasehold_options_get(o, "lease-duration"), "30s");
    leasehold_options_unref(o);
    contradicts("lock = configmap\nretry-period = 900ms",
                "retry-period is 0.9s, but the stamps of this kind of lock have whole seconds: at least 1s");
    contradicts("lock = configmap\nlease-duration = 5s\nrenew-deadline = 3s\nretry-period = 1s", "");
    contradicts(
        "lock = configmap\nmax-clock-skew = 5s",
        "renew-deadline 15s leaves no time to stop the worker before the lease can pass on: with lease-duration 20s it must be less "
        "than 14.2s");
}

/* DESIGN, section 3: beside peers that compare stamps L is min(own L, --peer-lease) less the skew of clocks. */
static void peers_that_compare_stamps_shorten_the_lease(void **state)
{
    (void)state;
    assert_int_equal(judged_ms((const char *[]){ NULL }), 15000);
    assert_int_equal(judged_ms((const char *[]){ "lock", "configmap", NULL }), 19500);
    assert_int_equal(judged_ms((const char *[]){ "lock", "configmap", "peer-lease", "18s", NULL }), 17500);
    assert_int_equal(judged_ms((const char *[]){ "lock", "configmap", "peer-lease", "40s", NULL }), 19500);
    assert_int_equal(judged_ms((const char *[]){ "lock", "configmap", "max-clock-skew", "1s", NULL }), 19000);
    assert_int_equal(judged_ms((const char *[]){ "peer-lease", "14s", NULL }), 13500);
}

static void a_file_is_all_or_nothing(void **state)
{
    (void)state;
    leasehold_options *o = leasehold_options_new();
    const char *good = "# ours\n\n  lease-duration = 30s  \r\nidentity=a b # c\nuser-agent = app=x\n";
    assert_int_equal(options_parse(o, "f", good, strlen(good)), 0);
    assert_string_equal(leasehold_options_get(o, "lease-duration"), "30s");
    assert_string_equal(leasehold_options_get(o, "identity"), "a b # c");
    assert_string_equal(leasehold_options_get(o, "user-agent"), "app=x");
    const char *bad = "jitter = 1.5\nrenew-deadline = 14\n";
    assert_int_equal(options_parse(o, "/etc/x", bad, strlen(bad)), LEASEHOLD_ERR_OPTION);
    assert_int_equal(strncmp(leasehold_options_error(o), "/etc/x:2: renew-deadline: 14 is ", 32), 0);
    assert_string_equal(leasehold_options_get(o, "jitter"), "1.2");
    assert_int_equal(options_parse(o, "f", "jitter", 6), LEASEHOLD_ERR_OPTION);
    assert_string_equal(leasehold_options_error(o), "f:1: \"jitter\" is not of the form name = value");
    assert_int_equal(options_parse(o, "f", "a\0b", 3), LEASEHOLD_ERR_OPTION);
    assert_int_equal(leasehold_options_load(o, "/nowhere/at/all"), LEASEHOLD_ERR_SYSTEM);
    assert_string_equal(leasehold_options_error(o), "/nowhere/at/all cannot be read: No such file or directory");
    assert_int_equal(leasehold_options_load(o, "/"), LEASEHOLD_ERR_SYSTEM);
    assert_int_equal(leasehold_options_load(o, "/dev/zero"), LEASEHOLD_ERR_LIMIT);
    leasehold_options_unref(o);
}

static void the_environment_is_read_by_the_table(void **state)
{
    (void)state;
    leasehold_options *o = leasehold_options_new();
    setenv("LEASEHOLD_PORT", "tcp://10.0.0.1:80", 1);
    setenv("LEASEHOLD_JITTER", "", 1);
    setenv("LEASEHOLD_RENEW_DEADLINE", "9s", 1);
    setenv("LEASEHOLD_CONFIRM_STOP", "no", 1); /* the program's own promise */
    assert_int_equal(leasehold_options_load_environment(o), 0);
    assert_string_equal(leasehold_options_get(o, "renew-deadline"), "9s");
    assert_string_equal(leasehold_options_get(o, "jitter"), "1.2");
    assert_string_equal(leasehold_options_get(o, "confirm-stop"), "yes");
    setenv("LEASEHOLD_JITTER", "many", 1);
    assert_int_equal(leasehold_options_load_environment(o), LEASEHOLD_ERR_OPTION);
    assert_string_equal(leasehold_options_error(o), "environment variable LEASEHOLD_JITTER: jitter is many, but must be a factor like 1.2");
    unsetenv("LEASEHOLD_JITTER");
    leasehold_options_unref(o);
}

static void overrides_are_for_groups(void **state)
{
    (void)state;
    leasehold_options *o = leasehold_options_new(), *overrides = leasehold_options_new(), *merged = NULL;
    char sentence[SETTING_SENTENCE_MAX];
    leasehold_options_set(o, "jitter", "1.5");
    leasehold_options_set(o, "lease-duration", "20s");
    leasehold_options_set(overrides, "lease-duration", "30s");
    assert_int_equal(options_merge(o, overrides, &merged, sentence), 0);
    assert_string_equal(leasehold_options_get(merged, "jitter"), "1.5");
    assert_string_equal(leasehold_options_get(merged, "lease-duration"), "30s");
    leasehold_options_unref(merged);
    leasehold_options_set(overrides, "kubeconfig", "/x");
    assert_int_equal(options_merge(o, overrides, &merged, sentence), LEASEHOLD_ERR_OPTION);
    assert_string_equal(sentence, "kubeconfig is the same for all groups of a service");
    leasehold_options_unref(overrides);
    leasehold_options_unref(o);
}

static void the_table_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < SETTINGS; i++) {
        const struct setting *s = &settings_table[i];
        char sentence[SETTING_SENTENCE_MAX], variable[64] = "LEASEHOLD_";
        assert_non_null(s->name);
        assert_ptr_equal(setting_find(s->name), s);
        for (size_t n = 0; s->name[n]; n++) {
            char c = s->name[n];
            variable[10 + n] = c == '-' ? '_' : (char)(c - 'a' + 'A');
            variable[11 + n] = '\0';
        }
        assert_string_equal(s->environment, variable);
        assert_true(s->default_text[0] || s->default_note);
        if (s->default_text[0] && setting_check(s, s->default_text, sentence) < 0)
            fail_msg("%s", sentence);
        assert_true(s->help[0] && s->help[strlen(s->help) - 1] != '.');
        assert_true(strncmp(s->name, "service", 7) != 0);
    }
    char text[40];
    const struct {
        int64_t ns;
        const char *text;
    } rows[] = { { 0, "0s" },
                 { 1, "1ns" },
                 { 500000000, "500ms" },
                 { 15000000000, "15s" },
                 { 90000000000, "1m30s" },
                 { 60000000000, "1m" },
                 { 13203000000, "13.203s" },
                 { 1500000000, "1.5s" },
                 { 1050000000, "1.05s" },
                 { -2000000000, "-2s" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setting_duration_text(rows[i].ns, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_values_say_what_is_wanted), cmocka_unit_test(selectors_are_labels_as_kubernetes_takes_them),
        cmocka_unit_test(values_are_kept_and_put_back),      cmocka_unit_test(the_inequalities_are_told_in_numbers),
        cmocka_unit_test(a_file_is_all_or_nothing),          cmocka_unit_test(the_environment_is_read_by_the_table),
        cmocka_unit_test(overrides_are_for_groups),          cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(a_configmap_has_camels_defaults),   cmocka_unit_test(peers_that_compare_stamps_shorten_the_lease),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
