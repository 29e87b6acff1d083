/* What every fuzz target includes: it defines LLVMFuzzerTestOneInput(), which takes any bytes, and stops the process with
 * MUST() where something does not hold. libFuzzer calls it, or replay.c with any compiler. */
#ifndef LEASEHOLD_TESTS_FUZZ_H
#define LEASEHOLD_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                                                                    \
    do {                                                                                                                                   \
        if (!(condition)) {                                                                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                                                 \
            abort();                                                                                                                       \
        }                                                                                                                                  \
    } while (0)

/* The input as a string: a copy of its own size, so that a step beyond is seen. To be freed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    MUST(text);
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    return text;
}

#endif
