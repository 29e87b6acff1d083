#include "service/camel.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum camel_form { CAMEL_TEXT = 0, CAMEL_SECONDS, CAMEL_MILLIS, CAMEL_TRUTH, CAMEL_NEEDLESS };

enum { CAMEL_NAME_MAX = 80, CAMEL_DIGITS_MAX = 12 };

static const struct {
    const char *name;
    enum camel_form form;
    enum setting_id id;
} names[] = {
    { "leaseDurationSeconds", CAMEL_SECONDS, SETTING_LEASE_DURATION },
    { "renewDeadlineSeconds", CAMEL_SECONDS, SETTING_RENEW_DEADLINE },
    { "retryPeriodSeconds", CAMEL_SECONDS, SETTING_RETRY_PERIOD },
    { "retryOnErrorIntervalSeconds", CAMEL_SECONDS, SETTING_RETRY_ON_ERROR_INTERVAL },
    { "watchRefreshIntervalSeconds", CAMEL_SECONDS, SETTING_WATCH_REFRESH_INTERVAL },
    { "leaseDurationMillis", CAMEL_MILLIS, SETTING_LEASE_DURATION }, /* of later versions */
    { "renewDeadlineMillis", CAMEL_MILLIS, SETTING_RENEW_DEADLINE },
    { "retryPeriodMillis", CAMEL_MILLIS, SETTING_RETRY_PERIOD },
    { "jitterFactor", CAMEL_TEXT, SETTING_JITTER },
    { "kubernetesResourcesNamespace", CAMEL_TEXT, SETTING_NAMESPACE },
    { "kubernetesNamespace", CAMEL_TEXT, SETTING_NAMESPACE },
    { "configMapName", CAMEL_TEXT, SETTING_LOCK_NAME },
    { "podName", CAMEL_TEXT, SETTING_IDENTITY },
    /* KubernetesConfiguration: the connection. */
    { "masterUrl", CAMEL_TEXT, SETTING_SERVER },
    { "oauthToken", CAMEL_TEXT, SETTING_TOKEN },
    { "username", CAMEL_TEXT, SETTING_USERNAME },
    { "password", CAMEL_TEXT, SETTING_PASSWORD },
    { "caCertFile", CAMEL_TEXT, SETTING_CERTIFICATE_AUTHORITY },
    { "caCertData", CAMEL_TEXT, SETTING_CERTIFICATE_AUTHORITY_DATA },
    { "clientCertFile", CAMEL_TEXT, SETTING_CLIENT_CERTIFICATE },
    { "clientCertData", CAMEL_TEXT, SETTING_CLIENT_CERTIFICATE_DATA },
    { "clientKeyFile", CAMEL_TEXT, SETTING_CLIENT_KEY },
    { "clientKeyData", CAMEL_TEXT, SETTING_CLIENT_KEY_DATA },
    { "clientKeyAlgo", CAMEL_NEEDLESS, SETTINGS }, /* the key itself tells */
    { "clientKeyPassphrase", CAMEL_TEXT, SETTING_CLIENT_KEY_PASSPHRASE },
    { "trustCerts", CAMEL_TRUTH, SETTING_INSECURE_SKIP_TLS_VERIFY },
    { "apiVersion", CAMEL_NEEDLESS, SETTINGS }, /* there is only v1 */
};

/* Spring Boot and Camel Main write lease-duration-seconds. */
static void to_camel_case(const char *name, char ret[CAMEL_NAME_MAX])
{
    size_t size = 0;
    for (; *name && *name != '[' && size + 1 < CAMEL_NAME_MAX; name++) {
        bool hump = *name == '-' && name[1] >= 'a' && name[1] <= 'z';
        name += hump;
        ret[size++] = *name;
        if (hump)
            ret[size - 1] = (char)(*name - 'a' + 'A');
    }
    ret[size] = '\0';
}

/* A whole number, as Camel's setters take it: a negative one turns watch refreshes off. */
static int translate_number(const char *name, const char *value, const char *unit, struct camel_setting *ret,
                            char sentence[SETTING_SENTENCE_MAX])
{
    const char *digits = value + (value[0] == '-');
    size_t size = strspn(digits, "0123456789");
    if (size == 0 || size > CAMEL_DIGITS_MAX || digits[size]) {
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is %.80s, but must be a whole number of %s", name, value,
                 unit[0] == 'm' ? "milliseconds" : "seconds");
        return LEASEHOLD_ERR_OPTION;
    }
    bool off = value[0] == '-' && ret->id == SETTING_WATCH_REFRESH_INTERVAL;
    snprintf(ret->value, sizeof ret->value, "%s%s", off ? "0" : value, unit);
    return 1;
}

/* clusterLabels[app] = reports. */
static int translate_label(const char *name, const char *value, struct camel_setting *ret, char sentence[SETTING_SENTENCE_MAX])
{
    const char *key = strchr(name, '[') + 1;
    size_t size = strcspn(key, "]");
    if (size == 0 || key[size] != ']' || key[size + 1]) {
        snprintf(sentence, SETTING_SENTENCE_MAX, "%.80s is not of the form clusterLabels[key]", name);
        return LEASEHOLD_ERR_OPTION;
    }
    ret->id = SETTING_SELECTOR;
    ret->adds = true;
    int length = snprintf(ret->value, sizeof ret->value, "%.*s=%s", (int)size, key, value);
    if (length >= 0 && (size_t)length < sizeof ret->value)
        return 1;
    snprintf(sentence, SETTING_SENTENCE_MAX, "%.80s is longer than %d bytes", name, SETTING_TEXT_MAX);
    return LEASEHOLD_ERR_OPTION;
}

/* As Java reads a boolean: any case. */
static int translate_truth(const char *name, const char *value, struct camel_setting *ret, char sentence[SETTING_SENTENCE_MAX])
{
    bool truth = strcasecmp(value, "true") == 0;
    if (!truth && strcasecmp(value, "false") != 0) {
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is %.80s, but must be true or false", name, value);
        return LEASEHOLD_ERR_OPTION;
    }
    snprintf(ret->value, sizeof ret->value, "%s", truth ? "yes" : "no");
    return 1;
}

static int translate(size_t at, const char *value, struct camel_setting *ret, char sentence[SETTING_SENTENCE_MAX])
{
    ret->id = names[at].id;
    switch (names[at].form) {
    case CAMEL_SECONDS:
        return translate_number(names[at].name, value, "s", ret, sentence);
    case CAMEL_MILLIS:
        return translate_number(names[at].name, value, "ms", ret, sentence);
    case CAMEL_TEXT:
        if (strlen(value) <= SETTING_TEXT_MAX) {
            memcpy(ret->value, value, strlen(value) + 1);
            return 1;
        }
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is longer than %d bytes", names[at].name, SETTING_TEXT_MAX);
        return LEASEHOLD_ERR_OPTION;
    case CAMEL_TRUTH:
        return translate_truth(names[at].name, value, ret, sentence);
    case CAMEL_NEEDLESS:
        break;
    }
    return 2;
}

int camel_translate(const char *name, const char *value, struct camel_setting *ret, char sentence[SETTING_SENTENCE_MAX])
{
    static const char *const prefixes[] = { "camel.cluster.kubernetes.", "camel.component.kubernetes-cluster." };
    char camel[CAMEL_NAME_MAX];
    bool prefixed = false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes && !prefixed; i++) {
        prefixed = strncmp(name, prefixes[i], strlen(prefixes[i])) == 0;
        name += prefixed ? strlen(prefixes[i]) : 0;
    }
    ret->adds = false;
    to_camel_case(name, camel);
    if (strcmp(camel, "clusterLabels") == 0 && strchr(name, '['))
        return translate_label(name, value, ret, sentence);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, camel) == 0)
            return translate(i, value, ret, sentence);
    if (!prefixed)
        return 0;
    snprintf(sentence, SETTING_SENTENCE_MAX, "%.80s is no setting of Camel's lock that is known here: see docs/camel.md", name);
    return LEASEHOLD_ERR_OPTION;
}
