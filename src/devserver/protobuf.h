/* Protobuf bodies of Kubernetes ("k8s\0" and a runtime.Unknown) as the JSON that stands for the same object.
 *
 * Here: the wire format, and the tables of the messages that clients of this server send. Pure. Not here: what is allowed in an object
 * (src/store), answers in protobuf (there are none), a Pod's hundred messages. What the tables do not know is refused: never lost. */
#ifndef LEASEHOLD_DEVSERVER_PROTOBUF_H
#define LEASEHOLD_DEVSERVER_PROTOBUF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROTOBUF_VALUES_MAX = 200000, /* fields of one body, at all levels together */
};

/* The object of a body, with apiVersion and kind, owned by the caller. api_version and kind: what it is where its envelope says
 * nothing. NULL for a body that cannot be read, with a sentence in error and 400 or 415 (a kind without a table) in *ret_code. */
json_t *devserver_protobuf_decode(const char *body, size_t bytes, const char *api_version, const char *kind, int *ret_code, char *error,
                                  size_t error_size);

/* ---- protobuf_tables.c ---- */

/* How a field is written on the wire and in JSON. */
enum protobuf_type {
    PROTOBUF_TEXT,
    PROTOBUF_INT32,
    PROTOBUF_INT64,
    PROTOBUF_BOOLEAN,
    PROTOBUF_TIME,       /* a message of seconds and nanoseconds; RFC 3339 in JSON */
    PROTOBUF_MICRO_TIME, /* the same with six digits of a fraction */
    PROTOBUF_RAW_JSON,   /* FieldsV1: a message of one bytes field that holds JSON */
    PROTOBUF_MESSAGE,
    PROTOBUF_TEXT_MAP,
    PROTOBUF_BYTES_MAP, /* base64 in JSON */
};

struct protobuf_field {
    uint32_t number;
    enum protobuf_type type;
    const char *name;
    bool repeated;
    bool pointer; /* in Go: a zero that is on the wire was meant, and stays */
    const struct protobuf_message *message;
};

struct protobuf_message {
    const char *name;
    const struct protobuf_field *fields; /* up to one without a name */
};

/* NULL when there is no table. DeleteOptions are the same in every group. */
const struct protobuf_message *protobuf_message_find(const char *api_version, const char *kind);

/* runtime.Unknown without its raw bytes. */
extern const struct protobuf_message protobuf_type_meta;

#endif
