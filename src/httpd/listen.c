/* The listening socket: an address as text to a descriptor. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd/httpd.h"

/* Splits "127.0.0.1:8080" or "[::1]:8080" into an address. Only literal addresses and localhost: no resolver is asked. */
static int parse_listen(const char *text, struct sockaddr_storage *ret, socklen_t *ret_size, char *error, size_t error_size)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    bool bracketed = text[0] == '[' && colon != NULL && colon > text + 1 && colon[-1] == ']';
    const char *start = bracketed ? text + 1 : text;
    size_t length = colon != NULL ? (size_t)(colon - start) - (bracketed ? 1 : 0) : 0;

    if (colon == NULL || length == 0 || length >= sizeof host || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || colon[1] == '\0' || strtoul(colon + 1, NULL, 10) > 65535)
        goto malformed;
    memcpy(host, start, length);
    host[length] = '\0';
    if (getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, colon + 1, &hints, &found) != 0)
        goto malformed;
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    *ret_size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;

malformed:
    snprintf(error, error_size,
             "the address to listen on is \"%.64s\", which cannot be read: write ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:0", text);
    return -1;
}

static int bind_socket(const struct sockaddr_storage *address, socklen_t size, int backlog)
{
    int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)address, size) == 0 && listen(fd, backlog) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int httpd_socket(const char *text, int backlog, char *error, size_t error_size)
{
    struct sockaddr_storage address;
    socklen_t size = 0;
    if (parse_listen(text, &address, &size, error, error_size) < 0)
        return -1;
    int fd = bind_socket(&address, size, backlog);
    if (fd < 0)
        snprintf(error, error_size, "cannot listen on %.64s: %m; choose another address, port 0 takes any free one", text);
    return fd;
}
