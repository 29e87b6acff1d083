/* What Leasehold takes from the kubeconfigs of KUBECONFIG, line by line, for a comparison with `kubectl config view`.
 *
 *     kubeconfig_view [CONTEXT]     ends with 1 and the sentence where they are refused */
#include <stdio.h>
#include <stdlib.h>

#include "kube/config.h"

static const char *environment(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

/* In hexadecimal digits: any value is one line. */
static void tell(const char *name, const unsigned char *data, size_t size)
{
    printf("%s=", name);
    for (size_t i = 0; i < size; i++)
        printf("%02x", data[i]);
    putchar('\n');
}

static void tell_text(const char *name, const char *text)
{
    size_t size = 0;
    while (text != NULL && text[size] != '\0')
        size++;
    tell(name, (const unsigned char *)text, size);
}

int main(int count, char **words)
{
    struct kube_options options = { .environment = environment, .context = count > 1 ? words[1] : NULL };
    struct kube_config *c;
    char sentence[KUBE_SENTENCE_MAX];
    if (kube_config_load(&options, &c, sentence) < 0) {
        fprintf(stderr, "%s\n", sentence);
        return 1;
    }
    tell_text("server", c->server);
    tell_text("tls-server-name", c->tls_server_name);
    tell_text("insecure-skip-tls-verify", c->insecure_skip_tls_verify ? "true" : "");
    tell("certificate-authority-data", c->ca.data, c->ca.size);
    tell("client-certificate-data", c->client_certificate.data, c->client_certificate.size);
    tell("client-key-data", c->client_key.data, c->client_key.size);
    tell_text("token", c->token);
    tell_text("username", c->username);
    tell_text("password", c->password);
    tell_text("namespace", c->namespace_name);
    kube_config_free(c);
    return 0;
}
