/* A client of the leader: follows who leads, without being a candidate.
 *
 *     observer [GROUP [CHANGES]]
 *
 * Ends after so many changes; 0: never. */
#include <leasehold/leasehold.h>
#include <stdio.h>
#include <stdlib.h>

static int on_event(void *user, const leasehold_event *e)
{
    int *changes = user;
    if (leasehold_event_kind(e) != LEASEHOLD_EVENT_LEADER_CHANGED)
        return 0;
    printf("%s\n", leasehold_event_holder(e)[0] ? leasehold_event_holder(e) : "(nobody)");
    fflush(stdout);
    return --*changes == 0;
}

int main(int argc, char **argv)
{
    int changes = argc > 2 ? atoi(argv[2]) : 0;
    leasehold_options *o = leasehold_options_new();
    leasehold_service *s = NULL;
    if (leasehold_options_load_environment(o) < 0 || leasehold_service_open(&s, o) < 0) {
        fprintf(stderr, "%s\n", leasehold_options_error(o));
        return 1;
    }
    leasehold_options_unref(o);
    int result = leasehold_group_open(NULL, s, argc > 1 ? argv[1] : "example", LEASEHOLD_OBSERVER, NULL);
    if (result == 0)
        result = leasehold_service_run(s, on_event, &changes);
    leasehold_service_unref(s);
    return result < 0;
}
