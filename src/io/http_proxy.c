#include <stdio.h>
#include <string.h>

#include "io/http_internal.h"

#define HTTP_SET(option, ...) (code = code != CURLE_OK ? code : curl_easy_setopt(call->easy, option, __VA_ARGS__))

/* A proxy that speaks TLS is trusted as the server is, as in Go. */
static CURLcode http_proxy_set_tls(struct transport_call *call)
{
    const struct http_transport *transport = call->transport;
    const struct kube_config *config = transport->config;
    CURLcode code = CURLE_OK;
    HTTP_SET(CURLOPT_PROXY_SSL_VERIFYPEER, config->insecure_skip_tls_verify ? 0L : 1L);
    HTTP_SET(CURLOPT_PROXY_SSL_VERIFYHOST, config->insecure_skip_tls_verify ? 0L : 2L);
    HTTP_SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (config->ca.data == NULL)
        return code;
    HTTP_SET(CURLOPT_PROXY_CAPATH, NULL);
    HTTP_SET(CURLOPT_PROXY_CAINFO, NULL);
#if LIBCURL_VERSION_NUM >= 0x074d00
    if (!transport->by_files) {
        struct curl_blob blob = { config->ca.data, config->ca.size, CURL_BLOB_NOCOPY }; /* the configuration outlives the call */
        HTTP_SET(CURLOPT_PROXY_CAINFO_BLOB, &blob);
        return code;
    }
#endif
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", transport->ca_fd);
    HTTP_SET(CURLOPT_PROXY_CAINFO, path);
    return code;
}

CURLcode http_proxy_set(struct transport_call *call)
{
    const struct kube_proxy *proxy = &call->transport->config->proxy;
    CURLcode code = CURLE_OK;
    HTTP_SET(CURLOPT_PROXY, proxy->url != NULL ? proxy->url : "");
    HTTP_SET(CURLOPT_NOPROXY, ""); /* what the environment says is src/kube's to judge */
    if (proxy->url == NULL)
        return code;
    HTTP_SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* the proxy's 200 is no answer */
    HTTP_SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    if (proxy->username != NULL) {
        HTTP_SET(CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
        HTTP_SET(CURLOPT_PROXYUSERNAME, proxy->username);
        HTTP_SET(CURLOPT_PROXYPASSWORD, proxy->password);
    }
    return strncmp(proxy->url, "https:", 6) == 0 && code == CURLE_OK ? http_proxy_set_tls(call) : code;
}
