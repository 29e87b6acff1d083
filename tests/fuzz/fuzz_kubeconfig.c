/* A kubeconfig: any bytes are read or refused, with one sentence of one line; what is read has a server and a context, and its
 * fields are taken apart without surprises. */
#include "fuzz.h"
#include "kube/internal.h"
#include "kube/kubeconfig.h"
#include "leasehold/errors.h"

static void check_url(const char *text)
{
    struct kube_url url;
    const char *reason = NULL;
    int result = kube_url_parse(text, &url, &reason);
    MUST(result == 0 || (result == LEASEHOLD_ERR_CONFIG && reason && reason[0]));
    if (result != 0)
        return;
    MUST(url.port > 0 && kube_host_good(url.host));
    MUST(url.path_prefix[0] == 0 || url.path_prefix[0] == '/');
    MUST(strpbrk(url.path_prefix, " ?#\r\n") == NULL);
    kube_url_free(&url);
}

static void check_proxy(const char *text)
{
    struct kube_proxy proxy;
    const char *reason = NULL;
    if (text == NULL || kube_proxy_parse(text, &proxy, &reason) != 0)
        return;
    MUST(proxy.url && proxy.port > 0 && kube_host_good(proxy.host) && !proxy.username == !proxy.password);
    (void)kube_proxy_is_bypassed(text, proxy.host, proxy.port);
    kube_proxy_clear(&proxy);
}

static void check_data(const char *text)
{
    struct kube_bytes bytes;
    int result = text ? kube_base64_decode(text, strlen(text), &bytes) : -1;
    MUST(result == 0 || result == LEASEHOLD_ERR_ARGUMENT || !text);
    if (result != 0)
        return;
    MUST(bytes.size <= strlen(text) / 4 * 3 + 3 && bytes.data[bytes.size] == 0);
    kube_bytes_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct kubeconfig_choice choices[] = { { NULL, NULL, NULL }, { "x", NULL, NULL }, { "x", "c", "u" } };
    char *text = fuzz_text(data, size);
    /* Alone; and as two files, where "\n---" parts it. */
    const char *parting = memmem(text, size, "\n---", 4);
    size_t half = parting ? (size_t)(parting - text) + 1 : size / 2;
    for (unsigned i = 0; i < 4; i++) {
        char sentence[KUBE_SENTENCE_MAX] = "";
        struct kubeconfig k = { 0 };
        const struct kubeconfig_source sources[] = { { "FILE1", text, half }, { "FILE2", text + half, size - half } };
        const struct kubeconfig_source whole = { "FILE", text, size };
        int result = kubeconfig_parse("FILES", i < 3 ? &whole : sources, i < 3 ? 1 : 2, &choices[i % 3], &k, sentence);
        if (result != 0) {
            MUST(result == LEASEHOLD_ERR_CONFIG || result == LEASEHOLD_ERR_UNSUPPORTED);
            MUST(strncmp(sentence, "FILE", 4) == 0 && strlen(sentence) > 8 && strpbrk(sentence, "\n\r\x1b") == NULL);
            MUST(k.server == NULL);
            continue;
        }
        MUST(sentence[0] == 0 && k.context && k.cluster && k.server && k.server[0]);
        check_url(k.server);
        check_proxy(k.proxy_url);
        check_data(k.ca_data);
        check_data(k.certificate_data);
        check_data(k.key_data);
        if (k.token)
            (void)kube_token_good(k.token);
        kubeconfig_clear(&k);
        MUST(k.server == NULL);
    }
    check_url(text);
    check_proxy(text);
    (void)kube_proxy_is_bypassed(text, "api.example", 443);
    (void)kube_proxy_is_bypassed(text, "10.0.0.1", 443);
    check_data(text);
    free(text);
    return 0;
}
