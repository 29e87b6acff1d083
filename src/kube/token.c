#include "kube/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

struct kube_token {
    const struct kube_config *config;
    char *text; /* NULL: none */
    bool looked;
    int64_t looked_ns;
    char sentence[KUBE_SENTENCE_MAX];
};

bool kube_token_good(const char *token)
{
    size_t size = strnlen(token, KUBE_TOKEN_MAX + 1);
    if (size == 0 || size > KUBE_TOKEN_MAX)
        return false;
    for (size_t i = 0; i < size; i++)
        if (token[i] < '!' || token[i] > '~')
            return false;
    return true;
}

int kube_token_read(const char *path, char **ret_token, char reason[KUBE_REASON_MAX])
{
    struct kube_bytes bytes;
    int error = kube_file_read(path, KUBE_TOKEN_MAX, &bytes, reason);
    if (error != 0)
        return error;
    static const char space[] = " \t\r\n";
    char *text = (char *)bytes.data;
    while (bytes.size > 0 && text[bytes.size - 1] != '\0' && strchr(space, text[bytes.size - 1]) != NULL)
        text[--bytes.size] = '\0';
    size_t start = strspn(text, space);
    if (strlen(text) != bytes.size || !kube_token_good(text + start)) {
        snprintf(reason, KUBE_REASON_MAX, "%s",
                 bytes.size == 0 ? "it is empty" : "it holds more than one token, or bytes that no token has");
        kube_bytes_free(&bytes);
        return LEASEHOLD_ERR_CONFIG;
    }
    memmove(text, text + start, bytes.size - start + 1);
    *ret_token = text;
    return 0;
}

int kube_token_new(const struct kube_config *config, struct kube_token **ret_token)
{
    struct kube_token *token = calloc(1, sizeof(*token));
    if (token == NULL)
        return LEASEHOLD_ERR_MEMORY;
    token->config = config;
    token->text = config->token != NULL ? strdup(config->token) : NULL;
    if (config->token != NULL && token->text == NULL) {
        free(token);
        return LEASEHOLD_ERR_MEMORY;
    }
    *ret_token = token;
    return 0;
}

struct kube_token *kube_token_free(struct kube_token *token)
{
    if (token == NULL)
        return NULL;
    kube_text_free(token->text);
    free(token);
    return NULL;
}

static bool token_look(struct kube_token *token, int64_t boot_ns)
{
    char reason[KUBE_REASON_MAX];
    char *text;
    token->looked = true;
    token->looked_ns = boot_ns;
    if (kube_token_read(token->config->token_file, &text, reason) != 0) {
        kube_fail(token->sentence, 0, "%s cannot be read (%s): the token read before is used until it expires", token->config->token_file,
                  reason);
        return false;
    }
    kube_text_free(token->text);
    token->text = text;
    token->sentence[0] = '\0';
    return true;
}

const char *kube_token_now(struct kube_token *token, int64_t boot_ns)
{
    if (token->config->token_file != NULL && (!token->looked || boot_ns - token->looked_ns >= KUBE_TOKEN_AGE_NS))
        token_look(token, boot_ns);
    return token->text;
}

bool kube_token_refused(struct kube_token *token, int64_t boot_ns)
{
    return token->config->token_file != NULL && token_look(token, boot_ns);
}

const char *kube_token_sentence(const struct kube_token *token)
{
    return token->sentence;
}
