#include "io/http_internal.h"

#include <stdio.h>
#include <string.h>

/* What libcurl says about it, without the full stop some of its sentences end with. */
static void http_curl_says(const struct transport_call *call, CURLcode code, char text[CURL_ERROR_SIZE])
{
    snprintf(text, CURL_ERROR_SIZE, "%s", call->error[0] != '\0' ? call->error : curl_easy_strerror(code));
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '.' || text[length - 1] == ' '))
        text[--length] = '\0';
}

static void http_explain_not_sent(struct transport_call *call, CURLcode code, const char *says)
{
    const struct kube_config *config = call->transport->config;
    const char *origin = call->transport->origin;
    char *sentence = call->sentence;
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s: the server's certificate is not trusted (%s): check %s and tls-server-name in %s",
                 origin, says, config->ca.data != NULL ? "the certificate authority" : "that a certificate authority is given",
                 config->source);
        break;
    case CURLE_SSL_CACERT_BADFILE:
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s: the certificate authority of %s cannot be read (%s): check that it is PEM", origin,
                 config->source, says);
        break;
    case CURLE_SSL_CERTPROBLEM:
        snprintf(sentence, HTTP_SENTENCE_MAX,
                 "%s: the client certificate or key of %s cannot be used (%s): check that both are PEM and belong together", origin,
                 config->source, says);
        break;
    case CURLE_SSL_CONNECT_ERROR:
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s: TLS failed (%s): check that %s names an API server that speaks TLS", origin, says,
                 config->source);
        break;
    default:
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s cannot be reached (%s): check the server of %s, and that it runs", origin, says,
                 config->source);
        break;
    }
}

void http_call_explain(struct transport_call *call, CURLcode code)
{
    const char *origin = call->transport->origin;
    char *sentence = call->sentence;
    char says[CURL_ERROR_SIZE];
    http_curl_says(call, code, says);
    double limit_s = (double)call->limit_ns / 1e9;
    if (call->fault == HTTP_FAULT_BODY)
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s: the answer to %s %s is larger than %zu bytes, which no object it is asked for is",
                 origin, call->method, call->path, call->body_max);
    else if (call->fault == HTTP_FAULT_HEADERS)
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s: the answer to %s has more than %d bytes of headers: is this an API server?", origin,
                 call->method, HTTP_HEADERS_MAX);
    else if (call->fault == HTTP_FAULT_MEMORY)
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s: no memory is left for %s and its answer", origin, call->method);
    else if (call->outcome == TRANSPORT_TIMED_OUT)
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s did not answer %s within %.3gs", origin, call->method, limit_s);
    else if (call->outcome == TRANSPORT_NOT_SENT && (call->fault == HTTP_FAULT_LATE || code == CURLE_OPERATION_TIMEDOUT))
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s could not be reached within %.3gs: check the server of %s, and that it runs", origin,
                 limit_s, call->transport->config->source);
    else if (call->outcome == TRANSPORT_NOT_SENT)
        http_explain_not_sent(call, code, says);
    else if (call->open && code == CURLE_OPERATION_TIMEDOUT)
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s: nothing came on the stream for %.3gs", origin, (double)call->idle_ns / 1e9);
    else if (call->headers_size == 0 && call->transport->config->tls && call->transport->config->client_certificate.data == NULL)
        /* In TLS 1.3 a client hears of that only after it has sent its request, if at all. */
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s: the answer to %s broke off (%s): does the server require a client certificate?", origin,
                 call->method, says);
    else
        snprintf(sentence, HTTP_SENTENCE_MAX, "%s: the answer to %s broke off (%s)", origin, call->method, says);
}

enum transport_stage http_call_stage(const struct transport_call *call, CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return TRANSPORT_STAGE_NAME;
    case CURLE_LOGIN_DENIED:
        return TRANSPORT_STAGE_CREDENTIAL;
    case CURLE_COULDNT_CONNECT:
        return TRANSPORT_STAGE_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return call->outcome == TRANSPORT_NOT_SENT ? TRANSPORT_STAGE_CONNECT : TRANSPORT_STAGE_OTHER;
    case CURLE_PEER_FAILED_VERIFICATION:
        return TRANSPORT_STAGE_CERTIFICATE;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR:
        return TRANSPORT_STAGE_TLS;
    default:
        return TRANSPORT_STAGE_OTHER;
    }
}
