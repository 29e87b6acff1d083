/* Two candidates over a server in memory, again and again: in the n-th run the n-th allocation fails, until a run had none left
 * to fail.
 *
 *     sweep_service lease|configmap [STRIDE [FIRST]] [all]     `all`: the n-th allocation and every one after it
 *
 * In every run: no crash, no block lost, an error is LEASEHOLD_ERR_MEMORY, never two leaders, never a leader while the lock names
 * another; and with memory back, a leader is elected. Prints the figures. */
#include "inject.h"

#include <leasehold/testing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

#define SECOND UINT64_C(1000000000)
enum { CANDIDATES = 2, LOCK_MAX = 8192, EACH_UNTIL = 600 }; /* every allocation of opening, STRIDE after that */

/* The store of the double is the server: it is another machine's memory, and stops without. */
struct store *__real_store_open(const struct store_options *options, int64_t now_us);
struct store *__wrap_store_open(const struct store_options *options, int64_t now_us);
void __real_store_handle(struct store *s, const struct store_request *request, int64_t now_us, struct store_answer *ret);
void __wrap_store_handle(struct store *s, const struct store_request *request, int64_t now_us, struct store_answer *ret);
int __real_store_watch_open(struct store *s, const struct store_watch_options *o, struct store_watch **ret, struct store_answer *refusal);
int __wrap_store_watch_open(struct store *s, const struct store_watch_options *o, struct store_watch **ret, struct store_answer *refusal);
int __real_store_watch_next(struct store_watch *w, struct store_watch_event *ret);
int __wrap_store_watch_next(struct store_watch *w, struct store_watch_event *ret);
json_t *__real_store_status(int code, const char *reason, const char *message, json_t *details);
json_t *__wrap_store_status(int code, const char *reason, const char *message, json_t *details);

struct store *__wrap_store_open(const struct store_options *options, int64_t now_us)
{
    inject_spare();
    struct store *s = __real_store_open(options, now_us);
    inject_spare_no_more();
    return s;
}

void __wrap_store_handle(struct store *s, const struct store_request *request, int64_t now_us, struct store_answer *ret)
{
    inject_spare();
    __real_store_handle(s, request, now_us, ret);
    inject_spare_no_more();
}

int __wrap_store_watch_open(struct store *s, const struct store_watch_options *o, struct store_watch **ret, struct store_answer *refusal)
{
    inject_spare();
    int result = __real_store_watch_open(s, o, ret, refusal);
    inject_spare_no_more();
    return result;
}

int __wrap_store_watch_next(struct store_watch *w, struct store_watch_event *ret)
{
    inject_spare();
    int result = __real_store_watch_next(w, ret);
    inject_spare_no_more();
    return result;
}

json_t *__wrap_store_status(int code, const char *reason, const char *message, json_t *details)
{
    inject_spare();
    json_t *status = __real_store_status(code, reason, message, details);
    inject_spare_no_more();
    return status;
}

/* ---- one run ------------------------------------------------------------------------------------------------------ */

static const char *const names[CANDIDATES] = { "candidate-a", "candidate-b" };
static const char *lock_kind;
static unsigned long now_failing; /* for who dies of it */

struct run {
    leasehold_options *options[CANDIDATES];
    leasehold_service *service[CANDIDATES];
    leasehold_group *group[CANDIDATES];
    leasehold_roster *roster;
};

static void fail(const char *what, const char *value)
{
    inject_disarm();
    printf("allocation %lu fails: %s (%s)\n", now_failing, what, value);
    exit(1);
}

static void expect_memory(int result, const char *what)
{
    if (result < 0 && result != LEASEHOLD_ERR_MEMORY)
        fail(what, leasehold_strerror(result));
}

/* `who` holds the lock in the text of a Lease or a ConfigMap. */
static bool names_holder(const char *lock, const char *who)
{
    char lease[128], map[128];
    snprintf(lease, sizeof lease, "\"holderIdentity\":\"%s\"", who);
    snprintf(map, sizeof map, "\"leader.pod.reports\":\"%s\"", who);
    return strstr(lock, lease) != NULL || strstr(lock, map) != NULL;
}

/* Nobody but the candidates writes here, so who leads is who the lock names. Returns how many lead. */
static int judge(const struct run *r)
{
    int leaders = 0;
    for (int i = 0; i < CANDIDATES; i++) {
        if (!leasehold_group_is_leading(r->group[i]))
            continue;
        char lock[LOCK_MAX] = "";
        inject_spare();
        leasehold_testing_lock(r->group[i], lock, sizeof lock);
        inject_spare_no_more();
        if (lock[0] && !names_holder(lock, names[i]))
            fail("a leader whom the lock does not name", lock);
        leaders++;
    }
    if (leaders > 1)
        fail("two leaders at once", lock_kind);
    return leaders;
}

/* Reads what waits and stops work when told to. */
static void read_events(struct run *r)
{
    const leasehold_event *e;
    for (int i = 0; i < CANDIDATES; i++)
        while (r->service[i] && leasehold_service_next_event(r->service[i], &e) > 0)
            if (leasehold_event_kind(e) == LEASEHOLD_EVENT_STOP_WORK)
                leasehold_group_work_stopped(leasehold_event_group(e), leasehold_event_term(e));
    judge(r);
}

static void pass(struct run *r, int seconds)
{
    for (int i = 0; i < seconds; i += 2) {
        expect_memory(leasehold_testing_advance(r->service[0], 2 * SECOND), "the clocks did not move");
        read_events(r);
    }
}

static int open_one(struct run *r, int i)
{
    int result = 0;
    r->options[i] = leasehold_options_new();
    if (r->options[i] == NULL)
        return LEASEHOLD_ERR_MEMORY;
    const char *const settings[][2] = { { "lock", lock_kind }, { "identity", names[i] }, { "selector", "app=reports" } };
    for (size_t k = 0; k < sizeof settings / sizeof *settings && result == 0; k++)
        result = leasehold_options_set(r->options[i], settings[k][0], settings[k][1]);
    if (result == 0 && i > 0)
        result = leasehold_testing_share(r->options[i], r->service[0]);
    if (result == 0)
        result = leasehold_service_open(&r->service[i], r->options[i]);
    if (result == 0)
        result = leasehold_group_open(&r->group[i], r->service[i], "reports", LEASEHOLD_CANDIDATE, NULL);
    return result;
}

/* Open, win, renew, watch members, lose to silence, resign. Returns the first error. */
static int live(struct run *r)
{
    for (int i = 0; i < CANDIDATES; i++) {
        int result = open_one(r, i);
        if (result < 0)
            return result;
    }
    int result = leasehold_roster_open(&r->roster, r->service[0], NULL);
    if (result < 0)
        return result;
    pass(r, 20);
    expect_memory(leasehold_testing_put_pod(r->service[0], "reports-1", "app=reports", true), "no Pod");
    pass(r, 4);
    leasehold_members *members = NULL;
    if (leasehold_roster_members(r->roster, &members) >= 0)
        leasehold_members_unref(members);
    for (int i = 0; i < CANDIDATES; i++)
        if (leasehold_group_is_leading(r->group[i]))
            expect_memory(leasehold_group_resign(r->group[i], 30 * SECOND), "cannot resign");
    pass(r, 10);
    leasehold_testing_hang(r->service[0], true);
    pass(r, 20);
    leasehold_testing_hang(r->service[0], false);
    pass(r, 10);
    return 0;
}

static void end(struct run *r)
{
    r->roster = leasehold_roster_unref(r->roster);
    for (int i = CANDIDATES - 1; i >= 0; i--) {
        if (r->group[i])
            leasehold_group_close(r->group[i]);
        r->group[i] = leasehold_group_unref(r->group[i]);
        r->service[i] = leasehold_service_unref(r->service[i]);
        r->options[i] = leasehold_options_unref(r->options[i]);
    }
}

/* Returns how many allocations the run made. */
static unsigned long run_once(unsigned long n, bool all)
{
    struct run r = { 0 };
    long before = inject_live();
    now_failing = n;
    inject_arm(n, all);
    int result = live(&r);
    expect_memory(result, "another error than the documented one");
    unsigned long counted = inject_disarm();
    if (n > 0 && counted < n && result < 0)
        fail("an error where nothing failed", leasehold_strerror(result));
    if (result == 0) {
        pass(&r, 120);
        if (judge(&r) != 1)
            fail("nobody leads two minutes after memory came back", lock_kind);
    }
    end(&r);
    long after = inject_live();
    if (after != before) {
        char text[32];
        snprintf(text, sizeof text, "%ld blocks", after - before);
        fail("memory is lost", text);
    }
    return counted;
}

static void died(int signal_number)
{
    inject_disarm();
    char text[64];
    int size = snprintf(text, sizeof text, "allocation %lu fails: signal %d\n", now_failing, signal_number);
    if (write(STDOUT_FILENO, text, (size_t)size) < 0)
        _exit(3);
    _exit(2);
}

int main(int argc, char **argv)
{
    bool all = argc > 1 && strcmp(argv[argc - 1], "all") == 0;
    if (argc < 2 || (strcmp(argv[1], "lease") != 0 && strcmp(argv[1], "configmap") != 0)) {
        fprintf(stderr, "usage: sweep_service lease|configmap [STRIDE [FIRST]] [all]\n");
        return 2;
    }
    lock_kind = argv[1];
    argc -= all;
    unsigned long stride = argc > 2 ? strtoul(argv[2], NULL, 10) : 1, first = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    signal(SIGABRT, died);
    signal(SIGSEGV, died);
    signal(SIGBUS, died);
    printf("%s: ", lock_kind);
    fflush(stdout);
    run_once(0, false); /* what is made once in a process is made now */
    unsigned long total = run_once(0, false), runs = 0, n = first;
    while (n <= run_once(n, all)) {
        runs++;
        n += stride > 0 && n >= EACH_UNTIL ? stride : 1;
    }
    printf("%lu allocations in a run without failures, %lu runs with one that failed%s\n", total, runs, all ? ", and all after it" : "");
    return runs > 0 ? 0 : 1;
}
