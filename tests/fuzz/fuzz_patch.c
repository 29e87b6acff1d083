/* A document, a line's end, and a patch of it in each of the three kinds: inputs stay as they are, a refusal has a sentence, and a merge
 * done twice is one done once. */
#include "fuzz.h"
#include "store/patch.h"
#include "store/store.h"
#include "store/strategic.h"

static void merge(const json_t *document, const json_t *patch)
{
    json_t *once = store_patch_merge(document, patch);
    MUST(once != NULL);
    json_t *twice = store_patch_merge(once, patch);
    MUST(twice != NULL && json_equal(once, twice));
    json_decref(once);
    json_decref(twice);
}

static void operations(const json_t *document, const json_t *patch)
{
    char error[512] = "";
    json_t *patched = NULL;
    enum store_patch_outcome outcome = store_patch_json(document, patch, &patched, error, sizeof error);
    MUST((outcome == STORE_PATCH_DONE) == (patched != NULL) && (outcome == STORE_PATCH_DONE) == (error[0] == '\0'));
    MUST(patched == NULL || store_shallow(patched, STORE_DEPTH_MAX + 1));
    json_decref(patched);
}

static void strategic(const json_t *document, const json_t *patch)
{
    static const char *const kinds[] = { "Pod", "ConfigMap", "Lease", "Namespace", "Event" };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char error[512] = "";
        json_t *patched = store_patch_strategic(kinds[i], document, patch, error, sizeof error);
        MUST((patched != NULL) == (error[0] == '\0'));
        json_decref(patched);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    if (line == NULL)
        return 0;
    size_t first = (size_t)(line - data);
    json_t *document = json_loadb((const char *)data, first, 0, NULL);
    json_t *patch = json_loadb((const char *)line + 1, size - first - 1, 0, NULL);
    /* As the store does before any patch. */
    if (json_is_object(document) && patch != NULL && store_shallow(document, STORE_DEPTH_MAX) && store_shallow(patch, STORE_DEPTH_MAX)) {
        json_t *before = json_deep_copy(document), *asked = json_deep_copy(patch);
        MUST(before != NULL && asked != NULL);
        if (json_is_object(patch)) {
            merge(document, patch);
            strategic(document, patch);
        }
        operations(document, patch);
        MUST(json_equal(before, document) && json_equal(asked, patch));
        json_decref(before);
        json_decref(asked);
    }
    json_decref(document);
    json_decref(patch);
    return 0;
}
