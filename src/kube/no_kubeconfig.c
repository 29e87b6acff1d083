/* In a build without kubeconfig (LEASEHOLD_KUBECONFIG=OFF), the place of files.c and kubeconfig.c: whoever gives one, or a choice in
 * one, is told so. */
#include "election/bug.h"
#include "kube/internal.h"
#include "kube/kubeconfig.h"
#include "leasehold/errors.h"

int kube_files_read(const struct kube_options *options, struct kube_files *ret, char sentence[KUBE_SENTENCE_MAX])
{
    const struct {
        const char *name, *value;
    } given[] = {
        { "kubeconfig", options->kubeconfig }, { "KUBECONFIG", kube_environment(options, "KUBECONFIG") },
        { "context", options->context },       { "cluster", options->overrides.cluster },
        { "user", options->overrides.user },
    };
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        if (kube_given(given[i].value))
            return kube_fail(sentence, LEASEHOLD_ERR_UNSUPPORTED,
                             "%s is %.*s, but this build reads no kubeconfig: run it in a Pod, give a --server, or take a build that does",
                             given[i].name, KUBE_SHOW(given[i].value));
    *ret = (struct kube_files){ 0 };
    return 0;
}

void kube_files_free(struct kube_files *files)
{
    (void)files;
}

const char *kube_files_none(void)
{
    return "no Kubernetes configuration was found: this is no Pod (KUBERNETES_SERVICE_HOST is not set), and this build reads no "
           "kubeconfig; give a --server";
}

int kubeconfig_parse(const char *all, const struct kubeconfig_source *sources, size_t count, const struct kubeconfig_choice *choice,
                     struct kubeconfig *ret, char sentence[KUBE_SENTENCE_MAX])
{
    (void)all, (void)sources, (void)count, (void)choice, (void)ret, (void)sentence;
    bug_stop(__FILE__, __LINE__); /* kube_files_read() finds no file */
}
