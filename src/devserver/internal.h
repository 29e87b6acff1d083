/* What the files of this room share. Not for other rooms. */
#ifndef LEASEHOLD_DEVSERVER_INTERNAL_H
#define LEASEHOLD_DEVSERVER_INTERNAL_H

#include "devserver/devserver.h"
#include "httpd/httpd.h"
#include "election/bug.h"
#include "store/store.h"

#include <event2/event.h>

enum { DEVSERVER_QUERY_MAX = 32, DEVSERVER_SEGMENTS_MAX = 12 };

/* ---- target.c: the request target; pure ---- */

struct devserver_parameter {
    const char *name;
    const char *value;
};

struct devserver_target {
    char *memory;     /* holds all strings */
    const char *path; /* as sent, undecoded, without the query */
    const char *segments[DEVSERVER_SEGMENTS_MAX];
    size_t segment_count;
    struct devserver_parameter query[DEVSERVER_QUERY_MAX];
    size_t query_count;
};

/* Splits and decodes. Returns 0, or -1 for a target that is malformed or too long in parts; *ret is to be cleared after 0. */
int devserver_target_parse(const char *text, struct devserver_target *ret);
void devserver_target_clear(struct devserver_target *target);
/* The parameter's first value, or NULL. */
const char *devserver_target_query(const struct devserver_target *target, const char *name);
/* Kubernetes' reading of a boolean parameter: absent, "", "0" and "false" are false. */
bool devserver_target_flag(const struct devserver_target *target, const char *name);

/* ---- view.c, table.c: the form of what is answered; pure ---- */

enum devserver_view_kind { DEVSERVER_VIEW_OBJECT = 0, DEVSERVER_VIEW_TABLE, DEVSERVER_VIEW_METADATA };
enum devserver_include { DEVSERVER_INCLUDE_METADATA = 0, DEVSERVER_INCLUDE_NONE, DEVSERVER_INCLUDE_OBJECT };

struct devserver_view {
    enum devserver_view_kind kind;
    const char *version;            /* of meta.k8s.io: "v1" or "v1beta1"; static, NULL for OBJECT */
    enum devserver_include include; /* TABLE: what each row carries beside its cells */
};

/* The first form that an Accept header (NULL: none) names and this server has. False when there is none: 406. */
bool devserver_view_parse(const char *accept, struct devserver_view *ret);
/* An object, a list or a Status in that form; a new reference, to the same value where it stays as it is. */
json_t *devserver_view_apply(const struct devserver_view *view, enum store_resource resource, json_t *value, int64_t now_us);
/* The metadata of an object alone, as PartialObjectMetadata. */
json_t *devserver_partial(const json_t *object, const char *version);
/* A Table of an object or of a list's items, with ages as of now_us. */
json_t *devserver_table(enum store_resource resource, const json_t *value, const struct devserver_view *view, int64_t now_us);

/* ---- call.c: what a request asks for ---- */

enum devserver_call_kind { DEVSERVER_CALL_RESOURCE = 0, DEVSERVER_CALL_REVIEW, DEVSERVER_CALL_DOCUMENT };

struct devserver_review;

/* Names as in RBAC rules, watch among them. */
enum devserver_verb {
    DEVSERVER_VERB_GET = 0,
    DEVSERVER_VERB_LIST,
    DEVSERVER_VERB_WATCH,
    DEVSERVER_VERB_CREATE,
    DEVSERVER_VERB_UPDATE,
    DEVSERVER_VERB_PATCH,
    DEVSERVER_VERB_DELETE,
    DEVSERVER_VERB_DELETE_COLLECTION,
    DEVSERVER_VERBS
};

const char *devserver_verb_name(enum devserver_verb verb);

/* Who asked, for fault rules. */
struct devserver_caller {
    char *peer;
    char *user_agent; /* "" when absent */
    char *token;      /* the bearer token; "" when absent */
};

/* A request taken off its connection: it lives as long as somebody holds it, with or without the client. */
struct devserver_call {
    enum devserver_call_kind kind;
    enum devserver_verb verb;
    struct devserver_target target;
    struct devserver_caller caller;
    struct store_request request; /* RESOURCE; strings live in target */
    struct devserver_view view;
    const struct devserver_review *review; /* REVIEW; static */
    bool other_method;                     /* DOCUMENT: asked for with another method than GET */
    json_t *body;
    json_t *refusal; /* a Status that answers the request before the store sees it */
};

/* Reads a request; never NULL. */
struct devserver_call *devserver_call_new(const struct httpd_request *request);
struct devserver_call *devserver_call_free(struct devserver_call *call);

/* ---- options.c: the query as Kubernetes' options; pure ---- */

/* Fills call->request from the query. NULL, or the Status (owned) that answers a query that breaks a rule. */
json_t *devserver_options_read(struct devserver_call *call);
/* The same for `force` on a patch that is no apply. */
json_t *devserver_options_refuse_force(const struct devserver_call *call);

/* ---- openapi.c ---- */

json_t *devserver_openapi_index(void);
/* The document of one group, "" for v1. */
json_t *devserver_openapi_group(const char *group);

/* ---- document.c ---- */

/* Discovery, /version and health: the answer to a path that names no stored resource. A JSON value (owned), or NULL with
 * *ret_text set for a plain text, or NULL with *ret_text NULL when there is no such path. */
json_t *devserver_document(const struct devserver_target *target, const char *version, const char *address, const char **ret_text);

/* Whether such an unknown path is answered in plain text (as the real server does outside of its API groups). */
bool devserver_document_missing(const struct devserver_target *target);

/* ---- faults.c: rules as values; pure ---- */

enum devserver_action {
    DEVSERVER_DELAY = 0,    /* handled after ms; not at all if the client left before */
    DEVSERVER_DELAY_ANSWER, /* handled at once, answered after ms */
    DEVSERVER_REFUSE,       /* answered with code, not handled */
    DEVSERVER_RESET,        /* RST, not handled */
    DEVSERVER_DROP_ANSWER,  /* handled, then closed (or kept open) without an answer */
    DEVSERVER_APPLY_LATE,   /* handled after ms, even when the client left */
    DEVSERVER_HANG,         /* not handled, never answered */
    DEVSERVER_FREEZE,       /* the whole server stands still for ms */
    DEVSERVER_RESTART,      /* everything closed, not listening for ms; the store stays */
    DEVSERVER_COMPACT,      /* watch history forgotten */
    DEVSERVER_REPEAT_WATCH, /* the last `events` changes are told again */
    DEVSERVER_STEP_BACK,    /* the same, further back by default */
    DEVSERVER_MUTE_WATCH,   /* the watch stays open and tells nothing any more */
    DEVSERVER_ACTIONS
};

struct devserver_rule {
    uint64_t id;
    json_t *text; /* as it was sent */
    enum devserver_action action;
    bool now;                                                               /* carried out when posted, not on a request */
    unsigned verbs;                                                         /* bit set of devserver_verb; 0: all */
    const char *resource, *namespace_, *name, *client, *user_agent, *token; /* into text; NULL: any */
    const char *header_name, *header_value;
    int64_t ms;
    int code;
    int64_t retry_after_s; /* -1: none */
    const char *message;
    uint64_t skip;  /* matches let through before */
    uint64_t count; /* matches acted on; 0: all */
    uint64_t seen;
    uint64_t hits;
    size_t events;
    bool keep_open;
};

struct devserver_rules {
    struct devserver_rule *list[DEVSERVER_FAULT_RULES_MAX];
    size_t count;
    uint64_t last_id;
};

/* Reads one rule. NULL with a sentence in error. */
struct devserver_rule *devserver_rule_new(const json_t *text, char *error, size_t error_size);
struct devserver_rule *devserver_rule_free(struct devserver_rule *rule);
json_t *devserver_rule_json(const struct devserver_rule *rule);
/* True when the rule's selectors fit; header may be NULL (then a rule with a header does not fit). */
bool devserver_rule_matches(const struct devserver_rule *rule, const struct devserver_call *call, const char *header);
/* The first rule that acts on this request now, counted; or NULL. */
struct devserver_rule *devserver_rules_take(struct devserver_rules *rules, const struct devserver_call *call,
                                            const struct httpd_request *request);
void devserver_rules_clear(struct devserver_rules *rules, uint64_t id); /* 0: all */

/* ---- review.c ---- */

struct devserver_review {
    const char *group; /* all of v1, none namespaced */
    const char *plural;
    const char *singular;
    const char *kind;
};

/* NULL past the last one. */
const struct devserver_review *devserver_review_at(size_t index);
const struct devserver_review *devserver_review_find(const char *group, const char *version, const char *plural);
/* The answer to a call of kind REVIEW: what was asked with its status, or a Status of failure. Owned by the caller. */
json_t *devserver_review_answer(const struct devserver_rules *rules, const struct devserver_call *call);

/* ---- the server ---- */

struct devserver_held;
struct devserver_stream;

struct devserver {
    struct event_base *base;
    struct httpd *http;
    struct store *store;
    struct devserver_options options;
    char **allow_hosts;
    char *version;
    char address[128];
    char host[64]; /* the address without port */
    unsigned port;
    int listen_fd; /* before the first run, else -1 */
    int stop_fd;
    struct event *stop;
    struct event *thaw;
    struct event *rebirth;
    bool frozen;
    bool down;
    struct devserver_rules rules;
    struct devserver_held *held;
    size_t held_count;
    struct devserver_stream *streams;
    /* The last event as text, since the same one usually goes to many watches. */
    json_t *line_object;
    int line_kind;
    enum devserver_view_kind line_view;
    char *line;
    size_t line_bytes;
    uint64_t stream_count; /* ever opened: spreads the ends of watches */
};

/* Wall clock in microseconds. */
int64_t devserver_now_us(void);

/* answer.c: serves a call (stolen) on c; with c NULL only its effect on the store happens. */
void devserver_serve(struct devserver *d, struct devserver_call *call, struct httpd_connection *c);
/* Decides a call that is no watch. The body is text owned by the caller. */
struct devserver_reply {
    int code;
    const char *content_type;
    char headers[64];
    char *body;
    size_t body_bytes;
};
void devserver_decide(struct devserver *d, const struct devserver_call *call, struct devserver_reply *ret);
void devserver_send(struct httpd_connection *c, const struct devserver_reply *reply);
void devserver_reply_clear(struct devserver_reply *reply);
void devserver_send_status(struct httpd_connection *c, json_t *status); /* stolen */
void devserver_send_json(struct httpd_connection *c, int code, const json_t *value);

/* stream.c: opens a watch for a call (stolen) and keeps it going. */
void devserver_stream_open(struct devserver *d, struct devserver_call *call, struct httpd_connection *c);
/* Sends what the store has to tell. After every change, and after a thaw (all: watches that were not told of too). */
void devserver_stream_pump(struct devserver *d, bool all);
/* A rule's effect on one open watch, or on all that match. */
void devserver_stream_disturb(struct devserver *d, const struct devserver_rule *rule);

/* inject.c: what rules do to requests and to the server. */
void devserver_inject(struct devserver *d, const struct devserver_rule *rule, struct devserver_call *call, struct httpd_connection *c);
void devserver_inject_now(struct devserver *d, const struct devserver_rule *rule);
/* Forgets everything held back. Before the connections are closed. */
void devserver_held_clear(struct devserver *d);
/* admin.c: the fault endpoint. Returns false when the target is none of its paths. */
bool devserver_admin(struct devserver *d, struct httpd_connection *c, const struct httpd_request *request);

/* guard.c, pure: NULL, or why a request with these headers is refused. host: our address without port. */
const char *devserver_guard(const struct httpd_request *request, const char *host, unsigned port, const char *const *allow_hosts);

#endif
