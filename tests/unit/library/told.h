/* A listener that writes down what it is told, and can be held within a call. */
#ifndef TESTS_LIBRARY_TOLD_H
#define TESTS_LIBRARY_TOLD_H

#include <leasehold/cluster.h>
#include <pthread.h>
#include <unistd.h>

/* Polls for a condition; the bound is for a busy machine. */
#define UNTIL(condition)                                                                                                                   \
    do {                                                                                                                                   \
        int turns = 0;                                                                                                                     \
        while (!(condition) && ++turns < 15000)                                                                                            \
            usleep(2000);                                                                                                                  \
        if (!(condition))                                                                                                                  \
            fail_msg("not within 30 s: %s", #condition);                                                                                   \
    } while (0)

/* In which calls it is held. */
enum { HOLD_FIRST = 1, HOLD_LOCAL = 2, HOLD_END = 4, HOLD_MEMBERS = 8 };

struct told {
    pthread_mutex_t mutex;
    pthread_cond_t open;
    int hold;          /* HOLD_* */
    bool held, inside; /* waits in a call; runs at all */
    int calls, locals, ends, member_calls;
    char first[300], last[300]; /* "a", "a (local)", "" */
    char path[2000];            /* all of them, "; " behind each */
    size_t members;             /* as told last */
    uint64_t id;
    void (*then)(struct told *t, leasehold_view *v, bool local); /* at the end of each call about leadership */
    leasehold_cluster *cluster;                                  /* for `then` */
    leasehold_view *view;
    int result;
};

void told_init(struct told *t);
/* Adds it, for leadership and perhaps for members. */
void told_add(struct told *t, leasehold_view *v, bool members);
/* Lets it go from a call in which it is held, and holds it no more. */
void told_let_go(struct told *t);
/* Reads under the mutex. */
bool told_is_held(struct told *t);
int told_locals(struct told *t);
int told_ends(struct told *t);
int told_calls(struct told *t);
int told_member_calls(struct told *t);
size_t told_members(struct told *t);
bool told_last_is(struct told *t, const char *what);

#endif
