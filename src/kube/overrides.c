/* What settings say otherwise than a kubeconfig, and the end of both. Pure but for the name of the working directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kube/exec.h"
#include "kube/internal.h"
#include "kube/kubeconfig.h"
#include "leasehold/errors.h"

int kube_replace(char **field, const char *text, char **other)
{
    if (!kube_given(text))
        return 0;
    kube_text_free(*field);
    *field = strdup(text);
    if (other != NULL) {
        kube_text_free(*other);
        *other = NULL;
    }
    return *field != NULL ? 0 : LEASEHOLD_ERR_MEMORY;
}

/* As kube_replace() for a path; relative ones of a kubeconfig mean its folder, these the working directory. */
static int kube_replace_path(char **field, const char *path, char **other)
{
    if (!kube_given(path) || path[0] == '/')
        return kube_replace(field, path, other);
    char *folder = getcwd(NULL, 0), *whole = NULL;
    int size = folder != NULL ? asprintf(&whole, "%s/%s", folder, path) : -1;
    int error = size >= 0 ? kube_replace(field, whole, other) : LEASEHOLD_ERR_MEMORY;
    free(folder);
    if (size >= 0)
        free(whole);
    return error;
}

void kubeconfig_clear(struct kubeconfig *k)
{
    char *texts[] = { k->context,         k->cluster,  k->user,    k->namespace_name,   k->server,
                      k->tls_server_name, k->ca_file,  k->ca_data, k->certificate_file, k->certificate_data,
                      k->key_file,        k->key_data, k->token,   k->token_file,       k->username,
                      k->password,        k->proxy_url };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        kube_text_free(texts[i]);
    kube_exec_free(k->exec);
    *k = (struct kubeconfig){ 0 };
}

int kube_override_cluster(struct kubeconfig *k, const struct kube_overrides *o)
{
    int error = kube_replace(&k->server, o->server, NULL);
    if (error == 0)
        error = kube_replace(&k->tls_server_name, o->tls_server_name, NULL);
    if (error == 0)
        error = kube_replace_path(&k->ca_file, o->ca_file, &k->ca_data);
    if (error == 0)
        error = kube_replace(&k->ca_data, o->ca_data, NULL); /* wins over a file */
    bool trusts = kube_given(o->ca_file) || kube_given(o->ca_data);
    if (trusts)
        k->insecure_skip_tls_verify = false;
    if (kube_given(o->insecure_skip_tls_verify)) {
        k->insecure_skip_tls_verify = strcmp(o->insecure_skip_tls_verify, "yes") == 0;
        if (k->insecure_skip_tls_verify && !trusts) {
            k->ca_file = kube_text_free(k->ca_file);
            k->ca_data = kube_text_free(k->ca_data);
        }
    }
    return error;
}

int kube_override_user(struct kubeconfig *k, const struct kube_overrides *o)
{
    int error = kube_replace_path(&k->certificate_file, o->certificate_file, &k->certificate_data);
    if (error == 0)
        error = kube_replace(&k->certificate_data, o->certificate_data, NULL);
    if (error == 0)
        error = kube_replace_path(&k->key_file, o->key_file, &k->key_data);
    if (error == 0)
        error = kube_replace(&k->key_data, o->key_data, NULL);
    /* Each way of saying who we are takes the place of the others. */
    if (kube_given(o->token) || kube_given(o->token_file) || kube_given(o->username)) {
        k->token = kube_text_free(k->token);
        k->token_file = kube_text_free(k->token_file);
        k->username = kube_text_free(k->username);
        k->password = kube_text_free(k->password);
    }
    if (error == 0)
        error = kube_replace(&k->token, o->token, NULL);
    if (error == 0)
        error = kube_replace_path(&k->token_file, o->token_file, NULL);
    if (error == 0)
        error = kube_replace(&k->username, o->username, NULL);
    return error != 0 ? error : kube_replace(&k->password, o->password, NULL);
}
