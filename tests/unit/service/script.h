/* A service over a transport that the test plays, and a clock that the test moves. */
#ifndef TESTS_SERVICE_SCRIPT_H
#define TESTS_SERVICE_SCRIPT_H

#include <leasehold/leasehold.h>
#include <jansson.h>
#include <stdbool.h>

#include "service/service.h"

enum { SCRIPT_CALLS = 256 };

struct call {
    bool waits; /* neither answered nor cancelled */
    bool cancelled;
    char method[8], path[512];
    char *body;
    struct transport_request request;
    const struct transport_handler *handler;
    void *user;
    leasehold_time started;
};

struct script {
    leasehold_service *s;
    leasehold_time now;
    bool woken, waiting;
    int refuse_starts; /* this many start() calls fail with LEASEHOLD_ERR_LIMIT */
    uint64_t random;
    struct call calls[SCRIPT_CALLS];
    size_t count;
    size_t taken; /* calls before this one were looked at */
};

/* With one option set, or NULL. */
struct script *script_open(const char *name, const char *value);
/* Names and values by turns, ended by NULL. */
struct script *script_open_with(const char *const options[]);
void script_close(struct script *w);

leasehold_group *script_group(struct script *w, const char *name, int role);

/* Runs what was posted and is due now. */
void script_turn(struct script *w);
/* Moves all clocks, stopping at each deadline. */
void script_advance(struct script *w, int ms);

/* The oldest call not taken yet must be this one: "GET /path…" by the end of its path. */
struct call *script_take(struct script *w, const char *method, const char *path_end);
/* The oldest watch not taken yet; its path must hold `part`. */
struct call *script_take_watch(struct script *w, const char *part);
/* No call was started that was not taken. */
void script_nothing(struct script *w);

void script_answer(struct script *w, struct call *c, int status, const char *body);
void script_fail(struct script *w, struct call *c, enum transport_outcome outcome, const char *sentence);
void script_stream(struct script *w, struct call *c, const char *data);
void script_stream_open(struct script *w, struct call *c);

/* A Lease of name g in namespace default as JSON text; valid until the next call. holder NULL: from another elector's release. */
const char *script_lease(const char *holder, unsigned version, int duration_s);
/* The body of a PUT or POST as the server answers it, with uid and this version; valid until the next call. */
const char *script_stored(const struct call *c, unsigned version);
const char *script_status(int code, const char *reason, const char *message);
extern const char script_absent[]; /* the Status of a 404 for the lease g */

/* The next event must be of this kind. */
const leasehold_event *script_event(struct script *w, int kind);
void script_no_event(struct script *w);

/* GET answered 404, POST answered, STARTED_LEADING read. Returns the watch. */
struct call *script_lead(struct script *w);

#endif
