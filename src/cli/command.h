/* The subcommands, and what they share: flags from the one table of settings, printing, events.
 *
 * Here: declarations. Not here: what a setting means (src/service/options.h), what an event means (leasehold/leasehold.h). */
#ifndef LEASEHOLD_CLI_COMMAND_H
#define LEASEHOLD_CLI_COMMAND_H

#include <leasehold/leasehold.h>
#include <stdbool.h>
#include <stdio.h>

#include "service/options.h"

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1, /* asked and not so: wait's time ran out, a server that refuses */
    EXIT_USAGE = 2,
    EXIT_NO_LEADER = 3,
    EXIT_NO_LOCK = 4,
    EXIT_OWN_FAILURE = 125, /* run: our own failure, so that CMD's codes stay CMD's */
};

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit code */
    const char *usage;                 /* behind "leasehold " */
    const char *summary;
};

extern const struct command commands[];
extern const size_t commands_count;
const struct command *command_find(const char *name);

int cli_candidate(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_help(int argc, char **argv);
int cli_install(int argc, char **argv);
int cli_members(int argc, char **argv);
int cli_resign(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_sidecar(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_transfer(int argc, char **argv);
int cli_version(int argc, char **argv);
int cli_wait(int argc, char **argv);
int cli_watch(int argc, char **argv);

/* ---- flags.c ---- */

/* An option of one command that is no setting. */
struct flag {
    const char *name;
    int letter;              /* 0: no short form */
    const char *placeholder; /* NULL: takes no value */
    const char *help;
};

enum { FLAGS_MAX = 16, OPERANDS_MAX = 64 };

/* What a command line came to. */
struct arguments {
    leasehold_options *options;    /* file, environment and flags, in this order of weight from low to high; owned */
    const char *values[FLAGS_MAX]; /* by index in the command's flags: its last value, "" for one without; NULL: not given */
    const char *operands[OPERANDS_MAX];
    int operands_count;
    char **rest; /* behind "--"; NULL: there was none */
    int rest_count;
    const char *config;     /* the file of settings; NULL: none */
    bool json, wide, names; /* -o */
    int verbose;            /* -v, counted */
};

/* Reads argv for a command. `used_by` chooses the settings that are its flags (SETTING_FOR_…). Prints help or the sentence of
 * what is wrong itself. Returns true to go on, or false with the exit code in *ret_code. */
bool flags_parse(const struct command *command, unsigned used_by, const struct flag *flags, size_t flags_count, int argc, char **argv,
                 struct arguments *ret, int *ret_code);
void flags_free(struct arguments *a);

/* Tells of each flag that a command takes, in the order of its help. choices: "lease|configmap"; NULL: any value. What it is given
 * lives as long as the call. Not for dev, help, version and completion, which have no flags of this kind. */
typedef void flags_visitor(void *context, const struct flag *flag, const char *choices);
void flags_visit(const struct command *command, flags_visitor *visit, void *context);
/* A duration in the value of a flag. False, with its sentence printed, when it is none. */
bool flags_duration(const char *command, const char *flag, const char *value, int64_t *ret_ns);

/* ---- events.c ---- */

/* Where events are written, as lines of text or of JSON. */
struct event_output {
    int fd;
    bool json;
    bool never_waits; /* for a reader that does not read: what finds no room is counted and left out */
    unsigned lost;    /* of those, since the last one that was written */
};

/* Writes one event; kinds that have no line are passed over. Returns 0, or -1 with errno. */
int events_write(struct event_output *out, const leasehold_event *e);
/* The event as a line of JSON with its newline, for free(3); NULL when out of memory. */
char *events_json(const leasehold_event *e, size_t *ret_size);
/* Whether this kind has a line. */
bool events_has_line(const leasehold_event *e);
/* Writes who leads as an event `new_leader`; text: the holder alone, no line for nobody. Returns 0, or -1 with errno. */
int events_write_leader(struct event_output *out, const char *group, const struct leasehold_record *record, const char *leader);
/* A log function for leasehold_options_set_log(): lines up to level *(int *)user go to stderr (text_complain()). */
void events_log(void *user, int level, const char *line);

/* ---- session.c: a service that is followed until something is so ---- */

struct probe;

struct session {
    leasehold_service *service;
    struct probe *probe; /* is told that the loop turns; NULL: none */
    int signal_fd;       /* TERM, INT and HUP */
    int signalled;       /* the first of them; 0: none */
};

/* Opens a service with these options; prints what is wrong. Blocks TERM, INT and HUP. Returns 0 or -1. */
int session_open(struct session *s, const char *command, leasehold_options *options);
void session_close(struct session *s);
/* Dispatches until an event, a signal (returns 0 then and sets signalled) or until_ns of CLOCK_BOOTTIME. Returns 1 with *ret,
 * 0 for neither, or -1 after printing what is wrong. */
int session_next(struct session *s, int64_t until_ns, const leasehold_event **ret);

/* ---- http.c: --http ---- */

#define HTTP_HELP "serve /livez, /readyz, /leader, /events and /metrics there"
#define HTTP_FLAG(help_text)                                                                                                               \
    {                                                                                                                                      \
        "http", 0, "ADDRESS:PORT", help_text                                                                                               \
    }

/* Listens; prints what is wrong. Returns the descriptor or -1. */
int http_listen(const char *command, const char *address);
/* Settings that --http needs. */
void http_prepare(leasehold_options *o);
/* Serves the groups on that descriptor, which it owns from now on; prints what is wrong. NULL where it cannot. */
struct probe *http_serve(const char *command, int listening, leasehold_group *const *groups, size_t count);
/* NULL is fine. */
void http_tell(struct probe *p, const leasehold_event *e);

/* CLOCK_BOOTTIME, and the wall clock since 1970. */
int64_t session_now_ns(void);
int64_t session_wall_us(void);

#endif
