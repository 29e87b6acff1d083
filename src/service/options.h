/* The one table of settings: library options, flags, LEASEHOLD_… variables, the options file and the manual page are all made
 * from it.
 *
 * Here: names, types, ranges, defaults, help sentences, and values as text with what they mean. Not here: reading argv, files'
 * places, and what a setting does. The public functions of leasehold_options are declared in leasehold/leasehold.h. */
#ifndef LEASEHOLD_SERVICE_OPTIONS_H
#define LEASEHOLD_SERVICE_OPTIONS_H

#include <leasehold/leasehold.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "election/record.h"
#include "election/settings.h"

enum {
    SETTING_SENTENCE_MAX = 640,  /* room for one sentence with its NUL; a longer one is cut */
    SETTING_FILE_MAX = 64 << 10, /* an options file in bytes */
    SETTING_TEXT_MAX = 16384,    /* bytes of any value: a certificate with its chain */
    SETTING_NAME_MAX = 253,      /* a DNS subdomain: names of objects and groups */
    SETTING_SELECTOR_MAX = 1024, /* bytes of a label selector */
    SETTING_LABEL_MAX = 320,     /* bytes of one KEY=VALUE: a prefix, a name, a value */
};

enum setting_type {
    SETTING_TEXT = 0, /* `most` bytes */
    SETTING_NAME,     /* a DNS subdomain of 1 to 253 bytes */
    SETTING_DURATION, /* with a unit: 15s, 500ms, 1m30s; least and most in ns; with a sign only where least is below 0 */
    SETTING_FACTOR,   /* 1.2; least and most in hundredths */
    SETTING_PERCENT,  /* 1%, 0.5%; least and most in parts per million */
    SETTING_YES_NO,   /* yes, no */
    SETTING_CHOICE,   /* one of `choices` */
    SETTING_SECRET,   /* `most` bytes, lines too; no sentence shows it, and it is wiped */
    SETTING_LABELS,   /* KEY=VALUE,... as a label selector; "" selects everything; `most` bytes */
};

/* Who uses a setting, for the help of each command. */
enum {
    SETTING_FOR_SERVER = 1 << 0,    /* where the API server is: every command that asks one */
    SETTING_FOR_GROUP = 1 << 1,     /* may differ from group to group (overrides of leasehold_group_open) */
    SETTING_FOR_CANDIDATE = 1 << 2, /* of use to candidates only: run, candidate */
    SETTING_FOR_OBSERVER = 1 << 3,  /* of use to observers too: status, watch, wait */
    SETTING_FOR_LIBRARY = 1 << 4,   /* for programs that link the library: not a flag, variable or file entry of the commands */
    SETTING_FOR_MEMBERS = 1 << 5,   /* which Pods are members: members, watch */
};

enum setting_id {
    SETTING_KUBECONFIG = 0,
    SETTING_CONTEXT,
    SETTING_CLUSTER,
    SETTING_USER,
    SETTING_SERVER,
    SETTING_TLS_SERVER_NAME,
    SETTING_INSECURE_SKIP_TLS_VERIFY,
    SETTING_CERTIFICATE_AUTHORITY,
    SETTING_CERTIFICATE_AUTHORITY_DATA,
    SETTING_CLIENT_CERTIFICATE,
    SETTING_CLIENT_CERTIFICATE_DATA,
    SETTING_CLIENT_KEY,
    SETTING_CLIENT_KEY_DATA,
    SETTING_CLIENT_KEY_PASSPHRASE,
    SETTING_TOKEN,
    SETTING_TOKEN_FILE,
    SETTING_USERNAME,
    SETTING_PASSWORD,
    SETTING_NAMESPACE,
    SETTING_LOCK,
    SETTING_LOCK_NAME,
    SETTING_IDENTITY,
    SETTING_LEASE_DURATION,
    SETTING_RENEW_DEADLINE,
    SETTING_RENEW_INTERVAL,
    SETTING_RETRY_PERIOD,
    SETTING_JITTER,
    SETTING_STOP_TIMEOUT,
    SETTING_KILL_MARGIN,
    SETTING_CLOCK_RATE_ERROR,
    SETTING_FOREIGN_LEASE,
    SETTING_PEER_LEASE,
    SETTING_MAX_CLOCK_SKEW,
    SETTING_RETRY_ON_ERROR_INTERVAL,
    SETTING_USER_AGENT,
    SETTING_CONFIRM_STOP,
    SETTING_EXTENDED_EVENTS,
    SETTING_SELECTOR,
    SETTING_MEMBER_PODS,
    SETTING_WATCH_REFRESH_INTERVAL,
    SETTING_LEADER_ADDRESS,
    SETTING_STATISTICS,
    SETTING_BALANCE,
    SETTING_LABEL_POD,
    SETTING_KUBERNETES_EVENTS,
    SETTING_EXEC_PLUGINS,
    SETTING_LOCAL_LOCK,
    SETTINGS
};

struct setting {
    const char *name;         /* "lease-duration": option, flag without its dashes, name in a file */
    const char *environment;  /* "LEASEHOLD_LEASE_DURATION" */
    const char *placeholder;  /* for usage lines: "DURATION" */
    const char *default_text; /* as a value; "": default_note says where it comes from */
    const char *default_note; /* for the help, instead of default_text; NULL: none */
    const char *choices;      /* CHOICE: "lease|configmap"; else NULL */
    const char *help;         /* one sentence without its full stop */
    enum setting_type type;
    unsigned used_by; /* SETTING_FOR_… */
    int64_t least, most;
};

/* Indexed by enum setting_id. */
extern const struct setting settings_table[SETTINGS];

/* The default of a setting for this kind of lock: its default_text, or Camel's own. Static. */
const char *setting_default(enum setting_id id, const char *lock);

/* The setting of this name, or NULL. */
const struct setting *setting_find(const char *name);

/* Checks one value by itself. Works for tables of others too. Returns 0, or LEASEHOLD_ERR_OPTION with a sentence. */
int setting_check(const struct setting *setting, const char *value, char sentence[SETTING_SENTENCE_MAX]);

/* The number a value of this setting means (see enum setting_type for the unit; YES_NO: 1 or 0; CHOICE: index). The value must
 * have been accepted by setting_check(). */
int64_t setting_number(const struct setting *setting, const char *value);

/* A duration as people write it: "15s", "500ms", "1m30s", "13.2s" (at most three digits behind the point); cut to size. */
void setting_duration_text(int64_t ns, char *ret, size_t size);

/* ---- values ------------------------------------------------------------------------------------------------------- */

struct dialect;

struct leasehold_options {
    char *values[SETTINGS]; /* NULL: not set */
    leasehold_log_fn *log;
    void *log_user;
    void *host; /* for the host alone, borrowed: which world of a test */
    char error[SETTING_SENTENCE_MAX];
};

/* The value set, or the default for the kind of lock that is set; never NULL. */
const char *options_value(const leasehold_options *o, enum setting_id id);

/* A copy without the error, or NULL when out of memory. `o` NULL: the defaults. */
leasehold_options *options_copy(const leasehold_options *o);

/* `base` with what `overrides` (may be NULL) sets, for a group. Returns 0 and *ret (leasehold_options_unref), or
 * LEASEHOLD_ERR_OPTION with a sentence when an override is not SETTING_FOR_GROUP, or LEASEHOLD_ERR_MEMORY. */
int options_merge(const leasehold_options *base, const leasehold_options *overrides, leasehold_options **ret,
                  char sentence[SETTING_SENTENCE_MAX]);

/* Sets from the text of an options file; `source` names it in sentences. All or nothing. */
int options_parse(leasehold_options *o, const char *source, const char *text, size_t size);

/* Sets from variables as `lookup` gives them (NULL: not there); its string must live until the next lookup. */
int options_from_environment(leasehold_options *o, const char *(*lookup)(void *user, const char *name), void *user);

/* The durations of an election in this kind of lock, completed and checked. Returns 0 and *ret, or LEASEHOLD_ERR_SETTINGS with
 * the inequality in numbers. *ret is untouched on failure. */
int options_election(const leasehold_options *o, const struct dialect *dialect, struct election_settings *ret,
                     char sentence[SETTING_SENTENCE_MAX]);

/* True if `name` is a DNS subdomain as Kubernetes takes it for the name of an object (RFC 1123: lower case letters, digits, '-'
 * and '.', 253 bytes), with a sentence if not. */
bool options_name_is_good(const char *what, const char *name, char sentence[SETTING_SENTENCE_MAX]);

#endif
