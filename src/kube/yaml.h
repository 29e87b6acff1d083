/* YAML documents within bounds, and looking into them. Not for other rooms.
 *
 * An alias may stand for a node that contains it: nothing here walks a document, it is only looked into along fixed paths. */
#ifndef LEASEHOLD_KUBE_YAML_H
#define LEASEHOLD_KUBE_YAML_H

#include <yaml.h>

#include "kube/config.h"

/* Loads the only document of `text`. Returns 0 and *ret_document (yaml_document_delete), or LEASEHOLD_ERR_CONFIG or
 * LEASEHOLD_ERR_MEMORY and the sentence. */
int kube_yaml_load(const char *file, const char *text, size_t size, yaml_document_t *ret_document, char sentence[KUBE_SENTENCE_MAX]);

/* Looks into one document; the first error stays, and every later look finds nothing. */
struct kube_yaml {
    const char *file;
    yaml_document_t *document;
    char *sentence;
    int error;
};

/* The value of `key`, or NULL when it is absent or null. `where` names the mapping in sentences: "user \"dev\"". NULL mapping:
 * NULL. A key given twice and YAML's merge key ("<<") are errors. */
yaml_node_t *kube_yaml_get(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key);

/* The same for a value that must be text (NULL when empty), a mapping, or a truth. Text lives as long as the document. */
const char *kube_yaml_text(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key);
yaml_node_t *kube_yaml_mapping(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key);
bool kube_yaml_truth(struct kube_yaml *yaml, yaml_node_t *mapping, const char *where, const char *key);

/* In the list `list` of `root`, the first item whose `name` is `name`. NULL when there is none. */
yaml_node_t *kube_yaml_named(struct kube_yaml *yaml, yaml_node_t *root, const char *list, const char *name);

/* exec_yaml.c */

/* The plugin that the mapping `user` names, or NULL where it names none, or with yaml->error. */
struct kube_exec *kube_exec_read(struct kube_yaml *yaml, yaml_node_t *user, const char *where);
/* A value as JSON (free), or NULL where `node` is NULL, or with yaml->error. */
char *kube_exec_read_json(struct kube_yaml *yaml, yaml_node_t *node);

#endif
