#include "cli/api.h"

#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "io/http.h"
#include "io/loop.h"
#include "library/connection.h"

enum { API_BODY_MAX = 64 << 20 };

struct api {
    struct kube_config *config;
    struct loop *loop;
    struct http_transport *http;
    const char *namespace_;
};

struct exchange {
    bool answered;
    struct api_answer *answer;
};

struct api *api_close(struct api *api)
{
    if (!api)
        return NULL;
    http_transport_free(api->http);
    loop_free(api->loop);
    kube_config_free(api->config);
    free(api);
    return NULL;
}

int api_open(const struct arguments *a, struct api **ret, char sentence[KUBE_SENTENCE_MAX])
{
    struct kube_options options = connection_options(a->options);
    const char *agent = options_value(a->options, SETTING_USER_AGENT), *named = options_value(a->options, SETTING_NAMESPACE);
    struct http_options http = { .user_agent = agent[0] ? agent : NULL, .tell_certificate = true };
    struct api *api = calloc(1, sizeof *api);
    snprintf(sentence, KUBE_SENTENCE_MAX, "out of memory");
    if (!api)
        return -1;
    int error = kube_config_load(&options, &api->config, sentence);
    if (error == 0 && (loop_new(&api->loop) < 0 || http_transport_new(api->loop, api->config, &http, &api->http) < 0)) {
        snprintf(sentence, KUBE_SENTENCE_MAX, "cannot start: %m");
        error = -1;
    }
    if (error < 0) {
        api_close(api);
        return -1;
    }
    /* A program that says who we are may take longer than a request, above all if it asks a person. */
    while (http_transport_asks_plugin(api->http) && loop_wait(api->loop, LEASEHOLD_NEVER) >= 0 && loop_dispatch(api->loop) == 0)
        ;
    api->namespace_ = named[0] ? named : api->config->namespace_name;
    *ret = api;
    return 0;
}

const char *api_namespace(const struct api *api)
{
    return api->namespace_;
}

const struct kube_config *api_config(const struct api *api)
{
    return api->config;
}

static void on_answer(void *user, const struct transport_answer *answer)
{
    struct exchange *x = user;
    x->answered = true;
    x->answer->status = answer->outcome == TRANSPORT_ANSWERED ? answer->status : 0;
    snprintf(x->answer->sentence, sizeof x->answer->sentence, "%s", answer->sentence);
    x->answer->stage = answer->stage;
    x->answer->date_us = answer->date_us;
    x->answer->certificate_us = answer->certificate_us;
    free(x->answer->body);
    x->answer->body = strndup(answer->body, answer->body_size);
    x->answer->size = answer->body_size;
}

void api_request(struct api *api, const char *method, const char *path, const char *content_type, const char *body, int64_t timeout_ns,
                 struct api_answer *ret)
{
    static const struct transport_handler handler = { .on_answer = on_answer };
    struct transport t = http_transport_interface(api->http);
    struct transport_request request = { .method = method,
                                         .path = path,
                                         .content_type = content_type,
                                         .body = body,
                                         .body_size = body ? strlen(body) : 0,
                                         .body_max = API_BODY_MAX,
                                         .limit_ns = timeout_ns,
                                         .priority = TRANSPORT_PRIORITY_OTHER };
    *ret = (struct api_answer){ .status = 0 };
    struct exchange x = { .answer = ret };
    struct transport_call *call;
    int error = t.operations->start(t.data, &request, &handler, &x, &call);
    while (error == 0 && !x.answered) {
        error = loop_wait(api->loop, LEASEHOLD_NEVER);
        if (error >= 0)
            error = loop_dispatch(api->loop);
    }
    if (error < 0)
        snprintf(ret->sentence, sizeof ret->sentence, "%s", leasehold_strerror(error));
    if (!ret->body)
        ret->body = calloc(1, 1);
    if (!ret->body)
        *ret = (struct api_answer){ .sentence = "out of memory" };
}

void api_answer_clear(struct api_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}
