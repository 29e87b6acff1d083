/* The term mark. The first line of the input is the record's holder, the rest the mark. */
#include <jansson.h>

#include "fuzz.h"
#include "wire/mark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    char *end = strchr(text, '\n');
    const char *holder = end ? text : "", *mark_text = end ? end + 1 : text;
    if (end)
        *end = 0;
    struct record_mark mark, again;
    memset(&mark, 0xff, sizeof mark);
    mark_parse(mark_text, holder, &mark, NULL);
    if (!mark.present) {
        MUST(!mark.names_holder && !mark.released && mark.nonce == 0 && mark.token == 0 && mark.duration_ms == 0 && mark.transitions == 0);
    } else {
        MUST(mark.nonce != 0 && mark.duration_ms > 0 && mark.transitions >= 0);
        MUST(!mark.names_holder || holder[0]);
        /* Written for the holder it named, or for somebody else. */
        char *written = mark_format(&mark, mark.names_holder ? holder : "", 0);
        MUST(written);
        mark_parse(written, holder, &again, NULL);
        MUST(record_mark_equal(&mark, &again));
        free(written);
    }
    free(text);
    return 0;
}
