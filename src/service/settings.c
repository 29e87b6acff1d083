/* The table of settings, and what one value of one setting means. */
#include <leasehold/errors.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/options.h"
#include "wire/object.h"
#include "wire/times.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
#define DAY (86400 * SECOND)

enum {
    SERVER = SETTING_FOR_SERVER,
    CANDIDATE = SETTING_FOR_GROUP | SETTING_FOR_CANDIDATE,
    LOOKER = SETTING_FOR_GROUP | SETTING_FOR_CANDIDATE | SETTING_FOR_OBSERVER,
    PROGRAM = SETTING_FOR_GROUP | SETTING_FOR_CANDIDATE | SETTING_FOR_LIBRARY,
    MEMBERS = SETTING_FOR_GROUP | SETTING_FOR_MEMBERS,
};

const struct setting settings_table[SETTINGS] = {
    [SETTING_KUBECONFIG] = { "kubeconfig", "LEASEHOLD_KUBECONFIG", "FILE", "",
                             "KUBECONFIG, then ~/.kube/config, then the Pod's service account", NULL,
                             "File that says where the API server is and who we are there", SETTING_TEXT, SERVER, 0, SETTING_TEXT_MAX },
    [SETTING_CONTEXT] = { "context", "LEASEHOLD_CONTEXT", "NAME", "", "the file's current context", NULL, "Context of the kubeconfig",
                          SETTING_TEXT, SERVER, 0, SETTING_NAME_MAX },
    [SETTING_CLUSTER] = { "cluster", "LEASEHOLD_CLUSTER", "NAME", "", "of the context", NULL, "Cluster of the kubeconfig", SETTING_TEXT,
                          SERVER, 0, SETTING_NAME_MAX },
    [SETTING_USER] = { "user", "LEASEHOLD_USER", "NAME", "", "of the context", NULL, "User of the kubeconfig", SETTING_TEXT, SERVER, 0,
                       SETTING_NAME_MAX },
    [SETTING_SERVER] = { "server", "LEASEHOLD_SERVER", "URL", "", "of the cluster", NULL, "Address of the API server", SETTING_TEXT, SERVER,
                         0, 1024 },
    [SETTING_TLS_SERVER_NAME] = { "tls-server-name", "LEASEHOLD_TLS_SERVER_NAME", "NAME", "", "the host of the server", NULL,
                                  "Name that the certificate of the server must have", SETTING_TEXT, SERVER, 0, SETTING_NAME_MAX },
    [SETTING_INSECURE_SKIP_TLS_VERIFY] = { "insecure-skip-tls-verify", "LEASEHOLD_INSECURE_SKIP_TLS_VERIFY", "yes|no", "", "of the cluster",
                                           NULL, "Believe any certificate: whoever is in between can read and change everything",
                                           SETTING_YES_NO, SERVER, 0, 1 },
    [SETTING_CERTIFICATE_AUTHORITY] = { "certificate-authority", "LEASEHOLD_CERTIFICATE_AUTHORITY", "FILE", "",
                                        "of the cluster, else the machine's", NULL,
                                        "Certificates that the certificate of the server must come from", SETTING_TEXT, SERVER, 0,
                                        SETTING_TEXT_MAX },
    [SETTING_CERTIFICATE_AUTHORITY_DATA] = { "certificate-authority-data", "LEASEHOLD_CERTIFICATE_AUTHORITY_DATA", "PEM", "", "none", NULL,
                                             "The same, as PEM or base64 of it", SETTING_SECRET, SERVER, 0, SETTING_TEXT_MAX },
    [SETTING_CLIENT_CERTIFICATE] = { "client-certificate", "LEASEHOLD_CLIENT_CERTIFICATE", "FILE", "", "of the user", NULL,
                                     "Certificate of this client", SETTING_TEXT, SERVER, 0, SETTING_TEXT_MAX },
    [SETTING_CLIENT_CERTIFICATE_DATA] = { "client-certificate-data", "LEASEHOLD_CLIENT_CERTIFICATE_DATA", "PEM", "", "none", NULL,
                                          "The same, as PEM or base64 of it", SETTING_SECRET, SERVER, 0, SETTING_TEXT_MAX },
    [SETTING_CLIENT_KEY] = { "client-key", "LEASEHOLD_CLIENT_KEY", "FILE", "", "of the user", NULL, "Key of that certificate", SETTING_TEXT,
                             SERVER, 0, SETTING_TEXT_MAX },
    [SETTING_CLIENT_KEY_DATA] = { "client-key-data", "LEASEHOLD_CLIENT_KEY_DATA", "PEM", "", "none", NULL,
                                  "The same, as PEM or base64 of it", SETTING_SECRET, SERVER, 0, SETTING_TEXT_MAX },
    [SETTING_CLIENT_KEY_PASSPHRASE] = { "client-key-passphrase", "LEASEHOLD_CLIENT_KEY_PASSPHRASE", "TEXT", "", "none", NULL,
                                        "What the key is encrypted with", SETTING_SECRET, SERVER, 0, 1024 },
    [SETTING_TOKEN] = { "token", "LEASEHOLD_TOKEN", "TEXT", "", "of the user", NULL,
                        "Bearer token; other users of the machine see a command line: token-file is safer", SETTING_SECRET, SERVER, 0,
                        SETTING_TEXT_MAX },
    [SETTING_TOKEN_FILE] = { "token-file", "LEASEHOLD_TOKEN_FILE", "FILE", "", "of the user", NULL,
                             "File with the bearer token, read again as it changes", SETTING_TEXT, SERVER, 0, SETTING_TEXT_MAX },
    [SETTING_USERNAME] = { "username", "LEASEHOLD_USERNAME", "NAME", "", "of the user", NULL, "Name for basic authentication", SETTING_TEXT,
                           SERVER, 0, 1024 },
    [SETTING_PASSWORD] = { "password", "LEASEHOLD_PASSWORD", "TEXT", "", "of the user", NULL,
                           "Password for basic authentication; see token", SETTING_SECRET, SERVER, 0, 1024 },
    [SETTING_NAMESPACE] = { "namespace", "LEASEHOLD_NAMESPACE", "NAME", "", "of the context, or the Pod's", NULL,
                            "Namespace of the lock object", SETTING_NAME, SERVER | LOOKER, 0, SETTING_NAME_MAX },
    [SETTING_LOCK] = { "lock", "LEASEHOLD_LOCK", "KIND", "lease", NULL, "lease|configmap", "Kind of the lock object", SETTING_CHOICE,
                       LOOKER, 0, 0 },
    [SETTING_LOCK_NAME] = { "lock-name", "LEASEHOLD_LOCK_NAME", "NAME", "", "the group's name", NULL, "Name of the lock object",
                            SETTING_NAME, LOOKER, 0, SETTING_NAME_MAX },
    [SETTING_IDENTITY] = { "identity", "LEASEHOLD_IDENTITY", "NAME", "", "POD_NAME or the host's name, with random digits", NULL,
                           "Name under which this candidate stands; no two candidates may share it", SETTING_TEXT, CANDIDATE, 0,
                           LEASEHOLD_IDENTITY_MAX },
    [SETTING_LEASE_DURATION] = { "lease-duration", "LEASEHOLD_LEASE_DURATION", "DURATION", "15s", NULL, NULL,
                                 "How long the others wait after the last renewal that they saw; whole seconds", SETTING_DURATION,
                                 CANDIDATE, 1, DAY },
    [SETTING_RENEW_DEADLINE] = { "renew-deadline", "LEASEHOLD_RENEW_DEADLINE", "DURATION", "10s", NULL, NULL,
                                 "A leader that could not renew for this long stops its work", SETTING_DURATION, CANDIDATE, 1, DAY },
    [SETTING_RENEW_INTERVAL] = { "renew-interval", "LEASEHOLD_RENEW_INTERVAL", "DURATION", "", "renew-deadline / 3", NULL,
                                 "Time from one renewal to the next", SETTING_DURATION, CANDIDATE, 1, DAY },
    [SETTING_RETRY_PERIOD] = { "retry-period", "LEASEHOLD_RETRY_PERIOD", "DURATION", "2s", NULL, NULL,
                               "Pause after a refusal, and between looks at the lock while it cannot be watched", SETTING_DURATION, LOOKER,
                               1, DAY },
    [SETTING_JITTER] = { "jitter", "LEASEHOLD_JITTER", "FACTOR", "1.2", NULL, NULL,
                         "Retry periods are stretched at random by up to this factor", SETTING_FACTOR, LOOKER, 100, 1000 },
    [SETTING_STOP_TIMEOUT] = { "stop-timeout", "LEASEHOLD_STOP_TIMEOUT", "DURATION", "", "what the lease leaves, at most 4s", NULL,
                               "Time for work to stop after a loss, before it is killed", SETTING_DURATION, CANDIDATE, 1, DAY },
    [SETTING_KILL_MARGIN] = { "kill-margin", "LEASEHOLD_KILL_MARGIN", "DURATION", "500ms", NULL, NULL,
                              "Work is dead this long before the lease can pass on", SETTING_DURATION, CANDIDATE, 0, DAY },
    [SETTING_CLOCK_RATE_ERROR] = { "clock-rate-error", "LEASEHOLD_CLOCK_RATE_ERROR", "PERCENT", "1%", NULL, NULL,
                                   "How wrong the speed of any machine's clock may be", SETTING_PERCENT, CANDIDATE, 0, 200000 },
    [SETTING_FOREIGN_LEASE] = { "foreign-lease", "LEASEHOLD_FOREIGN_LEASE", "DURATION", "60s", NULL, NULL,
                                "How long a holder is waited for whose record says no lease duration", SETTING_DURATION, LOOKER, 1, DAY },
    [SETTING_PEER_LEASE] = { "peer-lease", "LEASEHOLD_PEER_LEASE", "DURATION", "", "lease-duration", NULL,
                             "Lease duration of peers that compare stamps with their own clock, as Camel's lock does, where it is shorter",
                             SETTING_DURATION, CANDIDATE, 1, DAY },
    [SETTING_MAX_CLOCK_SKEW] = { "max-clock-skew", "LEASEHOLD_MAX_CLOCK_SKEW", "DURATION", "500ms", NULL, NULL,
                                 "How far the clocks of such peers may be from ours (with --lock configmap, or --peer-lease)",
                                 SETTING_DURATION, CANDIDATE, 0, DAY },
    [SETTING_RETRY_ON_ERROR_INTERVAL] = { "retry-on-error-interval", "LEASEHOLD_RETRY_ON_ERROR_INTERVAL", "DURATION", "", "retry-period",
                                          NULL, "Longest pause of a standby after an answer that was an error", SETTING_DURATION, LOOKER, 1,
                                          DAY },
    [SETTING_USER_AGENT] = { "user-agent", "LEASEHOLD_USER_AGENT", "TEXT", "", "leasehold/VERSION", NULL,
                             "How requests introduce themselves to the API server", SETTING_TEXT, SERVER, 0, 256 },
    [SETTING_CONFIRM_STOP] = { "confirm-stop", "LEASEHOLD_CONFIRM_STOP", "yes|no", "yes", NULL, NULL,
                               "Wait for leasehold_group_work_stopped(); no: all work checks leasehold_group_is_leading() itself, and has "
                               "stopped "
                               "when that turns false",
                               SETTING_YES_NO, PROGRAM, 0, 1 },
    [SETTING_EXTENDED_EVENTS] = { "extended-events", "LEASEHOLD_EXTENDED_EVENTS", "yes|no", "no", NULL, NULL,
                                  "Tell of each renewal that moves the end of a term", SETTING_YES_NO, PROGRAM, 0, 1 },
    [SETTING_SELECTOR] = { "selector", "LEASEHOLD_SELECTOR", "KEY=VALUE,...", "", "every Pod of the namespace", NULL,
                           "Labels of the Pods that are members", SETTING_LABELS, MEMBERS, 0, SETTING_SELECTOR_MAX },
    [SETTING_MEMBER_PODS] = { "member-pods", "LEASEHOLD_MEMBER_PODS", "all|ready", "all", NULL, "all|ready",
                              "Which of these Pods count: all, or those that are running and ready", SETTING_CHOICE, MEMBERS, 0, 0 },
    [SETTING_WATCH_REFRESH_INTERVAL] = { "watch-refresh-interval", "LEASEHOLD_WATCH_REFRESH_INTERVAL", "DURATION", "30m", NULL, NULL,
                                         "How often members are listed anew beside watching them; 0 or less: never", SETTING_DURATION,
                                         MEMBERS, -DAY * 366, DAY * 366 },
    [SETTING_LEADER_ADDRESS] = { "leader-address", "LEASEHOLD_LEADER_ADDRESS", "yes|no", "no", NULL, NULL,
                                 "Look up the Pod of each new leader and tell its address", SETTING_YES_NO, PROGRAM, 0, 1 },
    [SETTING_STATISTICS] = { "statistics", "LEASEHOLD_STATISTICS", "yes|no", "no", NULL, NULL, "Count for leasehold_group_statistics()",
                             SETTING_YES_NO, PROGRAM, 0, 1 },
    [SETTING_BALANCE] = { "balance", "LEASEHOLD_BALANCE", "no|even|one", "no", NULL, "no|even|one",
                          "Share the groups of a service with the members: evenly, or each member leads at most one", SETTING_CHOICE,
                          SETTING_FOR_LIBRARY, 0, 0 },
    [SETTING_LABEL_POD] = { "label-pod", "LEASEHOLD_LABEL_POD", "KEY=VALUE", "", "none", NULL,
                            "Label that the Pod of this candidate has while it leads", SETTING_LABELS, CANDIDATE, 1, SETTING_LABEL_MAX },
    [SETTING_KUBERNETES_EVENTS] = { "kubernetes-events", "LEASEHOLD_KUBERNETES_EVENTS", "yes|no", "no", NULL, NULL,
                                    "Write an Event of Kubernetes when this candidate begins or stops to lead", SETTING_YES_NO, CANDIDATE,
                                    0, 1 },
    [SETTING_EXEC_PLUGINS] = { "exec-plugins", "LEASEHOLD_EXEC_PLUGINS", "no|yes|interactive", "no", NULL, "no|yes|interactive",
                               "Run the program that a kubeconfig names for a credential; interactive: it may ask at the terminal",
                               SETTING_CHOICE, SETTING_FOR_LIBRARY, 0, 0 },
    [SETTING_LOCAL_LOCK] = { "local-lock", "LEASEHOLD_LOCAL_LOCK", "FILE", "", "none", NULL,
                             "File on a local disk that is locked while this candidate or its work lives: a restart that finds it free "
                             "does not wait for the lease of the process before",
                             SETTING_TEXT, SETTING_FOR_CANDIDATE, 0, SETTING_TEXT_MAX },
};

const char *setting_default(enum setting_id id, const char *lock)
{
    /* Those of Camel's own lock (KubernetesLockConfiguration). */
    static const char *const in_configmap[SETTINGS] = {
        [SETTING_LEASE_DURATION] = "20s",         [SETTING_RENEW_DEADLINE] = "15s", [SETTING_RETRY_PERIOD] = "6s",
        [SETTING_RETRY_ON_ERROR_INTERVAL] = "5s", [SETTING_LOCK_NAME] = "leaders",
    };
    const char *camels = strcmp(lock, "configmap") == 0 ? in_configmap[id] : NULL;
    return camels ? camels : settings_table[id].default_text;
}

const struct setting *setting_find(const char *name)
{
    for (int i = 0; i < SETTINGS; i++)
        if (strcmp(settings_table[i].name, name) == 0)
            return &settings_table[i];
    return NULL;
}

/* ---- durations ---------------------------------------------------------------------------------------------------- */

void setting_duration_text(int64_t ns, char *ret, size_t size)
{
    const char *sign = ns < 0 ? "-" : "";
    uint64_t magnitude = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t ms = magnitude / MILLISECOND;
    if (ms == 0 && magnitude > 0) {
        snprintf(ret, size, "%s%lluns", sign, (unsigned long long)magnitude);
    } else if (ms > 0 && ms < 1000) {
        snprintf(ret, size, "%s%llums", sign, (unsigned long long)ms);
    } else if (ms >= 60000 && ms % 1000 == 0) {
        unsigned long long minutes = ms / 60000, seconds = ms / 1000 % 60;
        if (seconds)
            snprintf(ret, size, "%s%llum%llus", sign, minutes, seconds);
        else
            snprintf(ret, size, "%s%llum", sign, minutes);
    } else {
        unsigned fraction = (unsigned)(ms % 1000);
        int digits = fraction % 10 ? 3 : fraction % 100 ? 2 : 1;
        static const unsigned scale[] = { 1, 100, 10, 1 };
        if (fraction)
            snprintf(ret, size, "%s%llu.%0*us", sign, (unsigned long long)(ms / 1000), digits, fraction / scale[digits]);
        else
            snprintf(ret, size, "%s%llus", sign, (unsigned long long)(ms / 1000));
    }
}

/* ---- one value ---------------------------------------------------------------------------------------------------- */

/* A decimal number with up to four digits behind the point, times `scale`. Returns 0 and *ret, or -1. */
static int parse_decimal(const char *text, size_t size, int64_t scale, int64_t *ret)
{
    int64_t value = 0, unit = scale;
    bool digits = false, point = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9' || value > INT64_C(1000000000000))
            return -1;
        digits = true;
        int64_t digit = text[i] - '0';
        if (!point) {
            value = value * 10 + digit * scale;
        } else {
            if (unit % 10 != 0 && digit != 0)
                return -1;
            unit /= 10;
            value += digit * unit;
        }
    }
    if (!digits)
        return -1;
    *ret = value;
    return 0;
}

static int parse_choice(const char *choices, const char *value)
{
    size_t size = strlen(value);
    int index = 0;
    for (const char *at = choices;; index++) {
        const char *end = strchrnul(at, '|');
        if (size > 0 && (size_t)(end - at) == size && memcmp(at, value, size) == 0)
            return index;
        if (!*end)
            return -1;
        at = end + 1;
    }
}

/* A duration, below 0 where the setting takes that. Returns 0 and *ret, or -1 and why. */
static int parse_duration(const struct setting *setting, const char *value, int64_t *ret, const char **why)
{
    bool negative = setting->least < 0 && value[0] == '-';
    if (times_duration_parse(value + negative, ret, why) < 0)
        return -1;
    if (negative)
        *ret = -*ret;
    return 0;
}

/* Part of a label as Kubernetes takes it: letters, digits, '-', '_' and '.', with a letter or digit at both ends. */
static bool is_label_word(const char *text, size_t size)
{
    enum { LABEL_WORD_MAX = 63 };
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (i == 0 || i == size - 1 || !strchr("-_.", c)))
            return false;
    }
    return size <= LABEL_WORD_MAX;
}

/* [PREFIX/]NAME, where the prefix is the name of a domain. */
static bool is_label_key(const char *text, size_t size)
{
    const char *slash = memchr(text, '/', size);
    char prefix[SETTING_NAME_MAX + 1];
    size_t prefix_size = slash ? (size_t)(slash - text) : 0;
    if (prefix_size > SETTING_NAME_MAX)
        return false;
    memcpy(prefix, text, prefix_size);
    prefix[prefix_size] = '\0';
    size_t name = slash ? prefix_size + 1 : 0;
    return (!slash || object_name_is_good(prefix)) && size > name && is_label_word(text + name, size - name);
}

/* KEY=VALUE,... Returns the size, or -1. */
static int64_t parse_labels(const char *value)
{
    for (const char *at = value; *value;) {
        const char *end = strchrnul(at, ','), *equals = memchr(at, '=', (size_t)(end - at));
        if (!equals || !is_label_key(at, (size_t)(equals - at)) || !is_label_word(equals + 1, (size_t)(end - equals - 1)))
            return -1;
        if (!*end)
            break;
        at = end + 1;
    }
    return (int64_t)strlen(value);
}

/* What a value means, or -1 when it is none of this type. */
static int parse(const struct setting *setting, const char *value, int64_t *ret)
{
    size_t size = strlen(value);
    int choice;
    switch (setting->type) {
    case SETTING_TEXT:
    case SETTING_SECRET:
    case SETTING_NAME:
        *ret = (int64_t)size;
        return 0;
    case SETTING_DURATION:
        return parse_duration(setting, value, ret, NULL);
    case SETTING_FACTOR:
        return parse_decimal(value, size, 100, ret);
    case SETTING_PERCENT:
        return size > 1 && value[size - 1] == '%' ? parse_decimal(value, size - 1, 10000, ret) : -1;
    case SETTING_YES_NO:
        choice = parse_choice("no|yes", value);
        break;
    case SETTING_CHOICE:
        choice = parse_choice(setting->choices, value);
        break;
    case SETTING_LABELS:
        *ret = parse_labels(value);
        return *ret < 0 ? -1 : 0;
    default:
        return -1;
    }
    *ret = choice;
    return choice < 0 ? -1 : 0;
}

static const char *wanted(const struct setting *setting)
{
    static const char *const forms[] = {
        [SETTING_TEXT] = "text",
        [SETTING_SECRET] = "text",
        [SETTING_NAME] = "the name of an object",
        [SETTING_DURATION] = "a duration with its unit, like 15s, 500ms or 1m30s",
        [SETTING_FACTOR] = "a factor like 1.2",
        [SETTING_PERCENT] = "a percentage like 1%",
        [SETTING_YES_NO] = "yes or no",
        [SETTING_CHOICE] = "one of these",
        [SETTING_LABELS] = "labels with their values, like app=reports,tier=web",
    };
    return forms[setting->type];
}

static void number_text(const struct setting *setting, int64_t number, char *ret, size_t size)
{
    if (setting->type == SETTING_DURATION)
        setting_duration_text(number, ret, size);
    else if (setting->type == SETTING_FACTOR)
        snprintf(ret, size, "%lld.%02lld", (long long)(number / 100), (long long)(number % 100));
    else if (setting->type == SETTING_PERCENT)
        snprintf(ret, size, "%lld.%lld%%", (long long)(number / 10000), (long long)(number % 10000 / 1000));
    else
        snprintf(ret, size, "%lld", (long long)number);
}

static int refuse(const struct setting *setting, const char *value, char sentence[SETTING_SENTENCE_MAX])
{
    const char *why = NULL;
    int64_t ns;
    if (setting->type == SETTING_CHOICE)
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is %.80s, but must be one of: %s", setting->name, value, setting->choices);
    else if (setting->type == SETTING_DURATION && value[0] && parse_duration(setting, value, &ns, &why) < 0 && why)
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s: %.80s is %.200s", setting->name, value, why);
    else
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is %.80s, but must be %s", setting->name, value[0] ? value : "empty", wanted(setting));
    return LEASEHOLD_ERR_OPTION;
}

/* PEM has lines. */
static bool has_control_characters(const char *text, bool lines)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 || *text == 0x7f) && !(lines && (*text == '\n' || *text == '\r')))
            return true;
    return false;
}

bool options_name_is_good(const char *what, const char *name, char sentence[SETTING_SENTENCE_MAX])
{
    bool good = object_name_is_good(name);
    if (good)
        return true;
    /* A sentence is one line, whatever the name holds. */
    char shown[81];
    snprintf(shown, sizeof shown, "%s", name);
    for (char *at = shown; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    snprintf(sentence, SETTING_SENTENCE_MAX,
             "%s is \"%s\"%s, but must be the name of a Kubernetes object: lower case letters, digits, '-' and '.', at most %d bytes, "
             "with a letter or digit at both ends",
             what, shown, strlen(name) > 80 ? "…" : "", SETTING_NAME_MAX);
    return false;
}

int setting_check(const struct setting *setting, const char *value, char sentence[SETTING_SENTENCE_MAX])
{
    int64_t number;
    if (!object_is_utf8(value)) {
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is not UTF-8", setting->name);
        return LEASEHOLD_ERR_OPTION;
    }
    if (has_control_characters(value, setting->type == SETTING_SECRET)) {
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s has a control character in it", setting->name);
        return LEASEHOLD_ERR_OPTION;
    }
    if (setting->type == SETTING_NAME && !options_name_is_good(setting->name, value, sentence))
        return LEASEHOLD_ERR_OPTION;
    bool is_text = setting->type == SETTING_TEXT || setting->type == SETTING_SECRET;
    if ((!is_text && strlen(value) > SETTING_TEXT_MAX) || parse(setting, value, &number) < 0)
        return refuse(setting, value, sentence);
    if ((is_text || setting->type == SETTING_LABELS) && number > setting->most) {
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s has %lld bytes, at most %lld are allowed", setting->name, (long long)number,
                 (long long)setting->most);
        return LEASEHOLD_ERR_OPTION;
    }
    bool ranged = setting->type == SETTING_DURATION || setting->type == SETTING_FACTOR || setting->type == SETTING_PERCENT;
    if (ranged && (number < setting->least || number > setting->most)) {
        char least[32], most[32];
        number_text(setting, setting->least, least, sizeof least);
        number_text(setting, setting->most, most, sizeof most);
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is %.40s, but must be from %s to %s", setting->name, value, least, most);
        return LEASEHOLD_ERR_OPTION;
    }
    return 0;
}

int64_t setting_number(const struct setting *setting, const char *value)
{
    int64_t number = 0;
    BUG_UNLESS(parse(setting, value, &number) == 0);
    return number;
}
