/* TLS as the Kubernetes configuration wants it: trust, client certificate, name. Part of the HTTP room, not for others. */
#ifndef LEASEHOLD_IO_HTTP_TLS_H
#define LEASEHOLD_IO_HTTP_TLS_H

#include "io/http_internal.h"

/* Certificates as files that only this process sees, where libcurl cannot take them from memory or the options ask for it.
 * Returns 0 or LEASEHOLD_ERR_SYSTEM with errno. */
int http_tls_open(struct http_transport *transport);

/* Another client certificate with its key, both without data for none; the bytes are the caller's. As http_tls_open(). */
int http_tls_replace(struct http_transport *transport, const struct kube_bytes *certificate, const struct kube_bytes *key);

/* Any state of opening. */
void http_tls_close(struct http_transport *transport);

/* Sets the TLS options of the call's handle. */
CURLcode http_tls_set(struct transport_call *call);

/* When the certificate of the server expires, in microseconds since 1970; 0 where it is not known, as on a used connection. */
int64_t http_tls_certificate_us(struct transport_call *call);

#endif
