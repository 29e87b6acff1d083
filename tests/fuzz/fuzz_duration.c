/* A duration: what is read can be written, and is read again as itself; what is refused has a reason. */
#include "fuzz.h"
#include "leasehold/errors.h"
#include "wire/times.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), again[TIMES_DURATION_SIZE];
    int64_t ns = 42, same = 0;
    const char *why = NULL;
    int result = times_duration_parse(text, &ns, &why);
    if (result < 0) {
        MUST(result == LEASEHOLD_ERR_OPTION && ns == 42 && why && why[0]);
        memcpy(&ns, data, size < sizeof ns ? size : sizeof ns);
        ns = ns < 0 ? INT64_MAX + ns + 1 : ns;
    }
    MUST(ns >= 0);
    times_duration_format(ns, again);
    MUST(strlen(again) < TIMES_DURATION_SIZE);
    MUST(times_duration_parse(again, &same, &why) == 0);
    MUST(same == ns);
    free(text);
    return 0;
}
