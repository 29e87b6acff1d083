/* The text form of the figures: whole families, names escaped, a cumulative histogram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe/metrics.h"

static char *written(const struct metrics_row *rows, size_t count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    metrics_write(to, rows, count, "1.2.3");
    assert_int_equal(fclose(to), 0);
    return text;
}

static void has(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    if (!at || (at != text && at[-1] != '\n'))
        fail_msg("there is no line '%s' in:\n%s", line, text);
}

static void samples_of_a_family_stand_together(void **state)
{
    (void)state;
    struct metrics_row rows[2] = { { .group = "a", .leading = true, .knows_leader = true }, { .group = "b", .knows_leader = true } };
    rows[0].figures.leader_changes = 7;
    char *text = written(rows, 2);
    has(text, "leasehold_build_info{version=\"1.2.3\"} 1\n");
    has(text, "# TYPE leader_election_master_status gauge\nleader_election_master_status{name=\"a\"} "
              "1\nleader_election_master_status{name=\"b\"} 0\n");
    has(text, "leasehold_transitions_total{name=\"a\"} 7\n");
    free(text);
}

static void histogram_is_cumulative(void **state)
{
    (void)state;
    struct metrics_row row = { .group = "g" };
    row.figures.latency[1] = 2;
    row.figures.latency[3] = 1;
    row.figures.latency[LEASEHOLD_LATENCY_BUCKETS] = 4;
    row.figures.latency_sum_ns = 1500000000;
    row.figures.renewals = 7;
    row.figures.slack_ns = 250000000;
    row.figures.least_slack_ns = 1000000;
    char *text = written(&row, 1);
    has(text, "leasehold_renew_duration_seconds_bucket{name=\"g\",le=\"0.001\"} 0\n");
    has(text, "leasehold_renew_duration_seconds_bucket{name=\"g\",le=\"0.002\"} 2\n");
    has(text, "leasehold_renew_duration_seconds_bucket{name=\"g\",le=\"0.01\"} 3\n");
    has(text, "leasehold_renew_duration_seconds_bucket{name=\"g\",le=\"5\"} 3\n");
    has(text, "leasehold_renew_duration_seconds_bucket{name=\"g\",le=\"+Inf\"} 7\n");
    has(text, "leasehold_renew_duration_seconds_sum{name=\"g\"} 1.5\n");
    has(text, "leasehold_renew_duration_seconds_count{name=\"g\"} 7\n");
    has(text, "leasehold_renew_slack_seconds{name=\"g\"} 0.25\n");
    has(text, "leasehold_renew_slack_least_seconds{name=\"g\"} 0.001\n");
    free(text);
}

static void slack_is_not_told_before_the_first_renewal(void **state)
{
    (void)state;
    struct metrics_row row = { .group = "g", .figures = { .least_slack_ns = UINT64_MAX } };
    char *text = written(&row, 1);
    assert_null(strstr(text, "slack_seconds{"));
    assert_null(strstr(text, "least_seconds{"));
    free(text);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    struct metrics_row row = { .group = "a\"b\\c\nd" };
    char *text = written(&row, 1);
    has(text, "leader_election_master_status{name=\"a\\\"b\\\\c\\nd\"} 0\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_a_family_stand_together),
        cmocka_unit_test(histogram_is_cumulative),
        cmocka_unit_test(slack_is_not_told_before_the_first_renewal),
        cmocka_unit_test(labels_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
