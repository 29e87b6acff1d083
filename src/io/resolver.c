#include "io/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leasehold/errors.h"

enum { RESOLVER_STACK = 512 << 10 }; /* eight megabytes by default, which a process with locked memory would pay for */

/* What the asking thread and the resolver share. Whoever lets go last frees it; the thread may outlive everything else. */
struct resolver_question {
    pthread_mutex_t mutex;
    unsigned holders;
    bool answered;
    int done_fd; /* eventfd: the answer is there */
    unsigned max;
    char addresses[RESOLVER_TEXT_MAX];
    char sentence[RESOLVER_SENTENCE_MAX];
    char name[]; /* NUL-terminated */
};

struct resolver {
    struct loop *loop;
    char *name;
    unsigned max;
    resolver_fn *fn;
    void *user;
    struct resolver_question *question; /* NULL: nothing is being asked */
    struct loop_watch *watch;
    int64_t asked_ns;
    bool suspect;
    char addresses[RESOLVER_TEXT_MAX];
    char sentence[RESOLVER_SENTENCE_MAX];
};

static void question_release(struct resolver_question *question)
{
    pthread_mutex_lock(&question->mutex);
    bool last = --question->holders == 0;
    pthread_mutex_unlock(&question->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&question->mutex);
    close(question->done_fd);
    free(question);
}

static struct resolver_question *question_new(const char *name, unsigned max)
{
    size_t size = strlen(name) + 1;
    struct resolver_question *question = calloc(1, sizeof(*question) + size);
    if (question == NULL)
        return NULL;
    question->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (question->done_fd < 0 || pthread_mutex_init(&question->mutex, NULL) != 0) {
        if (question->done_fd >= 0)
            close(question->done_fd);
        free(question);
        return NULL;
    }
    question->holders = 1;
    question->max = max;
    memcpy(question->name, name, size);
    return question;
}

/* Numeric forms of the list, without repeats, link-local ones left out (they would need a zone). */
static void question_write(const struct addrinfo *list, unsigned max, char text[RESOLVER_TEXT_MAX])
{
    size_t used = 0;
    unsigned count = 0;
    for (const struct addrinfo *a = list; a != NULL && count < max; a = a->ai_next) {
        char host[NI_MAXHOST];
        if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0 || strchr(host, '%') != NULL)
            continue;
        size_t length = strlen(host);
        if (used + length + 2 > RESOLVER_TEXT_MAX)
            return;
        char *repeat = used > 0 ? strstr(text, host) : NULL;
        if (repeat != NULL && (repeat == text || repeat[-1] == ',') && (repeat[length] == ',' || repeat[length] == '\0'))
            continue;
        if (used > 0)
            text[used++] = ',';
        memcpy(text + used, host, length + 1);
        used += length;
        count++;
    }
}

static void *question_thread(void *argument)
{
    struct resolver_question *question = argument;
    char addresses[RESOLVER_TEXT_MAX] = "", sentence[RESOLVER_SENTENCE_MAX] = "";
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    int error = getaddrinfo(question->name, NULL, &hints, &list);
    if (error == 0) {
        question_write(list, question->max, addresses);
        freeaddrinfo(list);
    }
    if (addresses[0] == '\0')
        snprintf(sentence, sizeof(sentence), "%s", error != 0 ? gai_strerror(error) : "no usable address");

    pthread_mutex_lock(&question->mutex);
    memcpy(question->addresses, addresses, sizeof(addresses));
    memcpy(question->sentence, sentence, sizeof(sentence));
    question->answered = true;
    pthread_mutex_unlock(&question->mutex);
    uint64_t one = 1;
    (void)!write(question->done_fd, &one, sizeof(one)); /* an empty counter takes one */
    question_release(question);
    return NULL;
}

/* Starts the thread with every signal blocked: they are for the host's threads. Returns 0 or an errno. */
static int question_start(struct resolver_question *question)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, RESOLVER_STACK);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    question->holders++;
    pthread_t thread;
    error = pthread_create(&thread, &attributes, question_thread, question);
    if (error != 0)
        question->holders--;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

int resolver_new(struct loop *loop, const char *name, unsigned max, resolver_fn *fn, void *user, struct resolver **ret_resolver)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    char *copy = strdup(name);
    if (resolver == NULL || copy == NULL) {
        free(resolver);
        free(copy);
        return LEASEHOLD_ERR_MEMORY;
    }
    *resolver = (struct resolver){ .loop = loop, .name = copy, .max = max, .fn = fn, .user = user };
    *ret_resolver = resolver;
    return 0;
}

static void resolver_forget_question(struct resolver *resolver)
{
    resolver->watch = loop_watch_free(resolver->loop, resolver->watch);
    if (resolver->question != NULL)
        question_release(resolver->question);
    resolver->question = NULL;
}

struct resolver *resolver_free(struct resolver *resolver)
{
    if (resolver == NULL)
        return NULL;
    resolver_forget_question(resolver);
    free(resolver->name);
    free(resolver);
    return NULL;
}

static void resolver_on_done(void *user, uint32_t events, leasehold_time now)
{
    struct resolver *resolver = user;
    struct resolver_question *question = resolver->question;
    (void)events;
    (void)now;
    pthread_mutex_lock(&question->mutex);
    bool answered = question->answered;
    if (answered) {
        /* A failure leaves the last good addresses in service. */
        if (question->addresses[0] != '\0') {
            memcpy(resolver->addresses, question->addresses, sizeof(resolver->addresses));
            resolver->suspect = false;
        } else {
            resolver->suspect = true;
        }
        memcpy(resolver->sentence, question->sentence, sizeof(resolver->sentence));
    }
    pthread_mutex_unlock(&question->mutex);
    if (!answered)
        return;
    resolver_forget_question(resolver);
    resolver->fn(resolver->user);
}

void resolver_refresh(struct resolver *resolver, leasehold_time now)
{
    if (resolver->question != NULL)
        return;
    /* Without any address every request waits for an answer, so the resolver's own pace is the limit. */
    if (resolver->addresses[0] != '\0') {
        int64_t age = now.boot_ns - resolver->asked_ns;
        if (age < (resolver->suspect ? RESOLVER_RETRY_NS : RESOLVER_AGE_NS))
            return;
    }
    resolver->asked_ns = now.boot_ns;
    resolver->question = question_new(resolver->name, resolver->max);
    int error = resolver->question == NULL ? ENOMEM : 0;
    if (error == 0 &&
        loop_watch_new(resolver->loop, resolver->question->done_fd, EPOLLIN, resolver_on_done, resolver, &resolver->watch) != 0)
        error = errno;
    if (error == 0)
        error = question_start(resolver->question);
    if (error != 0) {
        /* No thread, no memory: told like a name that does not resolve, and tried again like one. */
        char text[128];
        snprintf(resolver->sentence, sizeof(resolver->sentence), "%s", strerror_r(error, text, sizeof(text)));
        resolver->suspect = true;
        resolver_forget_question(resolver);
    }
}

void resolver_suspect(struct resolver *resolver)
{
    resolver->suspect = true;
}

const char *resolver_addresses(const struct resolver *resolver)
{
    return resolver->addresses[0] != '\0' ? resolver->addresses : NULL;
}

const char *resolver_sentence(const struct resolver *resolver)
{
    return resolver->question == NULL ? resolver->sentence : "";
}
