#include "sim/shrink.h"

#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 32, RUNS_MAX = 3000 };

struct shrinking {
    const struct subject *subject;
    struct replay *r;
    struct shrunk *told;
    char name[NAME_SIZE]; /* of the rule that is broken */
    struct outcome outcome;
};

/* The rule of a sentence: "…at 1.5 s, exclusive: …". */
static void name_of(const char *sentence, char ret[NAME_SIZE])
{
    const char *at = strstr(sentence, " s, ");
    at = at ? at + 4 : sentence;
    snprintf(ret, NAME_SIZE, "%.*s", (int)strcspn(at, ":"), at);
}

static bool fails(struct shrinking *k)
{
    char name[NAME_SIZE];
    if (k->told->runs >= RUNS_MAX)
        return false;
    k->told->runs++;
    subject_run(k->subject, k->r->seed, replay_menu(k->r), &k->outcome);
    if (!k->outcome.broken)
        return false;
    name_of(k->outcome.sentence, name);
    if (k->name[0] && strcmp(name, k->name) != 0)
        return false;
    snprintf(k->told->sentence, sizeof k->told->sentence, "%s", k->outcome.sentence);
    return true;
}

/* All that came before the end happens; what would come later does not. */
static void keep_all(struct replay *r, uint32_t count)
{
    memset(r->kept, 0, sizeof r->kept);
    memset(r->kept, true, (count < REPLAY_FAULTS_MAX ? count : REPLAY_FAULTS_MAX) * sizeof r->kept[0]);
    r->some = true;
}

static void try_candidates(struct shrinking *k)
{
    int before = k->r->menu.candidates;
    for (int n = 2; n < (before ? before : 5); n++) {
        k->r->menu.candidates = n;
        if (fails(k))
            return;
    }
    k->r->menu.candidates = before;
}

/* Healing earlier leaves fewer faults; where the end of faults is what matters, the run does not fail any more. */
static void try_span(struct shrinking *k)
{
    int64_t before = k->r->menu.time_ns;
    for (int64_t span = before / 8; span < before; span += before / 8) {
        k->r->menu.time_ns = span;
        if (fails(k))
            return;
    }
    k->r->menu.time_ns = before;
}

static uint32_t list_kept(const struct replay *r, uint32_t *list)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < REPLAY_FAULTS_MAX; i++)
        if (r->kept[i])
            list[count++] = i;
    return count;
}

/* Takes away `size` faults at a time, wherever the rule is still broken without them; says whether any was. */
static bool try_without(struct shrinking *k, uint32_t size)
{
    static uint32_t list[REPLAY_FAULTS_MAX];
    bool any = false;
    uint32_t count = list_kept(k->r, list);
    for (uint32_t at = 0; at < count; at += size) {
        uint32_t end = at + size < count ? at + size : count;
        for (uint32_t i = at; i < end; i++)
            k->r->kept[list[i]] = false;
        if (fails(k)) {
            any = true;
            continue;
        }
        for (uint32_t i = at; i < end; i++)
            k->r->kept[list[i]] = true;
    }
    return any;
}

bool shrink(const struct subject *s, struct replay *r, struct shrunk *ret)
{
    static uint32_t list[REPLAY_FAULTS_MAX];
    struct shrinking k = { .subject = s, .r = r, .told = ret };
    *ret = (struct shrunk){ .runs = 0 };
    if (!fails(&k))
        return false;
    name_of(k.outcome.sentence, k.name);
    ret->before = k.outcome.faults;
    try_span(&k);
    try_candidates(&k);
    if (!fails(&k))
        return false;
    if (!r->some)
        keep_all(r, k.outcome.faults);
    uint32_t size = list_kept(r, list);
    while (size > 0) {
        bool any = try_without(&k, size);
        uint32_t left = list_kept(r, list);
        if (!any || size > left)
            size = size > left ? left : size / 2;
        if (left == 0)
            break;
    }
    ret->after = list_kept(r, list);
    return true;
}
