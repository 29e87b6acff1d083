/* A point in time: what is read can be written, and is read again as itself. */
#include "fuzz.h"
#include "wire/times.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), again[TIMES_MICRO_SIZE], third[TIMES_MICRO_SIZE];
    int64_t us = 42, same = 0;
    bool exact = false;
    int result = times_parse_exact(text, &us, &exact);
    if (result < 0) {
        MUST(us == 42);
        /* Any number of 64 bits can be written, and is read as the nearest time there is. */
        memcpy(&us, data, size < sizeof us ? size : sizeof us);
    } else {
        MUST(us >= TIMES_LEAST_US && us <= TIMES_MOST_US);
    }
    times_format(us, again);
    MUST(strlen(again) == TIMES_MICRO_SIZE - 1);
    MUST(times_parse_exact(again, &same, &exact) == 0 && exact);
    MUST(same == us || (us < TIMES_LEAST_US && same == TIMES_LEAST_US) || (us > TIMES_MOST_US && same == TIMES_MOST_US));
    times_format(same, third);
    MUST(strcmp(again, third) == 0);
    free(text);
    return 0;
}
