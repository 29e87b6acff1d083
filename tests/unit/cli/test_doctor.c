/* What the facts that `leasehold doctor` gathers mean: each finding from the facts that should give it, and none from healthy ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/doctor.h"

#define SECOND_NS INT64_C(1000000000)
#define SECOND_US INT64_C(1000000)
#define DAY_US (24 * 3600 * SECOND_US)
#define NOW_US INT64_C(1764000000000000) /* 2025-11-24T16:00:00Z */

/* The one finding that has these words, with this grade; its advice has those, "" for none. */
static void found(const struct doctor_report *r, enum doctor_grade grade, const char *words, const char *advice)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct doctor_finding *f = &r->list[i];
        if (strstr(f->finding, words) == NULL)
            continue;
        if (f->grade != grade)
            fail_msg("%s: %s", doctor_grade_name(f->grade), f->finding);
        if (advice[0] == '\0' ? f->advice[0] != '\0' : strstr(f->advice, advice) == NULL)
            fail_msg("advice \"%s\" for \"%s\"", f->advice, f->finding);
        return;
    }
    fail_msg("nothing says \"%s\" among %zu findings, the first: %s", words, r->count, r->count > 0 ? r->list[0].finding : "");
}

static struct doctor_settings good_settings(void)
{
    return (struct doctor_settings){
        .lock = "lease",
        .environment = "",
        .election = { .lease_duration_ns = 15 * SECOND_NS, .renew_deadline_ns = 10 * SECOND_NS, .renew_interval_ns = 4 * SECOND_NS }
    };
}

static void settings(void **state)
{
    struct doctor_report r = { .count = 0 };
    struct doctor_settings s = good_settings();
    (void)state;
    doctor_judge_settings(&s, &r);
    found(&r, DOCTOR_OK, "lease-duration 15s, renew-deadline 10s, renew-interval 4s, so each request may take 2s", "");
    s.file = "/etc/l";
    s.environment = "LEASEHOLD_LOCK";
    s.sentence = "this does not fit that";
    doctor_judge_settings(&s, &r);
    found(&r, DOCTOR_FAIL, "this does not fit that; from /etc/l and the environment's LEASEHOLD_LOCK", "change them together");
    assert_true(doctor_failed(&r));
}

static void server(void **state)
{
    const struct doctor_server good = { .source = "c",
                                        .url = "https://h:6443",
                                        .tls = true,
                                        .has_credentials = true,
                                        .status = 200,
                                        .sentence = "",
                                        .version = "v1.36.3",
                                        .certificate_us = NOW_US + 100 * DAY_US,
                                        .now_us = NOW_US };
    struct doctor_report r = { .count = 0 };
    struct doctor_server s = good;
    (void)state;
    assert_true(doctor_judge_server(&s, &r));
    found(&r, DOCTOR_OK, "answers as v1.36.3", "");
    found(&r, DOCTOR_OK, "good until 2026-03-04", "");
    assert_false(doctor_failed(&r));
    s.certificate_us = NOW_US + 3 * DAY_US;
    assert_true(doctor_judge_server(&s, &r));
    found(&r, DOCTOR_WARN, "expires on 2025-11-27, in 3 days", "renewed before");
    s.insecure = true;
    assert_true(doctor_judge_server(&s, &r));
    found(&r, DOCTOR_WARN, "any certificate is believed", "certificate-authority");
    s = good;
    s.tls = false;
    s.url = "http://h:80";
    assert_true(doctor_judge_server(&s, &r));
    found(&r, DOCTOR_WARN, "http://h:80 is not encrypted", "https");
    assert_false(doctor_failed(&r));

    static const struct {
        int status;
        const char *words;
    } bad[] = { { 0, "cannot connect" }, { 401, "does not accept" }, { 404, "no API server's answer" }, { 502, "502" } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        r.count = 0;
        s = good;
        s.status = bad[i].status;
        s.sentence = "cannot connect";
        assert_false(doctor_judge_server(&s, &r));
        found(&r, DOCTOR_FAIL, bad[i].words, " ");
    }
    static const struct {
        enum transport_stage stage;
        const char *what, *advice;
    } stages[] = { { TRANSPORT_STAGE_NAME, "name", "resolv.conf" },
                   { TRANSPORT_STAGE_CREDENTIAL, "credentials", "by hand" },
                   { TRANSPORT_STAGE_CONNECT, "connection", "firewall" },
                   { TRANSPORT_STAGE_CERTIFICATE, "certificate", "renewed" },
                   { TRANSPORT_STAGE_TLS, "tls", "port" },
                   { TRANSPORT_STAGE_OTHER, "server", "proxy" } };
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        r.count = 0;
        s = good;
        s.status = 0;
        s.stage = stages[i].stage;
        s.sentence = "it failed";
        assert_false(doctor_judge_server(&s, &r));
        assert_string_equal(r.list[r.count - 1].what, stages[i].what);
        found(&r, DOCTOR_FAIL, "it failed", stages[i].advice);
    }
    r.count = 0;
    s.config_sentence = "there is no kubeconfig";
    assert_false(doctor_judge_server(&s, &r));
    found(&r, DOCTOR_FAIL, "there is no kubeconfig", "KUBECONFIG");
}

static void self_and_namespace(void **state)
{
    struct doctor_report r = { .count = 0 };
    (void)state;
    doctor_judge_self(&(struct doctor_self){ .status = 201, .sentence = "", .name = "system:serviceaccount:d:a" }, &r);
    found(&r, DOCTOR_OK, "knows us as system:serviceaccount:d:a", "");
    doctor_judge_self(&(struct doctor_self){ .status = 201, .sentence = "", .name = "system:anonymous" }, &r);
    found(&r, DOCTOR_WARN, "system:anonymous", "credentials");
    doctor_judge_self(&(struct doctor_self){ .status = 404, .sentence = "", .name = "" }, &r);
    found(&r, DOCTOR_WARN, "no self-reviews", "");
    doctor_judge_namespace(&(struct doctor_namespace){ .name = "n", .status = 200, .sentence = "" }, &r);
    found(&r, DOCTOR_OK, "n exists", "");
    doctor_judge_namespace(&(struct doctor_namespace){ .name = "o", .status = 403, .sentence = "" }, &r);
    found(&r, DOCTOR_OK, "o; whether it exists may not be asked", "");
    assert_false(doctor_failed(&r));
    doctor_judge_namespace(&(struct doctor_namespace){ .name = "p", .status = 404, .sentence = "" }, &r);
    found(&r, DOCTOR_FAIL, "p does not exist", "kubectl create namespace p");
    doctor_judge_namespace(&(struct doctor_namespace){ .name = "q", .status = 200, .sentence = "", .terminating = true }, &r);
    found(&r, DOCTOR_FAIL, "q is being deleted", "wait");
}

static struct doctor_rights two_rights(enum doctor_answer update, enum doctor_answer create)
{
    return (struct doctor_rights){ .namespace_ = "n",
                                   .count = 2,
                                   .list = { { .verb = "update",
                                               .api_group = "coordination.k8s.io",
                                               .resource = "leases",
                                               .name = "g",
                                               .use = "nobody can renew",
                                               .file = "deploy/rbac.yaml",
                                               .must = true,
                                               .answer = update,
                                               .sentence = "" },
                                             { .verb = "create",
                                               .api_group = "coordination.k8s.io",
                                               .resource = "leases",
                                               .name = "",
                                               .use = "nobody can create",
                                               .file = "deploy/rbac.yaml",
                                               .must = true,
                                               .is_create = true,
                                               .answer = create,
                                               .sentence = "" } } };
}

static void rights(void **state)
{
    struct doctor_report r = { .count = 0 };
    struct doctor_rights all = two_rights(DOCTOR_ALLOWED, DOCTOR_ALLOWED);
    (void)state;
    doctor_judge_rights(&all, &r);
    found(&r, DOCTOR_OK, "allowed in namespace n: update leases/g, create leases", "");
    all = two_rights(DOCTOR_DENIED, DOCTOR_ALLOWED);
    doctor_judge_rights(&all, &r);
    found(&r, DOCTOR_FAIL, "to update leases/g in namespace n is not allowed: nobody can renew",
          "resourceNames: [\"g\"], verbs: [\"update\"]");
    r.count = 0;
    all = two_rights(DOCTOR_ALLOWED, DOCTOR_DENIED);
    doctor_judge_rights(&all, &r);
    found(&r, DOCTOR_FAIL, "to create leases", "deploy/rbac.yaml");
    r.count = 0;
    all.lock_exists = true; /* of no use now, but later */
    doctor_judge_rights(&all, &r);
    found(&r, DOCTOR_WARN, "once the lock is deleted, nobody can create it", "verbs: [\"create\"]");
    r.count = 0;
    all = two_rights(DOCTOR_UNKNOWN, DOCTOR_UNKNOWN);
    all.list[0].status = 404;
    doctor_judge_rights(&all, &r);
    assert_int_equal(r.count, 1);
    found(&r, DOCTOR_WARN, "no self-reviews", "leasehold candidate");
}

static void clock_difference(void **state)
{
    struct doctor_report r = { .count = 0 };
    struct doctor_clock c = { .warn_us = 500000 };
    (void)state;
    doctor_judge_clock(&c, &r);
    found(&r, DOCTOR_WARN, "does not tell its time", "");
    /* Two answers around a change of the second: the server's clock is ours, but for the way. */
    doctor_clock_add(&c, NOW_US, NOW_US + 990000, NOW_US + 992000);
    doctor_clock_add(&c, NOW_US + SECOND_US, NOW_US + 1001000, NOW_US + 1003000);
    doctor_judge_clock(&c, &r);
    found(&r, DOCTOR_OK, "within 0.01s of ours", "");

    c = (struct doctor_clock){ .warn_us = 500000 };
    doctor_clock_add(&c, NOW_US + 90 * SECOND_US, NOW_US + 500000, NOW_US + 501000);
    doctor_judge_clock(&c, &r);
    found(&r, DOCTOR_WARN, "ahead of ours", "do not depend on it");
    assert_false(doctor_failed(&r));
    c.matters = true;
    doctor_judge_clock(&c, &r);
    assert_true(doctor_failed(&r));
    r.count = 0;
    doctor_clock_add(&c, NOW_US - 90 * SECOND_US, NOW_US + 500000, NOW_US + 501000);
    doctor_judge_clock(&c, &r);
    found(&r, DOCTOR_WARN, "a clock was set while we looked", "time synchronisation");
}

static void latency(void **state)
{
    struct doctor_report r = { .count = 0 };
    const struct doctor_settings s = good_settings(); /* a request may take 2 s */
    struct doctor_latency l = { .path_of = "the lock", .count = 3, .ns = { 30000000, 10000000, 20000000 } };
    (void)state;
    doctor_judge_latency(&l, &s, &r);
    found(&r, DOCTOR_OK, "half within 20 ms, all within 30 ms, where renew-deadline and renew-interval allow 2s", "");
    l.ns[1] = SECOND_NS + 1;
    doctor_judge_latency(&l, &s, &r);
    found(&r, DOCTOR_WARN, "too tight", "set renew-deadline to 9.1s");
    assert_false(doctor_failed(&r));
    l.ns[1] = 2 * SECOND_NS + 1;
    doctor_judge_latency(&l, &s, &r);
    assert_true(doctor_failed(&r));
    r.count = 0;
    l = (struct doctor_latency){ .path_of = "the lock", .unanswered = 2, .sentence = "no answer within 10s" };
    doctor_judge_latency(&l, &s, &r);
    found(&r, DOCTOR_FAIL, "2 of 2 requests for the lock had no answer: no answer within 10s", "network");
}

static struct doctor_lock held_lock(void)
{
    struct doctor_lock l = { .kind = "Lease",
                             .namespace_ = "n",
                             .name = "g",
                             .group = "g",
                             .status = 200,
                             .sentence = "",
                             .created_us = NOW_US - 30 * DAY_US,
                             .now_us = NOW_US,
                             .assumed_lease_ns = 60 * SECOND_NS };
    l.record.kind = RECORD_HELD;
    snprintf(l.record.holder, sizeof l.record.holder, "a");
    l.record.duration_ms = 15000;
    l.record.renew_us = NOW_US - 2 * SECOND_US;
    l.record.transitions = 3;
    l.record.mark.present = l.record.mark.names_holder = true;
    return l;
}

static void the_lock(void **state)
{
    struct doctor_report r = { .count = 0 };
    struct doctor_lock l = held_lock();
    (void)state;
    doctor_judge_lock(&l, &r);
    assert_int_equal(r.count, 1);
    found(&r, DOCTOR_OK, "Lease g is held by a, renewed 2s ago", "");

    l.record.mark.present = false;
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_WARN, "a is no Leasehold", "client-go");
    l = held_lock();
    l.record.renew_us = NOW_US - 3600 * SECOND_US;
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_WARN, "renewed it last 60m ago: nobody leads", "a candidate runs");
    l = held_lock();
    l.record.transitions = 1000;
    l.created_us = NOW_US - DAY_US;
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_WARN, "1000 changes of leader", "leasehold watch g");
    l = held_lock();
    l.deleting = true;
    l.finalizers[l.finalizers_count++] = "x/y";
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_WARN, "waits for its finalizers: x/y", "kubectl edit Lease g -n n");
    assert_false(doctor_failed(&r));
    l.refusal = "ConfigMap g is immutable";
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_FAIL, "is immutable", "no Leasehold leads");

    r.count = 0;
    l = held_lock();
    l.record.kind = RECORD_UNREADABLE;
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_WARN, "cannot be understood", "kubectl get Lease g -n n -o yaml");
    l.record.kind = RECORD_EMPTIED;
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_OK, "Lease g is free", "");
    l.status = 404;
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_OK, "no Lease g in namespace n yet", "");
    l.status = 403;
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_FAIL, "answers 403", "rights above");
    l.status = 0;
    l.sentence = "timed out";
    doctor_judge_lock(&l, &r);
    found(&r, DOCTOR_FAIL, "was not read: timed out", "server");
}

static void the_machine(void **state)
{
    struct doctor_report r = { .count = 0 };
    struct doctor_machine m = { .memory_limit = UINT64_MAX, .proc = true };
    (void)state;
    doctor_judge_machine(&m, &r);
    assert_int_equal(r.count, 2);
    found(&r, DOCTOR_OK, "timer behind `run` is there", "");
    m = (struct doctor_machine){ .timer_error = EPERM, .memory_error = ENOMEM, .memory_limit = 65536, .first = true };
    doctor_judge_machine(&m, &r);
    found(&r, DOCTOR_FAIL, "no timer of CLOCK_BOOTTIME", "seccomp");
    found(&r, DOCTOR_WARN, "RLIMIT_MEMLOCK is 64 KiB", "ulimit -l");
    found(&r, DOCTOR_FAIL, "/proc does not show", "mount");
    m.proc = true;
    doctor_judge_machine(&m, &r);
    found(&r, DOCTOR_OK, "would be PID 1", "");
}

static void limits_of_a_report(void **state)
{
    static struct doctor_report r;
    char long_text[2 * DOCTOR_TEXT_MAX];
    (void)state;
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    for (int i = 0; i <= DOCTOR_FINDINGS_MAX; i++)
        doctor_find(&r, DOCTOR_OK, "what", "%s", long_text);
    assert_int_equal(r.count, DOCTOR_FINDINGS_MAX);
    assert_int_equal(strlen(r.list[0].finding), DOCTOR_TEXT_MAX - 1);
    doctor_advise(&r, "%s", long_text);
    assert_int_equal(strlen(r.list[DOCTOR_FINDINGS_MAX - 1].advice), DOCTOR_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings), cmocka_unit_test(server),           cmocka_unit_test(self_and_namespace),
        cmocka_unit_test(rights),   cmocka_unit_test(clock_difference), cmocka_unit_test(latency),
        cmocka_unit_test(the_lock), cmocka_unit_test(the_machine),      cmocka_unit_test(limits_of_a_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
