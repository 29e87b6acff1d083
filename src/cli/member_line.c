#include "cli/member_line.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "service/leader_pod.h"
#include "wire/times.h"

bool member_leads(const char *holder, const char *name)
{
    char pod[MEMBER_NAME_MAX + 1];
    return leader_pod_name(holder, pod) && strcmp(pod, name) == 0;
}

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static json_t *time_or_null(int64_t us)
{
    char time[TIMES_MICRO_SIZE];
    times_format(us, time);
    return us ? json_string(time) : json_null();
}

static json_t *object_of(const leasehold_members *m, size_t i)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:b, s:b, s:o}", "name", leasehold_members_name(m, i), "uid", leasehold_members_uid(m, i),
                     "address", text_or_null(leasehold_members_address(m, i)), "node", text_or_null(leasehold_members_node(m, i)), "phase",
                     leasehold_pod_phase_name(leasehold_members_phase(m, i)), "ready", leasehold_members_ready(m, i), "terminating",
                     leasehold_members_terminating(m, i), "since", time_or_null(leasehold_members_since_us(m, i)));
}

/* Frees `json`. */
static char *dump(json_t *json, size_t *ret_size)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (text)
        *ret_size = strlen(text);
    return text;
}

/* `first` with what `second` has, too; frees both, or gives NULL. */
static json_t *joined(json_t *first, json_t *second)
{
    if (!first || !second || json_object_update(first, second) < 0) {
        json_decref(first);
        first = NULL;
    }
    json_decref(second);
    return first;
}

char *member_line(const leasehold_members *members, size_t index, const char *holder, size_t *ret_size)
{
    json_t *leader = holder ? json_boolean(member_leads(holder, leasehold_members_name(members, index))) : json_null();
    json_t *head = json_pack("{s:s}", "event", "member"), *tail = json_pack("{s:o}", "leader", leader);
    return dump(joined(joined(head, object_of(members, index)), tail), ret_size);
}

/* ---- changes ------------------------------------------------------------------------------------------------------ */

struct names {
    json_t *by_difference[LEASEHOLD_MEMBER_CHANGED + 1];
};

static void add_name(void *user, int difference, const leasehold_members *members, size_t index)
{
    struct names *names = user;
    if (difference <= LEASEHOLD_MEMBER_CHANGED)
        json_array_append_new(names->by_difference[difference], json_string(leasehold_members_name(members, index)));
}

char *members_line(const leasehold_event *e, size_t *ret_size)
{
    const leasehold_members *m = leasehold_event_members(e);
    struct names names = { { NULL, json_array(), json_array(), json_array() } };
    json_t *all = json_array();
    char time[TIMES_MICRO_SIZE];
    times_format(leasehold_event_wall_us(e), time);
    leasehold_members_compare(leasehold_event_members_before(e), m, add_name, &names);
    for (size_t i = 0; i < leasehold_members_count(m); i++)
        json_array_append_new(all, object_of(m, i));
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:I}", "event", leasehold_event_name(e), "namespace",
        leasehold_roster_namespace(leasehold_event_roster(e)), "selector", leasehold_roster_selector(leasehold_event_roster(e)), "added",
        names.by_difference[LEASEHOLD_MEMBER_ADDED], "removed", names.by_difference[LEASEHOLD_MEMBER_REMOVED], "changed",
        names.by_difference[LEASEHOLD_MEMBER_CHANGED], "members", all, "time", time, "boottime_ns", (json_int_t)leasehold_event_boot_ns(e));
    return dump(line, ret_size);
}
