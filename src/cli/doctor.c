/* `leasehold doctor`: looks at everything that standing for election needs, and says what to do about what it finds. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/doctor.h"
#include "cli/text.h"
#include "wire/dialect.h"
#include "wire/times.h"

enum { FLAG_TIMEOUT, FLAGS };
enum { DOCTOR_TIMEOUT_S = 10 };

static const struct flag flags[FLAGS] = {
    [FLAG_TIMEOUT] = { "timeout", 0, "DURATION", "how long to wait for each answer of the server [10s]" },
};

static void print_text(const struct doctor_finding *f)
{
    printf("%-4s  %s: ", doctor_grade_name(f->grade), f->what);
    text_put(stdout, f->finding);
    if (f->advice[0])
        fputs("; ", stdout);
    text_put(stdout, f->advice);
    putchar('\n');
}

/* A sentence of a server's, cut by our limits, may end within a character. */
static json_t *text_json(const char *text)
{
    size_t size = strlen(text);
    json_t *json = json_stringn(text, size);
    for (int cut = 1; !json && cut < 4 && (size_t)cut < size; cut++)
        json = json_stringn(text, size - (size_t)cut);
    return json ? json : json_string("(no text)");
}

static int print_json(const struct doctor_finding *f, const char *group)
{
    char time[TIMES_MICRO_SIZE];
    times_format(session_wall_us(), time);
    json_t *json = json_pack("{s:s, s:s?, s:s, s:s, s:o, s:o, s:s}", "event", "check", "group", group, "what", f->what, "result",
                             doctor_grade_name(f->grade), "finding", text_json(f->finding), "advice",
                             f->advice[0] ? text_json(f->advice) : json_null(), "time", time);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return -1;
    printf("%s\n", text);
    free(text);
    return 0;
}

static int print_report(const struct doctor_report *r, bool json, const char *group)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!json) {
            print_text(&r->list[i]);
        } else if (print_json(&r->list[i], group) < 0) {
            text_complain("doctor", "out of memory");
            return EXIT_FAILED;
        }
    }
    return doctor_failed(r) ? EXIT_FAILED : EXIT_OK;
}

/* Names that cannot be are no findings, but a wrong command line. */
static bool check(const struct arguments *a, const char *group)
{
    char sentence[SETTING_SENTENCE_MAX];
    const struct dialect *dialect = dialect_find(options_value(a->options, SETTING_LOCK));
    if (group && (!options_name_is_good("group", group, sentence) || !dialect->group_is_good(group, sentence, sizeof sentence))) {
        text_complain("doctor", "%s", sentence);
        return false;
    }
    return true;
}

int cli_doctor(int argc, char **argv)
{
    const struct command *command = command_find("doctor");
    struct arguments a;
    struct doctor_report *report = NULL;
    int64_t timeout_ns = DOCTOR_TIMEOUT_S * INT64_C(1000000000);
    int code;
    if (!flags_parse(command, SETTING_FOR_SERVER | SETTING_FOR_GROUP | SETTING_FOR_CANDIDATE | SETTING_FOR_OBSERVER | SETTING_FOR_MEMBERS,
                     flags, FLAGS, argc, argv, &a, &code))
        return code;
    code = EXIT_USAGE;
    const char *group = a.operands_count ? a.operands[0] : NULL;
    if (a.operands_count > 1 || a.rest) {
        text_complain("doctor", "wants one GROUP or none; usage: leasehold %s", command->usage);
    } else if (check(&a, group) && (!a.values[FLAG_TIMEOUT] || flags_duration("doctor", "timeout", a.values[FLAG_TIMEOUT], &timeout_ns))) {
        report = calloc(1, sizeof *report);
        code = EXIT_FAILED;
        if (report) {
            doctor_examine(&a, group, timeout_ns, report);
            code = print_report(report, a.json, group);
        } else {
            text_complain("doctor", "out of memory");
        }
    }
    free(report);
    flags_free(&a);
    return code;
}
