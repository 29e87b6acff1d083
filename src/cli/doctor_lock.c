/* What a lock's object and record tell about those who lead by it. Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "service/options.h"
#include "wire/times.h"

enum { DURATION_SIZE = 48 };
#define SECOND_US INT64_C(1000000)
/* So many changes of leader, and one in so short a time: leadership flaps. A rollout changes it a few times, too. */
enum { FLAPPING_TRANSITIONS = 10 };
#define FLAPPING_US (600 * SECOND_US)
/* A clock may be wrong by so much before a stamp is called old. */
#define OLD_SLACK_US (30 * SECOND_US)

static void age_text(int64_t us, char ret[DURATION_SIZE])
{
    setting_duration_text(us / SECOND_US * SECOND_US * 1000, ret, DURATION_SIZE);
}

/* ---- the object ---- */

static void judge_object(const struct doctor_lock *l, struct doctor_report *r)
{
    char finalizers[DOCTOR_TEXT_MAX / 3] = "";
    for (size_t i = 0; i < l->finalizers_count; i++) {
        size_t used = strlen(finalizers);
        snprintf(finalizers + used, sizeof finalizers - used, "%s%s", used ? ", " : "", l->finalizers[i]);
    }
    if (l->deleting) {
        doctor_find(r, DOCTOR_WARN, "lock", "%s %s is being deleted and waits for its finalizers: %s", l->kind, l->name, finalizers);
        doctor_advise(r, "remove them (kubectl edit %s %s -n %s): once it is gone, the lock is created anew", l->kind, l->name,
                      l->namespace_);
    } else if (finalizers[0]) {
        doctor_find(r, DOCTOR_WARN, "lock", "%s %s has finalizers: %s", l->kind, l->name, finalizers);
        doctor_advise(r, "a lock needs none; with them it cannot be deleted while their owner is away");
    }
    if (l->refusal) {
        doctor_find(r, DOCTOR_FAIL, "lock", "%s", l->refusal);
        doctor_advise(r, "no Leasehold leads by it as it is");
    }
}

static void judge_history(const struct doctor_lock *l, struct doctor_report *r)
{
    const struct record *record = &l->record;
    char each[DURATION_SIZE];
    /* A ConfigMap's record does not count; our mark does. */
    int32_t transitions = record->transitions ? record->transitions : record->mark.present ? record->mark.transitions : 0;
    int64_t age_us = l->now_us - l->created_us;
    if (l->created_us == 0 || age_us <= 0 || transitions < FLAPPING_TRANSITIONS || age_us / transitions >= FLAPPING_US)
        return;
    age_text(age_us / transitions, each);
    doctor_find(r, DOCTOR_WARN, "history", "%" PRId32 " changes of leader since %s %s was created, one in %s", transitions, l->kind,
                l->name, each);
    doctor_advise(r,
                  "look why leaders end: `leasehold watch %s` tells each reason; work that crashes, too little CPU or memory, or a "
                  "renew-deadline too short for this server's latency",
                  l->group);
}

/* ---- the record ---- */

static void judge_foreign(const struct doctor_lock *l, struct doctor_report *r)
{
    const struct record *record = &l->record;
    if (record->mark.present && record->mark.names_holder)
        return;
    doctor_find(r, DOCTOR_WARN, "peers", "the holder %s is no Leasehold: it left no term mark, and so no fencing token", record->holder);
    if (l->shared)
        doctor_advise(r,
                      "beside Camel's lock mind the clocks, and set --peer-lease where its lease duration is shorter; see docs/camel.md");
    else
        doctor_advise(r, "another elector of this name (client-go's, say) takes turns with us; if that is not intended, choose another "
                         "--lock-name");
}

static void judge_held(const struct doctor_lock *l, struct doctor_report *r)
{
    const struct record *record = &l->record;
    char age[DURATION_SIZE];
    int64_t lease_ns = record->duration_ms ? record->duration_ms * 1000000 : l->assumed_lease_ns;
    int64_t age_us = l->now_us - record->renew_us;
    if (record->renew_us == 0) {
        doctor_find(r, DOCTOR_WARN, "lock", "%s %s is held by %s, and says not since when", l->kind, l->name, record->holder);
        doctor_advise(r, "it is waited for as --foreign-lease says; `leasehold status %s --observe` sees whether it is renewed", l->group);
        return;
    }
    age_text(age_us < 0 ? 0 : age_us, age);
    if (age_us > lease_ns / 1000 + OLD_SLACK_US) {
        doctor_find(r, DOCTOR_WARN, "lock", "%s %s names %s, which renewed it last %s ago: nobody leads", l->kind, l->name, record->holder,
                    age);
        doctor_advise(r, "see that a candidate runs, and that it may reach and write the lock; the next one that stands takes it");
        return;
    }
    doctor_find(r, DOCTOR_OK, "lock", "%s %s is held by %s, renewed %s ago", l->kind, l->name, record->holder, age);
}

void doctor_judge_lock(const struct doctor_lock *l, struct doctor_report *r)
{
    if (l->status == 0) {
        doctor_find(r, DOCTOR_FAIL, "lock", "%s %s was not read: %s", l->kind, l->name, l->sentence);
        doctor_advise(r, "as for the server");
        return;
    }
    if (l->status == 404) {
        doctor_find(r, DOCTOR_OK, "lock", "there is no %s %s in namespace %s yet; the first candidate creates it", l->kind, l->name,
                    l->namespace_);
        return;
    }
    if (l->status != 200) {
        doctor_find(r, DOCTOR_FAIL, "lock", "the server answers %d to reading %s %s: %s", l->status, l->kind, l->name, l->sentence);
        doctor_advise(r, l->status == 403 ? "see the rights above" : "try again, and look at the API server's log");
        return;
    }
    judge_object(l, r);
    switch (l->record.kind) {
    case RECORD_HELD:
        judge_held(l, r);
        judge_foreign(l, r);
        break;
    case RECORD_UNREADABLE:
        doctor_find(r, DOCTOR_WARN, "lock", "the record of %s in %s %s cannot be understood", l->group, l->kind, l->name);
        doctor_advise(r, "look at it (kubectl get %s %s -n %s -o yaml): candidates wait --foreign-lease and then write it anew", l->kind,
                      l->name, l->namespace_);
        break;
    case RECORD_EMPTIED:
    case RECORD_ABSENT:
        doctor_find(r, DOCTOR_OK, "lock", "%s %s is free", l->kind, l->name);
        break;
    }
    judge_history(l, r);
}
