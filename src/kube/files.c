/* Which kubeconfigs there are: one that was named, those that KUBECONFIG lists, or the one at home. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

void kube_files_free(struct kube_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->paths[i]);
        kube_bytes_free(&files->texts[i]);
    }
    free(files->all);
    *files = (struct kube_files){ 0 };
}

/* One file more, unless it is there already. */
static int files_add(struct kube_files *files, const char *path, size_t size, char *sentence)
{
    char reason[KUBE_REASON_MAX];
    for (size_t i = 0; i < files->count; i++)
        if (strlen(files->paths[i]) == size && memcmp(files->paths[i], path, size) == 0)
            return 0;
    if (files->count == KUBE_FILES_MAX)
        return kube_fail(sentence, LEASEHOLD_ERR_CONFIG,
                         "KUBECONFIG lists more than %d files that exist: write one with kubectl config view --flatten", KUBE_FILES_MAX);
    char *name = strndup(path, size);
    if (name == NULL)
        return kube_fail_memory(sentence);
    int error = kube_input_read(name, KUBE_FILE_MAX, &files->texts[files->count], reason);
    if (error != 0) {
        kube_fail(sentence, error, "the kubeconfig %s cannot be read: %s", name, reason);
        free(name);
        return error;
    }
    files->paths[files->count++] = name;
    return 0;
}

/* The files of a list that exist; where none of them does, the first is what is missing. A list of separators only names none. */
static int files_add_list(struct kube_files *files, const char *list, char *sentence)
{
    const char *first = NULL;
    size_t first_size = 0;
    int error = 0;
    for (size_t size; *list != '\0' && error == 0; list += size + (list[size] == ':')) {
        size = strcspn(list, ":");
        if (size == 0)
            continue;
        if (first == NULL) {
            first = list;
            first_size = size;
        }
        char *path = strndup(list, size);
        if (path == NULL)
            return kube_fail_memory(sentence);
        if (kube_file_exists(path))
            error = files_add(files, path, size, sentence);
        free(path);
    }
    return error == 0 && files->count == 0 && first != NULL ? files_add(files, first, first_size, sentence) : error;
}

static int files_add_home(struct kube_files *files, const char *home, char *sentence)
{
    char *path = NULL;
    if (asprintf(&path, "%s/.kube/config", home) < 0)
        return kube_fail_memory(sentence);
    int error = kube_file_exists(path) ? files_add(files, path, strlen(path), sentence) : 0;
    free(path);
    return error;
}

/* "one:two", what sentences call them all. */
static int files_name(struct kube_files *files, char *sentence)
{
    size_t size = 1;
    for (size_t i = 0; i < files->count; i++)
        size += strlen(files->paths[i]) + 1;
    char *end = files->all = malloc(size);
    if (end == NULL)
        return kube_fail_memory(sentence);
    *end = '\0';
    for (size_t i = 0; i < files->count; i++)
        end = stpcpy(i > 0 ? stpcpy(end, ":") : end, files->paths[i]);
    return 0;
}

int kube_files_read(const struct kube_options *options, struct kube_files *ret, char sentence[KUBE_SENTENCE_MAX])
{
    struct kube_files files = { 0 };
    const char *list = kube_environment(options, "KUBECONFIG");
    const char *home = kube_environment(options, "HOME");
    int error = 0;
    if (kube_given(options->kubeconfig)) {
        error = files_add(&files, options->kubeconfig, strlen(options->kubeconfig), sentence);
    } else {
        if (list != NULL)
            error = files_add_list(&files, list, sentence);
        if (error == 0 && files.count == 0 && home != NULL)
            error = files_add_home(&files, home, sentence);
    }
    if (error == 0 && files.count > 0)
        error = files_name(&files, sentence);
    if (error != 0)
        kube_files_free(&files);
    else
        *ret = files;
    return error;
}

const char *kube_files_none(void)
{
    return "no Kubernetes configuration was found: KUBECONFIG is not set, there is no ~/.kube/config, and this is no Pod "
           "(KUBERNETES_SERVICE_HOST is not set); give a file with --kubeconfig, or a --server";
}
