/* What a kubeconfig says about a plugin: out of YAML. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/exec.h"
#include "kube/internal.h"
#include "kube/yaml.h"
#include "leasehold/errors.h"

enum { EXEC_JSON_NODES_MAX = 10000 }; /* values of an extension, those that aliases repeat included */

static void exec_fail_memory(struct kube_yaml *yaml)
{
    if (yaml->error == 0)
        yaml->error = kube_fail_memory(yaml->sentence);
}

static char *exec_copy(struct kube_yaml *yaml, const char *text)
{
    char *copy = text != NULL && yaml->error == 0 ? strdup(text) : NULL;
    if (copy == NULL && text != NULL)
        exec_fail_memory(yaml);
    return copy;
}

/* The items of a list, of which each becomes one text by `make`; NULL at their end. NULL with yaml->error. */
static char **exec_list(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key,
                        char *(*make)(struct kube_yaml *yaml, yaml_node_t *node, const char *where))
{
    yaml_node_t *list = kube_yaml_get(yaml, mapping, where, key);
    if (yaml->error == 0 && list != NULL && list->type != YAML_SEQUENCE_NODE)
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s of %s must be a list", yaml->file, key, where);
    size_t count = yaml->error == 0 && list != NULL ? (size_t)(list->data.sequence.items.top - list->data.sequence.items.start) : 0;
    if (count > KUBE_EXEC_ITEMS_MAX)
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s of %s has %zu items: at most %d are taken", yaml->file, key,
                                where, count, KUBE_EXEC_ITEMS_MAX);
    if (yaml->error != 0)
        return NULL;
    char **texts = calloc(count + 1, sizeof(*texts));
    if (texts == NULL) {
        exec_fail_memory(yaml);
        return NULL;
    }
    for (size_t i = 0; i < count && yaml->error == 0; i++)
        texts[i] = make(yaml, yaml_document_get_node(yaml->document, list->data.sequence.items.start[i]), where);
    return texts;
}

static char *exec_argument(struct kube_yaml *yaml, yaml_node_t *node, const char *where)
{
    if (node != NULL && node->type == YAML_SCALAR_NODE && strlen((const char *)node->data.scalar.value) == node->data.scalar.length)
        return exec_copy(yaml, (const char *)node->data.scalar.value);
    yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: args of %s must be a list of texts", yaml->file, where);
    return NULL;
}

static char *exec_variable(struct kube_yaml *yaml, yaml_node_t *node, const char *where)
{
    const char *name = kube_yaml_text(yaml, node, where, "name"), *value = kube_yaml_text(yaml, node, where, "value");
    char *text = NULL;
    if (yaml->error == 0 && (name == NULL || strchr(name, '=') != NULL))
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: env of %s must be a list of a name, without =, and a value each",
                                yaml->file, where);
    if (yaml->error == 0 && asprintf(&text, "%s=%s", name, value != NULL ? value : "") < 0) {
        text = NULL;
        exec_fail_memory(yaml);
    }
    return text;
}

static void exec_read_version(struct kube_yaml *yaml, yaml_node_t *node, const char *where, struct kube_exec *exec)
{
    static const char *const known[] = { "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1" };
    const char *version = kube_yaml_text(yaml, node, where, "apiVersion");
    for (size_t i = 0; i < 2; i++)
        if (version != NULL && strcmp(version, known[i]) == 0)
            exec->api_version = exec_copy(yaml, version);
    if (yaml->error == 0 && exec->api_version == NULL)
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_UNSUPPORTED, "%s: %s has the apiVersion %.*s: %s and …/v1beta1 are known",
                                yaml->file, where, KUBE_SHOW(version != NULL ? version : "missing"), known[0]);
}

static void exec_read_mode(struct kube_yaml *yaml, yaml_node_t *node, const char *where, struct kube_exec *exec)
{
    static const char *const names[] = {
        [KUBE_EXEC_IF_AVAILABLE] = "IfAvailable", [KUBE_EXEC_NEVER] = "Never", [KUBE_EXEC_ALWAYS] = "Always"
    };
    const char *mode = kube_yaml_text(yaml, node, where, "interactiveMode");
    if (yaml->error != 0 || exec->api_version == NULL)
        return;
    if (mode == NULL && strcmp(exec->api_version, "client.authentication.k8s.io/v1beta1") == 0)
        mode = "IfAvailable"; /* v1 wants a word */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (mode != NULL && strcmp(mode, names[i]) == 0) {
            exec->mode = (enum kube_exec_mode)i;
            return;
        }
    }
    yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s has the interactiveMode %.*s: write Never, IfAvailable or Always",
                            yaml->file, where, KUBE_SHOW(mode != NULL ? mode : "missing"));
}

struct kube_exec *kube_exec_read(struct kube_yaml *yaml, yaml_node_t *user, const char *owner)
{
    char where[200];
    snprintf(where, sizeof(where), "exec of %s", owner);
    yaml_node_t *node = kube_yaml_mapping(yaml, user, owner, "exec");
    struct kube_exec *exec = node != NULL ? calloc(1, sizeof(*exec)) : NULL;
    if (node != NULL && exec == NULL)
        exec_fail_memory(yaml);
    if (exec == NULL)
        return NULL;
    exec_read_version(yaml, node, where, exec);
    exec_read_mode(yaml, node, where, exec);
    exec->command = exec_copy(yaml, kube_yaml_text(yaml, node, where, "command"));
    exec->install_hint = exec_copy(yaml, kube_yaml_text(yaml, node, where, "installHint"));
    exec->provide_cluster_info = kube_yaml_truth(yaml, node, where, "provideClusterInfo");
    exec->arguments = exec_list(yaml, node, where, "args", exec_argument);
    exec->environment = exec_list(yaml, node, where, "env", exec_variable);
    if (yaml->error == 0 && exec->command == NULL)
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s has no command: write command: PROGRAM", yaml->file, where);
    return yaml->error == 0 ? exec : kube_exec_free(exec);
}

/* ---- a value of YAML as JSON ---- */

struct exec_json {
    struct kube_yaml *yaml;
    unsigned depth, nodes;
};

static json_t *exec_json_node(struct exec_json *j, yaml_node_t *node);

/* A plain word that stands for something else than text; NULL: it does not. */
static json_t *exec_json_plain(const char *text)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
    static const char *const truths[] = { "true", "True", "TRUE" }, *const lies[] = { "false", "False", "FALSE" };
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
        if (strcmp(text, nulls[i]) == 0)
            return json_null();
    for (size_t i = 0; i < 3; i++)
        if (strcmp(text, truths[i]) == 0 || strcmp(text, lies[i]) == 0)
            return json_boolean(strcmp(text, truths[i]) == 0);
    char *end;
    if (text[strspn(text, "-+0123456789")] == '\0') {
        errno = 0;
        long long number = strtoll(text, &end, 10);
        if (errno == 0 && *end == '\0')
            return json_integer(number);
    }
    if (text[strspn(text, "-+.0123456789eE")] == '\0' && strpbrk(text, "0123456789") != NULL) {
        double number = strtod(text, &end);
        if (*end == '\0' && isfinite(number))
            return json_real(number);
    }
    return NULL;
}

static json_t *exec_json_scalar(const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;
    json_t *value = NULL;
    if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strlen(text) == node->data.scalar.length)
        value = exec_json_plain(text);
    return value != NULL ? value : json_stringn(text, node->data.scalar.length);
}

static json_t *exec_json_list(struct exec_json *j, const yaml_node_t *node)
{
    json_t *list = json_array();
    for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top && j->yaml->error == 0; item++)
        if (json_array_append_new(list, exec_json_node(j, yaml_document_get_node(j->yaml->document, *item))) != 0)
            exec_fail_memory(j->yaml);
    return list;
}

static json_t *exec_json_mapping(struct exec_json *j, const yaml_node_t *node)
{
    json_t *object = json_object();
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && j->yaml->error == 0; pair++) {
        yaml_node_t *key = yaml_document_get_node(j->yaml->document, pair->key);
        const char *name = key != NULL && key->type == YAML_SCALAR_NODE ? (const char *)key->data.scalar.value : NULL;
        if (name == NULL || strlen(name) != key->data.scalar.length || strcmp(name, "<<") == 0) {
            j->yaml->error = kube_fail(j->yaml->sentence, LEASEHOLD_ERR_CONFIG,
                                       "%s: the extension for the credential plugin has a key that is no text", j->yaml->file);
            break;
        }
        if (json_object_set_new(object, name, exec_json_node(j, yaml_document_get_node(j->yaml->document, pair->value))) != 0)
            exec_fail_memory(j->yaml);
    }
    return object;
}

/* NULL with yaml->error. An alias may stand for what contains it. */
static json_t *exec_json_node(struct exec_json *j, yaml_node_t *node)
{
    json_t *value = NULL;
    if (node == NULL || j->depth >= KUBE_YAML_DEPTH_MAX || ++j->nodes > EXEC_JSON_NODES_MAX) {
        j->yaml->error = kube_fail(j->yaml->sentence, LEASEHOLD_ERR_CONFIG,
                                   "%s: the extension for the credential plugin has more than %d levels or %d values", j->yaml->file,
                                   KUBE_YAML_DEPTH_MAX, EXEC_JSON_NODES_MAX);
        return NULL;
    }
    j->depth++;
    if (node->type == YAML_SCALAR_NODE)
        value = exec_json_scalar(node);
    else if (node->type == YAML_SEQUENCE_NODE)
        value = exec_json_list(j, node);
    else
        value = exec_json_mapping(j, node);
    j->depth--;
    if (value == NULL)
        exec_fail_memory(j->yaml);
    return value;
}

char *kube_exec_read_json(struct kube_yaml *yaml, yaml_node_t *node)
{
    if (node == NULL || yaml->error != 0)
        return NULL;
    struct exec_json j = { .yaml = yaml };
    json_t *value = exec_json_node(&j, node);
    char *text = yaml->error == 0 ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (text == NULL)
        exec_fail_memory(yaml);
    return text;
}
