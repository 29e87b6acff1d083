#include "service/answer.h"

#include <stdio.h>
#include <string.h>

#include "service/lock.h"
#include "wire/object.h"
#include "wire/status.h"

#define SECOND INT64_C(1000000000)

static void explain_forbidden(const struct lock *lock, const char *verb, const struct status *status, char ret[SETTING_SENTENCE_MAX])
{
    const struct dialect *d = lock->dialect;
    snprintf(ret, SETTING_SENTENCE_MAX,
             "the API server forbids to %s %s in namespace %.80s: add a rule to the Role: apiGroups: [\"%s\"], resources: [\"%s\"], verbs: "
             "[\"%s\"] (it says: %.200s)",
             verb, d->resource, lock->namespace_, d->api_group, d->resource, verb, status->message[0] ? status->message : "nothing");
}

static void explain_status(const struct lock *lock, const char *verb, const struct transport_answer *a, const struct status *status,
                           char ret[SETTING_SENTENCE_MAX])
{
    const char *what = lock->dialect->resource;
    const char *message = status->message[0] ? status->message : "no reason given";
    switch (a->status) {
    case 401:
        snprintf(ret, SETTING_SENTENCE_MAX,
                 "the API server does not know us (401): the token or client certificate is missing, wrong or expired (it says: %.200s)",
                 message);
        break;
    case 403:
        explain_forbidden(lock, verb, status, ret);
        break;
    case 422:
        snprintf(ret, SETTING_SENTENCE_MAX, "the API server finds %s %.80s/%.80s invalid: %.300s", what, lock->namespace_, lock->name,
                 message);
        break;
    case 429:
        snprintf(ret, SETTING_SENTENCE_MAX, "the API server asks us to slow down (429): %.300s", message);
        break;
    default:
        snprintf(ret, SETTING_SENTENCE_MAX, "the API server answers %d to %s %s %.80s/%.80s: %.300s", a->status, verb, what,
                 lock->namespace_, lock->name, message);
        break;
    }
}

void answer_explain(const struct lock *lock, const char *verb, const struct transport_answer *a, char ret[SETTING_SENTENCE_MAX])
{
    struct status status;
    memset(&status, 0, sizeof status);
    if (a->outcome != TRANSPORT_ANSWERED) {
        snprintf(ret, SETTING_SENTENCE_MAX, "%s", a->sentence[0] ? a->sentence : "no answer from the API server");
    } else if (a->status >= 200 && a->status < 300) {
        snprintf(ret, SETTING_SENTENCE_MAX,
                 "the server answers %d to %s %s %.80s/%.80s with something that is no such %s: is this address that of a Kubernetes API "
                 "server?",
                 a->status, verb, lock->dialect->resource, lock->namespace_, lock->name, lock->dialect->kind);
    } else if (status_parse(a->body, a->body_size, &status) < 0 && a->status != 401 && a->status != 403 && a->status != 429) {
        snprintf(ret, SETTING_SENTENCE_MAX,
                 "the server answers %d to %s %s %.80s/%.80s as no Kubernetes API server does: check the server's address and what stands "
                 "between",
                 a->status, verb, lock->dialect->resource, lock->namespace_, lock->name);
    } else {
        explain_status(lock, verb, a, &status, ret);
    }
}

/* The object of an answer, if it is our lock. Returns 0 and fills verdict->object and version, or -1. */
static int take_object(const struct lock *lock, const struct transport_answer *a, struct verdict *ret)
{
    json_t *object = NULL;
    if (object_parse(a->body, a->body_size, &object) < 0)
        return -1;
    const char *name = object_name(object), *namespace_ = object_namespace(object);
    bool ours = object_is(object, lock->dialect->api_version, lock->dialect->kind) && name && strcmp(name, lock->name) == 0 && namespace_ &&
                strcmp(namespace_, lock->namespace_) == 0 && object_version(object, &ret->version) == 0;
    if (!ours) {
        json_decref(object);
        return -1;
    }
    ret->object = object;
    return 0;
}

static void set_retry_after(const struct transport_answer *a, struct verdict *ret)
{
    struct status status;
    ret->retry_after_ns = a->retry_after_ns;
    if (ret->retry_after_ns == 0 && status_parse(a->body, a->body_size, &status) == 0 && status.retry_after_s > 0)
        ret->retry_after_ns = status.retry_after_s * SECOND;
}

static bool names_absent(const struct lock *lock, const struct transport_answer *a)
{
    struct status status;
    return a->status == 404 && status_parse(a->body, a->body_size, &status) == 0 &&
           status_names_absent(&status, lock->dialect->resource, lock->name);
}

static enum election_failure failure_of(enum transport_outcome outcome)
{
    return outcome == TRANSPORT_TIMED_OUT ? ELECTION_FAILURE_TIMEOUT : ELECTION_FAILURE_UNREACHABLE;
}

void answer_judge_read(const struct lock *lock, const struct transport_answer *a, struct verdict *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->kind = ELECTION_READ;
    if (a->outcome == TRANSPORT_ANSWERED && (names_absent(lock, a) || (a->status == 200 && take_object(lock, a, ret) == 0)))
        return;
    ret->kind = ELECTION_READ_FAILED;
    if (a->outcome != TRANSPORT_ANSWERED) {
        ret->failure = failure_of(a->outcome);
    } else {
        ret->failure = a->status >= 400 && a->status < 500 ? ELECTION_FAILURE_REFUSED : ELECTION_FAILURE_SERVER;
        set_retry_after(a, ret);
    }
    answer_explain(lock, "get", a, ret->sentence);
}

void answer_judge_write(const struct lock *lock, const char *verb, const struct transport_answer *a, struct verdict *ret)
{
    memset(ret, 0, sizeof *ret);
    if (a->outcome != TRANSPORT_ANSWERED) {
        /* Only what provably never left was not applied (rule 8). */
        ret->kind = a->outcome == TRANSPORT_NOT_SENT ? ELECTION_WRITE_REFUSED : ELECTION_WRITE_UNKNOWN;
        ret->failure = failure_of(a->outcome);
    } else if (a->status >= 200 && a->status < 300) {
        ret->kind = ELECTION_WRITTEN;
        if (take_object(lock, a, ret) == 0)
            return;
        ret->kind = ELECTION_WRITE_UNKNOWN;
        ret->failure = ELECTION_FAILURE_SERVER;
    } else if (a->status == 409 || names_absent(lock, a)) {
        /* Gone while we wrote: as with another's write, a read knows what is there now. */
        ret->kind = ELECTION_WRITE_CONFLICT;
        return;
    } else if (a->status >= 400 && a->status < 500) {
        ret->kind = ELECTION_WRITE_REFUSED;
        ret->failure = ELECTION_FAILURE_REFUSED;
        set_retry_after(a, ret);
    } else {
        ret->kind = ELECTION_WRITE_UNKNOWN;
        ret->failure = ELECTION_FAILURE_SERVER;
        set_retry_after(a, ret);
    }
    answer_explain(lock, verb, a, ret->sentence);
}
