/* A unit test of a program that uses the library, with the test double: no server, no waiting.
 *
 * The program under test is the function below; a real one is linked in. */
#include <leasehold/testing.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- the program ---- */

struct program {
    bool works;
};

static void program_turn(struct program *p, leasehold_service *s)
{
    const leasehold_event *e;
    leasehold_service_dispatch(s);
    while (leasehold_service_next_event(s, &e) > 0) {
        if (leasehold_event_kind(e) == LEASEHOLD_EVENT_STARTED_LEADING)
            p->works = true;
        if (leasehold_event_kind(e) == LEASEHOLD_EVENT_STOP_WORK) {
            p->works = false;
            leasehold_group_work_stopped(leasehold_event_group(e), leasehold_event_term(e));
        }
    }
}

/* ---- its test ---- */

#define CHECK(condition)                                                                                                                   \
    do {                                                                                                                                   \
        if (!(condition)) {                                                                                                                \
            fprintf(stderr, "line %d: " #condition "\n", __LINE__);                                                                        \
            return 1;                                                                                                                      \
        }                                                                                                                                  \
    } while (0)

int main(void)
{
    struct program p = { .works = false };
    leasehold_service *s = NULL;
    leasehold_group *g = NULL;
    CHECK(leasehold_service_open(&s, NULL) == 0);
    CHECK(leasehold_group_open(&g, s, "reports", LEASEHOLD_CANDIDATE, NULL) == 0);

    CHECK(leasehold_testing_make_leader(g) == 0);
    program_turn(&p, s);
    CHECK(p.works);

    CHECK(leasehold_testing_lose(g) == 0);
    program_turn(&p, s);
    CHECK(!p.works);

    CHECK(leasehold_testing_make_leader(g) == 0);
    program_turn(&p, s);
    CHECK(p.works);

    /* The API server accepts connections and answers nothing: an hour later nobody has seen two of us work. */
    CHECK(leasehold_testing_hang(s, true) == 0);
    CHECK(leasehold_testing_advance(s, 3600 * UINT64_C(1000000000)) == 0);
    CHECK(!leasehold_group_is_leading(g));
    program_turn(&p, s);
    CHECK(!p.works);

    leasehold_group_unref(g);
    leasehold_service_unref(s);
    puts("good");
    return 0;
}
