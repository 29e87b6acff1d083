/* Browsers must not reach this server: a page sends Origin, and a name bound to 127.0.0.1 by somebody else's DNS arrives in Host.
 * Pure. */
#include "devserver/internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Splits "host", "host:port", "[v6]:port". Returns 0, or -1 when it is none of these. *ret_port is 80 without a port. */
static int split_host(const char *text, char *ret_host, size_t size, unsigned long *ret_port)
{
    const char *end;
    const char *start = text;

    if (text[0] == '[') {
        start = text + 1;
        end = strchr(start, ']');
        if (end == NULL)
            return -1;
        text = end + 1;
    } else {
        end = start + strcspn(start, ":");
        text = end;
    }
    if ((size_t)(end - start) >= size || end == start)
        return -1;
    memcpy(ret_host, start, (size_t)(end - start));
    ret_host[end - start] = '\0';
    *ret_port = 80;
    if (*text == '\0')
        return 0;
    if (*text != ':' || text[1] == '\0' || strlen(text + 1) > 5 || strspn(text + 1, "0123456789") != strlen(text + 1))
        return -1;
    *ret_port = strtoul(text + 1, NULL, 10);
    return 0;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (strcasecmp(host, "localhost") == 0 || strcasecmp(host, "localhost.") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_address(const char *host)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool is_listed(const char *host, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++)
        if (strcasecmp(host, *list) == 0)
            return true;
    return false;
}

const char *devserver_guard(const struct httpd_request *request, const char *host, unsigned port, const char *const *allow_hosts)
{
    char name[256];
    unsigned long named_port;
    const char *given = httpd_header_value(request, "Host");
    size_t hosts = 0;

    for (size_t i = 0; i < request->header_count; i++)
        hosts += strcasecmp(request->headers[i].name, "Host") == 0 ? 1 : 0;
    if (httpd_header_value(request, "Origin") != NULL)
        return "a request with an Origin header comes from a web page, and pages are not served";
    if (hosts != 1)
        return "the request needs one Host header";
    if (is_listed(given, allow_hosts))
        return NULL;
    if (split_host(given, name, sizeof name, &named_port) < 0 || named_port != port)
        return "the Host header does not name this server's port; use its printed URL, or allow the name with --allow-host";
    if (is_listed(name, allow_hosts))
        return NULL;
    /* Beyond loopback only literal addresses are safe: no DNS stands behind them. */
    if (is_loopback(name) || (!is_loopback(host) && is_address(name)))
        return NULL;
    return "the Host header names no loopback address; use the server's printed URL, or allow the name with --allow-host";
}
