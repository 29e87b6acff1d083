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
        p->work = (struct model_work){ .term = u->term, .kill_ns = u->kill_at.boot_ns, .locks = p->locks };
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

static bool lock_is_held(const struct model_process *p)
{
    return (p->work.running && p->work.locks) || (p->old.running && p->old.locks);
}

/* As src/io/local_lock.c keeps the file. */
static void claim(struct model_process *p)
{
    election_inherit(&p->e, p->named, ELECTION_PREDECESSORS_MAX);
    memmove(p->named + 1, p->named, sizeof p->named - sizeof *p->named);
    p->named[0] = p->e.nonce;
    p->locks = true;
}

void model_process_begin(const struct model_settings *set, struct model_state *s, int who)
{
    struct model_process *p = &s->process[who], before = *p;
    char name[2] = { (char)('a' + (set->same_identity && who == 1 ? 0 : who)), '\0' };
    memset(p, 0, sizeof *p);
    p->alive = true;
    p->old = before.work.running ? before.work : before.old;
    memcpy(p->named, before.named, sizeof p->named);
    election_init(&p->e, &set->election, ELECTION_ROLE_CANDIDATE, name, ++s->nonces << 16, longest);
    if (set->local_lock && !lock_is_held(&before))
        claim(p);
    model_step(set, s, who, &(struct election_event){ .kind = ELECTION_BEGIN }, false);
}
