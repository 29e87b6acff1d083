/* Three hundred writers of one object, each with a group of its own, as values: a server that compares and swaps, one way of 0.5 to
 * 3 ms, and a clock that stands still while the machines think. Conflicts are the rule here; everybody must get through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "election/election.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

enum { WRITERS = 300, MAIL_MAX = 4, RUN_S = 60 };

/* On its way to the server or back; at 0: none. */
struct mail {
    int64_t at;
    bool to_server;
    bool is_write;
    struct election_write write;
    struct election_event event;
};

struct writer {
    struct election e;
    struct mail mail[MAIL_MAX];
    int64_t turn_at; /* 0: not asked for */
    int64_t hint_at; /* 0: none on its way; the newest version counts */
    int64_t next;    /* when something is to be done for it */
    unsigned terms, losses, renewals, conflicts;
};

struct crowd {
    struct writer writer[WRITERS];
    struct record record[WRITERS];
    uint64_t version;
    int64_t now;
    uint64_t random;
    bool watched;
};

static int64_t draw(struct crowd *c, int64_t least, int64_t most)
{
    c->random = c->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return least + (int64_t)((c->random >> 33) % (uint64_t)(most - least + 1));
}

static int64_t arrival(struct crowd *c)
{
    return c->now + draw(c, MS / 2, 3 * MS);
}

static struct mail *post(struct crowd *c, struct writer *w)
{
    for (int i = 0; i < MAIL_MAX; i++) {
        if (w->mail[i].at == 0) {
            memset(&w->mail[i], 0, sizeof w->mail[i]);
            w->mail[i].at = arrival(c);
            return &w->mail[i];
        }
    }
    fail_msg("more requests than one read and one write");
    return NULL;
}

static struct record_version version_of(uint64_t number)
{
    return number ? (struct record_version){ "uid-1", number } : (struct record_version){ "", 0 };
}

static void step(struct crowd *c, struct writer *w, const struct election_event *event)
{
    struct election_update u;
    election_step(&w->e, (leasehold_time){ c->now, c->now, c->now }, event, &u);
    w->terms += u.started_leading;
    w->losses += u.stop_work;
    w->renewals += u.extended;
    w->conflicts += event->kind == ELECTION_WRITE_CONFLICT;
    if (u.read)
        post(c, w)->to_server = true;
    if (u.write.kind != ELECTION_WRITE_NONE) {
        struct mail *m = post(c, w);
        m->to_server = m->is_write = true;
        m->write = u.write;
    }
    if (u.wants_turn)
        w->turn_at = c->now;
}

/* The server: in the order of arrival, at once. */
static void serve(struct crowd *c, struct writer *w, struct mail *m)
{
    size_t group = (size_t)(w - c->writer);
    m->to_server = false;
    m->at = arrival(c);
    m->event.kind = ELECTION_READ;
    if (m->is_write) {
        uint64_t base = m->write.kind == ELECTION_WRITE_CREATE ? 0 : m->write.base.resource_version;
        m->event.kind = base == c->version ? ELECTION_WRITTEN : ELECTION_WRITE_CONFLICT;
        if (base == c->version) {
            c->version++;
            c->record[group] = m->write.record;
            for (int i = 0; c->watched && i < WRITERS; i++) {
                c->writer[i].hint_at = arrival(c);
                if (c->writer[i].hint_at < c->writer[i].next)
                    c->writer[i].next = c->writer[i].hint_at;
            }
        }
    }
    m->event.record = c->record[group];
    m->event.version = version_of(c->version);
}

static void deliver(struct crowd *c, struct writer *w, struct mail *m)
{
    struct election_event event = m->event;
    m->at = 0;
    step(c, w, &event);
}

static int64_t next_of(const struct writer *w)
{
    int64_t at = election_deadline(&w->e);
    for (int i = 0; i < MAIL_MAX; i++)
        if (w->mail[i].at && w->mail[i].at < at)
            at = w->mail[i].at;
    if (w->turn_at && w->turn_at < at)
        at = w->turn_at;
    return w->hint_at && w->hint_at < at ? w->hint_at : at;
}

static void run_writer(struct crowd *c, struct writer *w)
{
    for (int i = 0; i < MAIL_MAX; i++) {
        struct mail *m = &w->mail[i];
        if (m->at && m->at <= c->now && m->to_server)
            serve(c, w, m);
        else if (m->at && m->at <= c->now)
            deliver(c, w, m);
    }
    if (w->hint_at && w->hint_at <= c->now) {
        struct election_event event = { .kind = ELECTION_WATCHED, .version = version_of(c->version) };
        event.record = c->record[w - c->writer];
        w->hint_at = 0;
        step(c, w, &event);
    }
    if (w->turn_at && w->turn_at <= c->now) {
        w->turn_at = 0;
        step(c, w, &(struct election_event){ .kind = ELECTION_TURN });
    }
    if (election_deadline(&w->e) <= c->now)
        step(c, w, &(struct election_event){ .kind = ELECTION_CLOCK });
    w->next = next_of(w);
}

static void run_until(struct crowd *c, int64_t end)
{
    for (;;) {
        int64_t next = INT64_MAX;
        for (int i = 0; i < WRITERS; i++) {
            next = c->writer[i].next < next ? c->writer[i].next : next;
        }
        if (next > end)
            break;
        c->now = next > c->now ? next : c->now;
        for (int i = 0; i < WRITERS; i++)
            if (c->writer[i].next <= c->now)
                run_writer(c, &c->writer[i]);
    }
    c->now = end;
}

static struct crowd *gather(bool watched)
{
    struct crowd *c = calloc(1, sizeof *c);
    struct election_settings s = election_settings_default();
    assert_non_null(c);
    c->now = SECOND;
    c->random = 1;
    c->watched = watched;
    s.shared_object = s.only_marks_release = true;
    s.stamp_unit_us = 1000000;
    election_settings_complete(&s);
    for (int i = 0; i < WRITERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "pod-%d", i);
        election_init(&c->writer[i].e, &s, ELECTION_ROLE_CANDIDATE, name, (uint64_t)i + 1, (uint64_t)i * 7919 + 1);
        step(c, &c->writer[i], &(struct election_event){ .kind = ELECTION_BEGIN });
        if (watched)
            step(c, &c->writer[i], &(struct election_event){ .kind = ELECTION_WATCH_UP });
        c->writer[i].next = c->now;
    }
    return c;
}

static void everybody_gets_through(bool watched)
{
    struct crowd *c = gather(watched);
    double all_lead_s = 0;
    unsigned conflicts = 0, fewest = ~0U;
    for (int tenth = 1; tenth <= RUN_S * 10; tenth++) {
        run_until(c, SECOND + tenth * 100 * MS);
        int leading = 0;
        for (int i = 0; i < WRITERS; i++)
            leading += c->writer[i].terms > 0;
        if (leading == WRITERS && all_lead_s == 0)
            all_lead_s = tenth / 10.0;
    }
    for (int i = 0; i < WRITERS; i++) {
        const struct writer *w = &c->writer[i];
        assert_int_equal(w->terms, 1);
        assert_int_equal(w->losses, 0);
        assert_int_equal(w->e.state, ELECTION_LEADER);
        conflicts += w->conflicts;
        fewest = w->renewals < fewest ? w->renewals : fewest;
        /* Stamps follow the clock, however often a write was in vain. */
        assert_true(w->e.record.renew_us <= c->now / 1000 + 2000000);
    }
    print_message("%s a watch: all lead after %.1f s, %u conflicts, at least %u renewals in %d s\n", watched ? "with" : "without",
                  all_lead_s, conflicts, fewest, RUN_S);
    assert_true(all_lead_s > 0 && all_lead_s <= 15);
    assert_true(fewest >= RUN_S * 3 / 10 - 2);
    free(c);
}

static void all_make_progress_with_a_watch(void **state)
{
    (void)state;
    everybody_gets_through(true);
}

static void all_make_progress_without_a_watch(void **state)
{
    (void)state;
    everybody_gets_through(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_make_progress_with_a_watch),
        cmocka_unit_test(all_make_progress_without_a_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
