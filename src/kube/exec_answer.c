/* What an exec plugin printed. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/exec.h"
#include "kube/internal.h"
#include "leasehold/errors.h"
#include "wire/fields.h"
#include "wire/times.h"

void kube_exec_answer_clear(struct kube_exec_answer *answer)
{
    kube_text_free(answer->token);
    kube_bytes_free(&answer->certificate);
    kube_bytes_free(&answer->key);
    *answer = (struct kube_exec_answer){ 0 };
}

static int __attribute__((format(printf, 2, 3))) answer_fail(char reason[KUBE_EXEC_REASON_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, KUBE_EXEC_REASON_MAX, format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    va_end(arguments);
    for (char *c = reason; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return LEASEHOLD_ERR_PROTOCOL;
}

/* A member that must be text without NULs. Returns 0 and *ret, NULL where it is absent, null or empty. */
static int answer_text(const json_t *object, const char *key, const char **ret, char *reason)
{
    const json_t *value = fields_get(object, key);
    *ret = NULL;
    if (value == NULL)
        return 0;
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return answer_fail(reason, "its %s is no text", key);
    *ret = json_string_length(value) > 0 ? json_string_value(value) : NULL;
    return 0;
}

static int answer_pem(const json_t *status, const char *key, const char *kind, struct kube_bytes *ret, char *reason)
{
    const char *text;
    int error = answer_text(status, key, &text, reason);
    if (error != 0 || text == NULL)
        return error;
    const char *begin = strstr(text, "-----BEGIN ");
    if (begin == NULL || strstr(begin, kind) == NULL)
        return answer_fail(reason, "its %s holds no PEM %s", key, kind);
    if (strstr(begin, "ENCRYPTED") != NULL)
        return answer_fail(reason, "its %s is encrypted, and there is nobody to ask for the passphrase", key);
    ret->data = (unsigned char *)strdup(text);
    ret->size = ret->data != NULL ? strlen(text) : 0;
    return ret->data != NULL ? 0 : LEASEHOLD_ERR_MEMORY;
}

static int answer_token(const json_t *status, char **ret, char *reason)
{
    const char *token;
    int error = answer_text(status, "token", &token, reason);
    if (error != 0 || token == NULL)
        return error;
    if (!kube_token_good(token))
        return answer_fail(reason, "its token holds bytes that no token has, or more than %d", KUBE_TOKEN_MAX);
    *ret = strdup(token);
    return *ret != NULL ? 0 : LEASEHOLD_ERR_MEMORY;
}

static int answer_expiry(const json_t *status, struct kube_exec_answer *answer, char *reason)
{
    const char *stamp;
    int error = answer_text(status, "expirationTimestamp", &stamp, reason);
    if (error != 0 || stamp == NULL)
        return error;
    if (times_parse(stamp, &answer->expires_us) != 0)
        return answer_fail(reason, "its expirationTimestamp %.60s is none: RFC 3339 writes 2026-01-02T15:04:05Z", stamp);
    answer->expires = true;
    return 0;
}

static int answer_status(const json_t *status, struct kube_exec_answer *answer, char *reason)
{
    if (status == NULL || !json_is_object(status))
        return answer_fail(reason, "it has no status");
    int error = answer_token(status, &answer->token, reason);
    if (error == 0)
        error = answer_pem(status, "clientCertificateData", "CERTIFICATE", &answer->certificate, reason);
    if (error == 0)
        error = answer_pem(status, "clientKeyData", "PRIVATE KEY", &answer->key, reason);
    if (error == 0)
        error = answer_expiry(status, answer, reason);
    if (error != 0)
        return error;
    if ((answer->certificate.data == NULL) != (answer->key.data == NULL))
        return answer_fail(reason, "its status has %s",
                           answer->key.data == NULL ? "a clientCertificateData without a clientKeyData"
                                                    : "a clientKeyData without a clientCertificateData");
    if (answer->token == NULL && answer->certificate.data == NULL)
        return answer_fail(reason, "its status has neither a token nor a clientCertificateData with clientKeyData");
    return 0;
}

/* kubectl, too, wants the kind it knows and the very version that the kubeconfig names. */
static int answer_kind(const json_t *root, const char *api_version, char *reason)
{
    const char *kind, *version;
    if (!json_is_object(root))
        return answer_fail(reason, "it is no JSON object");
    int error = answer_text(root, "kind", &kind, reason);
    if (error == 0)
        error = answer_text(root, "apiVersion", &version, reason);
    if (error != 0)
        return error;
    if (kind == NULL || strcmp(kind, "ExecCredential") != 0)
        return answer_fail(reason, "its kind is %.60s and not ExecCredential", kind != NULL ? kind : "missing");
    if (version == NULL || strcmp(version, api_version) != 0)
        return answer_fail(reason, "its apiVersion is %.80s, while the kubeconfig says %s: make both the same",
                           version != NULL ? version : "missing", api_version);
    return 0;
}

int kube_exec_answer_parse(const char *api_version, const char *text, size_t size, struct kube_exec_answer *ret,
                           char reason[KUBE_EXEC_REASON_MAX])
{
    struct kube_exec_answer answer = { 0 };
    json_error_t where = { 0 };
    if (strspn(text, " \t\r\n") == size)
        return answer_fail(reason, "nothing");
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    /* Without memory for its first buffer jansson leaves the code unknown. */
    if (root == NULL && (json_error_code(&where) == json_error_out_of_memory || json_error_code(&where) == json_error_unknown))
        return LEASEHOLD_ERR_MEMORY;
    if (root == NULL) /* jansson's sentence would show what it read, which may be a part of the token */
        return answer_fail(reason, "line %d is not JSON", where.line);
    int error = answer_kind(root, api_version, reason);
    if (error == 0)
        error = answer_status(fields_get(root, "status"), &answer, reason);
    json_decref(root);
    if (error != 0) {
        kube_exec_answer_clear(&answer);
        return error;
    }
    *ret = answer;
    return 0;
}
