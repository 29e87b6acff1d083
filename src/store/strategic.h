/* Kubernetes' strategic merge patch on jansson values: a merge patch that knows which lists are maps in disguise. Pure; inputs
 * are never changed. What each list is, is a table; source: the patchStrategy and patchMergeKey tags of k8s.io/api. */
#ifndef LEASEHOLD_STORE_STRATEGIC_H
#define LEASEHOLD_STORE_STRATEGIC_H

#include <jansson.h>
#include <stddef.h>

/* The document of this kind ("Pod") with the patch applied: a new value owned by the caller, or NULL with a sentence in error
 * (an answer of 400). Neither may nest deeper than store_shallow() was asked for. Directives: $patch (replace, delete, merge),
 * $retainKeys, $setElementOrder/LIST, $deleteFromPrimitiveList/LIST; any other that begins with $ is refused. */
json_t *store_patch_strategic(const char *kind, const json_t *document, const json_t *patch, char *error, size_t error_size);

#endif
