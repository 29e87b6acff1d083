/* Which proxy leads to the server: what a cluster's proxy-url or the environment says, by Go's rules, which are kubectl's. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

enum { PROXY_TEXT_MAX = 2048, PROXY_SOCKS_PORT = 1080 };

void kube_proxy_clear(struct kube_proxy *proxy)
{
    kube_text_free(proxy->url);
    kube_text_free(proxy->host);
    kube_text_free(proxy->username);
    kube_text_free(proxy->password);
    *proxy = (struct kube_proxy){ 0 };
}

/* ---- the text of one ---- */

static int proxy_hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

/* A name or password with its %XX. NULL where it is none, or no memory is left. */
static char *proxy_decode(const char *text, size_t size)
{
    char *decoded = malloc(size + 1), *end = decoded;
    for (size_t i = 0; decoded != NULL && i < size; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            int high = size - i > 2 ? proxy_hex(text[i + 1]) : -1;
            int low = high >= 0 ? proxy_hex(text[i + 2]) : -1;
            c = low >= 0 ? high * 16 + low : 0;
            i += 2;
        }
        if (c < ' ' || c == 0x7f) {
            *end = '\0';
            return kube_text_free(decoded);
        }
        *end++ = (char)c;
    }
    if (decoded != NULL)
        *end = '\0';
    return decoded;
}

/* "name:password" */
static bool proxy_set_user(struct kube_proxy *proxy, const char *text, size_t size)
{
    const char *colon = memchr(text, ':', size);
    size_t name = colon != NULL ? (size_t)(colon - text) : size;
    proxy->username = proxy_decode(text, name);
    proxy->password = colon != NULL ? proxy_decode(colon + 1, size - name - 1) : strdup("");
    return proxy->username != NULL && proxy->password != NULL;
}

static const struct {
    const char *prefix, *scheme; /* as libcurl calls it: socks5 asks the proxy for names, as in Go */
} proxy_schemes[] = { { "http://", "http" }, { "https://", "https" }, { "socks5://", "socks5h" }, { "socks5h://", "socks5h" } };

/* `text` begins behind the scheme and the user. */
static int proxy_set_server(struct kube_proxy *proxy, const char *scheme, const char *text, const char **ret_reason)
{
    char address[PROXY_TEXT_MAX + 16];
    struct kube_url url;
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    bool socks = scheme[0] == 's', has_port = strchr(bracket != NULL ? bracket : text, ':') != NULL;
    size_t size = strcspn(text, "/");
    if (text[size] != '\0' && text[size + 1] != '\0') {
        *ret_reason = "it must not have a path";
        return LEASEHOLD_ERR_CONFIG;
    }
    snprintf(address, sizeof address, "%s://%.*s", strcmp(scheme, "https") == 0 ? "https" : "http", (int)size, text);
    int error = kube_url_parse(address, &url, ret_reason);
    if (error != 0)
        return error;
    proxy->host = url.host;
    proxy->port = socks && !has_port ? PROXY_SOCKS_PORT : url.port;
    free(url.path_prefix);
    bool ipv6 = strchr(proxy->host, ':') != NULL;
    if (asprintf(&proxy->url, "%s://%s%s%s:%u", scheme, ipv6 ? "[" : "", proxy->host, ipv6 ? "]" : "", (unsigned)proxy->port) >= 0)
        return 0;
    proxy->url = NULL;
    return LEASEHOLD_ERR_MEMORY;
}

int kube_proxy_parse(const char *text, struct kube_proxy *ret, const char **ret_reason)
{
    const char *scheme = NULL;
    for (size_t i = 0; i < sizeof proxy_schemes / sizeof proxy_schemes[0] && scheme == NULL; i++) {
        size_t size = strlen(proxy_schemes[i].prefix);
        if (strncasecmp(text, proxy_schemes[i].prefix, size) == 0) {
            scheme = proxy_schemes[i].scheme;
            text += size;
        }
    }
    *ret_reason = "write http://HOST:PORT, https://… or socks5://…";
    if (scheme == NULL || strlen(text) > PROXY_TEXT_MAX)
        return LEASEHOLD_ERR_CONFIG;
    struct kube_proxy proxy = { 0 };
    const char *at = memrchr(text, '@', strcspn(text, "/"));
    if (at != NULL && !proxy_set_user(&proxy, text, (size_t)(at - text))) {
        kube_proxy_clear(&proxy);
        *ret_reason = "its user or password is not spelled as in a URL (%XX)";
        return LEASEHOLD_ERR_CONFIG;
    }
    int error = proxy_set_server(&proxy, scheme, at != NULL ? at + 1 : text, ret_reason);
    if (error != 0) {
        kube_proxy_clear(&proxy);
        return error;
    }
    *ret = proxy;
    return 0;
}

/* ---- NO_PROXY ---- */

/* An address as 16 bytes, IPv4 mapped into IPv6. */
static bool proxy_address(const char *text, unsigned char ret[16])
{
    memset(ret, 0, 10);
    memset(ret + 10, 0xff, 2);
    return inet_pton(AF_INET, text, ret + 12) == 1 || inet_pton(AF_INET6, text, ret) == 1;
}

static bool proxy_is_loopback(const char *host)
{
    unsigned char a[16];
    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (!proxy_address(host, a))
        return false;
    struct in6_addr six;
    memcpy(&six, a, sizeof six);
    return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && a[12] == 127);
}

/* "10.0.0.0/8" */
static bool proxy_in_network(const char *address, const char *bits_text, const char *host)
{
    unsigned char network[16], a[16];
    char *end;
    if (!proxy_address(address, network) || !proxy_address(host, a) || (strchr(address, ':') != NULL) != (strchr(host, ':') != NULL))
        return false;
    bool four = strchr(address, ':') == NULL;
    unsigned long bits = strtoul(bits_text, &end, 10);
    if (bits_text[0] < '0' || bits_text[0] > '9' || *end != '\0' || bits > (four ? 32 : 128))
        return false;
    bits += four ? 96 : 0;
    for (unsigned long i = 0; i < bits; i++)
        if (((network[i / 8] ^ a[i / 8]) >> (7 - i % 8)) & 1)
            return false;
    return true;
}

/* One entry: NAME, .NAME, *.NAME, ADDRESS, each also with :PORT; NETWORK/BITS; "*". `entry` is taken apart. */
static bool proxy_matches(char *entry, const char *host, uint16_t port)
{
    unsigned char one[16], other[16];
    if (strcmp(entry, "*") == 0)
        return true;
    char *slash = strchr(entry, '/');
    if (slash != NULL) {
        *slash = '\0';
        return proxy_in_network(entry, slash + 1, host);
    }
    char *colon = strrchr(entry, ':'), *bracket = strrchr(entry, ']');
    if (colon != NULL && (strchr(entry, ':') == colon || (bracket != NULL && colon == bracket + 1))) {
        if (colon[1] != '\0' && strtoul(colon + 1, NULL, 10) != port)
            return false;
        *colon = '\0';
    }
    if (entry[0] == '[' && bracket != NULL) {
        *bracket = '\0';
        entry++;
    }
    if (proxy_address(entry, one))
        return proxy_address(host, other) && memcmp(one, other, sizeof one) == 0;
    entry += strncmp(entry, "*.", 2) == 0;
    size_t size = strlen(entry), host_size = strlen(host);
    if (size == 0 || host_size < size || strcasecmp(host + host_size - size, entry) != 0)
        return false;
    return entry[0] == '.' ? host_size > size : host_size == size || host[host_size - size - 1] == '.';
}

bool kube_proxy_is_bypassed(const char *list, const char *host, uint16_t port)
{
    if (proxy_is_loopback(host))
        return true;
    for (size_t size; list != NULL && *list != '\0'; list += size + (list[size] == ',')) {
        char entry[PROXY_TEXT_MAX];
        size = strcspn(list, ",");
        size_t start = strspn(list, " \t"), end = size;
        while (end > start && (list[end - 1] == ' ' || list[end - 1] == '\t'))
            end--;
        if (start >= end || end - start >= sizeof entry)
            continue;
        memcpy(entry, list + start, end - start);
        entry[end - start] = '\0';
        if (proxy_matches(entry, host, port))
            return true;
    }
    return false;
}

/* ---- the environment ---- */

static const char *proxy_variable(const struct kube_options *options, const char *upper, const char *lower, const char **ret_name)
{
    const char *value = kube_environment(options, upper);
    *ret_name = value != NULL ? upper : lower;
    return value != NULL ? value : kube_environment(options, lower);
}

int kube_proxy_of_environment(struct kube_config *c, const struct kube_options *options, char sentence[KUBE_SENTENCE_MAX])
{
    const char *name, *ignored, *reason = "";
    if (!c->tls && kube_environment(options, "REQUEST_METHOD") != NULL)
        return 0;
    const char *text =
        c->tls ? proxy_variable(options, "HTTPS_PROXY", "https_proxy", &name) : proxy_variable(options, "HTTP_PROXY", "http_proxy", &name);
    if (text == NULL || kube_proxy_is_bypassed(proxy_variable(options, "NO_PROXY", "no_proxy", &ignored), c->host, c->port))
        return 0;
    char *whole = NULL;
    if (asprintf(&whole, "%s%s", strstr(text, "://") != NULL ? "" : "http://", text) < 0)
        return kube_fail_memory(sentence);
    int error = kube_proxy_parse(whole, &c->proxy, &reason);
    kube_text_free(whole);
    if (error == LEASEHOLD_ERR_MEMORY)
        return kube_fail_memory(sentence);
    if (error != 0)
        return kube_fail(sentence, error, "the proxy of %s, \"%.*s\", cannot be used: %s", name,
                         KUBE_SHOW(strchr(text, '@') != NULL ? "…@…" : text), reason);
    return 0;
}
