#include "membership/balance.h"

#include <string.h>

/* struct balance_group.at: nobody leads it, and somebody should; a stranger leads it, or nothing is known. */
enum { FREE = -1, NOT_OURS = -2 };

/* One step. */
struct round {
    struct balance *b;
    int64_t now, patience;
    struct balance_member *members;
    size_t member_count;
    struct balance_group *groups;
    size_t group_count;
    struct balance_member *me; /* NULL: not among the members */
};

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* FNV-1a, then mixed: the digests of names that differ in their last letter must not be neighbours. */
static uint64_t digest(uint64_t seed, const char *text)
{
    uint64_t h = seed ^ UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    h = (h ^ (h >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

/* Never 0. */
static uint64_t key_of(const struct balance_member *m)
{
    return digest(mix(1, m->life), m->name) | 1;
}

/* `size` bytes of `name`. */
static int32_t find(const struct balance_member *members, size_t count, const char *name, size_t size)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(name, members[middle].name, size);
        if (order == 0)
            order = members[middle].name[size] ? -1 : 0;
        if (order == 0)
            return (int32_t)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

int32_t balance_member_of(const struct balance_member *members, size_t member_count, const char *identity)
{
    size_t size = strlen(identity), cut = size;
    int32_t at = find(members, member_count, identity, size);
    while (cut > 0 && is_hex(identity[cut - 1]))
        cut--;
    /* Names of Pods have no underscore. */
    if (at < 0 && cut > 1 && cut < size && identity[cut - 1] == '_')
        at = find(members, member_count, identity, cut - 1);
    return at;
}

void balance_carry(const struct balance_member *before, size_t before_count, struct balance_member *after, size_t after_count)
{
    for (size_t i = 0, j = 0; i < before_count && j < after_count;) {
        int order = strcmp(before[i].name, after[j].name);
        if (order == 0 && before[i].life == after[j].life) {
            after[j].doubted_until_ns = before[i].doubted_until_ns;
            after[j].doubts = before[i].doubts;
        }
        i += order <= 0;
        j += order >= 0;
    }
}

/* ---- time --------------------------------------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Whether `at` has come; else the next step is then, at the latest. */
static bool reached(struct round *r, int64_t at)
{
    if (r->now >= at)
        return true;
    if (at < r->b->deadline_ns)
        r->b->deadline_ns = at;
    return false;
}

/* Nobody can be blamed for the time in which the lock was not to be had, or we did not look. */
static int64_t counted_from(const struct balance_group *g, int64_t since)
{
    return later(since, later(g->free_from_ns, g->touch_since_ns));
}

static bool left_alone_for_long(struct round *r, const struct balance_group *g)
{
    return g->in_touch && reached(r, counted_from(g, g->alone_since_ns) + BALANCE_LAST_RESORT_PATIENCES * r->patience);
}

/* ---- doubt -------------------------------------------------------------------------------------------------------- */

static bool doubted(struct round *r, const struct balance_member *m)
{
    return m->doubted_until_ns != 0 && !reached(r, m->doubted_until_ns);
}

static void doubt(struct round *r, struct balance_member *m)
{
    if (m == r->me || doubted(r, m))
        return;
    uint32_t doublings = m->doubts < BALANCE_DOUBT_DOUBLINGS ? m->doubts : BALANCE_DOUBT_DOUBLINGS;
    m->doubted_until_ns = r->now + BALANCE_DOUBT_PATIENCES * r->patience * (INT64_C(1) << doublings);
    m->doubts++;
}

/* Who let the group alone in its turn is doubted. We do not doubt ourselves: but where we may lead one group only, we try another
 * before this one again. */
static void judge_turn(struct round *r, struct balance_group *g)
{
    if (!g->alone || !g->turn_of || !g->in_touch)
        return;
    bool ours = r->me && g->turn_of == r->me->key;
    if ((ours && r->b->settings.at_most == 0) || !reached(r, counted_from(g, g->turn_since_ns) + r->patience))
        return;
    if (ours) {
        g->passed_over = true;
        g->turn_of = 0;
        return;
    }
    for (size_t i = 0; i < r->member_count; i++)
        if (r->members[i].key == g->turn_of)
            doubt(r, &r->members[i]);
}

/* ---- who leads ---------------------------------------------------------------------------------------------------- */

/* A lease ran out. Its holder is doubted, unless we did not look at that time: after an outage the holders come first. */
static int32_t place_of_lapsed(struct round *r, const struct balance_group *g, int32_t holder)
{
    if (holder < 0)
        return FREE;
    struct balance_member *m = &r->members[holder];
    if (m == r->me)
        return holder;
    if (g->in_touch && reached(r, g->touch_since_ns + r->patience))
        doubt(r, m);
    return doubted(r, m) ? FREE : holder;
}

static int32_t place(struct round *r, const struct balance_group *g)
{
    if (g->mine >= BALANCE_LEADING)
        return r->me ? (int32_t)(r->me - r->members) : NOT_OURS;
    if (!g->known)
        return NOT_OURS;
    if (!g->holder[0])
        return FREE;
    int32_t holder = balance_member_of(r->members, r->member_count, g->holder);
    if (!g->valid)
        return place_of_lapsed(r, g, holder);
    return holder >= 0 ? holder : NOT_OURS;
}

static void look_at(struct round *r, struct balance_group *g)
{
    if (g->in_touch != g->was_in_touch) {
        g->was_in_touch = g->in_touch;
        g->touch_since_ns = r->now;
    }
    judge_turn(r, g);
    g->at = place(r, g);
    bool led = g->at >= 0 && (g->valid || g->mine >= BALANCE_LEADING);
    uint64_t led_by = led ? r->members[g->at].key : 0;
    if (led && led_by != g->led_by) {
        /* It took the group: whatever it missed before, it stands. */
        r->members[g->at].doubted_until_ns = 0;
        r->members[g->at].doubts = 0;
    }
    g->led_by = led_by;
    if (g->at == FREE && !g->alone)
        g->alone_since_ns = r->now;
    g->alone = g->at == FREE;
    if (!g->alone) {
        g->turn_of = 0;
        g->passed_over = false;
    }
}

static void look(struct round *r)
{
    uint64_t seen = 1;
    for (size_t i = 0; i < r->member_count; i++) {
        struct balance_member *m = &r->members[i];
        m->key = key_of(m);
        m->leads = m->share = m->offered = m->gives = 0;
    }
    for (size_t i = 0; i < r->group_count; i++)
        look_at(r, &r->groups[i]);
    for (size_t i = 0; i < r->group_count; i++) {
        if (r->groups[i].at >= 0)
            r->members[r->groups[i].at].leads++;
        seen = mix(seen, r->groups[i].led_by);
    }
    for (size_t i = 0; i < r->member_count; i++)
        seen = mix(seen, r->members[i].key + doubted(r, &r->members[i]));
    if (seen != r->b->seen) {
        r->b->seen = seen;
        r->b->seen_since_ns = r->now;
    }
}

/* ---- shares and turns --------------------------------------------------------------------------------------------- */

/* Where groups cannot be shared evenly, whoever leads more than the others keeps one more: the fewest moves. */
static void share_rest(struct round *r, uint32_t rest)
{
    uint32_t level = 0;
    for (size_t i = 0; i < r->member_count; i++)
        level = r->members[i].leads > level ? r->members[i].leads : level;
    for (; rest > 0; level--) {
        for (size_t i = 0; rest > 0 && i < r->member_count; i++) {
            struct balance_member *m = &r->members[i];
            if (!doubted(r, m) && m->leads == level) {
                m->share++;
                rest--;
            }
        }
        if (level == 0)
            return; /* fewer are left over than members share */
    }
}

static void share(struct round *r)
{
    uint32_t all = 0, sharing = 0, limit = r->b->settings.at_most;
    for (size_t i = 0; i < r->group_count; i++)
        all += r->groups[i].at != NOT_OURS;
    for (size_t i = 0; i < r->member_count; i++) {
        struct balance_member *m = &r->members[i];
        if (doubted(r, m)) {
            m->share = m->leads;
            all -= m->leads;
        } else {
            sharing++;
        }
    }
    if (sharing == 0)
        return;
    uint32_t each = all / sharing, rest = all % sharing;
    if (limit > 0 && each >= limit) {
        each = limit;
        rest = 0;
    }
    for (size_t i = 0; i < r->member_count; i++)
        if (!doubted(r, &r->members[i]))
            r->members[i].share = each;
    share_rest(r, rest);
}

/* The member that lacks most of its share, or NULL when none lacks anything. */
static struct balance_member *neediest(const struct round *r)
{
    struct balance_member *found = NULL;
    uint32_t most = 0;
    for (size_t i = 0; i < r->member_count; i++) {
        struct balance_member *m = &r->members[i];
        uint32_t has = m->leads + m->offered;
        if (m->share > has && m->share - has > most) {
            most = m->share - has;
            found = m;
        }
    }
    return found;
}

static struct balance_group *next_free(struct round *r)
{
    struct balance_group *found = NULL;
    for (size_t i = 0; i < r->group_count; i++) {
        struct balance_group *g = &r->groups[i];
        if (g->at != FREE || g->handled)
            continue;
        if (!found || g->passed_over < found->passed_over || (g->passed_over == found->passed_over && g->order < found->order))
            found = g;
    }
    return found;
}

/* Each free group has one member whose turn it is to take it, or none when nobody lacks one. */
static void give_turns(struct round *r)
{
    /* Strangers to each other begin with different groups. */
    uint64_t seed = r->member_count == 1 ? r->members[0].key : 0;
    bool all_passed_over = true;
    for (size_t i = 0; i < r->group_count; i++) {
        struct balance_group *g = &r->groups[i];
        g->order = digest(seed, g->name);
        g->handled = false;
        all_passed_over &= g->at != FREE || g->passed_over;
    }
    for (size_t i = 0; all_passed_over && i < r->group_count; i++)
        r->groups[i].passed_over = false;
    for (struct balance_group *g = next_free(r); g; g = next_free(r)) {
        struct balance_member *m = neediest(r);
        uint64_t turn_of = m ? m->key : 0;
        g->handled = true;
        if (m)
            m->offered++;
        if (g->turn_of != turn_of)
            g->turn_since_ns = r->now;
        g->turn_of = turn_of;
    }
}

/* ---- giving away -------------------------------------------------------------------------------------------------- */

/* How many groups have to be given away to those who lack some. A member that leads nothing has not shown yet that it stands: it is
 * given one first. */
static uint32_t wanted(const struct round *r)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < r->member_count; i++) {
        const struct balance_member *m = &r->members[i];
        uint32_t has = m->leads + m->offered;
        uint32_t lacks = m->share > has ? m->share - has : 0;
        if (m->leads == 0 && lacks > 0)
            lacks = m->offered == 0;
        sum += lacks;
    }
    return sum;
}

static struct balance_member *richest(const struct round *r)
{
    struct balance_member *found = NULL;
    uint32_t most = 0;
    for (size_t i = 0; i < r->member_count; i++) {
        struct balance_member *m = &r->members[i];
        uint32_t left = m->leads - m->gives;
        if (left > m->share && left - m->share > most) {
            most = left - m->share;
            found = m;
        }
    }
    return found;
}

/* What is not seen may be led by those who seem to lack something. */
static bool sees_enough(struct round *r)
{
    for (size_t i = 0; i < r->group_count; i++) {
        const struct balance_group *g = &r->groups[i];
        bool seen = g->known && g->in_touch;
        if (!seen && !reached(r, g->touch_since_ns + BALANCE_LAST_RESORT_PATIENCES * r->patience))
            return false;
    }
    return true;
}

static void give_away(struct round *r)
{
    if (!r->me || r->me->leads <= r->me->share)
        return;
    if (!sees_enough(r) || !reached(r, r->b->seen_since_ns + r->b->settings.retry_period_ns))
        return;
    for (uint32_t left = wanted(r); left > 0; left--) {
        struct balance_member *m = richest(r);
        if (!m)
            break;
        m->gives++;
    }
    uint32_t gives = r->me->gives;
    for (size_t i = 0; i < r->group_count; i++)
        if (gives > 0 && r->groups[i].mine == BALANCE_STOPPING)
            gives--;
    while (gives-- > 0) {
        struct balance_group *last = NULL;
        for (size_t i = 0; i < r->group_count; i++) {
            struct balance_group *g = &r->groups[i];
            if (g->mine == BALANCE_LEADING && g->action != BALANCE_RESIGN && (!last || g->order > last->order))
                last = g;
        }
        if (!last)
            return;
        last->action = BALANCE_RESIGN;
    }
}

/* ---- what to do --------------------------------------------------------------------------------------------------- */

static enum balance_action wish(struct round *r, const struct balance_group *g)
{
    if (g->mine == BALANCE_LEADING)
        return BALANCE_STAND;
    if (g->mine == BALANCE_STOPPING)
        return g->action == BALANCE_STAND ? BALANCE_STAND : BALANCE_HOLD;
    bool ours = r->me && (g->at == r->me - r->members || (g->alone && g->turn_of == r->me->key));
    if (ours || (g->alone && left_alone_for_long(r, g)))
        return BALANCE_STAND;
    return BALANCE_HOLD;
}

/* No more at a time than may be led: what is ours by turn comes before what was left alone. */
static void keep_limit(struct round *r)
{
    uint32_t limit = r->b->settings.at_most, busy = 0;
    if (limit == 0)
        return;
    for (size_t i = 0; i < r->group_count; i++)
        busy += r->groups[i].mine != BALANCE_IDLE;
    for (int by_turn = 1; by_turn >= 0; by_turn--) {
        for (size_t i = 0; i < r->group_count; i++) {
            struct balance_group *g = &r->groups[i];
            bool turn = r->me && (!g->alone || g->turn_of == r->me->key);
            if (g->mine != BALANCE_IDLE || g->action != BALANCE_STAND || turn != (by_turn != 0))
                continue;
            if (busy < limit)
                busy++;
            else
                g->action = BALANCE_HOLD;
        }
    }
}

void balance_init(struct balance *b, const struct balance_settings *settings)
{
    memset(b, 0, sizeof *b);
    b->settings = *settings;
    b->deadline_ns = INT64_MAX;
}

void balance_step(struct balance *b, int64_t now_ns, const char *me, struct balance_member *members, size_t member_count,
                  struct balance_group *groups, size_t group_count)
{
    int32_t at = balance_member_of(members, member_count, me);
    struct round r = { .b = b,
                       .now = now_ns,
                       .patience = BALANCE_PATIENCE_RETRIES * b->settings.retry_period_ns,
                       .members = members,
                       .member_count = member_count,
                       .groups = groups,
                       .group_count = group_count,
                       .me = at >= 0 ? &members[at] : NULL };
    b->deadline_ns = INT64_MAX;
    look(&r);
    share(&r);
    give_turns(&r);
    for (size_t i = 0; i < group_count; i++)
        groups[i].action = wish(&r, &groups[i]);
    keep_limit(&r);
    give_away(&r);
}

int64_t balance_deadline(const struct balance *b)
{
    return b->deadline_ns;
}
