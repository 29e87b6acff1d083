#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Under the mutex. */
static void enter(struct told *t, int kind)
{
    t->inside = true;
    while (t->hold & kind) {
        t->held = true;
        pthread_cond_wait(&t->open, &t->mutex);
    }
    t->held = false;
}

static void leave(struct told *t)
{
    pthread_mutex_lock(&t->mutex);
    t->inside = false;
    pthread_mutex_unlock(&t->mutex);
}

static void on_leadership(void *user, leasehold_view *v, const char *leader, bool local)
{
    struct told *t = user;
    pthread_mutex_lock(&t->mutex);
    bool first = t->calls++ == 0, was_local = strstr(t->last, "(local)") != NULL;
    snprintf(t->last, sizeof t->last, "%s%s", leader, local ? " (local)" : "");
    if (first)
        memcpy(t->first, t->last, sizeof t->first);
    size_t used = strlen(t->path);
    snprintf(t->path + used, sizeof t->path - used, "%s; ", t->last);
    t->locals += local;
    enter(t, (first ? HOLD_FIRST : 0) | (local ? HOLD_LOCAL : 0) | (was_local && !local ? HOLD_END : 0));
    t->ends += was_local && !local;
    pthread_mutex_unlock(&t->mutex);
    if (t->then)
        t->then(t, v, local);
    leave(t);
}

static void on_members(void *user, leasehold_view *v, leasehold_members *members)
{
    struct told *t = user;
    (void)v;
    pthread_mutex_lock(&t->mutex);
    t->member_calls++;
    t->members = leasehold_members_count(members);
    enter(t, HOLD_MEMBERS);
    pthread_mutex_unlock(&t->mutex);
    leave(t);
}

void told_init(struct told *t)
{
    memset(t, 0, sizeof *t);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->open, NULL);
}

void told_add(struct told *t, leasehold_view *v, bool members)
{
    struct leasehold_listener l = { .size = sizeof l, .on_leadership = on_leadership, .on_members = members ? on_members : NULL };
    assert_int_equal(leasehold_view_add_listener(v, &l, t, &t->id), 0);
}

void told_let_go(struct told *t)
{
    pthread_mutex_lock(&t->mutex);
    t->hold = 0;
    pthread_cond_broadcast(&t->open);
    pthread_mutex_unlock(&t->mutex);
}

#define READ(type, name, expression)                                                                                                       \
    type name(struct told *t)                                                                                                              \
    {                                                                                                                                      \
        pthread_mutex_lock(&t->mutex);                                                                                                     \
        type value = expression;                                                                                                           \
        pthread_mutex_unlock(&t->mutex);                                                                                                   \
        return value;                                                                                                                      \
    }
READ(bool, told_is_held, t->held)
READ(int, told_locals, t->locals)
READ(int, told_ends, t->ends)
READ(int, told_calls, t->calls)
READ(int, told_member_calls, t->member_calls)
READ(size_t, told_members, t->members)

bool told_last_is(struct told *t, const char *what)
{
    pthread_mutex_lock(&t->mutex);
    bool same = t->calls > 0 && strcmp(t->last, what) == 0;
    pthread_mutex_unlock(&t->mutex);
    return same;
}
