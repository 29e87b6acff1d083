/* Kubernetes objects as bytes: parsing within limits, and what every kind has in common.
 *
 * Here: JSON text to values and back. Not here: what a record says (dialect.h), Status answers (status.h). */
#ifndef LEASEHOLD_WIRE_OBJECT_H
#define LEASEHOLD_WIRE_OBJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OBJECT_SIZE_MAX = 2 << 20, /* bytes of one object; the API server stores 1 to 1.5 MiB */
    OBJECT_NAME_MAX = 253,     /* Kubernetes: "Object Names and IDs", DNS subdomain */
};

/* What a failed json_loadb() comes to: LEASEHOLD_ERR_MEMORY or LEASEHOLD_ERR_PROTOCOL. *error must have been zero before: without memory
 * for its first buffer jansson names no reason. */
int object_error(const json_error_t *error);

/* Parses one JSON object; duplicate keys are refused, jansson bounds the depth. Strings may have NUL bytes within: an annotation
 * of a stranger's must not make the lock unreadable; see object_text(). Returns 0 and *ret (the caller owns it), or
 * LEASEHOLD_ERR_PROTOCOL (at some places of jansson also for want of memory), LEASEHOLD_ERR_LIMIT above OBJECT_SIZE_MAX,
 * LEASEHOLD_ERR_MEMORY. */
int object_parse(const char *bytes, size_t size, json_t **ret);

/* The text of a string without a NUL byte within; NULL for anything else. Borrowed from the value. */
const char *object_text(const json_t *value);

/* True if its kind and apiVersion are these. */
bool object_is(const json_t *object, const char *api_version, const char *kind);

/* metadata.name and metadata.namespace, or NULL. Borrowed from the object. */
const char *object_name(const json_t *object);
const char *object_namespace(const json_t *object);

/* Removes metadata.managedFields: half of an object's bytes, and a PUT without them keeps the server's. */
void object_drop_managed_fields(json_t *object);

/* Compact JSON; the caller frees it with free(3). NULL when out of memory. */
char *object_dump(const json_t *object, size_t *ret_size);

/* A resourceVersion: decimal digits, above 0, within 64 bits. Returns 0 and *ret, or LEASEHOLD_ERR_PROTOCOL. */
int object_resource_version_parse(const char *text, uint64_t *ret);

/* True if `name` is a DNS subdomain (RFC 1123) of at most OBJECT_NAME_MAX bytes. */
bool object_name_is_good(const char *name);

/* True if `text` is UTF-8, and so can stand in JSON: whatever of ours goes into an object is checked with this first. */
bool object_is_utf8(const char *text);

/* True, with a sentence, where an object of this many bytes as JSON is so large that its users should be told: the API server stores
 * 1 MiB of a ConfigMap's data (core/v1 MaxSecretSize), and every watcher receives all of it with each renewal. */
bool object_is_large(size_t bytes, const char *kind, const char *name, char *sentence, size_t size);

/* FNV-1a over bytes, for telling one garbage from another; start with OBJECT_DIGEST_START. Never 0. */
#define OBJECT_DIGEST_START UINT64_C(14695981039346656037)
uint64_t object_digest(uint64_t digest, const void *bytes, size_t size);

#endif
