/* What was given, by a setting or by the environment; empty is not given. */
#include "kube/internal.h"

bool kube_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

const char *kube_environment(const struct kube_options *options, const char *name)
{
    const char *value = options->environment != NULL ? options->environment(options->user, name) : NULL;
    return kube_given(value) ? value : NULL;
}
