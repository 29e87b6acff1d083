/* What the store's tests share: a store at a fixed time, requests written as one line, answers read by path. */
#ifndef LEASEHOLD_TESTS_STORE_WORLD_H
#define LEASEHOLD_TESTS_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"

#define NOW_US INT64_C(1764000000123456) /* 2025-11-24T16:00:00.123456Z */

struct world {
    struct store *store;
    struct store_answer answer;
    char version[24]; /* of the last object answered */
    char uid[40];
};

static inline void world_open(struct world *w, const struct store_options *options)
{
    memset(w, 0, sizeof *w);
    w->store = store_open(options, NOW_US);
}

static inline void world_close(struct world *w)
{
    store_answer_clear(&w->answer);
    w->store = store_close(w->store);
}

static inline const json_t *at(const json_t *value, const char *path)
{
    char copy[128];
    char *rest = copy;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part; value != NULL && (part = strsep(&rest, ".")) != NULL;)
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(part)) : json_object_get(value, part);
    return value;
}

static inline const char *text_at(const json_t *value, const char *path)
{
    const char *text = json_string_value(at(value, path));
    return text != NULL ? text : "";
}

static inline const char *answer_text(const struct world *w, const char *path)
{
    return text_at(w->answer.body, path);
}

/* Sends the request and keeps the answer; returns its code. */
static inline int send_request(struct world *w, struct store_request r, const char *body)
{
    json_error_t error;
    json_t *value = NULL;
    if (body != NULL) {
        value = json_loads(body, JSON_DECODE_ANY, &error);
        assert_non_null(value);
    }
    r.body = value;
    store_answer_clear(&w->answer);
    store_handle(w->store, &r, NOW_US, &w->answer);
    json_decref(value);
    assert_non_null(w->answer.body);
    if (w->answer.code < 300 && text_at(w->answer.body, "metadata.uid")[0] != '\0') {
        snprintf(w->version, sizeof w->version, "%s", answer_text(w, "metadata.resourceVersion"));
        snprintf(w->uid, sizeof w->uid, "%s", answer_text(w, "metadata.uid"));
    }
    if (w->answer.code >= 400) {
        assert_string_equal(answer_text(w, "kind"), "Status");
        assert_string_equal(answer_text(w, "status"), "Failure");
        assert_int_equal(json_integer_value(at(w->answer.body, "code")), w->answer.code);
    }
    return w->answer.code;
}

#define LEASE(...) ((struct store_request){ .resource = STORE_LEASES, .namespace_ = "default", __VA_ARGS__ })
#define CONFIGMAP(...) ((struct store_request){ .resource = STORE_CONFIGMAPS, .namespace_ = "default", __VA_ARGS__ })
#define POD(...) ((struct store_request){ .resource = STORE_PODS, .namespace_ = "default", __VA_ARGS__ })
#define NAMESPACE(...) ((struct store_request){ .resource = STORE_NAMESPACES, __VA_ARGS__ })

/* A body from a format with %s. */
__attribute__((format(printf, 1, 2))) static inline const char *json(const char *format, ...)
{
    static char texts[4][4096]; /* one call may feed another */
    static unsigned turn;
    char *text = texts[turn++ % 4];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof texts[0], format, arguments);
    va_end(arguments);
    return text;
}

#endif
