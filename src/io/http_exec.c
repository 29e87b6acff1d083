/* Requests whose credential a program has to be asked for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/http_internal.h"
#include "io/http_tls.h"
#include "io/plugin.h"
#include "kube/credential.h"
#include "leasehold/errors.h"

/* How long a program may take; and one that may ask a person. */
#define HTTP_EXEC_LIMIT_NS INT64_C(60000000000)
#define HTTP_EXEC_INTERACTIVE_LIMIT_NS INT64_C(600000000000)

struct http_exec {
    struct http_transport *transport;
    const struct kube_exec *exec;
    bool interactive;
    struct kube_credential credential;
    struct plugin *plugin;            /* the last run; NULL: none yet */
    char sentence[HTTP_SENTENCE_MAX]; /* why the last run failed */
};

static void http_exec_say(struct http_exec *x, const char *what, const char *more)
{
    snprintf(x->sentence, sizeof(x->sentence), "the credential plugin %.200s of %.160s %s%.400s", x->exec->command, x->exec->owner, what,
             more);
    for (char *c = x->sentence; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

/* Why there is no output to judge; false where there is some. */
static bool http_exec_ended_badly(struct http_exec *x, const struct plugin_result *result)
{
    char what[160];
    const char *complaint = result->complaint[0] != '\0' ? result->complaint : "it said nothing on stderr";
    int64_t limit_ns = x->interactive ? HTTP_EXEC_INTERACTIVE_LIMIT_NS : HTTP_EXEC_LIMIT_NS;
    switch (result->end) {
    case PLUGIN_REAPED:
        return false;
    case PLUGIN_EXITED:
        if (result->code == 0)
            return false;
        snprintf(what, sizeof(what), "ended with exit code %d: ", result->code);
        break;
    case PLUGIN_KILLED:
        snprintf(what, sizeof(what), "was killed by signal %d: ", result->code);
        break;
    case PLUGIN_TOO_LONG:
        snprintf(what, sizeof(what), "gave no answer within %d s, and was killed: ", (int)(limit_ns / 1000000000));
        break;
    case PLUGIN_TOO_MUCH:
        snprintf(what, sizeof(what), "printed more than %d bytes, and was killed: ", KUBE_EXEC_OUTPUT_MAX);
        break;
    }
    http_exec_say(x, what, complaint);
    return true;
}

/* Connections that were made with another certificate are of no use. */
static int http_exec_take(struct http_exec *x, struct kube_exec_answer *answer, leasehold_time now)
{
    struct kube_bytes *old = &x->credential.answer.certificate, *new = &answer->certificate;
    bool same = old->size == new->size && (old->size == 0 || memcmp(old->data, new->data, old->size) == 0);
    int error = same ? 0 : http_tls_replace(x->transport, new, &answer->key);
    if (error != 0)
        return error;
    kube_credential_came(&x->credential, answer, now.boot_ns, now.wall_ns / 1000);
    for (unsigned i = 0; i < HTTP_POOLS && !same; i++)
        http_pool_distrust(&x->transport->pools[i]);
    return 0;
}

static void http_exec_on_result(void *user, const struct plugin_result *result, leasehold_time now)
{
    struct http_exec *x = user;
    struct kube_exec_answer answer = { 0 };
    char reason[KUBE_EXEC_REASON_MAX] = "no memory is left";
    x->sentence[0] = '\0';
    int error = 0;
    if (!http_exec_ended_badly(x, result)) {
        error = kube_exec_answer_parse(x->exec->api_version, result->output, result->size, &answer, reason);
        if (error == 0)
            error = http_exec_take(x, &answer, now);
        if (error != 0)
            http_exec_say(x, "printed what cannot be used: ", reason);
        kube_exec_answer_clear(&answer);
    }
    if (x->sentence[0] != '\0')
        kube_credential_failed(&x->credential);
    http_pump_soon(x->transport);
}

static void http_exec_explain_start(struct http_exec *x, int error_number)
{
    char text[128];
    const char *hint = x->exec->install_hint != NULL ? x->exec->install_hint : "install it, or name it by its path";
    if (error_number == ENOENT && strchr(x->exec->command, '/') == NULL)
        http_exec_say(x, "is in no folder of PATH: ", hint);
    else if (error_number == ENOENT)
        http_exec_say(x, "does not exist: ", hint);
    else
        http_exec_say(x, "cannot be started: ", strerror_r(error_number, text, sizeof(text)));
}

/* Starts the program if that is due. */
static void http_exec_run(struct http_exec *x, leasehold_time now)
{
    if (!kube_credential_is_due(&x->credential, now.boot_ns))
        return;
    kube_credential_began(&x->credential, now.boot_ns);
    x->plugin = plugin_free(x->plugin); /* its end was told before */
    char *info = kube_exec_info(x->exec, x->interactive);
    const struct plugin_command command = {
        .command = x->exec->command,
        .arguments = x->exec->arguments,
        .environment = x->exec->environment,
        .more = info,
        .interactive = x->interactive,
        .output_max = KUBE_EXEC_OUTPUT_MAX,
        .limit_ns = x->interactive ? HTTP_EXEC_INTERACTIVE_LIMIT_NS : HTTP_EXEC_LIMIT_NS,
    };
    bool nobody = x->exec->mode == KUBE_EXEC_ALWAYS && !x->interactive;
    int error = info != NULL ? 0 : LEASEHOLD_ERR_MEMORY;
    if (error == 0 && !nobody)
        error = plugin_start(x->transport->loop, &command, http_exec_on_result, x, &x->plugin);
    int error_number = error == LEASEHOLD_ERR_MEMORY ? ENOMEM : errno;
    free(info);
    if (error == 0 && !nobody)
        return;
    if (nobody)
        http_exec_say(x, "wants to ask (interactiveMode: Always), and ", "a service with a thread of its own has nobody to ask");
    else
        http_exec_explain_start(x, error_number);
    kube_credential_failed(&x->credential);
}

/* ---- for the transport ---- */

int http_exec_new(struct http_transport *transport, struct http_exec **ret)
{
    struct http_exec *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return LEASEHOLD_ERR_MEMORY;
    x->transport = transport;
    x->exec = transport->config->exec;
    x->interactive = x->exec->interactive;
    *ret = x;
    return 0;
}

struct http_exec *http_exec_free(struct http_exec *x)
{
    if (x == NULL)
        return NULL;
    plugin_free(x->plugin);
    kube_credential_clear(&x->credential);
    free(x);
    return NULL;
}

enum kube_credential_state http_exec_admit(struct transport_call *call, leasehold_time now)
{
    struct http_exec *x = call->transport->exec;
    if (x == NULL)
        return KUBE_CREDENTIAL_READY;
    http_exec_run(x, now);
    enum kube_credential_state state = kube_credential_state(&x->credential, now.boot_ns);
    /* Back after a 401, and the credential is still the one that was refused: the program had no other. */
    if (state == KUBE_CREDENTIAL_READY && call->retried && call->generation == x->credential.generation)
        state = KUBE_CREDENTIAL_NONE;
    if (state == KUBE_CREDENTIAL_NONE)
        snprintf(call->sentence, sizeof(call->sentence), "%s%.900s",
                 call->retried ? "the server does not take the credential any more (401), and " : "", x->sentence);
    if (state == KUBE_CREDENTIAL_READY)
        call->generation = x->credential.generation;
    return state;
}

bool http_exec_refused(const struct transport_call *call, leasehold_time now)
{
    struct http_exec *x = call->transport->exec;
    return kube_credential_refused(&x->credential, call->generation, now.boot_ns);
}

void http_exec_explain_wait(struct transport_call *call)
{
    const struct http_exec *x = call->transport->exec;
    if (x != NULL && x->credential.running)
        snprintf(call->sentence, sizeof(call->sentence),
                 "the credential plugin %.200s of %.160s has not answered within %.3gs, and is waited for", x->exec->command,
                 x->exec->owner, (double)call->limit_ns / 1e9);
}

const struct kube_exec_answer *http_exec_answer(const struct http_transport *transport)
{
    return transport->exec != NULL ? &transport->exec->credential.answer : NULL;
}

/* ---- for whoever owns the transport ---- */

bool http_transport_asks_plugin(struct http_transport *transport)
{
    struct http_exec *x = transport->exec;
    leasehold_time now = clock_now();
    if (x == NULL)
        return false;
    if (!x->credential.asked)
        http_exec_run(x, now);
    return x->credential.running && kube_credential_state(&x->credential, now.boot_ns) == KUBE_CREDENTIAL_WAIT;
}

void http_transport_ask_nobody(struct http_transport *transport)
{
    if (transport->exec != NULL)
        transport->exec->interactive = false;
}
