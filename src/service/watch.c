#include "service/watch.h"

#include <stdio.h>
#include <string.h>

#include "service/answer.h"
#include "service/group.h"
#include "service/lock.h"
#include "service/service.h"
#include "wire/object.h"
#include "wire/request.h"
#include "wire/status.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)

/* A watch that ends sooner than this did not serve: opening it again at once would be a busy loop. */
#define SHORT_LIFE SECOND
#define PAUSE_FIRST (100 * MILLISECOND)
#define PAUSE_REFUSED_FIRST SECOND
#define PAUSE_REFUSED_MAX (30 * SECOND)
/* Kubernetes sends bookmarks about every minute. */
#define SILENCE_MAX (90 * SECOND)

enum { DOUBLINGS_MAX = 8 };

static const struct election_settings *settings_of(const struct lock *lock)
{
    return &lock->groups->election.settings;
}

/* A holder renews within its lease; whoever hears nothing for most of one is not connected any more, and should know before the
 * lease is over. Without a holder only bookmarks come. */
static int64_t silence_ns(const struct lock *lock)
{
    int64_t silence = SILENCE_MAX;
    for (const leasehold_group *g = lock->groups; g; g = g->next_in_lock) {
        const struct record *r = &g->election.record;
        int64_t lease_ns = r->duration_ms < SILENCE_MAX / MILLISECOND * 2 ? r->duration_ms * MILLISECOND : 2 * SILENCE_MAX;
        if (r->kind == RECORD_HELD && lease_ns > 0 && lease_ns / 3 * 2 < silence)
            silence = lease_ns / 3 * 2;
    }
    return silence > SECOND ? silence : SECOND;
}

/* When to look whether it has fallen silent: the first time as soon as for a holder like us, since a read may tell of one. */
static int64_t first_look_ns(const struct lock *lock)
{
    int64_t ours = settings_of(lock)->lease_duration_ns / 3 * 2, silence = silence_ns(lock);
    return ours < silence ? ours : silence;
}

static void set_timer(struct lock *lock, int64_t at_ns)
{
    timers_set(&lock->service->timers, &lock->watch.timer, at_ns);
}

static void open_watch(struct lock *lock);

/* After a failure: a pause that grows, shortened at random by up to half so that many do not come back together. */
static void pause_watch(struct lock *lock, bool refused)
{
    leasehold_service *s = lock->service;
    struct watch *w = &lock->watch;
    uint32_t doublings = w->failures < DOUBLINGS_MAX ? w->failures : DOUBLINGS_MAX;
    int64_t most = refused ? PAUSE_REFUSED_MAX : settings_of(lock)->retry_period_ns;
    int64_t pause = (refused ? PAUSE_REFUSED_FIRST : PAUSE_FIRST) << doublings;
    if (pause > most)
        pause = most;
    pause -= (int64_t)(s->host.random(s->host.data) % ((uint64_t)pause / 2 + 1));
    w->failures++;
    set_timer(lock, time_sum(service_now(s).boot_ns, pause));
}

/* The stream is over: tells so, and opens the next one now or later. */
static void ended(struct lock *lock, bool served, bool refused)
{
    struct watch *w = &lock->watch;
    bool was_up = w->up;
    w->up = false;
    watch_decoder_free(&w->decoder);
    set_timer(lock, LEASEHOLD_NEVER);
    if (was_up)
        lock_step_all(lock, ELECTION_WATCH_DOWN);
    if (!w->began)
        return; /* the last group left on hearing it */
    if (served)
        open_watch(lock);
    else
        pause_watch(lock, refused);
}

static bool lived(const struct lock *lock, int64_t now_ns)
{
    return lock->watch.up && now_ns - lock->watch.opened_ns >= SHORT_LIFE;
}

/* Gives the stream up from our side. */
static void abandon(struct lock *lock, bool served, bool refused)
{
    struct watch *w = &lock->watch;
    leasehold_service *s = lock->service;
    if (!w->call)
        return;
    s->host.transport.operations->cancel(s->host.transport.data, w->call);
    w->call = NULL;
    ended(lock, served, refused);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static void on_error_event(struct lock *lock, const json_t *object)
{
    struct status status;
    char text[SETTING_SENTENCE_MAX];
    if (status_read(object, &status) == 0 && status.code == 410) {
        /* kube-apiserver answers 410 inside a 200 stream; what happened meanwhile is only in the present state. */
        struct watch *w = &lock->watch;
        bool in_vain = w->version == 0 || (w->anew && !lived(lock, service_now(lock->service).boot_ns));
        w->version = 0;
        w->anew = true;
        abandon(lock, !in_vain, false);
        return;
    }
    snprintf(text, sizeof text, "the watch of %s %.80s/%.80s was ended: %.300s", lock->dialect->resource, lock->namespace_, lock->name,
             object && status_read(object, &status) == 0 ? status.message : "no reason given");
    lock->watch.version = 0;
    lock_warn(lock, text);
    abandon(lock, false, false);
}

static void on_object_event(struct lock *lock, enum watch_type type, json_t *object)
{
    struct record_version version;
    const char *name = object_name(object);
    if (object_version(object, &version) < 0) {
        uint64_t bookmark;
        const json_t *text = json_object_get(json_object_get(object, "metadata"), "resourceVersion");
        /* A bookmark has no uid. */
        if (type == WATCH_BOOKMARK && json_is_string(text) && object_resource_version_parse(json_string_value(text), &bookmark) == 0)
            lock->watch.version = bookmark;
        return;
    }
    lock->watch.version = version.resource_version;
    /* A server that ignores the selector tells of its neighbours, too. */
    if (type == WATCH_BOOKMARK || !name || strcmp(name, lock->name) != 0)
        return;
    if (type == WATCH_DELETED)
        lock_step_all(lock, ELECTION_WATCHED_GONE);
    else if (object_is(object, lock->dialect->api_version, lock->dialect->kind))
        lock_receive(lock, object, &version, EXCHANGE_NONE, ELECTION_WATCHED);
}

static void on_data(void *user, const char *data, size_t size, leasehold_time received)
{
    struct lock *lock = user;
    struct watch *w = &lock->watch;
    uint64_t opened = w->opened;
    lock_hold(lock);
    w->heard_ns = received.boot_ns;
    int result = watch_decoder_feed(&w->decoder, data, size);
    struct watch_event event;
    while (result >= 0 && w->call && w->opened == opened && (result = watch_decoder_next(&w->decoder, &event)) > 0) {
        if (event.type == WATCH_ERROR)
            on_error_event(lock, event.object);
        else
            on_object_event(lock, event.type, event.object);
        json_decref(event.object);
    }
    if (result < 0 && w->call && w->opened == opened) {
        lock->watch.version = 0;
        lock_warn(lock, "the watch told something that is no watch event: is this address that of a Kubernetes API server?");
        abandon(lock, false, false);
    }
    if (w->call && w->opened == opened)
        set_timer(lock, time_sum(w->heard_ns, silence_ns(lock)));
    lock_let_go(lock);
}

static void on_open(void *user, leasehold_time received)
{
    struct lock *lock = user;
    struct watch *w = &lock->watch;
    bool anew = w->version == 0 && w->stood_before;
    lock_hold(lock);
    w->up = w->stood_before = true;
    w->opened_ns = w->heard_ns = received.boot_ns;
    set_timer(lock, time_sum(received.boot_ns, first_look_ns(lock)));
    lock_step_all(lock, ELECTION_WATCH_UP);
    /* The present state does not tell what was deleted since the last watch: ask. */
    if (anew)
        lock_step_all(lock, ELECTION_WATCHED_GONE);
    lock_let_go(lock);
}

static void on_answer(void *user, const struct transport_answer *answer)
{
    struct lock *lock = user;
    struct watch *w = &lock->watch;
    lock_hold(lock);
    w->call = NULL;
    bool served = lived(lock, answer->received.boot_ns);
    bool answered = answer->outcome == TRANSPORT_ANSWERED;
    bool refused = answered && answer->status >= 400 && answer->status < 500;
    if (served)
        w->failures = 0;
    if (answered && answer->status == 410) {
        served = w->version != 0;
        refused = false;
        w->version = 0;
    } else if (!w->up) {
        char text[SETTING_SENTENCE_MAX];
        answer_explain(lock, "watch", answer, text);
        lock_warn(lock, text);
    }
    ended(lock, served, refused);
    lock_let_go(lock);
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static void open_watch(struct lock *lock)
{
    static const struct transport_handler handler = { .on_open = on_open, .on_data = on_data, .on_answer = on_answer };
    struct watch *w = &lock->watch;
    leasehold_service *s = lock->service;
    char path[REQUEST_PATH_MAX];
    int64_t limit_ns = election_settings_request_limit_ns(settings_of(lock));
    int result = request_watch_path(lock->dialect, lock->namespace_, lock->name, w->version, 0, path, sizeof path);
    struct transport_request request = {
        .method = "GET",
        .path = path,
        .limit_ns = limit_ns,
        .stream = true,
        .priority = TRANSPORT_PRIORITY_OTHER,
        .deadline = time_after(service_now(s), limit_ns),
    };
    if (result >= 0)
        result = s->host.transport.operations->start(s->host.transport.data, &request, &handler, lock, &w->call);
    w->opened++;
    w->anew = w->anew && w->version == 0;
    if (result < 0) {
        w->call = NULL;
        pause_watch(lock, true);
    }
}

static void on_timer(struct timer *timer)
{
    struct lock *lock = (struct lock *)(void *)((char *)timer - offsetof(struct lock, watch.timer));
    struct watch *w = &lock->watch;
    if (!w->call) {
        open_watch(lock);
        return;
    }
    int64_t now_ns = service_now(lock->service).boot_ns, silent_at = time_sum(w->heard_ns, silence_ns(lock));
    if (now_ns < silent_at) {
        set_timer(lock, silent_at);
        return;
    }
    lock_hold(lock);
    abandon(lock, true, false);
    lock_let_go(lock);
}

void watch_begin(struct lock *lock)
{
    if (lock->watch.began)
        return;
    lock->watch.began = true;
    lock->watch.timer.fn = on_timer;
    open_watch(lock);
}

void watch_end(struct lock *lock)
{
    struct watch *w = &lock->watch;
    leasehold_service *s = lock->service;
    w->began = false;
    if (w->call)
        s->host.transport.operations->cancel(s->host.transport.data, w->call);
    w->call = NULL;
    w->up = false;
    watch_decoder_free(&w->decoder);
    set_timer(lock, LEASEHOLD_NEVER);
}
