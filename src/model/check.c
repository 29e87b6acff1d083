/* What must hold: in every state, and from every state with a released record. */
#include "model/state.h"

#include "election/bug.h"

enum { STEPS_MAX = 4096, TICK_MS = 500 };

model_verdict model_check_exclusive(const struct model_settings *set, const struct model_state *s)
{
    int workers = 0;
    for (int i = 0; i < set->candidates; i++)
        workers += s->process[i].work.running + s->process[i].old.running;
    return workers > 1 ? "two workers run at once" : NULL;
}

static bool somebody_leads(const struct model_settings *set, const struct model_state *s)
{
    for (int i = 0; i < set->candidates; i++)
        if (s->process[i].alive && s->process[i].work.running && !s->process[i].work.stopping)
            return true;
    return false;
}

/* A fair choice: whatever can happen without a fault happens, one after the other, before time goes on. */
static struct model_move fair(const struct model_move *moves, int count)
{
    static const bool fault[MOVE_KINDS] = {
        [MOVE_APPLY_TWICE] = true, [MOVE_GIVE_UP_LATE] = true, [MOVE_FREEZE] = true,       [MOVE_CRASH] = true,        [MOVE_RESIGN] = true,
        [MOVE_DELETE] = true,      [MOVE_SHORTEN] = true,      [MOVE_GIVE_UP_READ] = true, [MOVE_GIVE_UP_WRITE] = true
    };
    for (int i = 0; i < count; i++)
        if (!fault[moves[i].kind])
            return moves[i];
    return (struct model_move){ .kind = MOVE_KINDS };
}

/* Everybody is there, and no write is left that nobody waits for. */
static bool undisturbed(const struct model_settings *set, const struct model_state *s)
{
    for (int i = 0; i < MODEL_ORPHANS_MAX; i++)
        if (s->orphan[i].stage != MODEL_NONE)
            return false;
    for (int i = 0; i < set->candidates; i++)
        if (!s->process[i].alive || s->process[i].frozen)
            return false;
    return !set->skew;
}

model_verdict model_check_live(const struct model_settings *set, const struct model_state *from)
{
    struct model_state s = *from;
    struct model_settings healed = *set;
    int32_t lease = (int32_t)(set->election.lease_duration_ns / 1000000 / TICK_MS);
    /* A release is worth more than waiting the lease out: somebody leads before it would have ended. A write that may still land
     * can cost a lease, and clocks that run apart one more. */
    healed.horizon = s.tick + (undisturbed(set, &s) ? lease - 1 : 4 * lease);
    for (int step = 0; step < STEPS_MAX; step++) {
        if (somebody_leads(set, &s))
            return NULL;
        struct model_move moves[MODEL_MOVES_MAX];
        struct model_move move = fair(moves, model_moves(&healed, &s, moves));
        if (move.kind == MOVE_KINDS)
            break;
        bool random;
        model_verdict broken = model_apply(&healed, &s, move, &random);
        if (broken)
            return broken;
    }
    return "a released lock found no leader in time though nothing failed any more";
}
