/* What the files of this room share. Not for other rooms. */
#ifndef LEASEHOLD_KUBE_INTERNAL_H
#define LEASEHOLD_KUBE_INTERNAL_H

#include "kube/config.h"

/* Writes the sentence, with '?' for control characters that came from outside, and returns `error`. */
int __attribute__((format(printf, 3, 4))) kube_fail(char sentence[KUBE_SENTENCE_MAX], int error, const char *format, ...);
int kube_fail_memory(char sentence[KUBE_SENTENCE_MAX]);

/* How much of a value from outside a sentence shows: "%.*s". */
#define KUBE_SHOW(text) 120, (text)

/* base64.c: standard alphabet, padded; white space is skipped. Returns 0 and *ret (kube_bytes_free), LEASEHOLD_ERR_ARGUMENT when
 * it is no base64, or LEASEHOLD_ERR_MEMORY. */
int kube_base64_decode(const char *text, size_t size, struct kube_bytes *ret);
/* NULL when out of memory. */
char *kube_base64_encode(const unsigned char *data, size_t size);

/* file.c: a regular file of at most `max` bytes. Returns 0 and *ret, or a negative error and *ret_reason: "Permission denied",
 * "it is larger than 1048576 bytes" (static or in `buffer`). Never blocks on a pipe. */
enum { KUBE_REASON_MAX = 128 };
int kube_file_read(const char *path, size_t max, struct kube_bytes *ret, char reason[KUBE_REASON_MAX]);
/* The same, and a pipe is read to its end; whoever writes it may pause for KUBE_PIPE_LIMIT_MS. */
enum { KUBE_PIPE_LIMIT_MS = 10000 };
int kube_input_read(const char *path, size_t max, struct kube_bytes *ret, char reason[KUBE_REASON_MAX]);
bool kube_file_exists(const char *path);
/* Frees and wipes. */
void kube_bytes_free(struct kube_bytes *bytes);
char *kube_text_free(char *text);

/* files.c, or no_kubeconfig.c in a build without: the kubeconfigs that count, the most important one first. None: count 0. */
struct kube_files {
    size_t count;
    char *paths[KUBE_FILES_MAX];
    struct kube_bytes texts[KUBE_FILES_MAX];
    char *all; /* "one:two" */
};
/* Returns 0 and *ret (kube_files_free), or a negative error and the sentence. */
int kube_files_read(const struct kube_options *options, struct kube_files *ret, char sentence[KUBE_SENTENCE_MAX]);
void kube_files_free(struct kube_files *files);
/* The sentence for when nothing says where the server is. */
const char *kube_files_none(void);

/* given.c */
/* Neither NULL nor "". */
bool kube_given(const char *text);
/* A variable of the environment that was given; NULL where it is missing or empty. */
const char *kube_environment(const struct kube_options *options, const char *name);

/* A token out of a file: white space around it trimmed. Returns 0 and *ret_token, or a negative error and the reason. */
int kube_token_read(const char *path, char **ret_token, char reason[KUBE_REASON_MAX]);
/* Can stand in a header: printable ASCII without spaces, neither empty nor longer than KUBE_TOKEN_MAX. */
bool kube_token_good(const char *token);

/* overrides.c: what settings say otherwise. 0 or LEASEHOLD_ERR_MEMORY. */
struct kubeconfig;
int kube_override_cluster(struct kubeconfig *k, const struct kube_overrides *o);
int kube_override_user(struct kubeconfig *k, const struct kube_overrides *o);
/* Puts `text`, if it is given, in the place of *field, and nothing in that of *other (may be NULL), which says the same in another way. */
int kube_replace(char **field, const char *text, char **other);

/* exec.c: spec.cluster of what a plugin is told, as JSON; `config` is JSON, or NULL. NULL when out of memory. */
struct kube_exec_cluster {
    const char *server, *tls_server_name, *proxy_url;
    bool insecure_skip_tls_verify;
    struct kube_bytes ca; /* borrowed */
};
char *kube_exec_cluster(const struct kube_exec_cluster *cluster, const char *config);

/* exec_config.c: what the user of a kubeconfig says about a plugin, `exec`, which it takes over whatever comes, made ready to run for the
 * configuration c, whose other fields are set. 0 or a negative error and the sentence; c->exec stays NULL where something else
 * says who we are. */
struct kube_exec;
struct kube_exec_place {
    const char *file;               /* of the user: a relative path is relative to its folder */
    const char *user;               /* its name */
    const char *server, *proxy_url; /* as written */
    enum kube_plugins allowed;
};
int kube_exec_finish(struct kube_config *c, struct kube_exec *exec, const struct kube_exec_place *place, char sentence[KUBE_SENTENCE_MAX]);

/* proxy.c */
/* Returns 0 and *ret (kube_proxy_clear), LEASEHOLD_ERR_CONFIG and *ret_reason (static), or LEASEHOLD_ERR_MEMORY. */
int kube_proxy_parse(const char *text, struct kube_proxy *ret, const char **ret_reason);
/* By NO_PROXY's rules in Go, and so in kubectl; a machine's own addresses never go by a proxy. `list` may be NULL. */
bool kube_proxy_is_bypassed(const char *list, const char *host, uint16_t port);
/* The proxy of the environment, for a configuration whose cluster names none. 0 or a negative error and the sentence. */
int kube_proxy_of_environment(struct kube_config *config, const struct kube_options *options, char sentence[KUBE_SENTENCE_MAX]);
void kube_proxy_clear(struct kube_proxy *proxy);

/* url.c */
struct kube_url {
    bool tls;
    char *host; /* without brackets */
    uint16_t port;
    char *path_prefix;
};
/* Returns 0 and *ret (kube_url_free), LEASEHOLD_ERR_CONFIG and *ret_reason (static: "write https://HOST:PORT"), or
 * LEASEHOLD_ERR_MEMORY. */
int kube_url_parse(const char *text, struct kube_url *ret, const char **ret_reason);
void kube_url_free(struct kube_url *url);
/* A DNS name, an IPv4 or an IPv6 address without brackets. */
bool kube_host_good(const char *host);

#endif
