/* From what a kubeconfig says about a plugin to one that can be run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kube/exec.h"
#include "kube/internal.h"
#include "leasehold/errors.h"

/* A path belongs to the folder of the file that names it; a name alone is for PATH. */
static int exec_set_command(struct kube_exec *exec, const char *file)
{
    const char *slash = strrchr(file, '/');
    if (strchr(exec->command, '/') == NULL || exec->command[0] == '/' || slash == NULL)
        return 0;
    char *path = NULL;
    if (asprintf(&path, "%.*s/%s", (int)(slash - file), file, exec->command) < 0)
        return LEASEHOLD_ERR_MEMORY;
    free(exec->command);
    exec->command = path;
    return 0;
}

static int exec_set_cluster(const struct kube_config *c, struct kube_exec *exec, const struct kube_exec_place *place, char *sentence)
{
    if (!exec->provide_cluster_info)
        return 0;
    const struct kube_exec_cluster cluster = { place->server, c->tls_server_name, place->proxy_url, c->insecure_skip_tls_verify, c->ca };
    exec->cluster = kube_exec_cluster(&cluster, exec->config);
    if (exec->cluster == NULL)
        return kube_fail_memory(sentence);
    if (strlen(exec->cluster) > KUBE_EXEC_CLUSTER_MAX)
        return kube_fail(sentence, LEASEHOLD_ERR_CONFIG,
                         "%s: what %s wants to be told of the cluster is larger than %d bytes: remove provideClusterInfo, or make the "
                         "certificate-authority smaller",
                         place->file, exec->owner, KUBE_EXEC_CLUSTER_MAX);
    return 0;
}

/* Whether it may ask; refused where it must and there is nobody. */
static int exec_set_interactive(struct kube_exec *exec, const struct kube_exec_place *place, char *sentence)
{
    exec->interactive = exec->mode != KUBE_EXEC_NEVER && place->allowed == KUBE_PLUGINS_INTERACTIVE && isatty(STDIN_FILENO) == 1;
    if (exec->mode != KUBE_EXEC_ALWAYS || exec->interactive)
        return 0;
    return kube_fail(sentence, LEASEHOLD_ERR_CONFIG,
                     "%s: the program %.*s of %s wants to ask (interactiveMode: Always), and %s: use a user that needs nobody to ask",
                     place->file, KUBE_SHOW(exec->command), exec->owner,
                     place->allowed == KUBE_PLUGINS_INTERACTIVE ? "standard input is no terminal" : "nobody may be asked here");
}

static int exec_finish(struct kube_config *c, struct kube_exec *exec, const struct kube_exec_place *place, char *sentence)
{
    if (asprintf(&exec->owner, "user \"%.*s\"", KUBE_SHOW(place->user)) < 0) {
        exec->owner = NULL;
        return kube_fail_memory(sentence);
    }
    if (place->allowed == KUBE_PLUGINS_NO)
        return kube_fail(
            sentence, LEASEHOLD_ERR_CONFIG,
            "%s: %s gets its credentials from the program %.*s (exec), which is not run unless the option exec-plugins is yes: set it "
            "if you trust the file, or give the user a token",
            place->file, exec->owner, KUBE_SHOW(exec->command));
    int error = exec_set_interactive(exec, place, sentence);
    if (error == 0 && exec_set_command(exec, place->file) != 0)
        error = kube_fail_memory(sentence);
    return error != 0 ? error : exec_set_cluster(c, exec, place, sentence);
}

int kube_exec_finish(struct kube_config *c, struct kube_exec *exec, const struct kube_exec_place *place, char sentence[KUBE_SENTENCE_MAX])
{
    /* Whatever else says who we are wins, be it in the file or in the settings, as with kubectl. */
    if (c->token != NULL || c->token_file != NULL || c->username != NULL || c->client_certificate.data != NULL) {
        kube_exec_free(exec);
        return 0;
    }
    int error = exec_finish(c, exec, place, sentence);
    if (error != 0)
        kube_exec_free(exec);
    else
        c->exec = exec;
    return error;
}
