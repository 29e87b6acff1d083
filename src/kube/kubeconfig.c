#include "kube/kubeconfig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "kube/exec.h"
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

/* What is not supported is refused where it is used: ignoring it would mean another identity. */
static void kubeconfig_refuse(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where)
{
    static const char impersonate[] = "give it the credentials of the one that it impersonates, with the rights to elect a leader";
    static const struct {
        const char *key, *instead;
    } refused[] = {
        { "auth-provider", "kubectl has not had it since 1.26; name the provider's program under exec, as its manual says" },
        { "as", impersonate },
        { "as-uid", impersonate },
        { "as-groups", impersonate },
        { "as-user-extra", impersonate },
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (kube_yaml_get(yaml, mapping, where, refused[i].key) != NULL)
            yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_UNSUPPORTED, "%s: %s uses %s, which Leasehold does not support: %s",
                                    yaml->file, where, refused[i].key, refused[i].instead);
}

/* The files, all of them parsed. `yaml` looks into one at a time; its error, about whichever file, stays. */
struct kubeconfig_files {
    struct kube_yaml yaml;
    const char *all;
    const struct kubeconfig_source *sources;
    yaml_document_t documents[KUBE_FILES_MAX];
    yaml_node_t *roots[KUBE_FILES_MAX]; /* NULL: empty */
    size_t count;
};

static void kubeconfig_look_into(struct kubeconfig_files *files, size_t i)
{
    files->yaml.file = files->sources[i].file;
    files->yaml.document = &files->documents[i];
}

/* The item of this name in the first file that has one; it is the file looked into then. NULL where none has it. */
static yaml_node_t *kubeconfig_find(struct kubeconfig_files *files, const char *list, const char *name, size_t *ret_source)
{
    for (size_t i = 0; i < files->count && files->yaml.error == 0; i++) {
        kubeconfig_look_into(files, i);
        yaml_node_t *item = kube_yaml_named(&files->yaml, files->roots[i], list, name);
        if (item != NULL) {
            *ret_source = i;
            return item;
        }
    }
    files->yaml.file = files->all;
    return NULL;
}

static void kubeconfig_read_cluster(struct kubeconfig_files *files, struct kubeconfig *k)
{
    struct kube_yaml *yaml = &files->yaml;
    char where[KUBECONFIG_WHERE_MAX];
    snprintf(where, sizeof(where), "cluster \"%.*s\"", KUBE_SHOW(k->cluster));
    size_t source = 0;
    yaml_node_t *item = kubeconfig_find(files, "clusters", k->cluster, &source);
    k->cluster_source = source;
    if (yaml->error == 0 && item == NULL)
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: context \"%.*s\" names %s, which clusters does not have",
                                yaml->file, KUBE_SHOW(k->context), where);
    yaml_node_t *cluster = kube_yaml_mapping(yaml, item, where, "cluster");
    kubeconfig_take(yaml, cluster, where, "server", &k->server);
    kubeconfig_take(yaml, cluster, where, "proxy-url", &k->proxy_url);
    kubeconfig_take(yaml, cluster, where, "tls-server-name", &k->tls_server_name);
    kubeconfig_take(yaml, cluster, where, "certificate-authority", &k->ca_file);
    kubeconfig_take(yaml, cluster, where, "certificate-authority-data", &k->ca_data);
    k->insecure_skip_tls_verify = kube_yaml_truth(yaml, cluster, where, "insecure-skip-tls-verify");
    if (yaml->error == 0 && k->server == NULL)
        yaml->error =
            kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s has no server: write server: https://HOST:PORT", yaml->file, where);
}

static void kubeconfig_read_user(struct kubeconfig_files *files, struct kubeconfig *k)
{
    struct kube_yaml *yaml = &files->yaml;
    if (yaml->error != 0 || k->user == NULL)
        return;
    char where[KUBECONFIG_WHERE_MAX];
    snprintf(where, sizeof(where), "user \"%.*s\"", KUBE_SHOW(k->user));
    size_t source = 0;
    yaml_node_t *item = kubeconfig_find(files, "users", k->user, &source);
    k->user_source = source;
    if (yaml->error == 0 && item == NULL) {
        /* "user: {}" is a user without credentials; a name that is not in the list is a mistake. */
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: context \"%.*s\" names %s, which users does not have",
                                yaml->file, KUBE_SHOW(k->context), where);
        return;
    }
    yaml_node_t *user = kube_yaml_mapping(yaml, item, where, "user");
    kubeconfig_refuse(yaml, user, where);
    kubeconfig_take(yaml, user, where, "client-certificate", &k->certificate_file);
    kubeconfig_take(yaml, user, where, "client-certificate-data", &k->certificate_data);
    kubeconfig_take(yaml, user, where, "client-key", &k->key_file);
    kubeconfig_take(yaml, user, where, "client-key-data", &k->key_data);
    kubeconfig_take(yaml, user, where, "token", &k->token);
    kubeconfig_take(yaml, user, where, "tokenFile", &k->token_file);
    kubeconfig_take(yaml, user, where, "username", &k->username);
    kubeconfig_take(yaml, user, where, "password", &k->password);
    k->exec = kube_exec_read(yaml, user, where);
}

/* What a plugin is told of its cluster beyond the address. */
static void kubeconfig_read_extension(struct kubeconfig_files *files, struct kubeconfig *k)
{
    struct kube_yaml *yaml = &files->yaml;
    size_t source;
    if (yaml->error != 0 || k->exec == NULL || !k->exec->provide_cluster_info)
        return;
    yaml_node_t *item = kubeconfig_find(files, "clusters", k->cluster, &source);
    yaml_node_t *cluster = kube_yaml_mapping(yaml, item, "the cluster", "cluster");
    yaml_node_t *extension = kube_yaml_named(yaml, cluster, "extensions", "client.authentication.k8s.io/exec");
    k->exec->config = kube_exec_read_json(yaml, kube_yaml_get(yaml, extension, "the extension", "extension"));
}

static const char *kubeconfig_current(struct kubeconfig_files *files)
{
    const char *context = NULL;
    for (size_t i = 0; i < files->count && context == NULL && files->yaml.error == 0; i++) {
        kubeconfig_look_into(files, i);
        context = kube_yaml_text(&files->yaml, files->roots[i], "the file", "current-context");
    }
    return context;
}

static void kubeconfig_read_context(struct kubeconfig_files *files, const struct kubeconfig_choice *choice, struct kubeconfig *k)
{
    struct kube_yaml *yaml = &files->yaml;
    const char *context = kube_given(choice->context) ? choice->context : kubeconfig_current(files);
    if (yaml->error == 0 && context == NULL)
        yaml->error =
            kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG,
                      "%s has no current-context: give one with --context, or set it with kubectl config use-context", files->all);
    kubeconfig_copy(yaml, context, &k->context);
    if (yaml->error != 0)
        return;
    char where[KUBECONFIG_WHERE_MAX];
    snprintf(where, sizeof(where), "context \"%.*s\"", KUBE_SHOW(context));
    size_t source;
    yaml_node_t *item = kubeconfig_find(files, "contexts", context, &source);
    if (yaml->error == 0 && item == NULL)
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s has no %s: kubectl config get-contexts lists what it has",
                                yaml->file, where);
    yaml_node_t *node = kube_yaml_mapping(yaml, item, where, "context");
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

/* Parses one more file; those counted are to be deleted. */
static void kubeconfig_add(struct kubeconfig_files *files, bool alone)
{
    size_t i = files->count;
    const struct kubeconfig_source *source = &files->sources[i];
    struct kube_yaml *yaml = &files->yaml;
    yaml->error = kube_yaml_load(source->file, source->text, source->size, &files->documents[i], yaml->sentence);
    if (yaml->error != 0)
        return;
    files->count++;
    yaml_node_t *root = yaml_document_get_root_node(&files->documents[i]);
    if ((root == NULL && alone) || (root != NULL && root->type != YAML_MAPPING_NODE))
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG,
                                "%s %s: a kubeconfig is a mapping with clusters, users, contexts and current-context", source->file,
                                root == NULL ? "is empty" : "is not a mapping");
    files->roots[i] = root;
}

int kubeconfig_parse(const char *all, const struct kubeconfig_source *sources, size_t count, const struct kubeconfig_choice *choice,
                     struct kubeconfig *ret, char sentence[KUBE_SENTENCE_MAX])
{
    BUG_UNLESS(count >= 1 && count <= KUBE_FILES_MAX);
    struct kubeconfig_files files = { .yaml = { .file = all, .sentence = sentence }, .all = all, .sources = sources };
    struct kubeconfig k = { 0 };
    while (files.count < count && files.yaml.error == 0)
        kubeconfig_add(&files, count == 1);
    if (files.yaml.error == 0)
        kubeconfig_read_context(&files, choice, &k);
    if (files.yaml.error == 0)
        kubeconfig_read_cluster(&files, &k);
    kubeconfig_read_user(&files, &k);
    kubeconfig_read_extension(&files, &k);
    for (size_t i = 0; i < files.count; i++)
        yaml_document_delete(&files.documents[i]);
    if (files.yaml.error != 0) {
        kubeconfig_clear(&k);
        return files.yaml.error;
    }
    *ret = k;
    return 0;
}
