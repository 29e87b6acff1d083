#include "probe/metrics.h"

#include <inttypes.h>
#include <stddef.h>

#define SECOND 1e9

/* A label's value: the format escapes these three. */
static void put_label(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", to);
        else if (*text == '"' || *text == '\\')
            fprintf(to, "\\%c", *text);
        else
            fputc(*text, to);
    }
}

static void put_family(FILE *to, const char *name, const char *type, const char *help)
{
    fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_sample(FILE *to, const char *name, const struct metrics_row *row, uint64_t value)
{
    fprintf(to, "%s{name=\"", name);
    put_label(to, row->group);
    fprintf(to, "\"} %" PRIu64 "\n", value);
}

static void put_seconds(FILE *to, const char *name, const struct metrics_row *row, uint64_t value_ns)
{
    fprintf(to, "%s{name=\"", name);
    put_label(to, row->group);
    fprintf(to, "\"} %.9g\n", (double)value_ns / SECOND);
}

static void put_gauges(FILE *to, const struct metrics_row *rows, size_t count)
{
    put_family(to, "leader_election_master_status", "gauge", "1 while this process leads, else 0");
    for (size_t i = 0; i < count; i++)
        put_sample(to, "leader_election_master_status", &rows[i], rows[i].leading);
    put_family(to, "leasehold_leader_known", "gauge", "1 while somebody is known to lead, else 0");
    for (size_t i = 0; i < count; i++)
        put_sample(to, "leasehold_leader_known", &rows[i], rows[i].knows_leader);
}

static const struct {
    const char *name, *help;
    size_t offset; /* in struct leasehold_statistics */
} counters[] = {
    { "leader_election_slowpath_total", "writes that needed a read first, because somebody else had written",
      offsetof(struct leasehold_statistics, conflicts) },
    { "leasehold_terms_total", "terms begun by this process", offsetof(struct leasehold_statistics, terms) },
    { "leasehold_losses_total", "terms that ended because the lock was lost or could not be renewed",
      offsetof(struct leasehold_statistics, losses) },
    { "leasehold_transitions_total", "changes of leader seen by this process", offsetof(struct leasehold_statistics, leader_changes) },
    { "leasehold_renewals_total", "renewals acknowledged in time", offsetof(struct leasehold_statistics, renewals) },
    { "leasehold_reads_total", "reads of the lock that were answered", offsetof(struct leasehold_statistics, reads) },
    { "leasehold_read_failures_total", "reads of the lock that failed", offsetof(struct leasehold_statistics, failed_reads) },
    { "leasehold_writes_total", "writes of the lock that were acknowledged", offsetof(struct leasehold_statistics, writes) },
    { "leasehold_write_conflicts_total", "writes refused because somebody else had written",
      offsetof(struct leasehold_statistics, conflicts) },
    { "leasehold_write_refusals_total", "writes refused for another reason, or never sent",
      offsetof(struct leasehold_statistics, refused_writes) },
    { "leasehold_write_unknown_total", "writes without an answer that says whether they were applied",
      offsetof(struct leasehold_statistics, unknown_writes) },
    { "leasehold_watch_restarts_total", "times the watch of the lock ended and was opened again",
      offsetof(struct leasehold_statistics, watch_ends) },
};

static void put_counters(FILE *to, const struct metrics_row *rows, size_t count)
{
    for (size_t c = 0; c < sizeof counters / sizeof *counters; c++) {
        put_family(to, counters[c].name, "counter", counters[c].help);
        for (size_t i = 0; i < count; i++)
            put_sample(to, counters[c].name, &rows[i], *(const uint64_t *)((const char *)&rows[i].figures + counters[c].offset));
    }
}

static void put_bucket(FILE *to, const struct metrics_row *row, uint64_t bound_ns, uint64_t below)
{
    fputs("leasehold_renew_duration_seconds_bucket{name=\"", to);
    put_label(to, row->group);
    if (bound_ns == UINT64_MAX)
        fprintf(to, "\",le=\"+Inf\"} %" PRIu64 "\n", below);
    else
        fprintf(to, "\",le=\"%g\"} %" PRIu64 "\n", (double)bound_ns / SECOND, below);
}

static void put_histogram(FILE *to, const struct metrics_row *rows, size_t count)
{
    put_family(to, "leasehold_renew_duration_seconds", "histogram", "from sending a renewal to its acknowledgement");
    for (size_t i = 0; i < count; i++) {
        uint64_t below = 0;
        for (size_t b = 0; b <= LEASEHOLD_LATENCY_BUCKETS; b++)
            put_bucket(to, &rows[i], leasehold_latency_bound_ns(b), below += rows[i].figures.latency[b]);
        put_seconds(to, "leasehold_renew_duration_seconds_sum", &rows[i], rows[i].figures.latency_sum_ns);
        put_sample(to, "leasehold_renew_duration_seconds_count", &rows[i], below);
    }
}

static void put_slack(FILE *to, const struct metrics_row *rows, size_t count)
{
    put_family(to, "leasehold_renew_slack_seconds", "gauge", "left of the term when the newest renewal was acknowledged");
    for (size_t i = 0; i < count; i++)
        if (rows[i].figures.renewals > 0)
            put_seconds(to, "leasehold_renew_slack_seconds", &rows[i], rows[i].figures.slack_ns);
    put_family(to, "leasehold_renew_slack_least_seconds", "gauge", "the least of these since the start");
    for (size_t i = 0; i < count; i++)
        if (rows[i].figures.renewals > 0)
            put_seconds(to, "leasehold_renew_slack_least_seconds", &rows[i], rows[i].figures.least_slack_ns);
}

void metrics_write(FILE *to, const struct metrics_row *rows, size_t count, const char *version)
{
    put_family(to, "leasehold_build_info", "gauge", "the version of Leasehold");
    fprintf(to, "leasehold_build_info{version=\"%s\"} 1\n", version);
    put_gauges(to, rows, count);
    put_counters(to, rows, count);
    put_histogram(to, rows, count);
    put_slack(to, rows, count);
}
