/* leasehold-sim: runs of the simulated world by seed. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/scenario.h"
#include "sim/trace.h"

struct choices {
    uint64_t seed;
    uint64_t runs;
    double seconds; /* of wall time; 0: count runs */
    bool trace;
    bool keep_going;
    bool hash;
    bool fleet;
    const char *scenario;
    struct menu menu;
};

static void usage(FILE *to)
{
    fputs("usage: leasehold-sim [--seed N] [--runs N | --time SECONDS] [--trace] [--hash] [--menu LIST] [--candidates N]\n"
          "                     [--span SECONDS] [--depth values|store|service] [--lock configmap|lease] [--keep-going]\n"
          "Runs the production election in a simulated world of faults and checks what must never happen.\n"
          "  --seed N         first seed (1); run i has seed N + i\n"
          "  --runs N         how many runs (1000; with --trace 1)\n"
          "  --time SECONDS   run for so long instead\n"
          "  --trace          print what happens, one line a fact\n"
          "  --hash           print the hash of each run's history\n"
          "  --menu LIST      faults to draw from, all by default; -name takes one away, as in all,-operator\n"
          "  --candidates N   2 to 5 (by seed)\n"
          "  --span SECONDS   simulated time of faults in a run (120)\n"
          "  --depth D        values (fast), store: the production store and dialect (default), or service: these and the whole\n"
          "                   service of each process, with several groups, which share a ConfigMap\n"
          "  --shared         with the other depths: the election writes by turns and in whole seconds, as into a shared object\n"
          "  --lock KIND      with --depth service: configmap (default) or lease\n"
          "  --scenario FILE  play FILE and print it with what came of it; see tests/scenario\n"
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
            c->menu.bytes = strcmp(optarg, "store") == 0;
            c->fleet = strcmp(optarg, "service") == 0;
            if (!c->menu.bytes && !c->fleet && strcmp(optarg, "values") != 0) {
                fprintf(stderr, "leasehold-sim: --depth %s: values, store or service\n", optarg);
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
    for (int i = 0; i < CHECK_NAMES; i++)
        if (c->violations[i])
            printf("broken: %s, %llu times\n", check_name((enum check_name)i), (unsigned long long)c->violations[i]);
}

/* The runs of either world look alike from here. */
struct subject {
    struct world *world; /* NULL: */
    struct fleet *fleet;
};

static int run_once(const struct subject *s, uint64_t seed, const struct choices *c, const char **ret_sentence, double *add)
{
    int broken = s->world ? world_run(s->world, seed, &c->menu) : fleet_run(s->fleet, seed, &c->menu);
    *ret_sentence = s->world ? s->world->judge.sentence : s->fleet->sentence;
    *add += (double)(s->world ? s->world->now : s->fleet->now) / 1e9;
    if (c->hash)
        printf("seed %llu history %016llx\n", (unsigned long long)seed, (unsigned long long)(s->world ? s->world->hash : s->fleet->hash));
    return broken;
}

static int run_all(const struct subject *s, const struct choices *c)
{
    struct timespec start;
    struct tally t = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (c->runs ? t.runs < c->runs : seconds_since(&start) < c->seconds) {
        uint64_t seed = c->seed + t.runs++;
        const char *sentence;
        if (!run_once(s, seed, c, &sentence, &t.simulated))
            continue;
        if (t.failed++ == 0 || c->keep_going)
            printf("seed %llu fails: %s\n", (unsigned long long)seed, sentence);
        if (!c->keep_going)
            break;
    }
    t.took = seconds_since(&start);
    t.events = s->world ? s->world->events : s->fleet->events;
    report(s->world ? &s->world->judge.counts : &s->fleet->counts, &t);
    return t.failed ? 1 : 0;
}

int main(int count, char **arguments)
{
    struct choices c = { .seed = 1, .menu = { .time_ns = 120 * SIM_S, .bytes = true } };
    struct subject s = { NULL, NULL };
    menu_parse(&c.menu, "all");
    if (parse(count, arguments, &c) < 0)
        return 2;
    if (c.runs == 0 && c.seconds <= 0)
        c.runs = c.trace ? 1 : 1000;
    for (int i = MENU_OF_FLEETS; i < MENU_ITEMS && !c.fleet; i++)
        c.menu.has[i] = false;
    int result = 2;
    if (c.fleet)
        s.fleet = calloc(1, sizeof *s.fleet);
    else
        s.world = calloc(1, sizeof *s.world);
    if (s.fleet && c.trace)
        s.fleet->told = trace_fleet;
    if (s.world && c.scenario) {
        result = scenario_play(s.world, c.scenario, stdout);
        result = result < 0 ? 2 : result;
    } else if (s.world || s.fleet) {
        if (s.world && c.trace)
            s.world->trace = trace_fact;
        result = run_all(&s, &c);
    }
    free(s.world);
    free(s.fleet);
    return result;
}
