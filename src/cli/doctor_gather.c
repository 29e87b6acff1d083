/* Facts for `leasehold doctor`: what server, kernel and environment say. Reads only; reviews of oneself are posted, but never stored. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/doctor.h"
#include "wire/dialect.h"
#include "wire/object.h"
#include "wire/request.h"
#include "wire/status.h"
#include "wire/times.h"

/* Between two samples: together they last longer than a second, so that the server's date changes while we look. */
#define SAMPLE_PAUSE_NS 100000000
/* A server that is this slow is known well enough before all samples are there. */
#define SAMPLES_LAST_NS INT64_C(15000000000)
#define WARN_SKEW_US INT64_C(500000)

#define ACCESS_REVIEWS "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
#define SELF_REVIEWS "/apis/authentication.k8s.io/v1/selfsubjectreviews"

struct look {
    const struct arguments *a;
    const char *group; /* NULL: none */
    const struct dialect *dialect;
    struct api *api;
    const char *namespace_, *lock_name; /* lock_name "": not known without a group */
    int64_t timeout_ns;
    struct doctor_settings settings;
    struct doctor_clock clock;
    struct doctor_report *report;
};

static const char *value_of(const struct look *k, enum setting_id id)
{
    return options_value(k->a->options, id);
}

/* Asks, and takes the server's clock from the answer. *ret is for api_answer_clear(). Returns how long it took. */
static int64_t ask(struct look *k, const char *method, const char *path, const char *body, struct api_answer *ret)
{
    int64_t sent_us = session_wall_us(), begin_ns = session_now_ns();
    api_request(k->api, method, path, body ? "application/json" : NULL, body, k->timeout_ns, ret);
    int64_t took_ns = session_now_ns() - begin_ns;
    if (ret->date_us)
        doctor_clock_add(&k->clock, ret->date_us, sent_us, session_wall_us());
    return took_ns;
}

static json_t *json_of(const struct api_answer *answer)
{
    json_t *json = NULL;
    return answer->body && object_parse(answer->body, answer->size, &json) == 0 ? json : NULL;
}

/* Why an answer is none: ours, or the server's Status. */
static void reason_of(const struct api_answer *answer, char *ret, size_t size)
{
    struct status status = { .code = 0 };
    if (answer->status != 0 && answer->body && status_parse(answer->body, answer->size, &status) == 0)
        snprintf(ret, size, "%s", status.message);
    else
        snprintf(ret, size, "%s", answer->status ? "the server gives no reason" : answer->sentence);
}

/* ---- settings ---- */

static void list_environment(char *ret, size_t size)
{
    ret[0] = '\0';
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct setting *s = &settings_table[i];
        size_t used = strlen(ret);
        if (!(s->used_by & SETTING_FOR_LIBRARY) && getenv(s->environment))
            snprintf(ret + used, size - used, "%s%s", used ? ", " : "", s->environment);
    }
}

static void look_at_settings(struct look *k, char sentence[SETTING_SENTENCE_MAX], char *environment, size_t size)
{
    list_environment(environment, size);
    k->settings = (struct doctor_settings){ .lock = k->dialect->name, .file = k->a->config, .environment = environment };
    k->settings.interval_given = value_of(k, SETTING_RENEW_INTERVAL)[0] != '\0';
    if (options_election(k->a->options, k->dialect, &k->settings.election, sentence) < 0)
        k->settings.sentence = sentence;
    doctor_judge_settings(&k->settings, k->report);
}

/* ---- the server ---- */

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strncmp(host, "127.", 4) == 0;
}

static bool look_at_server(struct look *k)
{
    char sentence[KUBE_SENTENCE_MAX];
    struct doctor_server s = { .now_us = session_wall_us() };
    if (api_open(k->a, &k->api, sentence) < 0) {
        s.config_sentence = sentence;
        return doctor_judge_server(&s, k->report);
    }
    const struct kube_config *config = api_config(k->api);
    struct api_answer answer;
    ask(k, "GET", "/version", NULL, &answer);
    json_t *json = json_of(&answer);
    const char *version = object_text(json_object_get(json, "gitVersion"));
    s.source = config->source;
    s.url = config->server;
    s.tls = config->tls;
    s.insecure = config->insecure_skip_tls_verify;
    s.loopback = is_loopback(config->host);
    s.has_credentials = config->token || config->token_file || config->username || config->client_certificate.data || config->exec;
    s.status = answer.status;
    s.stage = answer.stage;
    s.sentence = answer.sentence;
    s.version = version ? version : "";
    s.certificate_us = answer.certificate_us;
    k->namespace_ = api_namespace(k->api);
    bool useful = doctor_judge_server(&s, k->report);
    json_decref(json);
    api_answer_clear(&answer);
    return useful;
}

static void look_at_self(struct look *k)
{
    static const char body[] = "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}";
    char reason[STATUS_MESSAGE_MAX + 1];
    struct api_answer answer;
    ask(k, "POST", SELF_REVIEWS, body, &answer);
    json_t *json = json_of(&answer);
    const char *name = object_text(json_object_get(json_object_get(json_object_get(json, "status"), "userInfo"), "username"));
    reason_of(&answer, reason, sizeof reason);
    doctor_judge_self(&(struct doctor_self){ .status = answer.status, .sentence = reason, .name = name ? name : "" }, k->report);
    json_decref(json);
    api_answer_clear(&answer);
}

static void look_at_namespace(struct look *k)
{
    char path[REQUEST_PATH_MAX], reason[STATUS_MESSAGE_MAX + 1];
    struct api_answer answer;
    char *end = stpncpy(path, "/api/v1/namespaces/", sizeof path);
    if (request_encode(k->namespace_, end, sizeof path - (size_t)(end - path)) < 0)
        return; /* no namespace has so long a name, and a kubeconfig's is not checked */
    ask(k, "GET", path, NULL, &answer);
    json_t *json = json_of(&answer);
    const char *phase = object_text(json_object_get(json_object_get(json, "status"), "phase"));
    struct doctor_namespace n = { .name = k->namespace_, .status = answer.status, .sentence = reason };
    n.terminating = phase && strcmp(phase, "Terminating") == 0;
    reason_of(&answer, reason, sizeof reason);
    doctor_judge_namespace(&n, k->report);
    json_decref(json);
    api_answer_clear(&answer);
}

/* ---- rights ---- */

static struct doctor_right *need(struct doctor_rights *rights, const char *verb, const char *api_group, const char *resource,
                                 const char *file, bool must, const char *use)
{
    struct doctor_right *right = &rights->list[rights->count++];
    *right = (struct doctor_right){
        .verb = verb, .api_group = api_group, .resource = resource, .name = "", .file = file, .must = must, .use = use, .sentence = ""
    };
    return right;
}

static void need_lock(const struct look *k, struct doctor_rights *rights)
{
    const struct dialect *d = k->dialect;
    const char *file = d->shared ? "deploy/rbac-configmap.yaml" : "deploy/rbac.yaml";
    if (!k->group)
        need(rights, "list", d->api_group, d->resource, file, false, "`status` and `watch` need it where no GROUP is named");
    if (k->lock_name[0]) {
        need(rights, "get", d->api_group, d->resource, file, true, "nobody can stand for election")->name = k->lock_name;
        need(rights, "watch", d->api_group, d->resource, file, false, "standbys ask every retry-period instead, and are slower")->name =
            k->lock_name;
        need(rights, "update", d->api_group, d->resource, file, true, "nobody can take or renew the lock")->name = k->lock_name;
        if (!k->group)
            rights->list[0].name = d->shared ? k->lock_name : "";
    }
    need(rights, "create", d->api_group, d->resource, file, true,
         k->group ? "the lock does not exist, and nobody can create it" : "nobody can create a lock")
        ->is_create = true;
}

static void need_others(const struct look *k, struct doctor_rights *rights)
{
    static const char pods[] = "deploy/rbac-pods.yaml", notices[] = "deploy/rbac-notices.yaml";
    if (value_of(k, SETTING_SELECTOR)[0]) {
        need(rights, "get", "", "pods", pods, false, "the address of the leader's Pod is not told");
        need(rights, "list", "", "pods", pods, true, "who the members are (--selector) is not known");
        need(rights, "watch", "", "pods", pods, true, "who the members are (--selector) is not followed");
    }
    if (value_of(k, SETTING_LABEL_POD)[0]) {
        const char *identity = value_of(k, SETTING_IDENTITY), *pod = getenv("POD_NAME");
        const char *name = identity[0] ? identity : pod ? pod : "";
        need(rights, "patch", "", "pods", notices, true, "the leader's Pod gets no label (--label-pod)")->name = name;
    }
    if (strcmp(value_of(k, SETTING_KUBERNETES_EVENTS), "yes") == 0)
        need(rights, "create", "", "events", notices, true, "no Event is written (--kubernetes-events)");
}

static void review(struct look *k, struct doctor_right *right, char *sentence, size_t size)
{
    struct api_answer answer;
    json_t *question = json_pack("{s:s, s:s, s:{s:{s:s, s:s, s:s, s:s, s:s}}}", "apiVersion", "authorization.k8s.io/v1", "kind",
                                 "SelfSubjectAccessReview", "spec", "resourceAttributes", "namespace", k->namespace_, "verb", right->verb,
                                 "group", right->api_group, "resource", right->resource, "name", right->name);
    char *body = question ? json_dumps(question, JSON_COMPACT) : NULL;
    json_decref(question);
    if (!body)
        return; /* not known, then */
    ask(k, "POST", ACCESS_REVIEWS, body, &answer);
    free(body);
    json_t *json = json_of(&answer);
    const json_t *status = json_object_get(json, "status"), *allowed = json_object_get(status, "allowed");
    const char *reason = object_text(json_object_get(status, "reason"));
    right->status = answer.status;
    if (answer.status / 100 == 2 && json_is_boolean(allowed)) {
        right->answer = json_is_true(allowed) ? DOCTOR_ALLOWED : DOCTOR_DENIED;
        snprintf(right->reason, sizeof right->reason, "%s", reason ? reason : "");
    } else {
        reason_of(&answer, sentence, size);
        right->sentence = sentence;
    }
    json_decref(json);
    api_answer_clear(&answer);
}

static void look_at_rights(struct look *k, bool lock_exists)
{
    char sentence[STATUS_MESSAGE_MAX + 1] = "";
    struct doctor_rights rights = { .namespace_ = k->namespace_, .lock_exists = lock_exists };
    need_lock(k, &rights);
    need_others(k, &rights);
    for (size_t i = 0; i < rights.count; i++) {
        review(k, &rights.list[i], sentence, sizeof sentence);
        if (rights.list[i].answer == DOCTOR_UNKNOWN) {
            rights.count = i + 1; /* the others would be answered no better */
            break;
        }
    }
    doctor_judge_rights(&rights, k->report);
}

/* ---- the lock, its latency, the clock ---- */

/* Asks again and again for the same; the last answer is for api_answer_clear(). */
static void sample(struct look *k, const char *path, struct doctor_latency *ret, struct api_answer *last)
{
    int64_t begin_ns = session_now_ns();
    *last = (struct api_answer){ .status = 0 };
    for (int i = 0; i < DOCTOR_SAMPLES && (i == 0 || session_now_ns() - begin_ns < SAMPLES_LAST_NS); i++) {
        struct api_answer answer;
        if (i > 0)
            nanosleep(&(struct timespec){ .tv_nsec = SAMPLE_PAUSE_NS }, NULL);
        int64_t took_ns = ask(k, "GET", path, NULL, &answer);
        if (answer.status != 0)
            ret->ns[ret->count++] = took_ns;
        else
            ret->unanswered++;
        /* What was answered counts more than what was not. */
        if (answer.status != 0 || last->status == 0) {
            api_answer_clear(last);
            *last = answer;
        } else {
            api_answer_clear(&answer);
        }
    }
}

static void take_object(const struct look *k, const json_t *object, struct doctor_lock *l, char refusal[SETTING_SENTENCE_MAX])
{
    const json_t *meta = json_object_get(object, "metadata"), *finalizers = json_object_get(meta, "finalizers");
    const char *created = object_text(json_object_get(meta, "creationTimestamp"));
    k->dialect->read(object, k->group, &l->record);
    l->refusal = k->dialect->refuse(object, k->group, refusal, SETTING_SENTENCE_MAX) ? refusal : NULL;
    l->deleting = object_text(json_object_get(meta, "deletionTimestamp")) != NULL;
    if (created)
        (void)times_parse(created, &l->created_us); /* stays 0: not known */
    for (size_t i = 0; i < json_array_size(finalizers) && l->finalizers_count < DOCTOR_FINALIZERS_MAX; i++) {
        const char *name = object_text(json_array_get(finalizers, i));
        if (name)
            l->finalizers[l->finalizers_count++] = name;
    }
}

static void look_at_object(struct look *k, const struct api_answer *answer)
{
    char refusal[SETTING_SENTENCE_MAX], reason[STATUS_MESSAGE_MAX + 1];
    json_t *object = answer->status == 200 ? json_of(answer) : NULL;
    struct doctor_lock l = { .kind = k->dialect->kind, .namespace_ = k->namespace_, .name = k->lock_name, .group = k->group };
    int64_t foreign_ns = setting_number(&settings_table[SETTING_FOREIGN_LEASE], value_of(k, SETTING_FOREIGN_LEASE));
    l.status = answer->status;
    l.sentence = reason;
    l.shared = k->dialect->shared;
    l.now_us = session_wall_us();
    l.assumed_lease_ns = foreign_ns;
    reason_of(answer, reason, sizeof reason);
    if (object)
        take_object(k, object, &l, refusal);
    else if (l.status == 200)
        l.record.kind = RECORD_UNREADABLE;
    doctor_judge_lock(&l, k->report);
    json_decref(object);
}

static void look_at_lock(struct look *k)
{
    char path[REQUEST_PATH_MAX] = "/version";
    struct doctor_latency latency = { .path_of = k->group ? "the lock" : "/version" };
    struct api_answer last;
    if (k->group)
        request_lock_path(k->dialect, k->namespace_, k->lock_name, path, sizeof path); /* names have room in it */
    sample(k, path, &latency, &last);
    latency.sentence = last.sentence;
    look_at_rights(k, k->group && last.status == 200);
    if (k->group)
        look_at_object(k, &last);
    int64_t skew_ns = setting_number(&settings_table[SETTING_MAX_CLOCK_SKEW], value_of(k, SETTING_MAX_CLOCK_SKEW));
    k->clock.matters = k->dialect->shared || value_of(k, SETTING_PEER_LEASE)[0];
    k->clock.warn_us = k->clock.matters ? skew_ns / 1000 : WARN_SKEW_US;
    doctor_judge_clock(&k->clock, k->report);
    doctor_judge_latency(&latency, &k->settings, k->report);
    api_answer_clear(&last);
}

/* ---- this machine ---- */

static void look_at_machine(struct doctor_report *r)
{
    struct doctor_machine m = { .first = getpid() == 1 };
    struct sigevent silent = { .sigev_notify = SIGEV_NONE };
    struct rlimit limit = { 0, 0 };
    timer_t timer;
    if (timer_create(CLOCK_BOOTTIME, &silent, &timer) < 0)
        m.timer_error = errno;
    else
        timer_delete(timer);
    /* As the keeper does it, which is as large as we are. */
    if (mlockall(MCL_CURRENT) < 0)
        m.memory_error = errno;
    else
        munlockall();
    getrlimit(RLIMIT_MEMLOCK, &limit);
    m.memory_limit = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
    m.proc = access("/proc/self/stat", R_OK) == 0;
    doctor_judge_machine(&m, r);
}

void doctor_examine(const struct arguments *a, const char *group, int64_t timeout_ns, struct doctor_report *r)
{
    char sentence[SETTING_SENTENCE_MAX], environment[DOCTOR_TEXT_MAX / 2];
    struct look k = { .a = a, .group = group, .timeout_ns = timeout_ns, .report = r };
    k.dialect = dialect_find(options_value(a->options, SETTING_LOCK));
    k.lock_name = options_value(a->options, SETTING_LOCK_NAME);
    if (!k.lock_name[0] && group)
        k.lock_name = group;
    look_at_settings(&k, sentence, environment, sizeof environment);
    if (look_at_server(&k)) {
        look_at_self(&k);
        look_at_namespace(&k);
        look_at_lock(&k);
    }
    look_at_machine(r);
    k.api = api_close(k.api);
}
