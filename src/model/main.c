/* leasehold-model: searches every interleaving of a few candidates within bounds, and prints what it saw. */
#include "model/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const fault_names[MODEL_FAULTS] = { "loss", "late", "twice", "freeze", "crash", "resign", "delete", "shorten" };

static const char usage[] = "usage: leasehold-model [--candidates N] [--horizon TICKS] [--faults N] [--menu loss,late,twice,freeze,crash,"
                            "resign,delete,shorten]\n                       [--same-identity] [--local-lock] [--skew] [--jitter] "
                            "[--states-max N] [--states-min N]\n"
                            "A tick is half a second. A kind of fault in the menu may happen --faults times, all kinds together as often;\n"
                            "exit code 0: nothing broken; 1: something is, with the moves that lead there; 2: bad usage or no memory;\n"
                            "3: fewer states than --states-min, or more than --states-max.\n";

struct run {
    struct model_settings set;
    uint64_t states_min;
    bool jitter;
    const char *menu;
};

/* L 4 s, D 2.5 s, renewals every 1 s, so that a request may take one tick of 0.5 s: small, and every inequality of rule 5 holds. */
static struct election_settings small_settings(bool skew, bool jitter)
{
    const int64_t ms = 1000000;
    struct election_settings s = {
        .lease_duration_ns = skew ? 6000 * ms : 4000 * ms,
        .renew_deadline_ns = 2500 * ms,
        .renew_interval_ns = 1000 * ms,
        .retry_period_ns = 1000 * ms,
        .kill_margin_ns = 500 * ms,
        .stop_timeout_ns = skew ? 900 * ms : 1000 * ms,
        .foreign_lease_ns = 4000 * ms,
        .stamp_unit_us = 1,
        .rate_error_ppm = skew ? 200000 : 0,
        .jitter_percent = jitter ? 140 : 100,
        .known_candidates = 1,
    };
    election_settings_complete(&s);
    return s;
}

static bool take_menu(struct run *run)
{
    for (const char *at = run->menu; at && *at;) {
        size_t size = strcspn(at, ",");
        int found = -1;
        for (int i = 0; i < MODEL_FAULTS; i++)
            if (strlen(fault_names[i]) == size && strncmp(at, fault_names[i], size) == 0)
                found = i;
        if (found < 0) {
            fprintf(stderr, "leasehold-model: --menu has %.*s, which is no fault it knows; see --help\n", (int)size, at);
            return false;
        }
        run->set.budget[found] = (uint8_t)run->set.faults;
        at += size + (at[size] == ',');
    }
    return true;
}

static bool take_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *ret)
{
    char *end = NULL;
    unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    if (!text || *text < '0' || *text > '9' || *end || value < least || value > most) {
        fprintf(stderr, "leasehold-model: %s is %s; it must be a number from %" PRIu64 " to %" PRIu64 "\n", option, text ? text : "missing",
                least, most);
        return false;
    }
    *ret = value;
    return true;
}

static bool take(int argc, char **argv, struct run *run)
{
    uint64_t candidates = 2, horizon = 12, faults = 1, states_max = 20000000;
    const struct {
        const char *name;
        uint64_t *value, least, most;
    } numbers[] = {
        { "--candidates", &candidates, 1, MODEL_CANDIDATES_MAX },
        { "--horizon", &horizon, 1, 1000 },
        { "--faults", &faults, 0, 100 },
        { "--states-max", &states_max, 1, UINT32_MAX / 2 },
        { "--states-min", &run->states_min, 0, UINT32_MAX },
    };
    for (int i = 1; i < argc; i++) {
        size_t n = 0;
        while (n < sizeof numbers / sizeof *numbers && strcmp(argv[i], numbers[n].name) != 0)
            n++;
        if (n < sizeof numbers / sizeof *numbers) {
            const char *text = i + 1 < argc ? argv[i + 1] : NULL;
            if (!take_number(argv[i++], text, numbers[n].least, numbers[n].most, numbers[n].value))
                return false;
        } else if (strcmp(argv[i], "--menu") == 0 && i + 1 < argc) {
            run->menu = argv[++i];
        } else if (strcmp(argv[i], "--same-identity") == 0) {
            run->set.same_identity = true;
        } else if (strcmp(argv[i], "--local-lock") == 0) {
            run->set.local_lock = true;
        } else if (strcmp(argv[i], "--jitter") == 0) {
            run->jitter = true;
        } else if (strcmp(argv[i], "--skew") == 0) {
            run->set.skew = true;
        } else {
            fprintf(stderr, "leasehold-model: %s is no option, or lacks its value\n%s", argv[i], usage);
            return false;
        }
    }
    run->set.candidates = (int32_t)candidates;
    run->set.horizon = (int32_t)horizon;
    run->set.faults = (uint32_t)faults;
    run->set.states_max = states_max;
    run->set.election = small_settings(run->set.skew, run->jitter);
    return take_menu(run);
}

static void print_path(const struct model_settings *set, const struct model_result *r)
{
    struct model_state s;
    model_first(set, &s);
    for (uint32_t i = 0; i < r->path_size; i++) {
        struct model_move m = r->path[i];
        bool random;
        model_apply(set, &s, m, &random);
        bool world = m.kind == MOVE_TICK || m.kind == MOVE_ORPHAN || m.kind == MOVE_DELETE || m.kind == MOVE_SHORTEN;
        printf("%3d.%d  ", s.tick / 2, s.tick % 2 * 5);
        if (!world)
            printf("%d (%s) ", m.who + 1, s.process[m.who].alive ? s.process[m.who].e.identity : "-");
        printf("%s;", model_move_name(m.kind));
        for (int p = 0; p < set->candidates; p++)
            printf(" %s%s", s.process[p].alive ? election_state_name(s.process[p].e.state) : "gone",
                   s.process[p].work.running || s.process[p].old.running ? "+work" : "");
        printf("; lock %s %" PRIu64 "\n",
               s.record.holder[0]               ? s.record.holder
               : s.record.kind == RECORD_ABSENT ? "absent"
                                                : "free",
               s.version.resource_version);
    }
}

int main(int argc, char **argv)
{
    struct run run = { 0 };
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (!take(argc, argv, &run))
        return 2;
    struct model_result r;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (model_search(&run.set, &r) < 0) {
        fputs("leasehold-model: out of memory: give a smaller --horizon or fewer --faults\n", stderr);
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    printf("%" PRIu64 " states, %" PRIu64 " transitions, depth %" PRIu32 ", %d ticks, %" PRIu64 " with a released lock, %.1f s: %s\n",
           r.states, r.transitions, r.depth, r.ticks, r.released, seconds,
           r.broken     ? r.broken
           : r.complete ? "nothing broken, nothing left within the bounds"
                        : "not complete");
    int code = r.broken ? 1 : !r.complete || r.states < run.states_min ? 3 : 0;
    if (r.broken)
        print_path(&run.set, &r);
    free(r.path);
    return code;
}
