#include "wire/mark.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "wire/object.h"
#include "wire/times.h"

enum { NONCE_DIGITS = 16 };

static bool read_nonce(const char *text, uint64_t *ret)
{
    uint64_t value = 0;
    if (!text || strlen(text) != NONCE_DIGITS)
        return false;
    for (; *text; text++) {
        char c = *text;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return false;
        value = value << 4 | (unsigned)digit;
    }
    *ret = value;
    return value != 0;
}

/* Written as text, because half of the world's JSON readers round numbers above 2^53; read as a number, too. */
static bool read_token(const json_t *token, uint64_t *ret)
{
    if (!token)
        return true;
    if (json_is_integer(token) && json_integer_value(token) > 0) {
        *ret = (uint64_t)json_integer_value(token);
        return true;
    }
    const char *text = object_text(token);
    return text && object_resource_version_parse(text, ret) == 0;
}

/* Every field but the token must be there and of its type: a mark read in part would say something nobody wrote. */
static bool read_fields(const json_t *json, const char *holder, struct record_mark *ret)
{
    const char *named = object_text(json_object_get(json, "holder"));
    const json_t *transitions = json_object_get(json, "transitions"), *duration = json_object_get(json, "leaseDurationMs");
    const json_t *released = json_object_get(json, "released");
    if (!named || !json_is_integer(transitions) || !json_is_integer(duration) || !json_is_boolean(released))
        return false;
    if (json_integer_value(transitions) < 0 || json_integer_value(transitions) > INT32_MAX || json_integer_value(duration) <= 0)
        return false;
    if (!read_token(json_object_get(json, "token"), &ret->token) || !read_nonce(object_text(json_object_get(json, "nonce")), &ret->nonce))
        return false;
    ret->present = true;
    ret->names_holder = *holder && strcmp(named, holder) == 0;
    ret->released = json_is_true(released);
    ret->transitions = (int32_t)json_integer_value(transitions);
    ret->duration_ms = json_integer_value(duration);
    return true;
}

static int64_t read_acquired(const json_t *json)
{
    const char *text = object_text(json_object_get(json, "acquired"));
    int64_t us = 0;
    return text && times_parse(text, &us) == 0 ? us : 0;
}

void mark_parse(const char *text, const char *holder, struct record_mark *ret, int64_t *ret_acquired_us)
{
    *ret = (struct record_mark){ 0 };
    if (ret_acquired_us)
        *ret_acquired_us = 0;
    size_t size = strlen(text);
    json_t *json = NULL;
    struct record_mark mark = { 0 };
    if (size > MARK_SIZE_MAX || object_parse(text, size, &json) < 0)
        return;
    if (read_fields(json, holder, &mark))
        *ret = mark;
    if (mark.present && ret_acquired_us)
        *ret_acquired_us = read_acquired(json);
    json_decref(json);
}

char *mark_format(const struct record_mark *mark, const char *holder, int64_t acquired_us)
{
    char nonce[NONCE_DIGITS + 1], token[24], acquired[TIMES_MICRO_SIZE];
    times_format(acquired_us, acquired);
    snprintf(nonce, sizeof nonce, "%016" PRIx64, mark->nonce);
    snprintf(token, sizeof token, "%" PRIu64, mark->token);
    json_t *json = json_pack("{s:s, s:s, s:i, s:I, s:b}", "holder", holder, "nonce", nonce, "transitions", (int)mark->transitions,
                             "leaseDurationMs", (json_int_t)mark->duration_ms, "released", mark->released);
    if (!json)
        return NULL;
    char *text = NULL;
    if ((mark->token == 0 || json_object_set_new(json, "token", json_string(token)) == 0) &&
        (acquired_us == 0 || json_object_set_new(json, "acquired", json_string(acquired)) == 0))
        text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}
