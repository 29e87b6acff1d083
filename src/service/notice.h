/* What a candidate tells others through the API beside its lock, where it was asked to: the label of its Pod while it leads, and an
 * Event of Kubernetes at each change.
 *
 * Here: when, and what is tried again. Not here: bodies (src/wire/notice.h). None of it delays or decides an election: the requests have
 * connections of their own and come after those of locks. */
#ifndef LEASEHOLD_SERVICE_NOTICE_H
#define LEASEHOLD_SERVICE_NOTICE_H

#include <leasehold/leasehold.h>

#include "service/options.h"
#include "service/timers.h"
#include "service/transport.h"

struct notice {
    leasehold_service *service;
    leasehold_group *group; /* NULL: it has finished, and what is under way is waited for a moment more */
    struct notice *next;    /* in service->notices, without a group */
    /* The label. */
    char key[SETTING_LABEL_MAX + 1], value[SETTING_LABEL_MAX + 1]; /* key "": none */
    bool wanted;                                                   /* the Pod is to have it */
    bool settled;                                                  /* the Pod was told so */
    struct transport_call *label_call;                             /* NULL: none */
    uint32_t failures;                                             /* in a row */
    struct timer timer;                                            /* to try again */
    /* Events: one after the other, the newest two at most. */
    bool events;
    struct transport_call *event_call;
    bool waits, began; /* an event that waits for its turn */
};

/* Whether this candidate can be told of so. Returns 0, or LEASEHOLD_ERR_OPTION with a sentence. */
int notice_check(const leasehold_options *o, const char *identity, char sentence[SETTING_SENTENCE_MAX]);
/* Under the guard, as the group is opened. Returns 0, or an error where something is wanted and there is no memory for it. */
int notice_open(leasehold_group *g, const leasehold_options *o);
/* The group begins; a label of an earlier life is taken away. On the service's turn, as all that follow. */
void notice_begin(leasehold_group *g);
void notice_started(leasehold_group *g);
void notice_stopping(leasehold_group *g);
/* Its work has stopped. */
void notice_stopped(leasehold_group *g);
/* The group has finished. What is under way gets a moment more, and the service closes after it: with its last word the process ends. */
void notice_forget(leasehold_group *g);
/* The service goes, now. */
void notices_end(leasehold_service *s);

#endif
