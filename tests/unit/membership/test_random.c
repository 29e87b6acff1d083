/* Random histories of a cluster, told with repeats, steps back and lists in between, against a model that is too simple to be wrong:
 * what is known must be the state at the newest version that was told, after each step; and who follows the differences from set to
 * set must know the same. */
#include "fixture.h"

enum { NAMES = 9, EVENTS = 300, RUNS = 400 };

struct happened {
    bool deleted;
    int name;
    unsigned uid;
    uint64_t version, told_version;
    enum member_phase phase;
    bool ready;
};

/* One Pod of the model; uid 0: none. */
struct state {
    unsigned uid;
    enum member_phase phase;
    bool ready;
};

static uint64_t seed;

static unsigned draw(unsigned below)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) % below);
}

static struct happened history[EVENTS];

/* Versions grow by more than one: other kinds have some, too. */
static void make_history(bool old_versions)
{
    struct state now[NAMES] = { 0 };
    uint64_t last[NAMES] = { 0 }, version = 10;
    unsigned uid = 0, lost[NAMES] = { 0 };
    for (int i = 0; i < EVENTS; i++) {
        struct happened *h = &history[i];
        version += 1 + draw(3);
        *h = (struct happened){ .name = (int)draw(NAMES), .version = version, .told_version = version };
        struct state *s = &now[h->name];
        h->deleted = s->uid && draw(3) == 0;
        if (h->deleted) {
            h->uid = s->uid;
            h->told_version = old_versions ? last[h->name] : version;
            lost[h->name] = draw(3) ? 0 : s->uid; /* its label, which may come back */
            s->uid = 0;
        } else {
            unsigned same = s->uid ? s->uid : lost[h->name];
            *s = (struct state){ same ? same : ++uid, (enum member_phase)(draw(3) + MEMBER_PENDING), draw(2) };
            h->uid = s->uid;
            h->phase = s->phase;
            h->ready = s->ready;
        }
        last[h->name] = version;
    }
}

static struct pod pod_of(const struct happened *h, uint64_t version)
{
    static char name[16], uid[16];
    snprintf(name, sizeof name, "pod-%d", h->name);
    snprintf(uid, sizeof uid, "uid-%u", h->uid);
    struct pod pod = fixture_pod(name, uid, version);
    pod.phase = h->phase;
    pod.ready = h->ready;
    return pod;
}

/* The first `count` events, one after another. */
static void state_after(int count, struct state ret[NAMES])
{
    memset(ret, 0, sizeof(struct state) * NAMES);
    for (int i = 0; i < count; i++) {
        const struct happened *h = &history[i];
        ret[h->name] = h->deleted ? (struct state){ 0 } : (struct state){ h->uid, h->phase, h->ready };
    }
}

static void must_be(const struct member_set *s, const struct state state[NAMES], enum membership_rule rule)
{
    size_t at = 0;
    for (int i = 0; i < NAMES; i++) {
        if (!state[i].uid || (rule == MEMBERSHIP_READY && !(state[i].phase == MEMBER_RUNNING && state[i].ready)))
            continue;
        struct happened h = { .name = i, .uid = state[i].uid, .phase = state[i].phase, .ready = state[i].ready };
        struct pod pod = pod_of(&h, 1);
        assert_true(at < s->count);
        assert_true(member_says(s->members[at++], &pod));
    }
    assert_int_equal(at, s->count);
}

static void list_at(struct membership *m, int count)
{
    membership_list_begin(m);
    for (int name = NAMES - 1; name >= 0; name--) {
        const struct happened *newest = NULL;
        for (int i = 0; i < count; i++)
            newest = history[i].name == name ? &history[i] : newest;
        if (!newest || newest->deleted)
            continue;
        struct pod pod = pod_of(newest, newest->version);
        assert_int_equal(membership_list_add(m, &pod), 0);
    }
    membership_list_end(m, count > 0 ? history[count - 1].version : 10);
}

/* What a listener knows who is told nothing but differences. */
struct listener {
    unsigned uid[NAMES];
    struct member_set *told;
};

static void tell(struct listener *l, struct member_set *now)
{
    size_t i = 0, j = 0;
    const struct member *member;
    int difference;
    while ((difference = member_set_next_difference(l->told, now, &i, &j, &member)) != 0) {
        unsigned uid = (unsigned)strtoul(member_uid(member) + 4, NULL, 10), *known = &l->uid[member_name(member)[4] - '0'];
        assert_int_equal(*known, difference == MEMBER_ADDED ? 0 : uid);
        *known = difference == MEMBER_REMOVED ? 0 : uid;
    }
    member_set_unref(l->told);
    l->told = member_set_ref(now);
    size_t count = 0;
    for (int name = 0; name < NAMES; name++)
        count += l->uid[name] != 0;
    assert_int_equal(count, now->count);
    for (size_t n = 0; n < now->count; n++)
        assert_int_equal(l->uid[member_name(now->members[n])[4] - '0'], strtoul(member_uid(now->members[n]) + 4, NULL, 10));
}

static void run(uint64_t number)
{
    struct counted counted = { .fails_after = -1 };
    const struct membership_memory memory = { counted_resize, &counted };
    struct membership m;
    struct listener listener = { .told = NULL };
    seed = number;
    bool old_versions = number % 2;
    enum membership_rule rule = number % 4 < 2 ? MEMBERSHIP_ALL : MEMBERSHIP_READY;
    make_history(old_versions);
    membership_init(&m, &memory, rule);
    int told = (int)draw(EVENTS), next = told; /* events told at most so far; the one that the watch tells next */
    list_at(&m, told);
    for (int step = 0; step < 2 * EVENTS; step++) {
        unsigned what = draw(20);
        struct state state[NAMES];
        if (what == 0) {
            told = next = told + (int)draw((unsigned)(EVENTS - told) + 1);
            list_at(&m, told);
        } else if (what == 1) {
            next -= (int)draw((unsigned)next + 1);
        } else if (what == 2 && next == told && next > 0) {
            membership_pass(&m, history[next - 1].version);
        } else if (next < EVENTS) {
            struct pod pod = pod_of(&history[next], history[next].told_version);
            int result = history[next].deleted ? membership_remove(&m, &pod) : membership_put(&m, &pod);
            assert_true(result >= 0 && (result == 0 || next >= told));
            next++;
            told = next > told ? next : told;
        }
        struct member_set *now = membership_set(&m);
        state_after(told, state);
        must_be(now, state, rule);
        if (draw(4) == 0)
            tell(&listener, now);
        member_set_unref(now);
    }
    member_set_unref(listener.told);
    membership_clear(&m);
    assert_int_equal(counted.bytes, 0);
}

static void what_is_known_is_what_was_told_last(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= RUNS; number++)
        run(number);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_known_is_what_was_told_last) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
