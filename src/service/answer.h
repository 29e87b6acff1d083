/* What an answer of the API server means to the election, and the sentence for people where it is a refusal.
 *
 * Here: outcome, status and body to a verdict. Not here: doing anything about it. */
#ifndef LEASEHOLD_SERVICE_ANSWER_H
#define LEASEHOLD_SERVICE_ANSWER_H

#include <jansson.h>

#include "election/election.h"
#include "service/options.h"
#include "service/transport.h"

struct lock;

struct verdict {
    enum election_event_kind kind;
    enum election_failure failure;
    int64_t retry_after_ns;
    json_t *object;                      /* READ, WRITTEN: the lock object, the caller's; NULL with READ: there is none */
    struct record_version version;       /* of the object */
    char sentence[SETTING_SENTENCE_MAX]; /* "": nothing to say */
};

/* The answer to a GET of the lock. */
void answer_judge_read(const struct lock *lock, const struct transport_answer *answer, struct verdict *ret);

/* The answer to a POST or PUT; `verb` is "create" or "update". */
void answer_judge_write(const struct lock *lock, const char *verb, const struct transport_answer *answer, struct verdict *ret);

/* The sentence about an answer that is not what was asked for; `verb` as RBAC calls it. */
void answer_explain(const struct lock *lock, const char *verb, const struct transport_answer *answer, char ret[SETTING_SENTENCE_MAX]);

#endif
