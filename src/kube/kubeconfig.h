/* What one or several kubeconfigs say about one context. Pure: bytes in, strings out; no files are opened here.
 *
 * Here: YAML (and so JSON) within bounds, contexts, clusters, users, and which file's word counts. Not here: which files there
 * are (files.c), and what the files named in them hold (config.c). */
#ifndef LEASEHOLD_KUBE_KUBECONFIG_H
#define LEASEHOLD_KUBE_KUBECONFIG_H

#include "kube/config.h"

/* Owned strings as they stand in the file; NULL when absent, empty or null. */
struct kubeconfig {
    char *context, *cluster, *user; /* names; user is NULL for a context without one */
    char *namespace_name;
    char *server, *tls_server_name, *proxy_url;
    char *ca_file, *ca_data;
    bool insecure_skip_tls_verify;
    char *certificate_file, *certificate_data, *key_file, *key_data;
    char *token, *token_file;
    char *username, *password;
    struct kube_exec *exec;             /* as it stands there, see src/kube/exec.h; `interactive`, `cluster` and `owner` are not set */
    size_t cluster_source, user_source; /* whose entries these are: relative paths are relative to that file */
};

/* Names in the file; NULL or "": what the file says. */
struct kubeconfig_choice {
    const char *context, *cluster, *user;
};

/* One file. `file` is its path, or a name for sentences only. */
struct kubeconfig_source {
    const char *file;
    const char *text;
    size_t size;
};

/* Reads what was chosen out of 1 to KUBE_FILES_MAX files, by kubectl's rules: the first that has a current-context says which, and
 * the first that has an entry of a name says all of it. One that is empty is fine beside others. `all` names them together.
 *
 * Returns 0 and *ret (kubeconfig_clear), or LEASEHOLD_ERR_CONFIG, LEASEHOLD_ERR_UNSUPPORTED, LEASEHOLD_ERR_MEMORY and one
 * sentence. Any bytes are fine. */
int kubeconfig_parse(const char *all, const struct kubeconfig_source *sources, size_t count, const struct kubeconfig_choice *choice,
                     struct kubeconfig *ret, char sentence[KUBE_SENTENCE_MAX]);

/* Frees and wipes the strings. */
void kubeconfig_clear(struct kubeconfig *kubeconfig);

#endif
