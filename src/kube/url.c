#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

enum { KUBE_HOST_MAX = 253, KUBE_PREFIX_MAX = 1024 };

bool kube_host_good(const char *host)
{
    struct in6_addr address;
    if (strchr(host, ':') != NULL)
        return inet_pton(AF_INET6, host, &address) == 1;
    size_t size = strlen(host);
    if (size == 0 || size > KUBE_HOST_MAX || host[0] == '.' || host[0] == '-')
        return false;
    for (const char *c = host; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!letter && *c != '-' && *c != '.' && *c != '_')
            return false;
        if (*c == '.' && c[1] == '.')
            return false;
    }
    return true;
}

/* ":8443" or "". Returns false where it is neither. */
static bool url_parse_port(const char *text, size_t size, bool tls, uint16_t *ret_port)
{
    unsigned port = 0;
    if (size == 0) {
        *ret_port = tls ? 443 : 80;
        return true;
    }
    if (text[0] != ':' || size < 2 || size > 6)
        return false;
    for (size_t i = 1; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    if (port == 0 || port > 65535)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static const char *url_check_path(const char *path)
{
    if (strlen(path) > KUBE_PREFIX_MAX)
        return "its path is too long";
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '?' || *c == '#')
            return "it must not have a query or a fragment";
        if (*c < '!' || *c > '~')
            return "it must not hold spaces or characters that are not ASCII";
    }
    return NULL;
}

int kube_url_parse(const char *text, struct kube_url *ret, const char **ret_reason)
{
    struct kube_url url = { 0 };
    if (strncasecmp(text, "https://", 8) == 0) {
        url.tls = true;
        text += 8;
    } else if (strncasecmp(text, "http://", 7) == 0) {
        text += 7;
    } else {
        *ret_reason = "write https://HOST:PORT";
        return LEASEHOLD_ERR_CONFIG;
    }
    size_t authority = strcspn(text, "/?#");
    const char *path = text + authority;
    size_t path_size = strlen(path);
    while (path_size > 0 && path[path_size - 1] == '/')
        path_size--;
    const char *bad_path = url_check_path(path);
    if (bad_path != NULL || memchr(text, '@', authority) != NULL) {
        *ret_reason = bad_path != NULL ? bad_path : "it must not hold a user: give credentials under users";
        return LEASEHOLD_ERR_CONFIG;
    }
    bool bracket = text[0] == '[';
    size_t host = strcspn(text, bracket ? "]/?#" : ":/?#");
    size_t after = bracket ? host + 1 : host; /* where the port starts */
    bool good = !bracket || text[host] == ']';
    good = good && url_parse_port(text + after, authority - after, url.tls, &url.port);
    url.host = good ? strndup(text + bracket, host - bracket) : NULL;
    url.path_prefix = good ? strndup(path, path_size) : NULL;
    if (good && (url.host == NULL || url.path_prefix == NULL)) {
        kube_url_free(&url);
        return LEASEHOLD_ERR_MEMORY;
    }
    if (!good || !kube_host_good(url.host) || bracket != (strchr(url.host, ':') != NULL)) {
        kube_url_free(&url);
        *ret_reason = "write https://HOST:PORT, an IPv6 address in brackets";
        return LEASEHOLD_ERR_CONFIG;
    }
    *ret = url;
    return 0;
}

void kube_url_free(struct kube_url *url)
{
    free(url->host);
    free(url->path_prefix);
    *url = (struct kube_url){ 0 };
}
