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
    const char *scenario;
    struct menu menu;
};

static void usage(FILE *to)
{
    fputs("usage: leasehold-sim [--seed N] [--runs N | --time SECONDS] [--trace] [--hash] [--menu LIST] [--candidates N]\n"
          "                     [--span SECONDS] [--depth values|store] [--keep-going]\n"
          "Runs the production election in a simulated world of faults and checks what must never happen.\n"
          "  --seed N         first seed (1); run i has seed N + i\n"
          "  --runs N         how many runs (1000; with --trace 1)\n"
          "  --time SECONDS   run for so long instead\n"
          "  --trace          print what happens, one line a fact\n"
          "  --hash           print the hash of each run's history\n"
          "  --menu LIST      faults to draw from, all by default; -name takes one away, as in all,-operator\n"
          "  --candidates N   2 to 5 (by seed)\n"
          "  --span SECONDS   simulated time of faults in a run (120)\n"
          "  --depth D        values (fast), or store: the production store and dialect (default)\n"
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
            if (!c->menu.bytes && strcmp(optarg, "values") != 0) {
                fprintf(stderr, "leasehold-sim: --depth %s: values or store\n", optarg);
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

static void report(const struct world *w, uint64_t runs, uint64_t failed, double simulated, double took)
{
    const struct check_counts *c = &w->judge.counts;
    printf("%llu runs, %llu failed; %.0f s simulated in %.2f s\n", (unsigned long long)runs, (unsigned long long)failed, simulated, took);
    printf("%llu elections, %llu faults: %.2f million a minute; %llu events\n", (unsigned long long)c->elections,
           (unsigned long long)c->faults, (double)(c->elections + c->faults) / took * 60 / 1e6, (unsigned long long)w->events);
    printf("slowest healing %.3f s, at most %.1f %% of what is allowed\n", (double)c->worst_heal_ns / 1e9, (double)c->worst_heal_part / 10);
    printf("by an operator's hand, as documented: %llu locks taken from a worker, %llu overlaps; by the other elector: %llu\n",
           (unsigned long long)c->blind_takes, (unsigned long long)c->blind_overlaps, (unsigned long long)c->foreign);
    for (int i = 0; i < CHECK_NAMES; i++)
        if (c->violations[i])
            printf("broken: %s, %llu times\n", check_name((enum check_name)i), (unsigned long long)c->violations[i]);
}

int main(int count, char **arguments)
{
    struct choices c = { .seed = 1, .menu = { .time_ns = 120 * SIM_S, .bytes = true } };
    menu_parse(&c.menu, "all");
    if (parse(count, arguments, &c) < 0)
        return 2;
    if (c.runs == 0 && c.seconds <= 0)
        c.runs = c.trace ? 1 : 1000;
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return 2;
    if (c.scenario) {
        int result = scenario_play(w, c.scenario, stdout);
        free(w);
        return result < 0 ? 2 : result;
    }
    if (c.trace)
        w->trace = trace_fact;
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    uint64_t runs = 0, failed = 0;
    double simulated = 0;
    while (c.runs ? runs < c.runs : seconds_since(&start) < c.seconds) {
        uint64_t seed = c.seed + runs++;
        int broken = world_run(w, seed, &c.menu);
        simulated += (double)w->now / 1e9;
        if (c.hash)
            printf("seed %llu history %016llx\n", (unsigned long long)seed, (unsigned long long)w->hash);
        if (!broken)
            continue;
        if (failed++ == 0 || c.keep_going)
            printf("seed %llu fails: %s\n", (unsigned long long)seed, w->judge.sentence);
        if (!c.keep_going)
            break;
    }
    report(w, runs, failed, simulated, seconds_since(&start));
    free(w);
    return failed ? 1 : 0;
}
