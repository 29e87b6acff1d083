/* Facts about server, rights, clocks and machine, and what they mean. Pure. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "service/options.h"
#include "wire/times.h"

enum { DURATION_SIZE = 48 };
#define MILLISECOND INT64_C(1000000)
#define SECOND_US INT64_C(1000000)
/* Renewed by then in every cluster that renews by itself; else there is time to do it by hand. */
#define DAY_US (INT64_C(24) * 3600 * SECOND_US)
#define CERTIFICATE_SOON_US (14 * DAY_US)

/* ---- findings ---- */

void doctor_find(struct doctor_report *r, enum doctor_grade grade, const char *what, const char *format, ...)
{
    if (r->count == DOCTOR_FINDINGS_MAX)
        return;
    struct doctor_finding *f = &r->list[r->count++];
    va_list arguments;
    *f = (struct doctor_finding){ .grade = grade, .what = what };
    va_start(arguments, format);
    vsnprintf(f->finding, sizeof f->finding, format, arguments);
    va_end(arguments);
}

void doctor_advise(struct doctor_report *r, const char *format, ...)
{
    va_list arguments;
    if (r->count == 0)
        return;
    va_start(arguments, format);
    vsnprintf(r->list[r->count - 1].advice, sizeof r->list[0].advice, format, arguments);
    va_end(arguments);
}

const char *doctor_grade_name(enum doctor_grade grade)
{
    static const char *const names[] = { [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail" };
    return names[grade];
}

bool doctor_failed(const struct doctor_report *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->list[i].grade == DOCTOR_FAIL)
            return true;
    return false;
}

/* ---- settings ---- */

void doctor_judge_settings(const struct doctor_settings *s, struct doctor_report *r)
{
    char lease[DURATION_SIZE], deadline[DURATION_SIZE], interval[DURATION_SIZE], limit[DURATION_SIZE], from[DOCTOR_TEXT_MAX / 2];
    snprintf(from, sizeof from, "%s%s%s%s", s->file ? "; from " : "", s->file ? s->file : "",
             s->environment[0] ? (s->file ? " and the environment's " : "; from the environment's ") : "", s->environment);
    if (s->sentence) {
        doctor_find(r, DOCTOR_FAIL, "settings", "%s%s", s->sentence, from);
        doctor_advise(r, "change them together; `leasehold run --help` has the defaults, which fit each other");
        return;
    }
    setting_duration_text(s->election.lease_duration_ns, lease, sizeof lease);
    setting_duration_text(s->election.renew_deadline_ns, deadline, sizeof deadline);
    setting_duration_text(s->election.renew_interval_ns, interval, sizeof interval);
    setting_duration_text(election_settings_request_limit_ns(&s->election), limit, sizeof limit);
    doctor_find(r, DOCTOR_OK, "settings", "lock %s, lease-duration %s, renew-deadline %s, renew-interval %s, so each request may take %s%s",
                s->lock, lease, deadline, interval, limit, from);
}

/* ---- the server ---- */

static void judge_transport(const struct doctor_server *s, struct doctor_report *r)
{
    char until[TIMES_MICRO_SIZE];
    if (!s->tls) {
        doctor_find(r, s->loopback ? DOCTOR_OK : DOCTOR_WARN, "tls", "%s is not encrypted%s", s->url,
                    s->loopback ? ", and does not leave this machine" : "");
        if (!s->loopback)
            doctor_advise(r, "use an https server: whoever is in between can read the token and change every lock");
        return;
    }
    times_format(s->certificate_us, until);
    until[sizeof "2026-11-23" - 1] = '\0';
    int64_t left_us = s->certificate_us - s->now_us;
    if (s->insecure) {
        doctor_find(r, DOCTOR_WARN, "tls", "any certificate is believed (insecure-skip-tls-verify)");
        doctor_advise(r, "give the cluster's certificate authority instead (certificate-authority): whoever is in between can change every "
                         "lock");
    } else if (s->certificate_us == 0) {
        doctor_find(r, DOCTOR_OK, "tls", "the certificate is trusted and has the server's name; when it expires is not known");
    } else if (left_us < CERTIFICATE_SOON_US) {
        doctor_find(r, DOCTOR_WARN, "tls", "the server's certificate expires on %s, in %" PRId64 " days", until, left_us / DAY_US);
        doctor_advise(r, "have it renewed before: without it every leader stops");
    } else {
        doctor_find(r, DOCTOR_OK, "tls", "the certificate is trusted, has the server's name, and is good until %s", until);
    }
}

/* How far the request came says whose affair it is. */
static void judge_no_answer(const struct doctor_server *s, struct doctor_report *r)
{
    static const struct {
        const char *what, *advice;
    } stages[] = {
        [TRANSPORT_STAGE_OTHER] = { "server",
                                    "see that the address is the API server's, and that no firewall, NetworkPolicy or proxy is in "
                                    "between" },
        [TRANSPORT_STAGE_NAME] = { "name", "see that the name is right, and that this machine's or Pod's name server knows it "
                                           "(/etc/resolv.conf, /etc/hosts)" },
        [TRANSPORT_STAGE_CREDENTIAL] = { "credentials", "run that program by hand, with the arguments of the kubeconfig" },
        [TRANSPORT_STAGE_CONNECT] = { "connection", "see that address and port are right, that the server runs, and that no firewall or "
                                                    "NetworkPolicy is in between" },
        [TRANSPORT_STAGE_CERTIFICATE] = { "certificate",
                                          "one that has expired has to be renewed; for one of another name give that with "
                                          "--tls-server-name; for one of an unknown authority give its certificate-authority" },
        [TRANSPORT_STAGE_TLS] = { "tls",
                                  "see that the port is the one of https, and that certificates and keys of the kubeconfig are PEM" },
    };
    doctor_find(r, DOCTOR_FAIL, stages[s->stage].what, "%s", s->sentence);
    doctor_advise(r, "%s", stages[s->stage].advice);
}

bool doctor_judge_server(const struct doctor_server *s, struct doctor_report *r)
{
    if (s->config_sentence) {
        doctor_find(r, DOCTOR_FAIL, "kubeconfig", "%s", s->config_sentence);
        doctor_advise(r, "say where the server is: --kubeconfig, KUBECONFIG, --server, or run in a Pod with a service account");
        return false;
    }
    doctor_find(r, DOCTOR_OK, "kubeconfig", "%s: %s%s", s->source, s->url, s->has_credentials ? "" : ", without any credentials");
    if (s->status == 0) {
        judge_no_answer(s, r);
        return false;
    }
    if (s->status == 401) {
        doctor_find(r, DOCTOR_FAIL, "server", "%s does not accept these credentials (401)", s->url);
        doctor_advise(r, "get fresh ones: a token or certificate may have expired, or be of another cluster");
        return false;
    }
    if (s->status == 200 && s->version[0]) {
        doctor_find(r, DOCTOR_OK, "server", "%s answers as %s", s->url, s->version);
    } else if (s->status == 403) {
        doctor_find(r, DOCTOR_OK, "server", "%s answers; its version may not be read", s->url);
    } else {
        doctor_find(r, DOCTOR_FAIL, "server", "%s answers %d to /version, which is no API server's answer", s->url, s->status);
        doctor_advise(r, "see that the address is the API server's, and not that of an ingress or dashboard");
        return false;
    }
    judge_transport(s, r);
    return true;
}

void doctor_judge_self(const struct doctor_self *s, struct doctor_report *r)
{
    if (s->status == 200 || s->status == 201) {
        bool anonymous = strcmp(s->name, "system:anonymous") == 0;
        doctor_find(r, anonymous ? DOCTOR_WARN : DOCTOR_OK, "identity", "the server knows us as %s", s->name);
        if (anonymous)
            doctor_advise(r, "give credentials: nobody should be allowed to lead without a name");
    } else if (s->status == 401) {
        doctor_find(r, DOCTOR_FAIL, "identity", "the server does not accept these credentials (401)");
        doctor_advise(r, "get fresh ones: a token or certificate may have expired, or be of another cluster");
    } else if (s->status == 404) {
        doctor_find(r, DOCTOR_WARN, "identity", "the server has no self-reviews, so it does not say who we are (before Kubernetes 1.28)");
    } else {
        doctor_find(r, DOCTOR_WARN, "identity", "who we are is not known: %s%d", s->status ? "the server answered " : s->sentence,
                    s->status);
    }
}

void doctor_judge_namespace(const struct doctor_namespace *n, struct doctor_report *r)
{
    if (n->status == 200 && n->terminating) {
        doctor_find(r, DOCTOR_FAIL, "namespace", "%s is being deleted", n->name);
        doctor_advise(r, "no lock can be created there: use another (-n), or wait and create it again");
    } else if (n->status == 200) {
        doctor_find(r, DOCTOR_OK, "namespace", "%s exists", n->name);
    } else if (n->status == 404) {
        doctor_find(r, DOCTOR_FAIL, "namespace", "%s does not exist", n->name);
        doctor_advise(r, "create it (kubectl create namespace %s), or name another (-n)", n->name);
    } else if (n->status == 403) {
        doctor_find(r, DOCTOR_OK, "namespace", "%s; whether it exists may not be asked, nor need it be", n->name);
    } else {
        doctor_find(r, DOCTOR_WARN, "namespace", "%s: whether it exists is not known: %s (%d)", n->name, n->sentence, n->status);
    }
}

/* ---- rights ---- */

static void what_of(const struct doctor_right *right, char *ret, size_t size)
{
    snprintf(ret, size, "%s %s%s%s", right->verb, right->resource, right->name[0] ? "/" : "", right->name);
}

static void judge_denied(const struct doctor_rights *rights, const struct doctor_right *right, struct doctor_report *r)
{
    char what[320];
    what_of(right, what, sizeof what);
    bool fails = right->must && !(right->is_create && rights->lock_exists);
    doctor_find(r, fails ? DOCTOR_FAIL : DOCTOR_WARN, "rights", "to %s in namespace %s is not allowed%s%s%s: %s", what, rights->namespace_,
                right->reason[0] ? " (" : "", right->reason, right->reason[0] ? ")" : "",
                right->must && !fails ? "once the lock is deleted, nobody can create it" : right->use);
    if (right->name[0])
        doctor_advise(r,
                      "apply %s with its names, or add to the Role: apiGroups: [\"%s\"], resources: [\"%s\"], resourceNames: [\"%s\"], "
                      "verbs: [\"%s\"]",
                      right->file, right->api_group, right->resource, right->name, right->verb);
    else
        doctor_advise(r, "apply %s with its names, or add to the Role: apiGroups: [\"%s\"], resources: [\"%s\"], verbs: [\"%s\"]",
                      right->file, right->api_group, right->resource, right->verb);
}

void doctor_judge_rights(const struct doctor_rights *rights, struct doctor_report *r)
{
    char allowed[DOCTOR_TEXT_MAX / 2] = "";
    for (size_t i = 0; i < rights->count; i++) {
        const struct doctor_right *right = &rights->list[i];
        char what[320];
        if (right->answer == DOCTOR_DENIED)
            judge_denied(rights, right, r);
        if (right->answer != DOCTOR_ALLOWED)
            continue;
        size_t used = strlen(allowed);
        what_of(right, what, sizeof what);
        snprintf(allowed + used, sizeof allowed - used, "%s%s", used ? ", " : "", what);
    }
    if (allowed[0])
        doctor_find(r, DOCTOR_OK, "rights", "allowed in namespace %s: %s", rights->namespace_, allowed);
    for (size_t i = 0; i < rights->count; i++) {
        const struct doctor_right *right = &rights->list[i];
        if (right->answer != DOCTOR_UNKNOWN)
            continue;
        if (right->status == 404)
            doctor_find(r, DOCTOR_WARN, "rights", "the server has no self-reviews, so what we may do is not known");
        else
            doctor_find(r, DOCTOR_WARN, "rights", "what we may do is not known: %s (%d)", right->sentence, right->status);
        doctor_advise(r, "try with `leasehold candidate`, which says which rule is missing");
        return; /* once is enough */
    }
}

/* ---- clock ---- */

void doctor_clock_add(struct doctor_clock *c, int64_t date_us, int64_t sent_us, int64_t received_us)
{
    /* The server read its clock between our two readings, and then cut it: it was in [date, date + 1s). */
    int64_t least = date_us - received_us, most = date_us + SECOND_US - sent_us;
    if (c->samples++ == 0) {
        c->least_us = least;
        c->most_us = most;
        return;
    }
    c->least_us = least > c->least_us ? least : c->least_us;
    c->most_us = most < c->most_us ? most : c->most_us;
    c->jumps = c->jumps || c->least_us > c->most_us;
}

void doctor_judge_clock(const struct doctor_clock *c, struct doctor_report *r)
{
    char off[DURATION_SIZE], limit[DURATION_SIZE];
    if (c->samples == 0) {
        doctor_find(r, DOCTOR_WARN, "clock", "the server does not tell its time, so nothing is known of the difference to ours");
        return;
    }
    if (c->jumps) {
        doctor_find(r, DOCTOR_WARN, "clock", "a clock was set while we looked, or several servers with different clocks answer");
        doctor_advise(r, "look at the time synchronisation of both sides (chronyc tracking, timedatectl), and try again");
        return;
    }
    int64_t middle_us = c->least_us + (c->most_us - c->least_us) / 2, ahead_us = middle_us < 0 ? -middle_us : middle_us;
    int64_t surely_us = c->least_us > 0 ? c->least_us : c->most_us < 0 ? -c->most_us : 0;
    setting_duration_text(ahead_us / 1000 * MILLISECOND, off, sizeof off);
    setting_duration_text(c->warn_us * 1000, limit, sizeof limit);
    if (surely_us <= c->warn_us) {
        doctor_find(r, DOCTOR_OK, "clock", "the server's is within %.3gs of ours",
                    (double)(-c->least_us > c->most_us ? -c->least_us : c->most_us) / 1e6);
        return;
    }
    doctor_find(r, c->matters ? DOCTOR_FAIL : DOCTOR_WARN, "clock", "the server's is about %s %s ours, more than %s", off,
                middle_us > 0 ? "ahead of" : "behind", limit);
    if (c->matters)
        doctor_advise(r,
                      "synchronise the clocks (NTP), or say how far they may be apart with --max-clock-skew: Camel's lock compares stamps "
                      "with its own clock, and could lead beside us");
    else
        doctor_advise(r,
                      "synchronise the clocks (NTP): Leasehold's candidates do not depend on it, but `status`, and electors that compare "
                      "stamps, do");
}

/* ---- latency ---- */

static int by_length(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The least renew-deadline whose request limit is twice that long, up to a tenth of a second. */
static int64_t deadline_for(int64_t latency_ns, const struct doctor_settings *s)
{
    const int64_t tenth = 100 * MILLISECOND;
    int64_t need = s->interval_given ? s->election.renew_interval_ns + 6 * latency_ns : 9 * latency_ns;
    return (need + tenth - 1) / tenth * tenth;
}

void doctor_judge_latency(const struct doctor_latency *l, const struct doctor_settings *s, struct doctor_report *r)
{
    int64_t sorted[DOCTOR_SAMPLES];
    char half[DURATION_SIZE], most[DURATION_SIZE], limit[DURATION_SIZE], deadline[DURATION_SIZE];
    if (l->unanswered) {
        doctor_find(r, DOCTOR_FAIL, "latency", "%u of %u requests for %s had no answer: %s", l->unanswered, l->unanswered + l->count,
                    l->path_of, l->sentence);
        doctor_advise(r, "look at the network and at the load of the API server: a leader that is not answered stops");
    }
    if (l->count == 0)
        return;
    memcpy(sorted, l->ns, l->count * sizeof sorted[0]);
    qsort(sorted, l->count, sizeof sorted[0], by_length);
    int64_t most_ns = sorted[l->count - 1], limit_ns = s->sentence ? 0 : election_settings_request_limit_ns(&s->election);
    size_t middle = l->count / 2;
    snprintf(half, sizeof half, "%.3g ms", (double)sorted[middle] / 1e6);
    snprintf(most, sizeof most, "%.3g ms", (double)most_ns / 1e6);
    if (s->sentence) {
        doctor_find(r, DOCTOR_OK, "latency", "%u requests for %s: half within %s, all within %s", l->count, l->path_of, half, most);
        return;
    }
    setting_duration_text(limit_ns, limit, sizeof limit);
    setting_duration_text(deadline_for(most_ns, s), deadline, sizeof deadline);
    enum doctor_grade grade = most_ns > limit_ns ? DOCTOR_FAIL : most_ns > limit_ns / 2 ? DOCTOR_WARN : DOCTOR_OK;
    doctor_find(r, grade, "latency",
                "%u requests for %s: half within %s, all within %s%s, where renew-deadline and renew-interval allow %s", l->count,
                l->path_of, half, most, grade == DOCTOR_OK ? "" : ", which is too tight", limit);
    if (grade != DOCTOR_OK)
        doctor_advise(r, "set renew-deadline to %s or more, and lease-duration as much longer as it is now", deadline);
}

/* ---- this machine ---- */

void doctor_judge_machine(const struct doctor_machine *m, struct doctor_report *r)
{
    char text[128];
    const char *memory_reason = m->memory_error ? strerror_r(m->memory_error, text, sizeof text) : "";
    if (m->timer_error) {
        char why[128];
        doctor_find(r, DOCTOR_FAIL, "timer", "the kernel gives no timer of CLOCK_BOOTTIME (%s)",
                    strerror_r(m->timer_error, why, sizeof why));
        doctor_advise(r, "`leasehold run` does not stand without it: allow timer_create(2) in the container's seccomp profile");
    } else {
        doctor_find(r, DOCTOR_OK, "timer", "the kernel's timer behind `run` is there (CLOCK_BOOTTIME)");
    }
    if (m->memory_error && m->memory_limit == UINT64_MAX)
        doctor_find(r, DOCTOR_WARN, "memory", "`run` cannot lock its keeper in memory (%s)", memory_reason);
    else if (m->memory_error)
        doctor_find(r, DOCTOR_WARN, "memory", "`run` cannot lock its keeper in memory (%s): RLIMIT_MEMLOCK is %" PRIu64 " KiB",
                    memory_reason, m->memory_limit / 1024);
    else
        doctor_find(r, DOCTOR_OK, "memory", "`run` can lock its keeper in memory");
    if (m->memory_error)
        doctor_advise(r,
                      "raise it (ulimit -l, LimitMEMLOCK= of a unit), or give CAP_IPC_LOCK; until then a machine that swaps may stop work "
                      "by the kernel's timer alone");
    if (!m->proc) {
        doctor_find(r, DOCTOR_FAIL, "process", "/proc does not show this process");
        doctor_advise(r, "mount the /proc of this PID namespace: `run` finds its work's descendants there");
    } else if (m->first) {
        doctor_find(r, DOCTOR_OK, "process", "this would be PID 1: `run` reaps orphans then, and the kernel's timer guards its keeper");
    }
}
