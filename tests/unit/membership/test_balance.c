/* Balance among many Pods in virtual time: each has a plan of its own and sees members and locks late, and the locks do what locks do.
 * Checked: shares within bounds once settled, as few moves as possible, every group led, nobody above its limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "membership/balance.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)

enum { PODS_MAX = 12, GROUPS_MAX = 24, TICK_MS = 100, NOBODY = -1 };

/* Of every lock: a lease that lasts this long after its holder died, and what a request and a watch event take. */
#define LEASE (15 * S)
#define RETRY (2 * S)

struct lock {
    int holder;         /* NOBODY: free */
    int64_t expires;    /* of a dead holder */
    int64_t changed;    /* others see the present state from changed + their delay on */
    int previous;       /* what they see before */
    int64_t acquirable; /* a write lands at the earliest then */
};

struct pod {
    bool exists; /* is a member */
    bool alive;  /* acts; a member may be dead or of another kind */
    char name[24];
    uint64_t life;
    int64_t sees_members_at; /* the newest change of members is known from then on */
    uint64_t sees;           /* members as a set of bits */
    uint64_t pending;
    struct balance balance;
    struct balance_member members[PODS_MAX];
    size_t member_count;
    struct balance_group groups[GROUPS_MAX];
    bool stands[GROUPS_MAX];
    int64_t delay; /* of watch events */
};

struct world {
    int64_t now;
    uint32_t random;
    int group_count;
    uint32_t at_most;
    struct lock locks[GROUPS_MAX];
    char group_names[GROUPS_MAX][24];
    struct pod pods[PODS_MAX];
    int moves; /* a living leader gave a group away */
};

static uint32_t draw(struct world *w, uint32_t below)
{
    w->random = w->random * 1664525 + 1013904223;
    return (w->random >> 8) % below;
}

static uint64_t member_bits(const struct world *w)
{
    uint64_t bits = 0;
    for (int i = 0; i < PODS_MAX; i++)
        bits |= (uint64_t)w->pods[i].exists << i;
    return bits;
}

/* Everybody hears of it, each after a while of its own. */
static void members_changed(struct world *w)
{
    for (int i = 0; i < PODS_MAX; i++) {
        w->pods[i].pending = member_bits(w);
        w->pods[i].sees_members_at = w->now + draw(w, 2000) * MS;
    }
}

static void arrive(struct world *w, int i, bool alive)
{
    struct pod *p = &w->pods[i];
    uint64_t life = p->life + 1;
    memset(p, 0, sizeof *p);
    p->life = life;
    p->exists = true;
    p->alive = alive;
    snprintf(p->name, sizeof p->name, "pod-%d", i);
    balance_init(&p->balance, &(struct balance_settings){ .retry_period_ns = RETRY, .at_most = w->at_most });
    for (int g = 0; g < w->group_count; g++)
        p->groups[g].name = w->group_names[g];
    p->delay = (5 + draw(w, 100)) * MS;
    members_changed(w);
}

static void set_holder(struct world *w, struct lock *l, int holder)
{
    l->previous = l->holder;
    l->holder = holder;
    l->changed = w->now;
}

/* Releases what it leads. */
static void leave(struct world *w, int i)
{
    for (int g = 0; g < w->group_count; g++)
        if (w->locks[g].holder == i)
            set_holder(w, &w->locks[g], NOBODY);
    w->pods[i].exists = w->pods[i].alive = false;
    members_changed(w);
}

/* Its leases run on, and so may its Pod. */
static void crash(struct world *w, int i, bool stays_a_member)
{
    for (int g = 0; g < w->group_count; g++)
        if (w->locks[g].holder == i)
            w->locks[g].expires = w->now + LEASE;
    w->pods[i].alive = false;
    w->pods[i].exists = stays_a_member;
    members_changed(w);
}

static struct world *world_new(uint32_t seed, int pods, int groups, uint32_t at_most)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->now = 1000 * S;
    w->random = seed;
    w->group_count = groups;
    w->at_most = at_most;
    for (int g = 0; g < groups; g++) {
        w->locks[g].holder = w->locks[g].previous = NOBODY;
        snprintf(w->group_names[g], sizeof w->group_names[g], "group-%d", g);
    }
    for (int i = 0; i < pods; i++)
        arrive(w, i, true);
    return w;
}

/* ---- one tick ----------------------------------------------------------------------------------------------------- */

static void look_at_members(struct world *w, struct pod *p)
{
    struct balance_member before[PODS_MAX];
    size_t before_count = p->member_count;
    if (w->now < p->sees_members_at || (p->sees == p->pending && before_count > 0))
        return;
    memcpy(before, p->members, sizeof before);
    memset(p->members, 0, sizeof p->members);
    p->member_count = 0;
    /* In the order of names. */
    static const int order[PODS_MAX] = { 0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9 };
    for (int k = 0; k < PODS_MAX; k++)
        if (p->pending >> order[k] & 1)
            p->members[p->member_count++] = (struct balance_member){ .name = w->pods[order[k]].name, .life = w->pods[order[k]].life };
    p->sees = p->pending;
    balance_carry(before, before_count, p->members, p->member_count);
}

static void look_at_lock(struct world *w, struct pod *p, int g)
{
    const struct lock *l = &w->locks[g];
    struct balance_group *b = &p->groups[g];
    int me = (int)(p - w->pods);
    int seen = l->holder == me || w->now >= l->changed + p->delay ? l->holder : l->previous;
    if (seen == me && l->holder != me)
        seen = NOBODY;
    bool dead = seen != NOBODY && !w->pods[seen].alive;
    b->holder = seen == NOBODY ? "" : w->pods[seen].name;
    b->known = b->in_touch = true;
    b->valid = seen != NOBODY && (!dead || w->now < l->expires);
    b->free_from_ns = dead ? l->expires : 0;
    b->mine = l->holder == me ? BALANCE_LEADING : BALANCE_IDLE;
}

static void act(struct world *w, struct pod *p, int g)
{
    struct lock *l = &w->locks[g];
    int me = (int)(p - w->pods);
    if (p->groups[g].action == BALANCE_RESIGN) {
        assert_int_equal(l->holder, me);
        set_holder(w, l, NOBODY);
        l->acquirable = w->now + TICK_MS * MS;
        w->moves++;
    }
    p->stands[g] = p->groups[g].action == BALANCE_STAND;
}

static void step(struct world *w, struct pod *p)
{
    look_at_members(w, p);
    for (int g = 0; g < w->group_count; g++)
        look_at_lock(w, p, g);
    balance_step(&p->balance, w->now, p->name, p->members, p->member_count, p->groups, (size_t)w->group_count);
    uint32_t busy = 0;
    for (int g = 0; g < w->group_count; g++) {
        act(w, p, g);
        busy += p->stands[g];
    }
    assert_true(w->at_most == 0 || busy <= w->at_most);
}

/* The first that stands and sees it gets it; who is first is chance. */
static void elect(struct world *w)
{
    for (int g = 0; g < w->group_count; g++) {
        struct lock *l = &w->locks[g];
        bool expired = l->holder != NOBODY && !w->pods[l->holder].alive && w->now >= l->expires;
        if ((l->holder != NOBODY && !expired) || w->now < l->acquirable)
            continue;
        uint32_t from = draw(w, PODS_MAX);
        for (uint32_t k = 0; k < PODS_MAX; k++) {
            int i = (int)((from + k) % PODS_MAX);
            if (w->pods[i].alive && w->pods[i].stands[g]) {
                set_holder(w, l, i);
                break;
            }
        }
    }
}

static void run(struct world *w, int64_t for_ns)
{
    for (int64_t end = w->now + for_ns; w->now < end; w->now += TICK_MS * MS) {
        uint32_t from = draw(w, PODS_MAX);
        for (uint32_t k = 0; k < PODS_MAX; k++) {
            struct pod *p = &w->pods[(from + k) % PODS_MAX];
            if (p->alive)
                step(w, p);
        }
        elect(w);
    }
}

/* ---- checks ------------------------------------------------------------------------------------------------------- */

static int leads(const struct world *w, int i)
{
    int count = 0;
    for (int g = 0; g < w->group_count; g++)
        count += w->locks[g].holder == i;
    return count;
}

static int living(const struct world *w)
{
    int count = 0;
    for (int i = 0; i < PODS_MAX; i++)
        count += w->pods[i].alive;
    return count;
}

static void fail_with(const struct world *w, uint32_t seed, const char *what)
{
    char text[256] = "";
    size_t used = 0;
    for (int i = 0; i < PODS_MAX; i++)
        if (w->pods[i].exists)
            used += (size_t)snprintf(text + used, sizeof text - used, " %s%s=%d", w->pods[i].name, w->pods[i].alive ? "" : "(dead)",
                                     leads(w, i));
    fail_msg("seed %u: %s;%s; %d moves", seed, what, text, w->moves);
}

static void is_even(const struct world *w, uint32_t seed)
{
    int n = living(w), k = w->group_count, led = 0;
    int least = k / n, most = (k + n - 1) / n;
    if (w->at_most > 0) {
        least = least < (int)w->at_most ? least : (int)w->at_most;
        most = most < (int)w->at_most ? most : (int)w->at_most;
    }
    for (int i = 0; i < PODS_MAX; i++) {
        int has = leads(w, i);
        if (w->pods[i].alive && (has < least || has > most))
            fail_with(w, seed, "not even");
        led += w->pods[i].alive ? has : 0;
    }
    if (led != (k < n * most ? k : n * most))
        fail_with(w, seed, "a group is left alone");
}

/* Moves that are needed so that every Pod has its share, when those with more than the others keep one more. */
static int moves_needed(const struct world *w)
{
    int n = living(w), rest = w->group_count % n, each = w->group_count / n, sum = 0;
    for (int i = 0; i < PODS_MAX; i++)
        sum += w->pods[i].alive && leads(w, i) > each ? leads(w, i) - each : 0;
    for (int i = 0; i < PODS_MAX; i++)
        if (w->pods[i].alive && leads(w, i) > each && rest-- > 0)
            sum--;
    return sum;
}

/* A member that does not act is found out after its turns, each of which takes a while. */
#define SETTLES (240 * S)

/* ---- tests -------------------------------------------------------------------------------------------------------- */

static void camels_cases_are_even(void **state)
{
    (void)state;
    static const int cases[][2] = { { 3, 10 }, { 6, 23 }, { 4, 2 }, { 2, 2 }, { 1, 5 }, { 5, 5 }, { 7, 1 } };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (uint32_t seed = 1; seed <= 6; seed++) {
            struct world *w = world_new(seed, cases[c][0], cases[c][1], 0);
            run(w, 60 * S);
            is_even(w, seed);
            int settled = w->moves;
            run(w, 60 * S);
            if (w->moves != settled)
                fail_with(w, seed, "moves go on");
            free(w);
        }
}

static void who_comes_gets_its_share_with_the_fewest_moves(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 12; seed++) {
        struct world *w = world_new(seed, 3, 10, 0);
        run(w, 60 * S);
        for (int i = 3; i < 6; i++) {
            w->moves = 0;
            arrive(w, i, true);
            int needed = moves_needed(w);
            run(w, 60 * S);
            is_even(w, seed);
            if (w->moves != needed)
                fail_with(w, seed, "not the fewest moves");
        }
        free(w);
    }
}

static void of_who_leaves_only_the_groups_move(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 12; seed++) {
        struct world *w = world_new(seed, 6, 23, 0);
        run(w, 60 * S);
        is_even(w, seed);
        for (int i = 0; i < 4; i++) {
            w->moves = 0;
            if (i % 2)
                crash(w, i, false);
            else
                leave(w, i);
            run(w, SETTLES);
            is_even(w, seed);
            if (w->moves != 0)
                fail_with(w, seed, "somebody else's group moved");
        }
        free(w);
    }
}

static void a_member_that_is_dead_does_not_leave_groups_alone(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 8; seed++) {
        struct world *w = world_new(seed, 4, 10, 0);
        run(w, 60 * S);
        crash(w, 1, true);
        arrive(w, 7, false); /* a Pod that bears the labels and is no candidate */
        run(w, SETTLES);
        int alone = 0;
        for (int g = 0; g < w->group_count; g++)
            alone += w->locks[g].holder == NOBODY || !w->pods[w->locks[g].holder].alive;
        if (alone > 0)
            fail_with(w, seed, "left alone behind a dead member");
        free(w);
    }
}

static void nobody_leads_more_than_it_may(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 8; seed++) {
        struct world *w = world_new(seed, 3, 5, 1);
        run(w, 60 * S);
        is_even(w, seed);
        leave(w, 0);
        arrive(w, 3, true);
        arrive(w, 4, true);
        arrive(w, 5, true);
        run(w, SETTLES);
        is_even(w, seed);
        free(w);
    }
}

static void without_members_first_come_first_served(void **state)
{
    (void)state;
    /* Each knows itself alone, as where no selector says who the others are. */
    for (uint32_t seed = 1; seed <= 8; seed++) {
        struct world *w = world_new(seed, 3, 3, 1);
        for (int i = 0; i < 3; i++) {
            w->pods[i].pending = UINT64_C(1) << i;
            w->pods[i].sees_members_at = w->now;
        }
        run(w, SETTLES);
        is_even(w, seed);
        crash(w, 2, false);
        w->pods[0].pending = 1;
        w->pods[1].pending = 2;
        arrive(w, 3, true);
        for (int i = 0; i < 4; i++)
            w->pods[i].pending = UINT64_C(1) << i;
        run(w, SETTLES);
        is_even(w, seed);
        free(w);
    }
}

static void a_lock_that_cannot_be_had_does_not_keep_from_the_others(void **state)
{
    (void)state;
    for (int refused = 0; refused < 3; refused++) {
        struct world *w = world_new(7, 1, 3, 1);
        w->locks[refused].acquirable = INT64_MAX; /* free, and every write of it is refused */
        run(w, SETTLES);
        assert_int_equal(leads(w, 0), 1);
        free(w);
    }
}

static void random_comings_and_goings_settle(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 30; seed++) {
        struct world *w = world_new(seed, 1, 1, 0);
        free(w);
        uint32_t pods = 1 + seed % 6, groups = 1 + seed * 7 % 23;
        w = world_new(seed, (int)pods, (int)groups, seed % 5 == 0 ? 1 + seed % 3 : 0);
        for (int event = 0; event < 12; event++) {
            int i = (int)draw(w, PODS_MAX);
            if (!w->pods[i].alive)
                arrive(w, i, true);
            else if (living(w) > 1 && draw(w, 2))
                leave(w, i);
            else if (living(w) > 1)
                crash(w, i, false);
            run(w, (int64_t)draw(w, 20000) * MS);
        }
        run(w, SETTLES);
        is_even(w, seed);
        int settled = w->moves;
        run(w, SETTLES);
        if (w->moves != settled)
            fail_with(w, seed, "moves go on");
        free(w);
    }
}

static void identities_belong_to_pods(void **state)
{
    (void)state;
    const struct balance_member members[] = { { .name = "a" }, { .name = "a-b" }, { .name = "a-b-c" }, { .name = "web-0" } };
    assert_int_equal(balance_member_of(members, 4, "a"), 0);
    assert_int_equal(balance_member_of(members, 4, "a-b-c"), 2);
    assert_int_equal(balance_member_of(members, 4, "web-0_1f3a"), 3);
    assert_int_equal(balance_member_of(members, 4, "web-0_"), -1);
    assert_int_equal(balance_member_of(members, 4, "web-0_xyz"), -1);
    assert_int_equal(balance_member_of(members, 4, "web-00"), -1);
    assert_int_equal(balance_member_of(members, 4, "web"), -1);
    assert_int_equal(balance_member_of(members, 4, ""), -1);
    assert_int_equal(balance_member_of(members, 0, "a"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(camels_cases_are_even),
        cmocka_unit_test(who_comes_gets_its_share_with_the_fewest_moves),
        cmocka_unit_test(of_who_leaves_only_the_groups_move),
        cmocka_unit_test(a_member_that_is_dead_does_not_leave_groups_alone),
        cmocka_unit_test(nobody_leads_more_than_it_may),
        cmocka_unit_test(without_members_first_come_first_served),
        cmocka_unit_test(a_lock_that_cannot_be_had_does_not_keep_from_the_others),
        cmocka_unit_test(random_comings_and_goings_settle),
        cmocka_unit_test(identities_belong_to_pods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
