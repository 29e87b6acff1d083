/* Programs that print credentials: the exec plugins of a kubeconfig (client.authentication.k8s.io/v1 and v1beta1).
 *
 * Here: what a kubeconfig says about one, and what its output means. Pure: bytes in, values out. Not here: running it
 * (src/io/plugin.h), and when it has to run (credential.h). */
#ifndef LEASEHOLD_KUBE_EXEC_H
#define LEASEHOLD_KUBE_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/config.h"

enum {
    KUBE_EXEC_ITEMS_MAX = 256,        /* arguments, and variables of the environment, that a kubeconfig gives */
    KUBE_EXEC_OUTPUT_MAX = 1 << 20,   /* what a plugin may print in bytes */
    KUBE_EXEC_REASON_MAX = 320,       /* room for why its output cannot be used, with the NUL */
    KUBE_EXEC_CLUSTER_MAX = 96 << 10, /* what it is told of the cluster in bytes: one variable holds at most 128 KiB (execve(2)) */
};

enum kube_exec_mode { KUBE_EXEC_IF_AVAILABLE = 0, KUBE_EXEC_NEVER, KUBE_EXEC_ALWAYS };

/* All strings are owned. */
struct kube_exec {
    char *api_version;  /* "client.authentication.k8s.io/v1" */
    char *command;      /* with a slash: a path; without: searched in PATH */
    char **arguments;   /* those behind the command, NULL at their end; never NULL */
    char **environment; /* "NAME=VALUE", NULL at their end; never NULL */
    char *install_hint; /* NULL: none */
    enum kube_exec_mode mode;
    bool provide_cluster_info;
    bool interactive; /* there is a terminal, and it may be asked; with mode Always: there must be */
    char *config;     /* JSON: the cluster's extension client.authentication.k8s.io/exec; NULL: none */
    char *cluster;    /* JSON: spec.cluster of what it is told; NULL: not told */
    char *owner;      /* for sentences: "user \"dev\" of /home/u/.kube/config" */
};

/* Frees. Takes NULL, returns NULL. */
struct kube_exec *kube_exec_free(struct kube_exec *exec);

/* What it is told in KUBERNETES_EXEC_INFO: "KUBERNETES_EXEC_INFO={…}" (free), or NULL when out of memory. */
char *kube_exec_info(const struct kube_exec *exec, bool interactive);

/* A credential: a token, or a certificate with its key, or both. */
struct kube_exec_answer {
    char *token; /* NULL: none */
    struct kube_bytes certificate, key;
    bool expires;
    int64_t expires_us; /* since 1970 */
};

/* Reads what a plugin of `api_version` printed. Any bytes are fine.
 *
 * Returns 0 and *ret (kube_exec_answer_clear), or LEASEHOLD_ERR_PROTOCOL with a reason that fits behind "printed what cannot be used: "
 * and shows no part of a credential, or LEASEHOLD_ERR_MEMORY. */
int kube_exec_answer_parse(const char *api_version, const char *text, size_t size, struct kube_exec_answer *ret,
                           char reason[KUBE_EXEC_REASON_MAX]);

/* Frees and wipes. */
void kube_exec_answer_clear(struct kube_exec_answer *answer);

#endif
