#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "probe/internal.h"
#include "probe/metrics.h"

#define JSON_TYPE "application/json"
#define EVENTS_TYPE "text/event-stream"
#define TEXT_TYPE "text/plain; charset=utf-8"
/* What a scraper asks for, and the older versions understand. */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* ---- answers ------------------------------------------------------------------------------------------------------ */

static void reply(struct httpd_connection *c, int code, const char *type, const char *body, size_t size)
{
    httpd_reply(c, code, type, NULL, body, size);
}

static void reply_text(struct httpd_connection *c, int code, const char *text)
{
    reply(c, code, TEXT_TYPE, text, strlen(text));
}

/* Takes the object. */
static void reply_json(struct httpd_connection *c, int code, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text)
        reply(c, code, JSON_TYPE, text, strlen(text));
    else
        reply_text(c, 500, "out of memory\n");
    free(text);
}

/* Bytes that are no UTF-8 cannot stand in JSON; "" becomes null. */
static json_t *text_or_null(const char *text)
{
    json_t *value = *text ? json_string(text) : NULL;
    return value ? value : json_null();
}

/* ---- /leader, / --------------------------------------------------------------------------------------------------- */

static json_t *describe(const leasehold_group *g, bool *ret_leads)
{
    char leader[256] = "", address[64] = "";
    struct leasehold_term term = { .size = sizeof term };
    struct leasehold_record record = { .size = sizeof record };
    *ret_leads = leasehold_group_term(g, &term) == 1;
    leasehold_group_leader(g, leader, sizeof leader);
    leasehold_group_leader_address(g, address, sizeof address);
    leasehold_group_record(g, &record);
    const char *token = *ret_leads ? term.token : leader[0] && strcmp(record.holder, leader) == 0 ? record.token : "";
    return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "group", leasehold_group_name(g), "identity", leasehold_group_identity(g),
                     "leading", *ret_leads, "holder", text_or_null(leader), "address", text_or_null(address), "fencing_token",
                     text_or_null(token), "lock_uid", text_or_null(*ret_leads ? term.lock_uid : record.lock_uid));
}

/* The group of ?group=NAME, the first without; NULL: there is none of this name. Names need no escaping in a query. */
static leasehold_group *chosen(const struct probe *p, const char *query)
{
    static const char key[] = "group=";
    if (!query || !*query)
        return p->groups[0];
    for (size_t i = 0; strncmp(query, key, sizeof key - 1) == 0 && i < p->group_count; i++)
        if (strcmp(query + sizeof key - 1, leasehold_group_name(p->groups[i])) == 0)
            return p->groups[i];
    return NULL;
}

static void answer_leader(struct probe *p, struct httpd_connection *c, const char *query)
{
    leasehold_group *g = chosen(p, query);
    bool leads = false;
    if (!g)
        reply_text(c, 404, "there is no such group here; write ?group=NAME\n");
    else {
        json_t *object = describe(g, &leads);
        reply_json(c, leads ? 200 : 503, object);
    }
}

static void answer_root(struct probe *p, struct httpd_connection *c, const char *query)
{
    char leader[256] = "";
    (void)query;
    leasehold_group_leader(p->groups[0], leader, sizeof leader);
    reply_json(c, 200, json_pack("{s:s?}", "name", leader));
}

/* ---- /livez, /readyz ---------------------------------------------------------------------------------------------- */

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec;
}

static void forget_waiter(void *user)
{
    struct probe_waiter *w = user;
    struct probe_waiter **at = &w->probe->waiters;
    while (*at != w)
        at = &(*at)->next_waiter;
    *at = w->next_waiter;
    free(w);
}

static void answer_livez(struct probe *p, struct httpd_connection *c, const char *query)
{
    struct probe_waiter *w = calloc(1, sizeof *w);
    uint64_t one = 1;
    (void)query;
    if (!w) {
        reply_text(c, 503, "out of memory\n");
        return;
    }
    pthread_mutex_lock(&p->lock);
    *w = (struct probe_waiter){ .probe = p, .connection = c, .question = ++p->asked, .next_waiter = p->waiters };
    pthread_mutex_unlock(&p->lock);
    p->waiters = w;
    w->until_s = now_s() + PROBE_PATIENCE_S;
    httpd_expect(c, forget_waiter, NULL, w);
    (void)!write(p->ask_fd, &one, sizeof one);
    probe_schedule(p);
}

void probe_serve_waiters(struct probe *p)
{
    pthread_mutex_lock(&p->lock);
    uint64_t turned = p->turned;
    pthread_mutex_unlock(&p->lock);
    for (struct probe_waiter *w = p->waiters, *next; w; w = next) {
        next = w->next_waiter;
        bool alive = w->question <= turned;
        if (!alive && now_s() < w->until_s)
            continue;
        struct httpd_connection *c = w->connection;
        httpd_expect(c, NULL, NULL, NULL);
        forget_waiter(w);
        if (alive)
            reply_text(c, 200, "ok\n");
        else
            reply_text(c, 503, "the loop of the election has not turned for 5 seconds\n");
    }
}

static void answer_readyz(struct probe *p, struct httpd_connection *c, const char *query)
{
    (void)query;
    for (size_t i = 0; i < p->group_count; i++) {
        struct leasehold_record record = { .size = sizeof record };
        if (leasehold_group_record(p->groups[i], &record) != 1) {
            reply_text(c, 503, "the lock has not been read yet\n");
            return;
        }
    }
    reply_text(c, 200, "ok\n");
}

/* ---- /metrics ----------------------------------------------------------------------------------------------------- */

static void answer_metrics(struct probe *p, struct httpd_connection *c, const char *query)
{
    struct metrics_row *rows = calloc(p->group_count, sizeof *rows);
    char *text = NULL;
    size_t size = 0;
    FILE *to = rows ? open_memstream(&text, &size) : NULL;
    (void)query;
    for (size_t i = 0; to && i < p->group_count; i++) {
        char leader[256] = "";
        rows[i].group = leasehold_group_name(p->groups[i]);
        rows[i].leading = leasehold_group_is_leading(p->groups[i]);
        rows[i].knows_leader = leasehold_group_leader(p->groups[i], leader, sizeof leader) > 0;
        rows[i].figures.size = sizeof rows[i].figures;
        leasehold_group_statistics(p->groups[i], &rows[i].figures);
    }
    if (to)
        metrics_write(to, rows, p->group_count, LEASEHOLD_VERSION_STRING);
    if (to && fclose(to) == 0)
        reply(c, 200, METRICS_TYPE, text, size);
    else
        reply_text(c, 503, "out of memory\n");
    free(text);
    free(rows);
}

/* ---- /events ------------------------------------------------------------------------------------------------------ */

static void forget_reader(void *user)
{
    struct probe_reader *r = user;
    struct probe_reader **at = &r->probe->readers;
    while (*at != r)
        at = &(*at)->next_reader;
    *at = r->next_reader;
    free(r);
}

/* Who leads at the moment, of every group. */
static void tell_present(struct probe *p, struct httpd_connection *c)
{
    for (size_t i = 0; i < p->group_count; i++) {
        bool leads;
        json_t *object = describe(p->groups[i], &leads);
        char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
        char *line = NULL;
        int size = text ? asprintf(&line, "event: present\ndata: %s\n\n", text) : -1;
        if (size > 0)
            httpd_chunk(c, line, (size_t)size);
        free(size > 0 ? line : NULL);
        free(text);
        json_decref(object);
    }
}

static void answer_events(struct probe *p, struct httpd_connection *c, const char *query)
{
    struct probe_reader *r = calloc(1, sizeof *r);
    (void)query;
    if (!r) {
        reply_text(c, 503, "out of memory\n");
        return;
    }
    pthread_mutex_lock(&p->lock);
    *r = (struct probe_reader){ .probe = p, .connection = c, .next = p->line_count, .next_reader = p->readers };
    pthread_mutex_unlock(&p->lock);
    p->readers = r;
    httpd_expect(c, forget_reader, NULL, r);
    httpd_stream(c, EVENTS_TYPE);
    tell_present(p, c);
    probe_schedule(p);
}

/* Under the lock. Returns false for who is too far behind. */
static bool send_lines(struct probe *p, struct probe_reader *r)
{
    enum { BACKLOG_BYTES_MAX = 256 * 1024 };
    if (p->line_count - r->next > PROBE_LINES_MAX || httpd_backlog(r->connection) > BACKLOG_BYTES_MAX)
        return false;
    for (; r->next < p->line_count; r->next++) {
        const struct probe_line *line = &p->lines[r->next % PROBE_LINES_MAX];
        httpd_chunk(r->connection, line->text, line->size);
    }
    return true;
}

void probe_serve_readers(struct probe *p)
{
    for (struct probe_reader *r = p->readers, *next; r; r = next) {
        next = r->next_reader;
        pthread_mutex_lock(&p->lock);
        bool keeps_up = send_lines(p, r);
        pthread_mutex_unlock(&p->lock);
        if (!keeps_up) {
            /* It connects again, and is told the present first. */
            struct httpd_connection *c = r->connection;
            forget_reader(r);
            httpd_abort(c, true);
        }
    }
}

void probe_keep_alive(struct probe *p)
{
    static const char comment[] = ":\n\n";
    for (struct probe_reader *r = p->readers; r; r = r->next_reader)
        httpd_chunk(r->connection, comment, sizeof comment - 1);
}

/* ---- paths -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *path;
    void (*answer)(struct probe *p, struct httpd_connection *c, const char *query);
} endpoints[] = {
    { "/", answer_root },       { "/events", answer_events },   { "/healthz", answer_livez }, { "/leader", answer_leader },
    { "/livez", answer_livez }, { "/metrics", answer_metrics }, { "/readyz", answer_readyz },
};

void probe_answer(void *user, struct httpd_connection *c, const struct httpd_request *request)
{
    const char *query = strchr(request->target, '?');
    size_t length = query ? (size_t)(query - request->target) : strlen(request->target);
    bool head = strcmp(request->method, "HEAD") == 0;
    if (strcmp(request->method, "GET") != 0 && !head) {
        httpd_reply(c, 405, TEXT_TYPE, "Allow: GET, HEAD\r\n", "only GET and HEAD\n", strlen("only GET and HEAD\n"));
        return;
    }
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        if (strlen(endpoints[i].path) == length && memcmp(endpoints[i].path, request->target, length) == 0) {
            if (head && endpoints[i].answer == answer_events)
                reply(c, 200, EVENTS_TYPE, "", 0);
            else
                endpoints[i].answer(user, c, query ? query + 1 : NULL);
            return;
        }
    }
    reply_text(c, 404, "here are /livez, /readyz, /leader, /events, /metrics and /\n");
}
