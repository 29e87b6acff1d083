/* `leasehold resign` and `transfer`: ask the holder of a lock to hand it over, and wait until that is so. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/text.h"
#include "wire/dialect.h"
#include "wire/handover.h"
#include "wire/request.h"
#include "wire/status.h"

enum { FLAG_TIMEOUT, FLAG_TO, FLAGS };
enum { PATIENCE_S = 60 };
#define LOOK_NS INT64_C(100000000)

static const struct flag resign_flags[] = {
    [FLAG_TIMEOUT] = { "timeout", 0, "DURATION", "how long to wait for the handover [60s]" },
};

static const struct flag transfer_flags[FLAGS] = {
    [FLAG_TIMEOUT] = { "timeout", 0, "DURATION", "how long to wait for the handover [60s]" },
    [FLAG_TO] = { "to", 0, "IDENTITY", "who is to lead: an identity, or the name of its Pod" },
};

struct asking {
    const char *command, *group;
    struct handover request; /* token 0: not known yet */
    char holder[256];
    int64_t until_ns;
};

/* ---- the request -------------------------------------------------------------------------------------------------- */

static int explain(const struct asking *k, const struct dialect *d, const struct api *api, const struct api_answer *answer)
{
    struct status status = { 0 };
    bool told = answer->status != 0 && status_parse(answer->body, answer->size, &status) == 0;
    if (answer->status == 0)
        text_complain(k->command, "%s", answer->sentence);
    else if (answer->status == 403)
        text_complain(
            k->command,
            "the API server forbids to patch %s in namespace %s: add a rule to the Role: apiGroups: [\"%s\"], resources: [\"%s\"], "
            "verbs: [\"patch\"] (it says: %.200s)",
            d->resource, api_namespace(api), d->api_group, d->resource, told ? status.message : "nothing");
    else
        text_complain(k->command, "the server answered %d to the request: %.300s", answer->status, told ? status.message : "no reason");
    return EXIT_FAILED;
}

/* Writes the request beside the record. */
static int ask(const struct asking *k, const struct arguments *a, const leasehold_group *g)
{
    const struct dialect *d = dialect_find(leasehold_group_lock(g));
    char sentence[KUBE_SENTENCE_MAX], path[REQUEST_PATH_MAX];
    struct api *api = NULL;
    struct api_answer answer;
    char *text = handover_format(&k->request);
    json_t *patch = text ? d->handover_patch(k->group, text) : NULL;
    char *body = patch ? json_dumps(patch, JSON_COMPACT) : NULL;
    int code = EXIT_FAILED;
    if (!body) {
        text_complain(k->command, "out of memory");
    } else if (api_open(a, &api, sentence) < 0) {
        text_complain(k->command, "%s", sentence);
    } else if (request_lock_path(d, leasehold_group_namespace(g), leasehold_group_lock_name(g), path, sizeof path) < 0) {
        text_complain(k->command, "the name of the lock is too long");
    } else {
        api_request(api, "PATCH", path, "application/merge-patch+json", body, k->until_ns - session_now_ns(), &answer);
        code = answer.status == 200 ? EXIT_OK : explain(k, d, api, &answer);
        api_answer_clear(&answer);
    }
    api_close(api);
    free(body);
    json_decref(patch);
    free(text);
    return code;
}

/* ---- before and after --------------------------------------------------------------------------------------------- */

/* Who leads in which term: from the record, which says the term with the first renewal. -1: go on waiting; else an exit code. */
static int look(struct asking *k, const leasehold_group *g)
{
    struct leasehold_record r = { .size = sizeof r };
    char leader[256] = "";
    if (leasehold_group_record(g, &r) != 1)
        return -1;
    leasehold_group_leader(g, leader, sizeof leader);
    if (r.state == LEASEHOLD_RECORD_ABSENT) {
        text_complain(k->command, "there is no lock %s/%s in namespace %s", leasehold_group_lock(g), leasehold_group_lock_name(g),
                      leasehold_group_namespace(g));
        return EXIT_NO_LOCK;
    }
    if (r.state != LEASEHOLD_RECORD_HELD || !leader[0]) {
        text_complain(k->command, "nobody leads %s, so there is nothing to hand over", k->group);
        return EXIT_NO_LEADER;
    }
    memcpy(k->holder, r.holder, sizeof k->holder);
    k->request.token = strtoull(r.token, NULL, 10);
    return k->request.token ? EXIT_OK : -1;
}

/* Goes on for a moment: a renewal, which is looked for, too, is no event. Returns -1 to go on, 0 when the time is over, or an exit code. */
static int go_on(const struct asking *k, struct session *s, const leasehold_event **ret)
{
    int64_t moment = session_now_ns() + LOOK_NS;
    int result = session_next(s, moment < k->until_ns ? moment : k->until_ns, ret);
    if (result < 0)
        return EXIT_FAILED;
    if (result == 0 && s->signalled)
        return 128 + s->signalled;
    return result == 1 || session_now_ns() < k->until_ns ? -1 : 0;
}

static int await_term(struct asking *k, struct session *s, const leasehold_group *g)
{
    for (;;) {
        const leasehold_event *e = NULL;
        int code = look(k, g);
        if (code >= 0)
            return code;
        int result = go_on(k, s, &e);
        if (result > 0)
            return result;
        if (e && leasehold_event_kind(e) == LEASEHOLD_EVENT_WARNING && !k->holder[0]) {
            text_complain(k->command, "%s", leasehold_event_text(e));
            return EXIT_FAILED;
        }
        if (result == 0 && k->holder[0])
            text_complain(k->command, "%s, who leads %s, is no Leasehold that could be asked: end it by its own means", k->holder,
                          k->group);
        else if (result == 0)
            text_complain(k->command, "the server did not answer within the time given (--timeout)");
        if (result == 0)
            return EXIT_FAILED;
    }
}

/* Until somebody leads in another term. */
static int await_handover(const struct asking *k, struct session *s, const leasehold_group *g)
{
    for (;;) {
        const leasehold_event *e = NULL;
        char leader[256] = "";
        struct leasehold_record r = { .size = sizeof r };
        leasehold_group_leader(g, leader, sizeof leader);
        leasehold_group_record(g, &r);
        bool same = strcmp(leader, k->holder) == 0 && (!r.token[0] || strtoull(r.token, NULL, 10) == k->request.token);
        if (leader[0] && !same) {
            puts(leader);
            bool as_asked = !k->request.to[0] || handover_is_to(&k->request, leader);
            if (!as_asked)
                text_complain(k->command, "%s leads now, and not %s: is that a candidate of %s?", leader, k->request.to, k->group);
            return as_asked ? EXIT_OK : EXIT_FAILED;
        }
        int result = go_on(k, s, &e);
        if (result > 0)
            return result;
        if (result == 0) {
            text_complain(k->command, "%s %s within the time given (--timeout)", leader[0] ? leader : "nobody",
                          leader[0] ? "still leads" : "took the lock");
            return EXIT_FAILED;
        }
    }
}

static int hand_over(struct asking *k, struct session *s, const struct arguments *a)
{
    leasehold_group *g = NULL;
    if (leasehold_group_open(&g, s->service, k->group, LEASEHOLD_OBSERVER, NULL) < 0) {
        char sentence[SETTING_SENTENCE_MAX];
        leasehold_service_error(s->service, sentence, sizeof sentence);
        text_complain(k->command, "%s", sentence);
        return EXIT_USAGE;
    }
    int code = await_term(k, s, g);
    if (code == EXIT_OK && k->request.to[0] && handover_is_to(&k->request, k->holder)) {
        puts(k->holder); /* it leads already */
    } else if (code == EXIT_OK) {
        code = ask(k, a, g);
        if (code == EXIT_OK)
            code = await_handover(k, s, g);
    }
    leasehold_group_unref(g);
    return code;
}

static int run(const char *name, const struct flag *flags, size_t flags_count, int argc, char **argv)
{
    const struct command *command = command_find(name);
    struct arguments a;
    struct asking k = { .command = name };
    int64_t timeout_ns = PATIENCE_S * INT64_C(1000000000);
    int code;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_OBSERVER, flags, flags_count, argc, argv, &a, &code))
        return code;
    const char *to = flags_count > FLAG_TO ? a.values[FLAG_TO] : "";
    int level = LEASEHOLD_LOG_ERROR + a.verbose;
    struct session s;
    leasehold_options_set_log(a.options, events_log, &level);
    code = EXIT_USAGE;
    if (a.operands_count != 1 || a.rest || !to || (flags_count > FLAG_TO && !to[0]) || strlen(to) > LEASEHOLD_IDENTITY_MAX) {
        text_complain(name, "wants one GROUP%s; usage: leasehold %s", flags_count > FLAG_TO ? " and --to" : "", command->usage);
    } else if (!a.values[FLAG_TIMEOUT] || flags_duration(name, "timeout", a.values[FLAG_TIMEOUT], &timeout_ns)) {
        code = EXIT_FAILED;
        k.group = a.operands[0];
        k.until_ns = session_now_ns() + timeout_ns;
        snprintf(k.request.to, sizeof k.request.to, "%s", to);
        if (session_open(&s, name, a.options) == 0) {
            code = hand_over(&k, &s, &a);
            session_close(&s);
        }
    }
    flags_free(&a);
    return code;
}

int cli_resign(int argc, char **argv)
{
    return run("resign", resign_flags, sizeof resign_flags / sizeof *resign_flags, argc, argv);
}

int cli_transfer(int argc, char **argv)
{
    return run("transfer", transfer_flags, FLAGS, argc, argv);
}
