/* The bearer token, re-read as its file rotates.
 *
 * Here: the last good token and when its file was read. Not here: when to present it (src/io). A kubelet replaces a service
 * account's token long before it expires, by moving a symbolic link; so the file is simply read again, once a minute, and at
 * once when the server said 401. A file that cannot be read leaves the last good token in service. */
#ifndef LEASEHOLD_KUBE_TOKEN_H
#define LEASEHOLD_KUBE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "kube/config.h"

#define KUBE_TOKEN_AGE_NS INT64_C(60000000000)

struct kube_token;

/* `config` must outlive it. Reads no file yet. Returns 0 and *ret_token, or LEASEHOLD_ERR_MEMORY. */
int kube_token_new(const struct kube_config *config, struct kube_token **ret_token);

/* Frees and wipes. Takes NULL, returns NULL. */
struct kube_token *kube_token_free(struct kube_token *token);

/* The token to present at CLOCK_BOOTTIME `boot_ns`, or NULL when there is none. Reads the file if the last look at it is
 * KUBE_TOKEN_AGE_NS old. Lives until the next call of kube_token_now() or kube_token_refused(). */
const char *kube_token_now(struct kube_token *token, int64_t boot_ns);

/* The server answered 401. Reads the file at once; true if it is worth another try: there is a file, and it could be read. */
bool kube_token_refused(struct kube_token *token, int64_t boot_ns);

/* Why the file could not be read the last time, one sentence for people; "" when it could. */
const char *kube_token_sentence(const struct kube_token *token);

#endif
