/* Cluster, views and listeners: what the three files share.
 *
 * Here: a layer over the public API, which may use nothing else of the house (and so shows that it suffices). Not here: when to
 * renew or to step down; that is the service's, on its own thread.
 *
 * One mutex guards a cluster. It is never held while a listener runs or while anything is waited for; the service's lock is taken
 * after it, never before. All that may take long, and every call of a listener, is the listeners' thread's; the other threads leave
 * it notes: they change a view, and make it due. */
#ifndef LEASEHOLD_LIBRARY_CLUSTER_INTERNAL_H
#define LEASEHOLD_LIBRARY_CLUSTER_INTERNAL_H

#include <leasehold/cluster.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    CLUSTER_VIEWS_MAX = 10000,
    CLUSTER_BUCKETS = 256,
    CLUSTER_EVENTS_A_TURN = 4096, /* then listeners are told */
    CLUSTER_RETRY_MS = 1000,      /* then what could not be opened is tried again */
    VIEW_LISTENERS_MAX = 1000,
    VIEW_IDENTITY_BYTES = 256,
    CLUSTER_SENTENCE_BYTES = 1024
};

struct leasehold_cluster {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a listener returned, or nothing is due any more */
    size_t references;      /* the users', those of views included */
    leasehold_service *service;
    int service_fd, wake_fd;
    pthread_t thread; /* the listeners' */
    bool on, quit;
    bool detached;        /* the last reference was dropped within a listener: its thread frees the cluster */
    uint64_t retry_ms;    /* CLOCK_MONOTONIC at which to look at all views again; 0: never */
    bool lock_of_one;     /* the settings name a lock that has room for one group */
    uint64_t handling_id; /* the listener that runs; 0: none */
    uint64_t last_id;
    leasehold_view *views[CLUSTER_BUCKETS];
    size_t view_count;
    size_t standings; /* of all views, those that close included */
    leasehold_view *due, **due_last;
    leasehold_roster *roster; /* one for all views, while any follows */
    size_t followers;
    leasehold_members *members;  /* NULL: no list has come yet */
    uint64_t members_generation; /* never 0 where there are members */
    char error[CLUSTER_SENTENCE_BYTES];
};

/* One group handle of a view, from its opening until it has closed. Readers without the mutex may hold it a little longer. */
struct standing {
    leasehold_view *view;
    leasehold_group *group;
    uint64_t terms_before; /* of this view in groups of before: numbers go on */
    bool closing;
    struct standing *next_retired;
};

/* What a listener was told last stands here, so that a slow one skips states. */
struct listener {
    struct listener *next;
    uint64_t id;
    struct leasehold_listener calls;
    void *user;
    bool told, told_local;
    char told_leader[VIEW_IDENTITY_BYTES];
    uint64_t told_members; /* generation */
    uint64_t owes_term;    /* told of this term, and not returned from being told its end; 0: none */
    bool leaving;          /* its view's users are gone: it is told an end that it waits for, and freed */
    bool removed;          /* out of the list while it runs: freed when it returns */
};

struct leasehold_view {
    leasehold_cluster *cluster;
    leasehold_view *next_in_bucket, *next_due;
    bool is_due;
    size_t references; /* the users'; without any it goes when it has closed */
    bool on;
    bool wants_members, follows;
    struct standing *standing;
    _Atomic(struct standing *) published; /* the same while it may lead */
    _Atomic uint32_t readers;             /* of published, now */
    struct standing *retired;
    uint64_t term; /* the newest, by the view's numbers */
    bool leading;  /* STARTED_LEADING was read, and no end of it */
    bool stop_asked, outstanding;
    uint64_t stop_by_ns;
    char leader[VIEW_IDENTITY_BYTES];
    struct listener *listeners;
    size_t listener_count;
    char identity[VIEW_IDENTITY_BYTES];
    char name[];
};

/* ---- cluster.c ---- */

/* Returns 0 and holds the mutex, or LEASEHOLD_ERR_FORKED and does not. */
int cluster_lock(leasehold_cluster *c);
void cluster_unlock(leasehold_cluster *c);

/* All below: under the mutex. */

/* Keeps the service's sentence about `error`, which it has just returned. Returns error. */
int cluster_fail(leasehold_cluster *c, int error);
/* Something for the listeners' thread to do: now, or in CLUSTER_RETRY_MS. */
void cluster_wake(leasehold_cluster *c);
void cluster_retry(leasehold_cluster *c);
uint64_t cluster_now_ms(void);
/* True on the listeners' thread, that is within a listener. */
bool cluster_is_handling(const leasehold_cluster *c);
void cluster_each_view(leasehold_cluster *c, void (*fn)(leasehold_view *v));
void cluster_remove_view(leasehold_cluster *c, leasehold_view *v);

/* ---- view.c ---- */

/* Makes group and members what the switches say. Errors as leasehold_group_open(): it is tried again. */
int view_adjust(leasehold_view *v);
/* The listeners' thread looks at this view. */
void view_make_due(leasehold_view *v);
/* Takes in one event. */
void view_event(leasehold_cluster *c, const leasehold_event *e);
/* Tells the service that the work has stopped, if it has. */
void view_confirm(leasehold_view *v);
/* Frees what nobody reads any more. */
void view_reap(leasehold_view *v);
/* Takes a view out of the cluster and frees it, its groups and its listeners. */
void view_free(leasehold_view *v);

/* ---- listener.c ---- */

/* What the thread of the listeners does, until the cluster is to end. The mutex is given up for every call and wait. */
void listener_work(leasehold_cluster *c);
/* Nobody uses the view any more: its listeners are told what must be, and go. */
void listener_leave_all(leasehold_view *v);

#endif
