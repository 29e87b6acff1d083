#include "service/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/balancer.h"
#include "service/service.h"
#include "wire/object.h"
#include "wire/pod.h"
#include "wire/status.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)

#define PAGE_LIMIT (15 * SECOND)
#define OPEN_LIMIT (10 * SECOND)
/* A watch that ends sooner than this did not serve: opening it again at once would be a busy loop. */
#define SHORT_LIFE SECOND
#define PAUSE_FIRST (100 * MILLISECOND)
#define PAUSE_MAX (5 * SECOND)
#define PAUSE_REFUSED_FIRST SECOND
#define PAUSE_REFUSED_MAX (30 * SECOND)
/* Kubernetes sends bookmarks about every minute. */
#define SILENCE_MAX (90 * SECOND)
#define WARN_AGAIN_NS (60 * SECOND)

enum { DOUBLINGS_MAX = 8 };

static void go_on(leasehold_roster *r);

static int64_t now_ns(const leasehold_roster *r)
{
    return service_now(r->service).boot_ns;
}

static void set_timer(leasehold_roster *r, int64_t at_ns)
{
    timers_set(&r->service->timers, &r->timer, at_ns);
}

static void tell(leasehold_roster *r)
{
    if (atomic_load(&r->user_references) > 0)
        service_tell(r->service, &r->changed);
    if (r->followed)
        balancer_touch(r->service->balancer);
}

/* ---- warnings ----------------------------------------------------------------------------------------------------- */

static void warn(leasehold_roster *r, const char *text)
{
    uint64_t digest = object_digest(OBJECT_DIGEST_START, text, strlen(text));
    int64_t now = now_ns(r);
    struct roster_warned *oldest = &r->warned[0];
    for (int i = 0; i < ROSTER_WARNED; i++) {
        struct roster_warned *w = &r->warned[i];
        if (w->digest == digest && now - w->at_ns < WARN_AGAIN_NS)
            return;
        if (w->at_ns < oldest->at_ns)
            oldest = w;
    }
    *oldest = (struct roster_warned){ digest, now };
    service_warn(r->service, NULL, text);
}

static void warn_forbidden(leasehold_roster *r, const char *verb, const char *message)
{
    char text[SETTING_SENTENCE_MAX];
    snprintf(
        text, sizeof text,
        "the API server forbids to %s pods in namespace %.80s: add a rule to the Role: apiGroups: [\"\"], resources: [\"pods\"], verbs: "
        "[\"list\", \"watch\"] (it says: %.200s)",
        verb, r->namespace_, message);
    warn(r, text);
}

/* An answer that is not what was asked for; `verb` as RBAC calls it. */
static void warn_answer(leasehold_roster *r, const char *verb, const struct transport_answer *a)
{
    char text[SETTING_SENTENCE_MAX];
    struct status status;
    memset(&status, 0, sizeof status);
    if (a->outcome != TRANSPORT_ANSWERED) {
        warn(r, a->sentence[0] ? a->sentence : "no answer from the API server");
        return;
    }
    bool is_status = status_parse(a->body, a->body_size, &status) == 0;
    const char *message = status.message[0] ? status.message : "no reason given";
    if (a->status == 403) {
        warn_forbidden(r, verb, message);
        return;
    }
    if (a->status == 401)
        snprintf(text, sizeof text,
                 "the API server does not know us (401): the token or client certificate is missing, wrong or expired (it says: %.200s)",
                 message);
    else if (!is_status)
        snprintf(
            text, sizeof text,
            "the server answers %d to %s pods in namespace %.80s as no Kubernetes API server does: check the server's address and what "
            "stands between",
            a->status, verb, r->namespace_);
    else
        snprintf(text, sizeof text, "the API server answers %d to %s pods in namespace %.80s: %.300s", a->status, verb, r->namespace_,
                 message);
    warn(r, text);
}

/* ---- what comes next ---------------------------------------------------------------------------------------------- */

/* After a failure: a pause that grows, shortened at random by up to half so that many do not come back together. */
static void go_on_later(leasehold_roster *r, bool refused)
{
    leasehold_service *s = r->service;
    uint32_t doublings = r->failures < DOUBLINGS_MAX ? r->failures : DOUBLINGS_MAX;
    int64_t most = refused ? PAUSE_REFUSED_MAX : PAUSE_MAX, pause = (refused ? PAUSE_REFUSED_FIRST : PAUSE_FIRST) << doublings;
    if (pause > most)
        pause = most;
    pause -= (int64_t)(s->host.random(s->host.data) % ((uint64_t)pause / 2 + 1));
    r->failures++;
    set_timer(r, time_sum(now_ns(r), pause));
}

static void drop_list(leasehold_roster *r)
{
    membership_list_drop(&r->membership);
    free(r->next_page);
    r->next_page = NULL;
    r->listing = false;
}

/* The call is over, or is given up here. */
static void forget_call(leasehold_roster *r)
{
    const struct transport *t = &r->service->host.transport;
    if (r->call)
        t->operations->cancel(t->data, r->call);
    r->call = NULL;
    r->up = false;
    watch_decoder_free(&r->decoder);
    set_timer(r, LEASEHOLD_NEVER);
}

static bool lived(const leasehold_roster *r)
{
    return r->up && now_ns(r) - r->opened_ns >= SHORT_LIFE;
}

/* The watch is over: the next request now, or later if this one was in vain. */
static void end_watch(leasehold_roster *r, bool wants_list, bool refused)
{
    bool served = lived(r);
    if (served)
        r->failures = 0;
    forget_call(r);
    r->wants_list = r->wants_list || wants_list;
    if (served)
        go_on(r);
    else
        go_on_later(r, refused);
}

static void start(leasehold_roster *r, const char *path, int path_size, const struct transport_handler *handler)
{
    leasehold_service *s = r->service;
    const struct transport *t = &s->host.transport;
    int64_t limit_ns = r->watches ? OPEN_LIMIT : PAGE_LIMIT;
    struct transport_request request = {
        .method = "GET",
        .path = path,
        .body_max = r->watches ? 0 : POD_LIST_SIZE_MAX,
        .limit_ns = limit_ns,
        .stream = r->watches,
        .priority = TRANSPORT_PRIORITY_OTHER,
        .deadline = time_after(service_now(s), limit_ns),
    };
    BUG_UNLESS(!r->call);
    int error = path_size < 0 ? path_size : t->operations->start(t->data, &request, handler, r, &r->call);
    r->opened++;
    service_log(s, LEASEHOLD_LOG_DEBUG, "members: GET %s", path_size < 0 ? "" : path);
    if (error == 0)
        return;
    char text[SETTING_SENTENCE_MAX];
    r->call = NULL;
    snprintf(text, sizeof text, "cannot %s pods in namespace %.80s: %s", r->watches ? "watch" : "list", r->namespace_,
             leasehold_strerror(error));
    warn(r, text);
    drop_list(r);
    go_on_later(r, true);
}

/* ---- the list ----------------------------------------------------------------------------------------------------- */

static void fail_list(leasehold_roster *r, bool refused)
{
    drop_list(r);
    go_on_later(r, refused);
}

/* One page is in the list. Returns 0, or an error of membership. */
static int take_page(leasehold_roster *r, const struct pod_list *page)
{
    int result = 0;
    for (size_t i = 0; i < page->count && result >= 0; i++) {
        struct pod pod;
        if (pod_read(pod_list_item(page, i), &pod) == 0)
            result = membership_list_add(&r->membership, &pod);
        else
            warn(r, "a Pod in the list has no name, uid or version that can be read: it is left out");
    }
    return result;
}

static void list_is_whole(leasehold_roster *r, uint64_t version)
{
    int changed = membership_list_end(&r->membership, version);
    drop_list(r);
    r->wants_list = false;
    r->refresh_at_ns = time_sum(now_ns(r), r->refresh_ns);
    if (changed)
        tell(r);
    go_on(r);
}

static void warn_membership(leasehold_roster *r, int error)
{
    char text[SETTING_SENTENCE_MAX];
    snprintf(text, sizeof text,
             error == MEMBERSHIP_TOO_MANY ? "more than %d Pods match in namespace %.80s: choose members by --selector"
                                          : "out of memory with more than %d Pods to follow in namespace %.80s",
             error == MEMBERSHIP_TOO_MANY ? (int)MEMBERSHIP_PODS_MAX : (int)r->membership.known.count, r->namespace_);
    warn(r, text);
}

static void on_page(leasehold_roster *r, const struct pod_list *page)
{
    if (!r->listing)
        membership_list_begin(&r->membership);
    r->listing = true;
    int error = take_page(r, page);
    free(r->next_page);
    r->next_page = page->next[0] ? strdup(page->next) : NULL;
    if (error == 0 && page->next[0] && !r->next_page)
        error = MEMBERSHIP_NO_MEMORY;
    if (error < 0) {
        warn_membership(r, error);
        fail_list(r, true);
    } else if (r->next_page) {
        go_on(r);
    } else {
        list_is_whole(r, page->version);
    }
}

static void on_list(void *user, const struct transport_answer *answer)
{
    leasehold_roster *r = user;
    struct pod_list page;
    bool answered = answer->outcome == TRANSPORT_ANSWERED, later_page = r->next_page != NULL;
    r->call = NULL;
    if (answered && answer->status == 200 && pod_list_parse(answer->body, answer->body_size, &page) == 0) {
        on_page(r, &page);
        pod_list_clear(&page);
        return;
    }
    /* A token is good for some minutes; without it the list begins anew. */
    if (!(answered && answer->status == 410 && later_page))
        warn_answer(r, "list", answer);
    fail_list(r, answered && answer->status != 410);
}

/* ---- the watch ---------------------------------------------------------------------------------------------------- */

static void set_watch_timer(leasehold_roster *r)
{
    int64_t silent_at = time_sum(r->heard_ns, SILENCE_MAX);
    set_timer(r, silent_at < r->refresh_at_ns ? silent_at : r->refresh_at_ns);
}

static void on_open(void *user, leasehold_time received)
{
    leasehold_roster *r = user;
    r->up = true;
    r->opened_ns = r->heard_ns = received.boot_ns;
    set_watch_timer(r);
}

static void on_error_event(leasehold_roster *r, const json_t *object)
{
    char text[SETTING_SENTENCE_MAX];
    struct status status;
    bool readable = status_read(object, &status) == 0;
    /* kube-apiserver answers 410 inside a 200 stream: what happened meanwhile is only in a list. */
    if (!readable || status.code != 410) {
        snprintf(text, sizeof text, "the watch of pods in namespace %.80s was ended: %.300s", r->namespace_,
                 readable ? status.message : "no reason given");
        warn(r, text);
    }
    end_watch(r, true, false);
}

static void on_pod_event(leasehold_roster *r, enum watch_type type, const json_t *object)
{
    struct pod pod;
    uint64_t version;
    const char *text = object_text(json_object_get(json_object_get(object, "metadata"), "resourceVersion"));
    if (type == WATCH_BOOKMARK) {
        if (text && object_resource_version_parse(text, &version) == 0)
            membership_pass(&r->membership, version);
        return;
    }
    if (pod_read(object, &pod) < 0) {
        warn(r, "the watch told of something that is no Pod with a name, uid and version that can be read: it is passed over");
        return;
    }
    int result = type == WATCH_DELETED ? membership_remove(&r->membership, &pod) : membership_put(&r->membership, &pod);
    if (result < 0) {
        warn_membership(r, result);
        end_watch(r, true, true);
    } else if (result > 0) {
        tell(r);
    }
}

static void on_data(void *user, const char *data, size_t size, leasehold_time received)
{
    leasehold_roster *r = user;
    uint64_t opened = r->opened;
    r->heard_ns = received.boot_ns;
    int result = watch_decoder_feed(&r->decoder, data, size);
    struct watch_event event;
    while (result >= 0 && r->call && r->opened == opened && (result = watch_decoder_next(&r->decoder, &event)) > 0) {
        if (event.type == WATCH_ERROR)
            on_error_event(r, event.object);
        else
            on_pod_event(r, event.type, event.object);
        json_decref(event.object);
    }
    if (!r->call || r->opened != opened)
        return;
    if (result < 0) {
        warn(r, "the watch told something that is no watch event: is this address that of a Kubernetes API server?");
        end_watch(r, true, true);
        return;
    }
    set_watch_timer(r);
}

static void on_watch_over(void *user, const struct transport_answer *answer)
{
    leasehold_roster *r = user;
    bool answered = answer->outcome == TRANSPORT_ANSWERED, refused = answered && answer->status != 200 && answer->status != 410;
    r->call = NULL;
    if (!r->up && !(answered && (answer->status == 200 || answer->status == 410)))
        warn_answer(r, "watch", answer);
    /* Whatever the server has against watching from this version: a list gives another one, and where only watching is forbidden it
     * still tells who is there. */
    end_watch(r, answered && answer->status != 200 && answer->status != 429, refused);
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

static void go_on(leasehold_roster *r)
{
    static const struct transport_handler list = { .on_answer = on_list };
    static const struct transport_handler watch = { .on_open = on_open, .on_data = on_data, .on_answer = on_watch_over };
    char path[POD_PATH_MAX];
    r->watches = !r->wants_list;
    if (r->wants_list)
        start(r, path, pod_list_path(r->namespace_, r->selector, r->next_page ? r->next_page : "", path, sizeof path), &list);
    else
        start(r, path, pod_watch_path(r->namespace_, r->selector, r->membership.version, path, sizeof path), &watch);
}

static void on_timer(struct timer *timer)
{
    leasehold_roster *r = (leasehold_roster *)(void *)((char *)timer - offsetof(leasehold_roster, timer));
    int64_t now = now_ns(r);
    if (!r->call) {
        go_on(r);
    } else if (now >= r->refresh_at_ns) {
        /* The watch is closed first: what it told must not be undone by a list that was made before. */
        r->wants_list = true;
        forget_call(r);
        go_on(r);
    } else if (now >= time_sum(r->heard_ns, SILENCE_MAX)) {
        end_watch(r, false, false);
    } else {
        set_watch_timer(r);
    }
}

void members_begin(leasehold_roster *r)
{
    r->timer.fn = on_timer;
    r->wants_list = true;
    go_on(r);
}

void members_end(leasehold_roster *r)
{
    if (r->ended)
        return;
    r->ended = true;
    forget_call(r);
    drop_list(r);
    timers_unreserve(&r->service->timers, 1);
}
