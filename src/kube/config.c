#include "kube/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/exec.h"
#include "kube/internal.h"
#include "kube/kubeconfig.h"
#include "leasehold/errors.h"

enum { KUBE_NAMESPACE_MAX = 63 };

struct kube_config *kube_config_free(struct kube_config *c)
{
    if (c == NULL)
        return NULL;
    char *texts[] = { c->source,     c->server,         c->host,           c->path_prefix, c->tls_server_name, c->token,
                      c->token_file, c->namespace_name, c->key_passphrase, c->username,    c->password };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        kube_text_free(texts[i]);
    kube_proxy_clear(&c->proxy);
    kube_bytes_free(&c->ca);
    kube_bytes_free(&c->client_certificate);
    kube_bytes_free(&c->client_key);
    kube_exec_free(c->exec);
    free(c);
    return NULL;
}

static bool config_namespace_good(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > KUBE_NAMESPACE_MAX || name[0] == '-' || name[size - 1] == '-')
        return false;
    for (; *name != '\0'; name++)
        if ((*name < 'a' || *name > 'z') && (*name < '0' || *name > '9') && *name != '-')
            return false;
    return true;
}

static int config_set_namespace(struct kube_config *c, const char *name, const char *where, char *sentence)
{
    if (name != NULL && !config_namespace_good(name))
        return kube_fail(sentence, LEASEHOLD_ERR_CONFIG,
                         "%s: the namespace \"%.*s\" is none: lower-case letters, digits and '-', at most 63", where, KUBE_SHOW(name));
    c->namespace_name = strdup(name != NULL ? name : "default");
    return c->namespace_name != NULL ? 0 : kube_fail_memory(sentence);
}

/* Fills server, tls, host, port, path_prefix. */
static int config_set_server(struct kube_config *c, const char *server, const char *where, char *sentence)
{
    struct kube_url url;
    const char *reason = "";
    int error = kube_url_parse(server, &url, &reason);
    if (error == LEASEHOLD_ERR_MEMORY)
        return kube_fail_memory(sentence);
    if (error != 0) /* the value is not shown where it may hold a password */
        return kube_fail(sentence, error, "%s: server \"%.*s\" cannot be used: %s", where,
                         KUBE_SHOW(strchr(server, '@') != NULL ? "…@…" : server), reason);
    c->tls = url.tls;
    c->host = url.host;
    c->port = url.port;
    c->path_prefix = url.path_prefix;
    bool bracket = strchr(url.host, ':') != NULL;
    if (asprintf(&c->server, "%s://%s%s%s:%u%s", url.tls ? "https" : "http", bracket ? "[" : "", url.host, bracket ? "]" : "",
                 (unsigned)url.port, url.path_prefix) < 0) {
        c->server = NULL;
        return kube_fail_memory(sentence);
    }
    return 0;
}

/* ---- kubeconfig ---- */

/* Where a field of a kubeconfig comes from, for sentences and relative paths. */
struct config_origin {
    const char *file;
    char owner[160]; /* "user \"dev\"" */
    char *sentence;
};

static int config_path(const struct config_origin *origin, const char *path, char **ret)
{
    const char *slash = strrchr(origin->file, '/');
    int size = path[0] == '/' || slash == NULL ? asprintf(ret, "%s", path)
                                               : asprintf(ret, "%.*s/%s", (int)(slash - origin->file), origin->file, path);
    if (size >= 0)
        return 0;
    *ret = NULL;
    return kube_fail_memory(origin->sentence);
}

/* kubeconfigs have base64 of PEM; settings may have the PEM itself, too. */
static int config_data(const char *data, struct kube_bytes *ret)
{
    if (strncmp(data, "-----BEGIN ", 11) != 0)
        return kube_base64_decode(data, strlen(data), ret);
    ret->data = (unsigned char *)strdup(data);
    ret->size = strlen(data);
    return ret->data != NULL ? 0 : LEASEHOLD_ERR_MEMORY;
}

/* A field that is given as base64 in the file, or as the path of another one; the former wins, as in client-go. */
static int config_bytes(const struct config_origin *origin, const char *field, const char *data, const char *file, struct kube_bytes *ret)
{
    if (data != NULL) {
        int error = config_data(data, ret);
        if (error == LEASEHOLD_ERR_MEMORY)
            return kube_fail_memory(origin->sentence);
        if (error != 0)
            return kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s-data of %s is not base64: encode the PEM file with base64 -w0",
                             origin->file, field, origin->owner);
        return 0;
    }
    if (file == NULL)
        return 0;
    char *path = NULL, reason[KUBE_REASON_MAX];
    int error = config_path(origin, file, &path);
    if (error != 0)
        return error;
    error = kube_file_read(path, KUBE_FILE_MAX, ret, reason);
    if (error != 0)
        kube_fail(origin->sentence, error, "%s: %s of %s, %s, cannot be read: %s", origin->file, field, origin->owner, path, reason);
    free(path);
    return error;
}

static int config_check_pem(const struct config_origin *origin, const char *field, const struct kube_bytes *bytes, const char *kind,
                            bool has_passphrase)
{
    if (bytes->data == NULL)
        return 0;
    const char *begin = memmem(bytes->data, bytes->size, "-----BEGIN ", 11);
    if (begin == NULL || memmem(begin, bytes->size - (size_t)(begin - (const char *)bytes->data), kind, strlen(kind)) == NULL)
        return kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s of %s holds no PEM %s: give a file with -----BEGIN …%s-----",
                         origin->file, field, origin->owner, kind, kind);
    if (!has_passphrase && memmem(bytes->data, bytes->size, "ENCRYPTED", 9) != NULL)
        return kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG,
                         "%s: %s of %s is encrypted, and there is nobody to ask for its passphrase: give it as client-key-passphrase, or "
                         "decrypt the key with openssl pkey",
                         origin->file, field, origin->owner);
    return 0;
}

static void config_set_owner(struct config_origin *origin, const char *kind, const char *name)
{
    if (name != NULL)
        snprintf(origin->owner, sizeof(origin->owner), "%s \"%.*s\"", kind, KUBE_SHOW(name));
    else
        snprintf(origin->owner, sizeof(origin->owner), "the %s", kind);
}

static int config_proxy(struct kube_config *c, const struct kubeconfig *k, const char *where, char *sentence)
{
    const char *reason = "";
    int error = k->proxy_url != NULL ? kube_proxy_parse(k->proxy_url, &c->proxy, &reason) : 0;
    if (error == LEASEHOLD_ERR_MEMORY)
        return kube_fail_memory(sentence);
    if (error != 0)
        return kube_fail(sentence, error, "%s: proxy-url \"%.*s\" cannot be used: %s", where,
                         KUBE_SHOW(strchr(k->proxy_url, '@') != NULL ? "…@…" : k->proxy_url), reason);
    return 0;
}

static int config_cluster(struct kube_config *c, struct config_origin *origin, const struct kubeconfig *k)
{
    config_set_owner(origin, "cluster", k->cluster);
    char where[2 * sizeof(origin->owner) + 256];
    snprintf(where, sizeof(where), "%s: %s", origin->file, origin->owner);
    int error = config_set_server(c, k->server, where, origin->sentence);
    if (error == 0)
        error = config_proxy(c, k, where, origin->sentence);
    if (error != 0)
        return error;
    if (k->tls_server_name != NULL && !kube_host_good(k->tls_server_name))
        return kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG, "%s: tls-server-name \"%.*s\" is no name or address", where,
                         KUBE_SHOW(k->tls_server_name));
    if (k->tls_server_name != NULL && (c->tls_server_name = strdup(k->tls_server_name)) == NULL)
        return kube_fail_memory(origin->sentence);
    c->insecure_skip_tls_verify = k->insecure_skip_tls_verify;
    if (c->insecure_skip_tls_verify && (k->ca_file != NULL || k->ca_data != NULL))
        return kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG,
                         "%s has both insecure-skip-tls-verify and a certificate-authority: remove the former", where);
    error = config_bytes(origin, "certificate-authority", k->ca_data, k->ca_file, &c->ca);
    return error != 0 ? error : config_check_pem(origin, "certificate-authority", &c->ca, "CERTIFICATE", false);
}

static int config_token(struct kube_config *c, const struct config_origin *origin, const struct kubeconfig *k)
{
    if (k->token != NULL && !kube_token_good(k->token))
        return kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG, "%s: token of %s holds bytes that no token has, or too many", origin->file,
                         origin->owner);
    if (k->token_file != NULL) {
        char reason[KUBE_REASON_MAX];
        int error = config_path(origin, k->token_file, &c->token_file);
        if (error != 0)
            return error;
        if (kube_token_read(c->token_file, &c->token, reason) == 0)
            return 0;
        if (k->token == NULL) /* otherwise the token serves until the file can be read */
            return kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG, "%s: tokenFile of %s, %s, cannot be used: %s", origin->file,
                             origin->owner, c->token_file, reason);
    }
    if (k->token != NULL && (c->token = strdup(k->token)) == NULL)
        return kube_fail_memory(origin->sentence);
    return 0;
}

static int config_basic(struct kube_config *c, const struct config_origin *origin, const struct kubeconfig *k)
{
    if (k->username == NULL && k->password == NULL)
        return 0;
    if (k->token != NULL || k->token_file != NULL)
        return kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s has both a token and a username with password: leave one out",
                         origin->file, origin->owner);
    /* A colon would end the name for the server (RFC 7617). */
    if (k->username == NULL || strchr(k->username, ':') != NULL)
        return kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s has a password with %s: give a username without a colon",
                         origin->file, origin->owner, k->username == NULL ? "no username" : "a username that has a colon in it");
    c->username = strdup(k->username);
    c->password = strdup(k->password != NULL ? k->password : "");
    return c->username != NULL && c->password != NULL ? 0 : kube_fail_memory(origin->sentence);
}

static int config_user(struct kube_config *c, struct config_origin *origin, const struct kubeconfig *k)
{
    config_set_owner(origin, "user", k->user);
    int error = config_bytes(origin, "client-certificate", k->certificate_data, k->certificate_file, &c->client_certificate);
    if (error == 0)
        error = config_bytes(origin, "client-key", k->key_data, k->key_file, &c->client_key);
    if (error == 0)
        error = config_check_pem(origin, "client-certificate", &c->client_certificate, "CERTIFICATE", false);
    if (error == 0)
        error = config_check_pem(origin, "client-key", &c->client_key, "PRIVATE KEY", c->key_passphrase != NULL);
    if (error == 0 && (c->client_certificate.data == NULL) != (c->client_key.data == NULL))
        error = kube_fail(origin->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s has a %s without a %s: give both", origin->file, origin->owner,
                          c->client_key.data == NULL ? "client-certificate" : "client-key",
                          c->client_key.data == NULL ? "client-key" : "client-certificate");
    if (error == 0)
        error = config_basic(c, origin, k);
    return error != 0 ? error : config_token(c, origin, k);
}

/* ---- kubeconfig, and settings alone ---- */

/* From what was read and overridden; c->source is set. The files are those of the cluster and of the user. */
static int config_finish(struct kube_config *c, const char *cluster_file, const char *user_file, struct kubeconfig *k,
                         const struct kube_options *options, char *sentence)
{
    const struct kube_overrides *o = &options->overrides;
    struct config_origin cluster = { .file = cluster_file, .sentence = sentence };
    struct config_origin user = { .file = user_file, .sentence = sentence };
    int error = kube_override_cluster(k, o);
    if (error == 0)
        error = kube_override_user(k, o);
    if (error == 0)
        error = kube_replace(&c->key_passphrase, o->key_passphrase, NULL);
    if (error != 0)
        return kube_fail_memory(sentence);
    error = config_cluster(c, &cluster, k);
    if (error == 0)
        error = config_user(c, &user, k);
    if (error != 0 || k->exec == NULL)
        return error;
    const struct kube_exec_place place = { user_file, k->user, k->server, k->proxy_url, options->plugins };
    struct kube_exec *exec = k->exec;
    k->exec = NULL;
    return kube_exec_finish(c, exec, &place, sentence);
}

static int config_load_files(struct kube_config *c, const struct kube_files *files, const struct kube_options *options, char *sentence)
{
    const struct kubeconfig_choice choice = { options->context, options->overrides.cluster, options->overrides.user };
    struct kubeconfig_source sources[KUBE_FILES_MAX];
    struct kubeconfig k;
    for (size_t i = 0; i < files->count; i++)
        sources[i] = (struct kubeconfig_source){ files->paths[i], (const char *)files->texts[i].data, files->texts[i].size };
    int error = kubeconfig_parse(files->all, sources, files->count, &choice, &k, sentence);
    if (error != 0)
        return error;
    if (asprintf(&c->source, "context \"%.*s\" of %s", KUBE_SHOW(k.context), files->all) < 0) {
        c->source = NULL;
        error = kube_fail_memory(sentence);
    }
    if (error == 0)
        error = config_finish(c, files->paths[k.cluster_source], files->paths[k.user_source], &k, options, sentence);
    if (error == 0)
        error = config_set_namespace(c, k.namespace_name, c->source, sentence);
    kubeconfig_clear(&k);
    return error;
}

/* A server was named, and there is no kubeconfig. */
static int config_load_settings(struct kube_config *c, const struct kube_options *options, char *sentence)
{
    static const char where[] = "the settings";
    struct kubeconfig k = { 0 };
    c->source = strdup(where);
    int error = c->source != NULL ? config_finish(c, where, where, &k, options, sentence) : kube_fail_memory(sentence);
    if (error == 0)
        error = config_set_namespace(c, NULL, where, sentence);
    kubeconfig_clear(&k);
    return error;
}

/* ---- in-cluster ---- */

static int config_account_file(const char *folder, const char *name, size_t max, bool needed, struct kube_bytes *ret, char *sentence)
{
    char *path = NULL, reason[KUBE_REASON_MAX];
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return kube_fail_memory(sentence);
    int error = 0;
    if (needed || kube_file_exists(path))
        error = kube_file_read(path, max, ret, reason);
    if (error != 0)
        kube_fail(sentence, error,
                  "KUBERNETES_SERVICE_HOST is set, but %s cannot be read (%s): is automountServiceAccountToken off for this Pod?", path,
                  reason);
    free(path);
    return error;
}

static int config_account_namespace(struct kube_config *c, const char *folder, char *sentence)
{
    struct kube_bytes text = { NULL, 0 };
    int error = config_account_file(folder, "namespace", KUBE_FILE_MAX, false, &text, sentence);
    if (error != 0)
        return error;
    char *name = (char *)text.data;
    if (name != NULL)
        name[strcspn(name, " \t\r\n")] = '\0';
    error = config_set_namespace(c, name, c->source, sentence);
    kube_bytes_free(&text);
    return error;
}

static int config_load_account(struct kube_config *c, const char *host, const char *port, const char *folder, char *sentence)
{
    char server[512], reason[KUBE_REASON_MAX];
    struct in6_addr address;
    bool bracket = inet_pton(AF_INET6, host, &address) == 1;
    snprintf(server, sizeof(server), "https://%s%s%s:%s", bracket ? "[" : "", host, bracket ? "]" : "", port);
    int error = config_set_server(c, server, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT", sentence);
    if (error != 0)
        return error;
    if (asprintf(&c->source, "the service account in %s", folder) < 0) {
        c->source = NULL;
        return kube_fail_memory(sentence);
    }
    if (asprintf(&c->token_file, "%s/token", folder) < 0) {
        c->token_file = NULL;
        return kube_fail_memory(sentence);
    }
    if (kube_token_read(c->token_file, &c->token, reason) != 0)
        return kube_fail(sentence, LEASEHOLD_ERR_CONFIG,
                         "KUBERNETES_SERVICE_HOST is set, but the token in %s cannot be used (%s): is "
                         "automountServiceAccountToken off for this Pod?",
                         c->token_file, reason);
    error = config_account_file(folder, "ca.crt", KUBE_FILE_MAX, true, &c->ca, sentence);
    struct config_origin origin = { .file = folder, .owner = "the service account", .sentence = sentence };
    if (error == 0)
        error = config_check_pem(&origin, "ca.crt", &c->ca, "CERTIFICATE", false);
    return error != 0 ? error : config_account_namespace(c, folder, sentence);
}

/* In a Pod, what is said otherwise takes the place of what its service account says. */
static int config_override_account(struct kube_config *c, const struct kube_overrides *o, char *sentence)
{
    struct config_origin origin = { .file = "the settings", .sentence = sentence };
    struct kubeconfig k = { 0 };
    char *server = c->server, *host = c->host, *prefix = c->path_prefix;
    int error = kube_replace(&k.server, server, NULL);
    if (error == 0)
        error = kube_override_cluster(&k, o);
    if (error == 0)
        error = kube_override_user(&k, o);
    if (error == 0)
        error = kube_replace(&c->key_passphrase, o->key_passphrase, NULL);
    if (error != 0)
        error = kube_fail_memory(sentence);
    if (error == 0 && (k.token != NULL || k.token_file != NULL || k.username != NULL)) {
        c->token = kube_text_free(c->token);
        c->token_file = kube_text_free(c->token_file);
    }
    if (error == 0 && (k.ca_file != NULL || k.ca_data != NULL || k.insecure_skip_tls_verify))
        kube_bytes_free(&c->ca);
    struct kube_bytes trusted = c->ca;
    c->ca = (struct kube_bytes){ NULL, 0 };
    c->server = c->host = c->path_prefix = NULL;
    if (error == 0)
        error = config_cluster(c, &origin, &k);
    if (c->ca.data == NULL)
        c->ca = trusted;
    if (error == 0)
        error = config_user(c, &origin, &k);
    kube_text_free(server);
    kube_text_free(host);
    kube_text_free(prefix);
    kubeconfig_clear(&k);
    return error;
}

/* ---- which of them ---- */

static int config_load_into(struct kube_config *c, const struct kube_options *options, char *sentence)
{
    struct kube_files files;
    int error = kube_files_read(options, &files, sentence);
    if (error != 0)
        return error;
    if (files.count > 0) {
        error = config_load_files(c, &files, options, sentence);
        kube_files_free(&files);
        return error;
    }
    const char *host = kube_environment(options, "KUBERNETES_SERVICE_HOST");
    const char *port = kube_environment(options, "KUBERNETES_SERVICE_PORT");
    if (options->context != NULL && options->context[0] != '\0')
        return kube_fail(sentence, LEASEHOLD_ERR_CONFIG,
                         "there is no kubeconfig to find the context \"%.*s\" in: give one with --kubeconfig or KUBECONFIG",
                         KUBE_SHOW(options->context));
    if (kube_given(options->overrides.server))
        return config_load_settings(c, options, sentence);
    if (host != NULL) {
        error = config_load_account(c, host, port != NULL ? port : "443",
                                    options->service_account_folder != NULL ? options->service_account_folder : KUBE_SERVICE_ACCOUNT_FOLDER,
                                    sentence);
        return error != 0 ? error : config_override_account(c, &options->overrides, sentence);
    }
    return kube_fail(sentence, LEASEHOLD_ERR_CONFIG, "%s", kube_files_none());
}

int kube_config_load(const struct kube_options *options, struct kube_config **ret_config, char sentence[KUBE_SENTENCE_MAX])
{
    struct kube_config *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return kube_fail_memory(sentence);
    int error = config_load_into(c, options, sentence);
    if (error == 0 && c->proxy.url == NULL)
        error = kube_proxy_of_environment(c, options, sentence);
    if (error != 0) {
        kube_config_free(c);
        return error;
    }
    *ret_config = c;
    return 0;
}
