/* A getaddrinfo() that sleeps before it answers, to be linked before libc or preloaded: what a resolver with a dead name server
 * does to every caller. Seconds by SLOW_GETADDRINFO_SECONDS, 8 by default. Numeric names are not slowed. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* How often a name was asked for: tests look it up with dlsym(). */
__attribute__((visibility("default"))) atomic_uint slow_getaddrinfo_calls;

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                                                       struct addrinfo **result)
{
    /* A function pointer out of dlsym(), as POSIX has it. */
    union {
        void *data;
        getaddrinfo_fn *function;
    } real = { .data = dlsym(RTLD_NEXT, "getaddrinfo") };
    struct in6_addr address;
    if (node != NULL && inet_pton(AF_INET, node, &address) != 1 && inet_pton(AF_INET6, node, &address) != 1) {
        const char *seconds = getenv("SLOW_GETADDRINFO_SECONDS");
        struct timespec left = { .tv_sec = seconds != NULL ? atoi(seconds) : 8 };
        atomic_fetch_add(&slow_getaddrinfo_calls, 1);
        while (nanosleep(&left, &left) != 0)
            ;
    }
    return real.data != NULL ? real.function(node, service, hints, result) : EAI_SYSTEM;
}
