/* Paths of requests for locks, with their queries.
 *
 * Each function fills ret[0..size) and returns its length, or LEASEHOLD_ERR_LIMIT when it does not fit. Names and values are
 * percent-encoded. */
#ifndef LEASEHOLD_WIRE_REQUEST_H
#define LEASEHOLD_WIRE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "wire/dialect.h"

enum { REQUEST_PATH_MAX = 2048 };

/* /apis/coordination.k8s.io/v1/namespaces/NS/leases/NAME */
int request_lock_path(const struct dialect *d, const char *namespace_, const char *name, char *ret, size_t size);

/* /apis/coordination.k8s.io/v1/namespaces/NS/leases; namespace_ NULL: of all namespaces */
int request_collection_path(const struct dialect *d, const char *namespace_, char *ret, size_t size);

/* The collection, watched for the one name. resource_version 0: the present state first, then what changes (Kubernetes: "Get
 * State and Start at Most Recent"). timeout_s 0: as long as the server likes. */
int request_watch_path(const struct dialect *d, const char *namespace_, const char *name, uint64_t resource_version, unsigned timeout_s,
                       char *ret, size_t size);

/* Percent-encodes all but RFC 3986's unreserved characters. */
int request_encode(const char *text, char *ret, size_t size);

#endif
