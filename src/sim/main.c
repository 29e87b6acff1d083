/* leasehold-sim: runs of the simulated world by seed. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/replay.h"
#include "sim/scenario.h"
#include "sim/shrink.h"
#include "sim/subject.h"
#include "sim/world.h"

struct choices {
    uint64_t seed;
    uint64_t runs;
    double seconds; /* of wall time; 0: count runs */
    bool trace;
    bool keep_going;
    bool hash;
    bool fleet;
    const char *scenario, *replay, *shrink;
    struct menu menu;
};

static void usage(FILE *to)
{
    fputs("usage: leasehold-sim [--seed N] [--runs N | --time SECONDS] [--trace] [--hash] [--menu LIST] [--candidates N]\n"
          "                     [--span SECONDS] [--depth core|store|bytes] [--lock configmap|lease] [--keep-going]\n"
          "                     [--shrink FILE]\n"
          "       leasehold-sim --scenario FILE | --replay FILE [--trace]\n"
          "Runs the production election in a simulated world of faults and checks what must never happen.\n"
          "  --seed N         first seed (1); run i has seed N + i\n"
          "  --runs N         how many runs (1000; with --trace 1)\n"
          "  --time SECONDS   run for so long instead\n"
          "  --trace          print what happens, one line a fact\n"
          "  --hash           print the hash of each run's history\n"
          "  --menu LIST      faults to draw from, all by default; -name takes one away, as in all,-operator\n"
          "  --candidates N   2 to 5 (by seed)\n"
          "  --span SECONDS   simulated time of faults in a run (120)\n"
          "  --depth D        core (also: values): election and lock as values, fast; store: with the production store and dialect\n"
          "                   (default); bytes (also: service): these and the whole service of each process over its transport, with\n"
          "                   several groups, which share a ConfigMap\n"
          "  --shared         with the other depths: the election writes by turns and in whole seconds, as into a shared object\n"
          "  --lock KIND      with --depth service: configmap (default) or lease\n"
          "  --scenario FILE  play FILE and print it with what came of it; see tests/scenario\n"
          "  --replay FILE    run what FILE says, as --shrink has written it\n"
          "  --shrink FILE    write the first failing run to FILE, made smaller: less time, fewer candidates, fewer faults\n"
          "  --keep-going     do not stop at the first failing seed\n"
          "Ends with 1 when a rule was broken.\n",
          to);
}

static int parse(int count, char **arguments, struct choices *c)
{
    static const struct option options[] = {
        { "seed", required_argument, NULL, 's' },
        { "runs", required_argument, NULL, 'r' },
        { "time", required_argument, NULL, 't' },
        { "trace", no_argument, NULL, 'T' },
        { "hash", no_argument, NULL, 'h' },
        { "menu", required_argument, NULL, 'm' },
        { "candidates", required_argument, NULL, 'c' },
        { "span", required_argument, NULL, 'S' },
        { "depth", required_argument, NULL, 'd' },
        { "lock", required_argument, NULL, 'l' },
        { "shared", no_argument, NULL, 'o' },
        { "scenario", required_argument, NULL, 'f' },
        { "replay", required_argument, NULL, 'R' },
        { "shrink", required_argument, NULL, 'x' },
        { "keep-going", no_argument, NULL, 'k' },
        { "help", no_argument, NULL, 'H' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            c->seed = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            c->runs = strtoull(optarg, NULL, 10);
            break;
        case 't':
            c->seconds = strtod(optarg, NULL);
            break;
        case 'T':
            c->trace = true;
            break;
        case 'h':
            c->hash = true;
            break;
        case 'm':
            memset(c->menu.has, 0, sizeof c->menu.has);
            if (menu_parse(&c->menu, optarg) < 0) {
                fprintf(stderr, "leasehold-sim: --menu %s: there are:", optarg);
                for (int i = 0; i < MENU_ITEMS; i++)
                    fprintf(stderr, " %s", menu_item_name((enum menu_item)i));
                fputc('\n', stderr);
                return -1;
            }
            break;
        case 'c':
            c->menu.candidates = (int)strtol(optarg, NULL, 10);
            if (c->menu.candidates < 1 || c->menu.candidates > SIM_NODES_MAX) {
                fprintf(stderr, "leasehold-sim: --candidates %s: 1 to %d\n", optarg, SIM_NODES_MAX);
                return -1;
            }
            break;
        case 'S':
            c->menu.time_ns = (int64_t)(strtod(optarg, NULL) * 1e9);
            break;
        case 'd':
            if (!replay_depth(optarg, &c->menu, &c->fleet)) {
                fprintf(stderr, "leasehold-sim: --depth %s: core, store or bytes\n", optarg);
                return -1;
            }
            break;
        case 'o':
            c->menu.shared = true;
            break;
        case 'l':
            c->menu.lock = strcmp(optarg, "lease") == 0 ? MENU_LOCK_LEASE : MENU_LOCK_CONFIGMAP;
            if (c->menu.lock == MENU_LOCK_CONFIGMAP && strcmp(optarg, "configmap") != 0) {
                fprintf(stderr, "leasehold-sim: --lock %s: configmap or lease\n", optarg);
                return -1;
            }
            break;
        case 'f':
            c->scenario = optarg;
            break;
        case 'R':
            c->replay = optarg;
            break;
        case 'x':
            c->shrink = optarg;
            break;
        case 'k':
            c->keep_going = true;
            break;
        case 'H':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            return -1;
        }
    }
    return optind == count ? 0 : (usage(stderr), -1);
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

struct tally {
    uint64_t runs, failed, events;
    double simulated, took;
};

static void report(const struct check_counts *c, const struct tally *t)
{
    double took = t->took;
    printf("%llu runs, %llu failed; %.0f s simulated in %.2f s\n", (unsigned long long)t->runs, (unsigned long long)t->failed, t->simulated,
           took);
    printf("%llu elections, %llu faults: %.2f million a minute; %llu events\n", (unsigned long long)c->elections,
           (unsigned long long)c->faults, (double)(c->elections + c->faults) / took * 60 / 1e6, (unsigned long long)t->events);
    printf("slowest healing %.3f s, at most %.1f %% of what is allowed\n", (double)c->worst_heal_ns / 1e9, (double)c->worst_heal_part / 10);
    printf("by an operator's hand, as documented: %llu locks taken from a worker, %llu overlaps; by the other elector: %llu\n",
           (unsigned long long)c->blind_takes, (unsigned long long)c->blind_overlaps, (unsigned long long)c->foreign);
    printf("a store that checks tokens took %llu writes of work and refused %llu late ones; %llu times clocks beyond rho broke what clocks "
           "promise\n",
           (unsigned long long)c->stored, (unsigned long long)c->refused, (unsigned long long)c->adrift);
    for (int i = 0; i < CHECK_NAMES; i++)
        if (c->violations[i])
            printf("broken: %s, %llu times\n", check_name((enum check_name)i), (unsigned long long)c->violations[i]);
}

/* The first failing run becomes a file. Returns -1 when it cannot be written. */
static int write_shrunk(const struct subject *s, uint64_t seed, const struct choices *c)
{
    static struct replay r;
    struct shrunk shrunk;
    r = (struct replay){ .seed = seed, .fleet = c->fleet, .menu = c->menu };
    if (!shrink(s, &r, &shrunk))
        return 0;
    FILE *file = fopen(c->shrink, "we");
    if (!file) {
        fprintf(stderr, "leasehold-sim: %s cannot be written: %m\n", c->shrink);
        return -1;
    }
    replay_write(file, &r, shrunk.sentence);
    int result = fclose(file);
    printf("%s: %u of %u faults are enough, found in %u runs: %s\n", c->shrink, shrunk.after, shrunk.before, shrunk.runs, shrunk.sentence);
    return result;
}

static int run_all(const struct subject *s, const struct choices *c)
{
    struct timespec start;
    struct tally t = { 0 };
    uint64_t first = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (c->runs ? t.runs < c->runs : seconds_since(&start) < c->seconds) {
        uint64_t seed = c->seed + t.runs++;
        struct outcome o;
        subject_run(s, seed, &c->menu, &o);
        t.simulated += (double)o.ended_at / 1e9;
        if (c->hash)
            printf("seed %llu history %016llx\n", (unsigned long long)seed, (unsigned long long)o.hash);
        if (!o.broken)
            continue;
        first = t.failed ? first : seed;
        if (t.failed++ == 0 || c->keep_going)
            printf("seed %llu fails: %s\n", (unsigned long long)seed, o.sentence);
        if (!c->keep_going)
            break;
    }
    t.took = seconds_since(&start);
    t.events = subject_events(s);
    report(subject_counts(s), &t);
    if (t.failed && c->shrink && write_shrunk(s, first, c) < 0)
        return 2;
    return t.failed ? 1 : 0;
}

static int play_scenario(const char *path)
{
    struct world *world = calloc(1, sizeof *world);
    int result = world ? scenario_play(world, path, stdout) : -1;
    free(world);
    return result < 0 ? 2 : result;
}

static int replay(const char *path, bool trace)
{
    static struct replay r;
    struct subject s;
    struct outcome o;
    if (replay_read(path, &r) < 0 || subject_open(&s, r.fleet, trace) < 0)
        return 2;
    subject_run(&s, r.seed, replay_menu(&r), &o);
    printf("%s: %s%s\n", path, o.broken ? "fails: " : "passes", o.broken ? o.sentence : "");
    subject_close(&s);
    return o.broken ? 1 : 0;
}

int main(int count, char **arguments)
{
    struct choices c = { .seed = 1, .menu = { .time_ns = 120 * SIM_S, .bytes = true } };
    struct subject s;
    menu_parse(&c.menu, "all");
    if (parse(count, arguments, &c) < 0)
        return 2;
    if (c.scenario)
        return play_scenario(c.scenario);
    if (c.replay)
        return replay(c.replay, c.trace);
    if (c.runs == 0 && c.seconds <= 0)
        c.runs = c.trace ? 1 : 1000;
    for (int i = MENU_OF_FLEETS; i < MENU_OF_BOTH && !c.fleet; i++)
        c.menu.has[i] = false;
    if (subject_open(&s, c.fleet, c.trace) < 0)
        return 2;
    int result = run_all(&s, &c);
    subject_close(&s);
    return result;
}
