#include "kube/kubeconfig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/internal.h"
#include "kube/yaml.h"
#include "leasehold/errors.h"

enum { KUBECONFIG_WHERE_MAX = 160 };

/* Copies a text into *ret; keeps the reader's error sticky. */
static void kubeconfig_copy(struct kube_yaml *yaml, const char *text, char **ret)
{
    if (yaml->error != 0 || text == NULL)
        return;
    *ret = strdup(text);
    if (*ret == NULL)
        yaml->error = kube_fail_memory(yaml->sentence);
}

static void kubeconfig_take(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key, char **ret)
{
    kubeconfig_copy(yaml, kube_yaml_text(yaml, mapping, where, key), ret);
}

/* Fields that come later are refused where they are used: ignoring one would mean another identity or another way. */
static void kubeconfig_refuse(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *const *keys, const char *instead)
{
    for (; *keys != NULL; keys++)
        if (kube_yaml_get(yaml, mapping, where, *keys) != NULL)
            yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_UNSUPPORTED, "%s: %s uses %s, which Leasehold does not support yet: %s",
                                    yaml->file, where, *keys, instead);
}

static void kubeconfig_read_cluster(struct kube_yaml *yaml, yaml_node_t *root, struct kubeconfig *k)
{
    static const char *const later[] = { "proxy-url", NULL };
    char where[KUBECONFIG_WHERE_MAX];
    snprintf(where, sizeof(where), "cluster \"%.*s\"", KUBE_SHOW(k->cluster));
    yaml_node_t *cluster = kube_yaml_named(yaml, root, "clusters", k->cluster, "cluster");
    if (yaml->error == 0 && cluster == NULL)
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: context \"%.*s\" names %s, which clusters does not have",
                                yaml->file, KUBE_SHOW(k->context), where);
    kubeconfig_refuse(yaml, cluster, where, later, "name a server that is reached directly");
    kubeconfig_take(yaml, cluster, where, "server", &k->server);
    kubeconfig_take(yaml, cluster, where, "tls-server-name", &k->tls_server_name);
    kubeconfig_take(yaml, cluster, where, "certificate-authority", &k->ca_file);
    kubeconfig_take(yaml, cluster, where, "certificate-authority-data", &k->ca_data);
    k->insecure_skip_tls_verify = kube_yaml_truth(yaml, cluster, where, "insecure-skip-tls-verify");
    if (yaml->error == 0 && k->server == NULL)
        yaml->error =
            kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s has no server: write server: https://HOST:PORT", yaml->file, where);
}

static void kubeconfig_read_user(struct kube_yaml *yaml, yaml_node_t *root, struct kubeconfig *k)
{
    static const char *const later[] = { "exec", "auth-provider", "as", "as-uid", "as-groups", "as-user-extra", NULL };
    if (yaml->error != 0 || k->user == NULL)
        return;
    char where[KUBECONFIG_WHERE_MAX];
    snprintf(where, sizeof(where), "user \"%.*s\"", KUBE_SHOW(k->user));
    yaml_node_t *user = kube_yaml_named(yaml, root, "users", k->user, "user");
    if (yaml->error == 0 && user == NULL) {
        /* "user: {}" is a user without credentials; a name that is not in the list is a mistake. */
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: context \"%.*s\" names %s, which users does not have",
                                yaml->file, KUBE_SHOW(k->context), where);
        return;
    }
    kubeconfig_refuse(yaml, user, where, later, "give it a token, a tokenFile or a client certificate");
    kubeconfig_take(yaml, user, where, "client-certificate", &k->certificate_file);
    kubeconfig_take(yaml, user, where, "client-certificate-data", &k->certificate_data);
    kubeconfig_take(yaml, user, where, "client-key", &k->key_file);
    kubeconfig_take(yaml, user, where, "client-key-data", &k->key_data);
    kubeconfig_take(yaml, user, where, "token", &k->token);
    kubeconfig_take(yaml, user, where, "tokenFile", &k->token_file);
    kubeconfig_take(yaml, user, where, "username", &k->username);
    kubeconfig_take(yaml, user, where, "password", &k->password);
}

static void kubeconfig_read_context(struct kube_yaml *yaml, yaml_node_t *root, const struct kubeconfig_choice *choice, struct kubeconfig *k)
{
    const char *context = choice->context;
    if (!kube_given(context))
        context = kube_yaml_text(yaml, root, "the file", "current-context");
    if (yaml->error == 0 && context == NULL)
        yaml->error =
            kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG,
                      "%s has no current-context: give one with --context, or set it with kubectl config use-context", yaml->file);
    kubeconfig_copy(yaml, context, &k->context);
    if (yaml->error != 0)
        return;
    char where[KUBECONFIG_WHERE_MAX];
    snprintf(where, sizeof(where), "context \"%.*s\"", KUBE_SHOW(context));
    yaml_node_t *node = kube_yaml_named(yaml, root, "contexts", context, "context");
    if (yaml->error == 0 && node == NULL)
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s has no %s: kubectl config get-contexts lists what it has",
                                yaml->file, where);
    if (kube_given(choice->cluster))
        kubeconfig_copy(yaml, choice->cluster, &k->cluster);
    else
        kubeconfig_take(yaml, node, where, "cluster", &k->cluster);
    if (kube_given(choice->user))
        kubeconfig_copy(yaml, choice->user, &k->user);
    else
        kubeconfig_take(yaml, node, where, "user", &k->user);
    kubeconfig_take(yaml, node, where, "namespace", &k->namespace_name);
    if (yaml->error == 0 && k->cluster == NULL)
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s names no cluster: write cluster: NAME", yaml->file, where);
}

int kubeconfig_parse(const char *file, const char *text, size_t size, const struct kubeconfig_choice *choice, struct kubeconfig *ret,
                     char sentence[KUBE_SENTENCE_MAX])
{
    yaml_document_t document;
    int error = kube_yaml_load(file, text, size, &document, sentence);
    if (error != 0)
        return error;
    struct kube_yaml yaml = { .file = file, .document = &document, .sentence = sentence };
    struct kubeconfig k = { 0 };
    yaml_node_t *root = yaml_document_get_root_node(&document);
    if (root == NULL || root->type != YAML_MAPPING_NODE)
        yaml.error =
            kube_fail(sentence, LEASEHOLD_ERR_CONFIG, "%s %s: a kubeconfig is a mapping with clusters, users, contexts and current-context",
                      file, root == NULL ? "is empty" : "is not a mapping");
    kubeconfig_read_context(&yaml, root, choice, &k);
    if (yaml.error == 0)
        kubeconfig_read_cluster(&yaml, root, &k);
    kubeconfig_read_user(&yaml, root, &k);
    yaml_document_delete(&document);
    if (yaml.error != 0) {
        kubeconfig_clear(&k);
        return yaml.error;
    }
    *ret = k;
    return 0;
}

void kubeconfig_clear(struct kubeconfig *k)
{
    char *texts[] = { k->context,         k->cluster,  k->user,    k->namespace_name,   k->server,
                      k->tls_server_name, k->ca_file,  k->ca_data, k->certificate_file, k->certificate_data,
                      k->key_file,        k->key_data, k->token,   k->token_file,       k->username,
                      k->password };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        kube_text_free(texts[i]);
    *k = (struct kubeconfig){ 0 };
}
