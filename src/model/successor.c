/* Every move that the world can make from a state, and what it makes of it. */
#include "model/state.h"

#include <string.h>

#include "election/bug.h"

const char *model_move_name(enum model_move_kind kind)
{
    static const char *const names[MOVE_KINDS] = {
        "its read is made by the server",
        "its write is made by the server",
        "its write arrives twice: applied, answered 409",
        "receives the answer to its read",
        "receives the answer to its write",
        "gives up its read",
        "gives up its write",
        "gives up its write, which stays possible",
        "a write given up is made by the server after all",
        "steps at a deadline",
        "hears that its work has ended",
        "work ends",
        "is frozen",
        "goes on",
        "crashes",
        "begins again",
        "is asked to hand over",
        "the operator deletes the lock",
        "the operator shortens the lease duration",
        "time passes",
    };
    BUG_UNLESS((unsigned)kind < MOVE_KINDS);
    return names[kind];
}

void model_first(const struct model_settings *set, struct model_state *s)
{
    memset(s, 0, sizeof *s);
    memcpy(s->left, set->budget, sizeof s->left);
    s->revision = 1;
    for (int i = 0; i < set->candidates; i++)
        model_process_begin(set, s, i);
}

static bool may_fail(const struct model_settings *set, const struct model_state *s, enum model_fault fault)
{
    return s->left[fault] > 0 && s->faults < set->faults;
}

static void use(struct model_state *s, enum model_fault fault)
{
    BUG_UNLESS(s->left[fault] > 0);
    s->left[fault]--;
    s->faults++;
}

static int free_orphan(const struct model_state *s)
{
    for (int i = 0; i < MODEL_ORPHANS_MAX; i++)
        if (s->orphan[i].stage == MODEL_NONE)
            return i;
    return -1;
}

struct list {
    struct model_move *moves;
    int count;
    bool urgent; /* something must happen before time passes */
};

static void add(struct list *l, enum model_move_kind kind, int who)
{
    BUG_UNLESS(l->count < MODEL_MOVES_MAX);
    l->moves[l->count++] = (struct model_move){ .kind = (uint8_t)kind, .who = (uint8_t)who };
}

/* The client: answers, limits, deadlines. */
static void moves_client(const struct model_settings *set, const struct model_state *s, int i, struct list *l)
{
    const struct model_process *p = &s->process[i];
    int64_t now = model_clock(set, s, i);
    bool read_over = p->read.stage != MODEL_NONE && now >= p->read.give_up_ns;
    bool write_over = p->write.stage != MODEL_NONE && now >= p->write.give_up_ns;
    if (p->read.stage == MODEL_ANSWERED)
        add(l, MOVE_RECEIVE_READ, i);
    if (p->write.stage == MODEL_ANSWERED)
        add(l, MOVE_RECEIVE_WRITE, i);
    if (read_over && may_fail(set, s, MODEL_LOSS))
        add(l, MOVE_GIVE_UP_READ, i);
    if (write_over && may_fail(set, s, MODEL_LOSS))
        add(l, MOVE_GIVE_UP_WRITE, i);
    if (write_over && p->write.stage == MODEL_SENT && may_fail(set, s, MODEL_LATE) && free_orphan(s) >= 0)
        add(l, MOVE_GIVE_UP_LATE, i);
    bool due = now >= election_deadline(&p->e);
    if (due)
        add(l, MOVE_CLOCK, i);
    if (p->work.must_report)
        add(l, MOVE_REPORT, i);
    l->urgent = l->urgent || read_over || write_over || due || p->work.must_report;
}

/* The lock was deleted over a worker: whoever began now would take it at once, as may_delete() says. */
static bool taken_unknown(const struct model_settings *set, const struct model_state *s)
{
    bool works = false;
    for (int i = 0; i < set->candidates; i++)
        works = works || s->process[i].work.running || s->process[i].old.running;
    return works && s->record.kind == RECORD_ABSENT;
}

static void moves_process(const struct model_settings *set, const struct model_state *s, int i, struct list *l)
{
    const struct model_process *p = &s->process[i];
    if (p->work.running && p->work.stopping)
        add(l, MOVE_WORK_ENDS, i);
    if (!p->alive) {
        if (!(p->work.running && p->old.running) && !taken_unknown(set, s))
            add(l, MOVE_RESTART, i);
        return;
    }
    if (p->read.stage == MODEL_SENT)
        add(l, MOVE_APPLY_READ, i);
    if (p->write.stage == MODEL_SENT)
        add(l, MOVE_APPLY_WRITE, i);
    if (p->write.stage == MODEL_SENT && may_fail(set, s, MODEL_DUPLICATE))
        add(l, MOVE_APPLY_TWICE, i);
    if (p->frozen)
        add(l, MOVE_THAW, i);
    else
        moves_client(set, s, i, l);
    if (!p->frozen && may_fail(set, s, MODEL_FREEZE))
        add(l, MOVE_FREEZE, i);
    if (may_fail(set, s, MODEL_CRASH) && !(p->work.running && p->old.running) && free_orphan(s) >= 0)
        add(l, MOVE_CRASH, i);
    if (!p->frozen && p->e.state == ELECTION_LEADER && may_fail(set, s, MODEL_RESIGN))
        add(l, MOVE_RESIGN, i);
}

/* Who knew nothing takes an absent lock at once (DESIGN §3): over a working leader that is the operator's doing and proves nothing.
 * So the lock is deleted only while everybody knows a record and no write that creates one is on its way. */
static bool may_delete(const struct model_settings *set, const struct model_state *s)
{
    for (int i = 0; i < set->candidates; i++) {
        const struct model_process *p = &s->process[i];
        bool knows = p->alive && p->e.knows && p->e.record.kind != RECORD_ABSENT;
        if (!knows || (p->write.stage == MODEL_SENT && p->write.write.kind == ELECTION_WRITE_CREATE))
            return false;
    }
    for (int i = 0; i < MODEL_ORPHANS_MAX; i++)
        if (s->orphan[i].stage != MODEL_NONE && s->orphan[i].write.kind == ELECTION_WRITE_CREATE)
            return false;
    return s->record.kind == RECORD_HELD;
}

int model_moves(const struct model_settings *set, const struct model_state *s, struct model_move moves[MODEL_MOVES_MAX])
{
    struct list l = { .moves = moves };
    for (int i = 0; i < set->candidates; i++)
        moves_process(set, s, i, &l);
    for (int i = 0; i < MODEL_ORPHANS_MAX; i++)
        if (s->orphan[i].stage == MODEL_SENT)
            add(&l, MOVE_ORPHAN, i);
    if (may_fail(set, s, MODEL_DELETE) && may_delete(set, s))
        add(&l, MOVE_DELETE, 0);
    if (may_fail(set, s, MODEL_SHORTEN) && s->record.kind == RECORD_HELD && s->record.duration_ms != 1000)
        add(&l, MOVE_SHORTEN, 0);
    if (!l.urgent && s->tick < set->horizon)
        add(&l, MOVE_TICK, 0);
    return l.count;
}

static void orphan(struct model_state *s, struct model_request *r)
{
    int slot = free_orphan(s);
    if (r->stage != MODEL_SENT || slot < 0)
        return;
    s->orphan[slot] = *r;
}

static struct election_event answer(const struct model_request *r, bool write)
{
    struct election_event event = { .kind = write ? ELECTION_WRITTEN : ELECTION_READ, .record = r->record, .version = r->version };
    if (r->code == 409)
        event = (struct election_event){ .kind = ELECTION_WRITE_CONFLICT };
    return event;
}

static void pass_time(const struct model_settings *set, struct model_state *s)
{
    s->tick++;
    for (int i = 0; i < set->candidates; i++) {
        struct model_process *p = &s->process[i];
        int64_t now = model_clock(set, s, i);
        if (p->work.running && now >= p->work.kill_ns)
            model_work_end(&p->work); /* by the keeper, whatever its process suffers */
        if (p->old.running && now >= p->old.kill_ns)
            p->old.running = false;
    }
}

/* Moves that are a step of the process. Fills *event and returns true, or returns false. */
static bool event_of(struct model_state *s, struct model_move move, struct election_event *event)
{
    struct model_process *p = &s->process[move.who];
    *event = (struct election_event){ .kind = ELECTION_CLOCK };
    switch (move.kind) {
    case MOVE_RECEIVE_READ:
        *event = answer(&p->read, false);
        memset(&p->read, 0, sizeof p->read);
        return true;
    case MOVE_RECEIVE_WRITE:
        *event = answer(&p->write, true);
        memset(&p->write, 0, sizeof p->write);
        return true;
    case MOVE_GIVE_UP_READ:
        use(s, MODEL_LOSS);
        memset(&p->read, 0, sizeof p->read);
        event->kind = ELECTION_READ_FAILED;
        return true;
    case MOVE_GIVE_UP_LATE:
    case MOVE_GIVE_UP_WRITE:
        use(s, move.kind == MOVE_GIVE_UP_LATE ? MODEL_LATE : MODEL_LOSS);
        if (move.kind == MOVE_GIVE_UP_LATE)
            orphan(s, &p->write);
        memset(&p->write, 0, sizeof p->write);
        event->kind = ELECTION_WRITE_UNKNOWN;
        return true;
    case MOVE_REPORT:
        p->work.must_report = false;
        *event = (struct election_event){ .kind = ELECTION_WORK_STOPPED, .term = p->work.term };
        return true;
    case MOVE_RESIGN:
        use(s, MODEL_RESIGN);
        event->kind = ELECTION_RESIGN;
        return true;
    default:
        return move.kind == MOVE_CLOCK;
    }
}

static void operate(struct model_state *s, enum model_fault fault)
{
    use(s, fault);
    ++s->revision;
    if (fault == MODEL_DELETE) {
        memset(&s->record, 0, sizeof s->record);
        memset(&s->version, 0, sizeof s->version);
        return;
    }
    s->record.duration_ms = 1000;
    s->version.resource_version = s->revision;
}

static void crash(struct model_state *s, struct model_process *p)
{
    use(s, MODEL_CRASH);
    orphan(s, &p->write);
    struct model_work work = p->work, old = p->old;
    uint64_t named[ELECTION_PREDECESSORS_MAX];
    memcpy(named, p->named, sizeof named);
    memset(p, 0, sizeof *p);
    p->work = work;
    p->work.must_report = false;
    p->old = old;
    memcpy(p->named, named, sizeof named);
}

static model_verdict apply_world(const struct model_settings *set, struct model_state *s, struct model_move move)
{
    struct model_process *p = &s->process[move.who];
    model_verdict broken = NULL;
    switch (move.kind) {
    case MOVE_APPLY_READ:
        model_read(s, &p->read);
        break;
    case MOVE_APPLY_WRITE:
        return model_write(set, s, &p->write);
    case MOVE_APPLY_TWICE:
        use(s, MODEL_DUPLICATE);
        broken = model_write(set, s, &p->write);
        p->write.code = 409;
        return broken;
    case MOVE_ORPHAN:
        broken = model_write(set, s, &s->orphan[move.who]);
        memset(&s->orphan[move.who], 0, sizeof *s->orphan);
        return broken;
    case MOVE_WORK_ENDS:
        model_work_end(&p->work);
        break;
    case MOVE_FREEZE:
        use(s, MODEL_FREEZE);
        p->frozen = true;
        break;
    case MOVE_THAW:
        p->frozen = false;
        break;
    case MOVE_CRASH:
        crash(s, p);
        break;
    case MOVE_RESTART:
        model_process_begin(set, s, move.who);
        break;
    case MOVE_DELETE:
        operate(s, MODEL_DELETE);
        break;
    case MOVE_SHORTEN:
        operate(s, MODEL_SHORTEN);
        break;
    default:
        pass_time(set, s);
        break;
    }
    return NULL;
}

model_verdict model_apply(const struct model_settings *set, struct model_state *s, struct model_move move, bool *ret_random)
{
    struct election_event event;
    model_verdict broken = NULL;
    *ret_random = false;
    if (event_of(s, move, &event))
        *ret_random = model_step(set, s, move.who, &event, move.shortest);
    else
        broken = apply_world(set, s, move);
    return broken ? broken : model_check_exclusive(set, s);
}
