#include "kube/yaml.h"

#include <string.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

/* Where libyaml stopped; never what it read, which may be a secret. */
static int yaml_fail_parse(const char *file, const yaml_parser_t *parser, char sentence[KUBE_SENTENCE_MAX])
{
    if (parser->error == YAML_MEMORY_ERROR)
        return kube_fail_memory(sentence);
    return kube_fail(sentence, LEASEHOLD_ERR_CONFIG, "%s: line %zu is not YAML (%s): a kubeconfig is YAML or JSON", file,
                     parser->problem_mark.line + 1, parser->problem != NULL ? parser->problem : "unreadable");
}

struct yaml_count {
    size_t depth, nodes, aliases, documents;
};

/* Counts one event. Returns what there is too much of, or NULL. */
static const char *yaml_count_event(const yaml_event_t *event, struct yaml_count *count)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++count->documents > 1 ? "more than one YAML document" : NULL;
    case YAML_ALIAS_EVENT:
        return ++count->aliases > KUBE_YAML_ALIASES_MAX ? "more than 1000 aliases" : NULL;
    case YAML_SCALAR_EVENT:
        return ++count->nodes > KUBE_YAML_NODES_MAX ? "more than 50000 values" : NULL;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        if (++count->depth > KUBE_YAML_DEPTH_MAX)
            return "more than 32 levels";
        return ++count->nodes > KUBE_YAML_NODES_MAX ? "more than 50000 values" : NULL;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        count->depth--;
        return NULL;
    default:
        return NULL;
    }
}

_Static_assert(KUBE_YAML_ALIASES_MAX == 1000 && KUBE_YAML_NODES_MAX == 50000 && KUBE_YAML_DEPTH_MAX == 32, "the sentences above say so");

/* A first pass over the events keeps the second, which builds the document, within bounds. (Deep nesting costs libyaml the
 * square of its depth, so it must not be read to its end.) */
static int yaml_check(const char *file, const char *text, size_t size, char sentence[KUBE_SENTENCE_MAX])
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return kube_fail_memory(sentence);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    struct yaml_count count = { 0, 0, 0, 0 };
    int error = 0;
    for (bool end = false; !end && error == 0;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            error = yaml_fail_parse(file, &parser, sentence);
            break;
        }
        const char *excess = yaml_count_event(&event, &count);
        if (excess != NULL)
            error = kube_fail(sentence, LEASEHOLD_ERR_CONFIG, "%s has %s by line %zu: that is no kubeconfig", file, excess,
                              event.start_mark.line + 1);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return error;
}

int kube_yaml_load(const char *file, const char *text, size_t size, yaml_document_t *ret_document, char sentence[KUBE_SENTENCE_MAX])
{
    int error = yaml_check(file, text, size, sentence);
    if (error != 0)
        return error;
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return kube_fail_memory(sentence);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, ret_document))
        error = yaml_fail_parse(file, &parser, sentence);
    yaml_parser_delete(&parser);
    return error;
}

static bool yaml_is(const yaml_node_t *node, const char *text)
{
    return node != NULL && node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
           memcmp(node->data.scalar.value, text, node->data.scalar.length) == 0;
}

static bool yaml_is_null(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    return yaml_is(node, "") || yaml_is(node, "~") || yaml_is(node, "null") || yaml_is(node, "Null") || yaml_is(node, "NULL");
}

yaml_node_t *kube_yaml_get(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key)
{
    if (yaml->error != 0 || mapping == NULL || mapping->type != YAML_MAPPING_NODE)
        return NULL;
    yaml_node_t *found = NULL;
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = yaml_document_get_node(yaml->document, pair->key);
        if (yaml_is(name, "<<")) {
            yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_UNSUPPORTED,
                                    "%s: %s uses the YAML merge key <<, which is not supported: write the fields out", yaml->file, where);
            return NULL;
        }
        if (!yaml_is(name, key))
            continue;
        if (found != NULL) {
            yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s has %s twice: remove one", yaml->file, where, key);
            return NULL;
        }
        found = yaml_document_get_node(yaml->document, pair->value);
    }
    return found != NULL && !yaml_is_null(found) ? found : NULL;
}

const char *kube_yaml_text(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key)
{
    yaml_node_t *node = kube_yaml_get(yaml, mapping, where, key);
    if (node == NULL)
        return NULL;
    if (node->type != YAML_SCALAR_NODE || memchr(node->data.scalar.value, '\0', node->data.scalar.length) != NULL) {
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s of %s must be text", yaml->file, key, where);
        return NULL;
    }
    return node->data.scalar.length > 0 ? (const char *)node->data.scalar.value : NULL;
}

yaml_node_t *kube_yaml_mapping(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key)
{
    yaml_node_t *node = kube_yaml_get(yaml, mapping, where, key);
    if (node != NULL && node->type != YAML_MAPPING_NODE) {
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s of %s must be a mapping", yaml->file, key, where);
        return NULL;
    }
    return node;
}

bool kube_yaml_truth(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key)
{
    const char *text = kube_yaml_text(yaml, mapping, where, key);
    if (text == NULL || strcmp(text, "false") == 0)
        return false;
    if (strcmp(text, "true") == 0)
        return true;
    yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s of %s is %.*s: write true or false", yaml->file, key, where,
                            KUBE_SHOW(text));
    return false;
}

yaml_node_t *kube_yaml_named(struct kube_yaml *yaml, yaml_node_t *root, const char *list, const char *name)
{
    yaml_node_t *items = kube_yaml_get(yaml, root, "the file", list);
    if (items == NULL)
        return NULL;
    if (items->type != YAML_SEQUENCE_NODE) {
        yaml->error = kube_fail(yaml->sentence, LEASEHOLD_ERR_CONFIG, "%s: %s must be a list", yaml->file, list);
        return NULL;
    }
    for (yaml_node_item_t *item = items->data.sequence.items.start; item < items->data.sequence.items.top; item++) {
        yaml_node_t *node = yaml_document_get_node(yaml->document, *item);
        const char *its_name = kube_yaml_text(yaml, node, list, "name");
        if (its_name != NULL && strcmp(its_name, name) == 0)
            return node;
    }
    return NULL;
}
