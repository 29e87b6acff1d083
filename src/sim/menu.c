#include "sim/menu.h"

#include <string.h>

#include "election/bug.h"

enum { SECOND_US = 1000000, DRIFT_CHANCE = 120000 };

static const char *const names[MENU_ITEMS] = {
    [MENU_DELAY] = "delay",         [MENU_LOSS] = "loss",     [MENU_LATE] = "late",       [MENU_DUPLICATE] = "duplicate",
    [MENU_PARTITION] = "partition", [MENU_SERVER] = "server", [MENU_WATCH] = "watch",     [MENU_FREEZE] = "freeze",
    [MENU_SUSPEND] = "suspend",     [MENU_CRASH] = "crash",   [MENU_TWIN] = "twin",       [MENU_DELETE] = "delete",
    [MENU_EDIT] = "edit",           [MENU_LABEL] = "label",   [MENU_CLOCK] = "clock",     [MENU_RESIGN] = "resign",
    [MENU_WORK] = "work",           [MENU_MIXED] = "mixed",   [MENU_FOREIGN] = "foreign", [MENU_NEIGHBOUR] = "neighbour",
    [MENU_CAMEL] = "camel",         [MENU_DRIFT] = "drift",
};

const char *menu_item_name(enum menu_item item)
{
    return names[item];
}

void menu_draw(struct menu *m, const struct menu *allowed, struct prng *random)
{
    *m = *allowed;
    /* Mostly about half of everything; now and then all of it. */
    struct prng apart = *random;
    bool all = prng_chance(random, 100000);
    for (int i = 0; i < MENU_OF_BOTH; i++)
        m->has[i] = allowed->has[i] && (all || prng_chance(random, 500000));
    m->has[MENU_DRIFT] = allowed->has[MENU_DRIFT] && (prng_next(&apart), prng_chance(&apart, DRIFT_CHANCE));
    /* Who missed a holder with a longer lease than its own cannot know how long to wait once the record is gone. */
    if (m->has[MENU_DELETE] || m->has[MENU_EDIT])
        m->has[MENU_MIXED] = false;
}

bool menu_strikes(struct menu *m)
{
    uint32_t number = m->struck++;
    return m->kept == NULL || (number < m->kept_count && m->kept[number]);
}

static int find(const char *name, size_t size)
{
    for (int i = 0; i < MENU_ITEMS; i++)
        if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
            return i;
    return -1;
}

int menu_parse(struct menu *m, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, ",");
        bool has = *text != '-';
        const char *name = has ? text : text + 1;
        size_t name_size = has ? size : size - 1;
        int item = find(name, name_size);
        if (name_size == 3 && memcmp(name, "all", 3) == 0) {
            for (int i = 0; i < MENU_ITEMS; i++)
                m->has[i] = has;
        } else if (item < 0) {
            return -1;
        } else {
            m->has[item] = has;
        }
        text += size + (text[size] == ',');
    }
    return 0;
}

struct election_settings menu_settings(struct prng *random, bool shared)
{
    static const struct {
        int64_t lease_ms, deadline_ms, retry_ms, stop_ms;
    } sets[] = {
        { 15000, 10000, 2000, 0 }, { 15000, 10000, 2000, 4000 }, { 5000, 3000, 1000, 0 },
        { 20000, 15000, 6000, 0 }, { 3000, 1500, 500, 0 },       { 4000, 2000, 1000, 500 },
    };
    enum { SLOW_SETS = 4 }; /* that renew at most once a second, which is the unit of stamps in a shared object */
    int i = prng_index(random, shared ? SLOW_SETS : (int)(sizeof sets / sizeof *sets));
    struct election_settings s = election_settings_default();
    s.lease_duration_ns = sets[i].lease_ms * 1000000;
    s.renew_deadline_ns = sets[i].deadline_ms * 1000000;
    s.retry_period_ns = sets[i].retry_ms * 1000000;
    s.stop_timeout_ns = sets[i].stop_ms * 1000000;
    s.foreign_lease_ns = INT64_C(25000000000);
    s.known_candidates = prng_chance(random, 500000) ? 1 : 5;
    if (shared) {
        s.shared_object = true;
        s.stamp_unit_us = SECOND_US;
    }
    election_settings_complete(&s);
    BUG_UNLESS(election_settings_check(&s, NULL) == 0);
    return s;
}
