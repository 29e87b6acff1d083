/* One process: the clock it reads, the step it makes, what it does as the step says. */
#include "model/state.h"

#include <string.h>

enum { TICK_MS = 500, SKEW_PERCENT = 20 };
static const int64_t ms_ns = 1000000, begin_ns = INT64_C(1000000000000);
/* Any number but 0: xorshift keeps 0, which makes every random delay the shortest. Delays are shorter than a tick, so that any
 * other number means the longest. */
static const uint64_t longest = 0x9e3779b97f4a7c15;

int64_t model_clock(const struct model_settings *set, const struct model_state *s, int who)
{
    int64_t percent = 100;
    if (set->skew)
        percent = who == 0 ? 100 - SKEW_PERCENT : 100 + SKEW_PERCENT;
    return begin_ns + (int64_t)s->tick * TICK_MS * ms_ns / 100 * percent;
}

void model_work_end(struct model_work *work)
{
    if (!work->running)
        return;
    work->running = false;
    work->must_report = true;
}

static void tell_work(struct model_process *p, int64_t now, const struct election_update *u)
{
    if (u->stop_work) {
        p->work.stopping = true;
        if (u->kill_at.boot_ns < p->work.kill_ns)
            p->work.kill_ns = u->kill_at.boot_ns;
        if (u->kill_work)
            model_work_end(&p->work);
    }
    if (u->started_leading) {
        if (p->work.running)
            p->old = p->work;
        p->work = (struct model_work){ .term = u->term, .kill_ns = u->kill_at.boot_ns };
        /* The child looks at the clock before it becomes the work. */
        p->work.running = now < p->work.kill_ns;
        p->work.must_report = !p->work.running;
    }
    if (u->extended && p->work.running && p->work.term == u->term)
        p->work.kill_ns = u->kill_at.boot_ns;
}

bool model_step(const struct model_settings *set, struct model_state *s, int who, const struct election_event *event, bool shortest)
{
    struct model_process *p = &s->process[who];
    struct election_update u;
    int64_t now = model_clock(set, s, who);
    uint64_t random = shortest ? 0 : longest;
    p->e.random = random;
    /* The wall clock stands still: it is only written into records, and stamps must grow all the same. */
    election_step(&p->e, (leasehold_time){ now, now, ms_ns }, event, &u);
    bool random_used = p->e.random != random;
    p->e.random = longest;
    tell_work(p, now, &u);
    if (u.read)
        p->read = (struct model_request){ .stage = MODEL_SENT, .give_up_ns = now + u.read_limit_ns };
    if (u.write.kind != ELECTION_WRITE_NONE)
        p->write = (struct model_request){ .stage = MODEL_SENT, .give_up_ns = now + u.write.limit_ns, .write = u.write };
    return random_used;
}

void model_process_begin(const struct model_settings *set, struct model_state *s, int who)
{
    struct model_process *p = &s->process[who];
    char name[2] = { (char)('a' + (set->same_identity && who == 1 ? 0 : who)), '\0' };
    struct model_work old = p->work.running ? p->work : p->old;
    memset(p, 0, sizeof *p);
    p->alive = true;
    p->old = old;
    election_init(&p->e, &set->election, ELECTION_ROLE_CANDIDATE, name, ++s->nonces, longest);
    model_step(set, s, who, &(struct election_event){ .kind = ELECTION_BEGIN }, false);
}
