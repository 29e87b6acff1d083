/* Words and sentences about the library's numbers. */
#include <leasehold/leasehold.h>

#include "election/election.h"

uint32_t leasehold_version(void)
{
    return LEASEHOLD_VERSION_NUMBER;
}

const char *leasehold_strerror(int error)
{
    static const char *const sentences[] = {
        "success",
        "out of memory",
        "an argument is missing, empty, too long or out of range",
        "no option of that name, or a value it does not take",
        "the settings contradict each other",
        "not possible in this state",
        "the handle belongs to the process that forked this one",
        "kubeconfig or service account cannot be used",
        "the operating system refused",
        "a limit of the library is reached",
        "the server answered what Kubernetes does not answer",
        "the server refused, or cannot be reached",
        "not within the time given",
        "this build or this server cannot do it",
    };
    if (error >= 0)
        return sentences[0];
    if (error < -(int)(sizeof sentences / sizeof *sentences) + 1)
        return "an error this release does not know";
    return sentences[-error];
}

const char *leasehold_reason_name(int reason)
{
    return reason >= 0 && reason < ELECTION_REASONS ? election_reason_name((enum election_reason)reason) : "unknown";
}
