/* Where the API server is and who we are: one value, loaded once from a kubeconfig or from a Pod's service account.
 *
 * Here: which file is asked, what it says, and one sentence for people when it cannot be used. Not here: connections
 * (src/io), and the environment itself: the loader asks the lookup it was given. What is not supported (auth-provider,
 * impersonation) is refused by name, never ignored. */
#ifndef LEASEHOLD_KUBE_CONFIG_H
#define LEASEHOLD_KUBE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KUBE_SENTENCE_MAX = 640,      /* room for one sentence with its NUL; a longer one is cut */
    KUBE_FILE_MAX = 1 << 20,      /* a kubeconfig, certificate, key or token file in bytes */
    KUBE_FILES_MAX = 64,          /* kubeconfigs that KUBECONFIG lists and that exist */
    KUBE_YAML_DEPTH_MAX = 32,     /* nesting of a kubeconfig */
    KUBE_YAML_NODES_MAX = 50000,  /* scalars, sequences and mappings of a kubeconfig */
    KUBE_YAML_ALIASES_MAX = 1000, /* aliases (*name) of a kubeconfig */
    KUBE_TOKEN_MAX = 64 << 10,    /* a bearer token in bytes */
};

#define KUBE_SERVICE_ACCOUNT_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

/* Bytes with a NUL behind them that is not counted; data is NULL when there are none. */
struct kube_bytes {
    unsigned char *data;
    size_t size;
};

/* What stands between us and the server. */
struct kube_proxy {
    char *url;  /* "http://proxy.example:3128": scheme (http, https, socks5h), host, port; NULL: none */
    char *host; /* name or address, IPv6 without brackets */
    uint16_t port;
    char *username, *password; /* both or neither */
};

struct kube_exec; /* src/kube/exec.h */

/* Whether programs that a kubeconfig names may be run. */
enum kube_plugins {
    KUBE_PLUGINS_NO = 0,
    KUBE_PLUGINS_YES,
    KUBE_PLUGINS_INTERACTIVE, /* and, if standard input is a terminal, they may ask there */
};

/* All strings are owned by the configuration, NUL-terminated, and NULL when absent unless said otherwise. It never changes
 * after loading, so any thread may read it. */
struct kube_config {
    char *source;          /* for sentences: "context dev of /home/u/.kube/config"; never NULL */
    char *server;          /* "https://host:6443/prefix": scheme, host, port, prefix; never NULL */
    bool tls;              /* https */
    char *host;            /* name or address, IPv6 without brackets; never NULL */
    uint16_t port;         /* 443 or 80 unless given */
    char *path_prefix;     /* "" or "/k8s/clusters/c-1", without a slash at its end; never NULL */
    char *tls_server_name; /* the name the server's certificate must have, instead of host */
    struct kube_proxy proxy;
    bool insecure_skip_tls_verify;
    struct kube_bytes ca;                 /* PEM; none: the machine's own store */
    struct kube_bytes client_certificate; /* PEM; comes with client_key or not at all */
    struct kube_bytes client_key;
    char *key_passphrase;      /* of client_key */
    char *username, *password; /* both or neither, and then no token */
    char *token;               /* bearer token; with a token_file: what the file said when loaded */
    char *token_file;          /* absolute path; see src/kube/token.h */
    struct kube_exec *exec;    /* a program that says who we are, where nothing above does; NULL: none */
    char *namespace_name;      /* of the context or the service account, else "default"; never NULL */
};

/* What is said otherwise than in a kubeconfig or service account, field by field, as kubectl's flags of these names do. NULL or "": as
 * there. Paths are relative to the working directory. A server makes do without a kubeconfig. */
struct kube_overrides {
    const char *cluster, *user; /* names in the kubeconfig, instead of the context's */
    const char *server;
    const char *tls_server_name;
    const char *insecure_skip_tls_verify; /* "yes": drops the authority that a file names; "no" */
    const char *ca_file, *ca_data;        /* either drops insecure-skip-tls-verify of a file. …_data: PEM, or base64 of it */
    const char *certificate_file, *certificate_data, *key_file, *key_data;
    const char *key_passphrase;
    const char *token, *token_file;
    const char *username, *password;
};

struct kube_options {
    struct kube_overrides overrides;
    const char *
        kubeconfig; /* may be a pipe, which is read once; NULL or "": what KUBECONFIG lists, merged, then ~/.kube/config, then in-cluster */
    const char *context;                /* NULL or "": the file's current-context; refused in-cluster */
    enum kube_plugins plugins;          /* a kubeconfig that needs one is refused where they may not be run */
    const char *service_account_folder; /* NULL: KUBE_SERVICE_ACCOUNT_FOLDER */
    /* Value of an environment variable or NULL; the string must live until loading returns. NULL: an empty environment.
     * Asked for KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, and in upper and lower case for HTTPS_PROXY,
     * HTTP_PROXY, NO_PROXY; for REQUEST_METHOD, since in a CGI program HTTP_PROXY is a stranger's header. */
    const char *(*environment)(void *user, const char *name);
    void *user;
};

/* Loads where the API server is. Reads files, asks no network.
 *
 * Returns 0 and *ret_config (free it with kube_config_free), or a negative error with one sentence for people in `sentence`
 * (no secrets in it). Errors: LEASEHOLD_ERR_CONFIG the file, field or service account cannot be used;
 * LEASEHOLD_ERR_UNSUPPORTED it asks for something that comes later; LEASEHOLD_ERR_MEMORY. Any thread. */
int kube_config_load(const struct kube_options *options, struct kube_config **ret_config, char sentence[KUBE_SENTENCE_MAX]);

/* Frees and wipes. Takes NULL, returns NULL. */
struct kube_config *kube_config_free(struct kube_config *config);

#endif
