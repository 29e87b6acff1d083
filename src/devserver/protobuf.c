/* Protobuf's wire format, read along the tables of protobuf_tables.c. */
#include "devserver/protobuf.h"

#include "election/bug.h"
#include "wire/times.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

enum { KEY_BYTES_MAX = 4096, TIME_SECONDS_BYTES = 19 };

static const char content_type[] = "application/vnd.kubernetes.protobuf";

struct span {
    const unsigned char *at;
    const unsigned char *end;
};

struct decoding {
    char *error;
    size_t error_size;
    size_t values;
};

/* One field as it is on the wire. */
struct item {
    uint64_t number;
    unsigned wire;
    uint64_t varint;
    struct span bytes;
};

__attribute__((format(printf, 2, 3))) static int fail(struct decoding *d, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(d->error, d->error_size, format, arguments);
    va_end(arguments);
    return -1;
}

static json_t *must(json_t *value)
{
    BUG_UNLESS(value != NULL);
    return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
    BUG_UNLESS(json_object_set_new(object, key, must(value)) == 0);
}

static size_t length(struct span s)
{
    return (size_t)(s.end - s.at);
}

/* ---- the wire ----------------------------------------------------------------------------------------------------- */

static int read_varint(struct decoding *d, struct span *s, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (s->at == s->end)
            return fail(d, "the protobuf body ends in the middle of a number");
        unsigned byte = *s->at++;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret = value;
            return 0;
        }
    }
    return fail(d, "the protobuf body has a number of more than 64 bits");
}

static int read_item(struct decoding *d, const char *message, struct span *s, struct item *ret)
{
    uint64_t tag = 0, size = 0;

    if (++d->values > PROTOBUF_VALUES_MAX)
        return fail(d, "the protobuf body has more than %d fields: send fewer at once", (int)PROTOBUF_VALUES_MAX);
    if (read_varint(d, s, &tag) < 0)
        return -1;
    *ret = (struct item){ .number = tag >> 3, .wire = (unsigned)(tag & 7) };
    if (ret->wire == WIRE_VARINT)
        return read_varint(d, s, &ret->varint);
    if (ret->wire == WIRE_BYTES) {
        if (read_varint(d, s, &size) < 0)
            return -1;
        if (size > length(*s))
            return fail(d, "field %llu of protobuf message %s says it has %llu bytes, but %zu are left", (unsigned long long)ret->number,
                        message, (unsigned long long)size, length(*s));
        ret->bytes = (struct span){ s->at, s->at + size };
        s->at += size;
        return 0;
    }
    return fail(d, "field %llu of protobuf message %s has wire type %u, which no field of Kubernetes has", (unsigned long long)ret->number,
                message, ret->wire);
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

/* Text as JSON can carry it: UTF-8 without NUL. NULL with an error otherwise. */
static json_t *read_text(struct decoding *d, const char *where, struct span s)
{
    if (memchr(s.at, '\0', length(s)) != NULL) {
        fail(d, "protobuf field %s holds a zero byte: text must be without", where);
        return NULL;
    }
    json_t *text = json_stringn((const char *)s.at, length(s));
    if (text == NULL)
        fail(d, "protobuf field %s is not valid UTF-8", where);
    return text;
}

static json_t *read_base64(struct span s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    size_t bytes = length(s), used = 0;
    char *text = malloc((bytes + 2) / 3 * 4 + 1);
    BUG_UNLESS(text != NULL);

    for (size_t i = 0; i < bytes; i += 3) {
        unsigned long group = (unsigned long)s.at[i] << 16;
        if (i + 1 < bytes)
            group |= (unsigned long)s.at[i + 1] << 8;
        if (i + 2 < bytes)
            group |= s.at[i + 2];
        text[used++] = digits[group >> 18];
        text[used++] = digits[group >> 12 & 63];
        text[used++] = digits[i + 1 < bytes ? group >> 6 & 63 : 64];
        text[used++] = digits[i + 2 < bytes ? group & 63 : 64];
    }
    json_t *value = must(json_stringn(text, used));
    free(text);
    return value;
}

/* Seconds and nanoseconds. No bytes at all is Go's zero time: *ret NULL. */
static int read_time(struct decoding *d, const char *where, struct span s, bool micro, json_t **ret)
{
    int64_t seconds = 0, nanoseconds = 0;
    char text[TIMES_MICRO_SIZE];
    struct item item;

    *ret = NULL;
    if (length(s) == 0)
        return 0;
    while (s.at < s.end) {
        if (read_item(d, "Timestamp", &s, &item) < 0)
            return -1;
        if (item.wire != WIRE_VARINT || item.number < 1 || item.number > 2)
            return fail(d, "protobuf message Timestamp in %s has a field %llu that this server does not know", where,
                        (unsigned long long)item.number);
        if (item.number == 1)
            seconds = (int64_t)item.varint;
        else
            nanoseconds = (int64_t)item.varint;
    }
    if (seconds < TIMES_LEAST_US / 1000000 || seconds > TIMES_MOST_US / 1000000 || nanoseconds < 0 || nanoseconds > 999999999)
        return fail(d, "protobuf field %s is no time of the years 1 to 9999: %lld s and %lld ns", where, (long long)seconds,
                    (long long)nanoseconds);
    times_format(seconds * 1000000 + (micro ? nanoseconds / 1000 : 0), text);
    if (!micro)
        memcpy(text + TIME_SECONDS_BYTES, "Z", 2);
    *ret = must(json_string(text));
    return 0;
}

/* FieldsV1: one bytes field that holds JSON. */
static int read_raw_json(struct decoding *d, const char *where, struct span s, json_t **ret)
{
    struct item item = { .number = 0 };

    *ret = NULL;
    while (s.at < s.end) {
        if (read_item(d, "FieldsV1", &s, &item) < 0)
            return -1;
        if (item.number != 1 || item.wire != WIRE_BYTES)
            return fail(d, "protobuf message FieldsV1 in %s has a field %llu that this server does not know", where,
                        (unsigned long long)item.number);
    }
    if (item.number == 0 || length(item.bytes) == 0)
        return 0;
    *ret = json_loadb((const char *)item.bytes.at, length(item.bytes), JSON_DECODE_ANY, NULL);
    return *ret != NULL ? 0 : fail(d, "protobuf field %s holds no JSON", where);
}

/* One entry of a map: key 1, value 2; what is left out is empty. */
static int read_entry(struct decoding *d, const char *where, struct span s, bool bytes, json_t *map)
{
    static const unsigned char none[1];
    struct span parts[2] = { { none, none }, { none, none } };
    char key[KEY_BYTES_MAX + 1];
    struct item item;

    while (s.at < s.end) {
        if (read_item(d, where, &s, &item) < 0)
            return -1;
        if (item.wire != WIRE_BYTES || item.number < 1 || item.number > 2)
            return fail(d, "an entry of protobuf map %s has a field %llu that this server does not know", where,
                        (unsigned long long)item.number);
        parts[item.number - 1] = item.bytes;
    }
    if (length(parts[0]) > KEY_BYTES_MAX)
        return fail(d, "a key of protobuf map %s has %zu bytes: at most %d are read", where, length(parts[0]), (int)KEY_BYTES_MAX);
    json_t *checked = read_text(d, where, parts[0]);
    if (checked == NULL)
        return -1;
    json_decref(checked);
    memcpy(key, parts[0].at, length(parts[0]));
    key[length(parts[0])] = '\0';
    json_t *value = bytes ? read_base64(parts[1]) : read_text(d, where, parts[1]);
    if (value == NULL)
        return -1;
    set(map, key, value);
    return 0;
}

static int read_number(struct decoding *d, const struct protobuf_field *f, const char *where, uint64_t varint, json_t **ret)
{
    int64_t value = (int64_t)varint;

    if (f->type == PROTOBUF_INT32 && (value < INT32_MIN || value > INT32_MAX))
        return fail(d, "protobuf field %s is %lld, which is no number of 32 bits", where, (long long)value);
    if (f->type == PROTOBUF_BOOLEAN) {
        if (varint > 1)
            return fail(d, "protobuf field %s is %llu: a boolean is 0 or 1", where, (unsigned long long)varint);
        *ret = varint == 1 || f->pointer ? must(json_boolean(varint == 1)) : NULL;
        return 0;
    }
    *ret = value != 0 || f->pointer ? must(json_integer(value)) : NULL;
    return 0;
}

/* ---- messages ----------------------------------------------------------------------------------------------------- */

static int read_message(struct decoding *d, const struct protobuf_message *m, struct span s, json_t *into);

/* A member that comes twice goes on in the same object or map, as protobuf has it. */
static json_t *object_member(json_t *into, const char *name)
{
    if (json_object_get(into, name) == NULL)
        set(into, name, json_object());
    return json_object_get(into, name);
}

static int read_element(struct decoding *d, const struct protobuf_field *f, const char *where, const struct item *item, json_t *into)
{
    if (json_object_get(into, f->name) == NULL)
        set(into, f->name, json_array());
    json_t *list = json_object_get(into, f->name);
    json_t *element = f->type == PROTOBUF_TEXT ? read_text(d, where, item->bytes) : must(json_object());
    if (element == NULL)
        return -1;
    BUG_UNLESS(json_array_append_new(list, element) == 0);
    return f->type == PROTOBUF_TEXT ? 0 : read_message(d, f->message, item->bytes, element);
}

/* A value of its own; *ret NULL for the zero that JSON leaves out. */
static int read_single(struct decoding *d, const struct protobuf_field *f, const char *where, const struct item *item, json_t **ret)
{
    switch (f->type) {
    case PROTOBUF_TIME:
    case PROTOBUF_MICRO_TIME:
        return read_time(d, where, item->bytes, f->type == PROTOBUF_MICRO_TIME, ret);
    case PROTOBUF_RAW_JSON:
        return read_raw_json(d, where, item->bytes, ret);
    case PROTOBUF_TEXT:
        *ret = NULL;
        if (length(item->bytes) == 0 && !f->pointer)
            return 0;
        *ret = read_text(d, where, item->bytes);
        return *ret != NULL ? 0 : -1;
    case PROTOBUF_INT32:
    case PROTOBUF_INT64:
    case PROTOBUF_BOOLEAN:
    case PROTOBUF_MESSAGE:
    case PROTOBUF_TEXT_MAP:
    case PROTOBUF_BYTES_MAP:
        break;
    }
    return read_number(d, f, where, item->varint, ret);
}

static int read_field(struct decoding *d, const struct protobuf_message *m, const struct protobuf_field *f, const struct item *item,
                      json_t *into)
{
    char where[128];
    json_t *value;
    bool number = f->type == PROTOBUF_INT32 || f->type == PROTOBUF_INT64 || f->type == PROTOBUF_BOOLEAN;

    snprintf(where, sizeof where, "%s.%s", m->name, f->name);
    if (item->wire != (number ? WIRE_VARINT : WIRE_BYTES))
        return fail(d, "protobuf field %s has wire type %u, but should have %d", where, item->wire, number ? WIRE_VARINT : WIRE_BYTES);
    if (f->repeated)
        return read_element(d, f, where, item, into);
    if (f->type == PROTOBUF_MESSAGE)
        return read_message(d, f->message, item->bytes, object_member(into, f->name));
    if (f->type == PROTOBUF_TEXT_MAP || f->type == PROTOBUF_BYTES_MAP)
        return read_entry(d, where, item->bytes, f->type == PROTOBUF_BYTES_MAP, object_member(into, f->name));
    if (read_single(d, f, where, item, &value) < 0)
        return -1;
    if (value != NULL)
        set(into, f->name, value);
    else
        json_object_del(into, f->name);
    return 0;
}

/* Goes as deep as the tables do: none of them holds itself, so no input can lead deeper. */
static int read_message(struct decoding *d, const struct protobuf_message *m, struct span s, json_t *into)
{
    struct item item;
    while (s.at < s.end) {
        if (read_item(d, m->name, &s, &item) < 0)
            return -1;
        const struct protobuf_field *f = m->fields;
        while (f->name != NULL && f->number != item.number)
            f++;
        if (f->name == NULL)
            return fail(d, "protobuf message %s has a field %llu that this server does not know: send the object as application/json",
                        m->name, (unsigned long long)item.number);
        if (read_field(d, m, f, &item, into) < 0)
            return -1;
    }
    return 0;
}

/* ---- the envelope ------------------------------------------------------------------------------------------------- */

static bool is_text(struct span s, const char *text)
{
    return length(s) == strlen(text) && memcmp(s.at, text, length(s)) == 0;
}

/* runtime.Unknown: 1 TypeMeta, 2 raw, 3 content encoding, 4 content type. */
static int read_envelope(struct decoding *d, struct span s, json_t *type, struct span *ret_raw)
{
    static const unsigned char none[1];
    struct item item;

    *ret_raw = (struct span){ none, none };
    while (s.at < s.end) {
        if (read_item(d, "Unknown", &s, &item) < 0)
            return -1;
        if (item.number < 1 || item.number > 4 || item.wire != WIRE_BYTES)
            return fail(d, "protobuf message Unknown has a field %llu that this server does not know: send the object as application/json",
                        (unsigned long long)item.number);
        if (item.number == 1 && read_message(d, &protobuf_type_meta, item.bytes, type) < 0)
            return -1;
        if (item.number == 2)
            *ret_raw = item.bytes;
        if (item.number == 3 && length(item.bytes) > 0)
            return fail(d, "the protobuf envelope names a contentEncoding: only bodies without one are read");
        if (item.number == 4 && length(item.bytes) > 0 && !is_text(item.bytes, content_type))
            return fail(d, "the protobuf envelope names another contentType than %s", content_type);
    }
    return 0;
}

static const char *text_or(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : otherwise;
}

json_t *devserver_protobuf_decode(const char *body, size_t bytes, const char *api_version, const char *kind, int *ret_code, char *error,
                                  size_t error_size)
{
    static const char magic[4] = { 'k', '8', 's', '\0' };
    struct decoding d = { error, error_size, 0 };
    struct span raw;

    *ret_code = 400;
    if (bytes < sizeof magic || memcmp(body, magic, sizeof magic) != 0) {
        fail(&d, "the body is no protobuf of Kubernetes: it does not begin with \"k8s\" and a zero byte");
        return NULL;
    }
    const unsigned char *at = (const unsigned char *)body;
    json_t *object = must(json_object());
    if (read_envelope(&d, (struct span){ at + sizeof magic, at + bytes }, object, &raw) < 0) {
        json_decref(object);
        return NULL;
    }
    api_version = text_or(object, "apiVersion", api_version);
    kind = text_or(object, "kind", kind);
    const struct protobuf_message *message = protobuf_message_find(api_version, kind);
    if (message == NULL) {
        *ret_code = 415;
        fail(&d, "%.64s of %.64s is not read as protobuf by this development server: send it as application/json", kind, api_version);
    }
    if (message == NULL || read_message(&d, message, raw, object) < 0) {
        json_decref(object);
        return NULL;
    }
    set(object, "apiVersion", json_string(api_version));
    set(object, "kind", json_string(kind));
    return object;
}
