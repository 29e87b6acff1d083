/* What a plugin is and what it is told. */
#include "kube/exec.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "kube/internal.h"

static void exec_free_list(char **list)
{
    for (char **text = list; text != NULL && *text != NULL; text++)
        kube_text_free(*text);
    free(list);
}

struct kube_exec *kube_exec_free(struct kube_exec *exec)
{
    if (exec == NULL)
        return NULL;
    exec_free_list(exec->arguments);
    exec_free_list(exec->environment);
    char *texts[] = { exec->api_version, exec->command, exec->install_hint, exec->config, exec->cluster, exec->owner };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        kube_text_free(texts[i]);
    free(exec);
    return NULL;
}

char *kube_exec_info(const struct kube_exec *exec, bool interactive)
{
    char *text = NULL;
    /* The version is one of two that were checked; the cluster is JSON already. */
    if (asprintf(&text, "KUBERNETES_EXEC_INFO={\"kind\":\"ExecCredential\",\"apiVersion\":\"%s\",\"spec\":{%s%s%s\"interactive\":%s}}",
                 exec->api_version, exec->cluster != NULL ? "\"cluster\":" : "", exec->cluster != NULL ? exec->cluster : "",
                 exec->cluster != NULL ? "," : "", interactive ? "true" : "false") < 0)
        return NULL;
    return text;
}

/* Absent where it is NULL. False when out of memory. */
static bool exec_put(json_t *object, const char *key, const char *text)
{
    return text == NULL || json_object_set_new(object, key, json_string(text)) == 0;
}

char *kube_exec_cluster(const struct kube_exec_cluster *cluster, const char *config)
{
    json_t *object = json_object();
    char *authority = cluster->ca.data != NULL ? kube_base64_encode(cluster->ca.data, cluster->ca.size) : NULL;
    bool good = object != NULL && (cluster->ca.data == NULL || authority != NULL) && exec_put(object, "server", cluster->server) &&
                exec_put(object, "tls-server-name", cluster->tls_server_name) &&
                (!cluster->insecure_skip_tls_verify || json_object_set_new(object, "insecure-skip-tls-verify", json_true()) == 0) &&
                exec_put(object, "certificate-authority-data", authority) && exec_put(object, "proxy-url", cluster->proxy_url);
    json_t *more = good && config != NULL ? json_loads(config, JSON_DECODE_ANY, NULL) : NULL;
    if (good && config != NULL)
        good = json_object_set_new(object, "config", more) == 0;
    char *text = good ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    free(authority);
    return text;
}
