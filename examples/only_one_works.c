/* The shortest use: a thread of the library's own, and work that asks before each piece of it whether this process leads.
 *
 *     only_one_works [GROUP [PIECES]]
 *
 * Start it in several terminals or Pods: one of them works. Settings come from LEASEHOLD_… variables and KUBECONFIG. */
#include <leasehold/leasehold.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "example";
    int pieces = argc > 2 ? atoi(argv[2]) : 10;
    leasehold_options *o = leasehold_options_new();
    leasehold_service *s = NULL;
    leasehold_group *g = NULL;

    /* All our work asks leasehold_group_is_leading(), so nobody has to confirm that it stopped. */
    leasehold_options_set(o, "confirm-stop", "no");
    if (leasehold_options_load_environment(o) < 0 || leasehold_service_open(&s, o) < 0) {
        fprintf(stderr, "%s\n", leasehold_options_error(o));
        return 1;
    }
    leasehold_options_unref(o);
    if (leasehold_group_open(&g, s, name, LEASEHOLD_CANDIDATE, NULL) < 0 || leasehold_service_start_thread(s) < 0) {
        char sentence[512] = "";
        leasehold_service_error(s, sentence, sizeof sentence);
        fprintf(stderr, "%s\n", sentence);
        return 1;
    }
    while (pieces > 0) {
        struct leasehold_term term = { .size = sizeof term };
        if (leasehold_group_term(g, &term) > 0) {
            /* A store that can compare numbers refuses a token smaller than the largest it has seen: even a process that was
             * frozen between this line and its write does no harm then. */
            printf("work, with fencing token %s\n", term.token);
            fflush(stdout);
            pieces--;
        }
        usleep(50000);
    }

    /* Leave in peace: the lock is released, and the next one leads within a round trip. */
    leasehold_service_stop(s);
    leasehold_service_run(s, NULL, NULL);
    leasehold_group_unref(g);
    leasehold_service_unref(s);
    return 0;
}
