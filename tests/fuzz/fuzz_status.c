/* A server's answer that may be a Status. */
#include "fuzz.h"
#include "leasehold/errors.h"
#include "wire/status.h"

static void must_be_clean(const char *text, size_t max)
{
    MUST(strlen(text) <= max);
    json_t *value = json_string(text); /* NULL for what is no UTF-8 */
    MUST(value);
    json_decref(value);
    for (; *text; text++)
        MUST((unsigned char)*text >= 0x20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct status s, before;
    memset(&s, 0x5a, sizeof s);
    memcpy(&before, &s, sizeof s);
    if (status_parse((const char *)data, size, &s) < 0) {
        MUST(memcmp(&s, &before, sizeof s) == 0);
        return 0;
    }
    MUST(s.code == 0 || (s.code >= 100 && s.code <= 599));
    MUST(s.retry_after_s >= 0);
    must_be_clean(s.message, STATUS_MESSAGE_MAX);
    const char *const words[] = { s.reason, s.name, s.kind, s.group };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        must_be_clean(words[i], STATUS_WORD_MAX);
    if (status_names_absent(&s, "leases", "reports"))
        MUST(strcmp(s.reason, "NotFound") == 0 && strcmp(s.name, "reports") == 0 && strcmp(s.kind, "leases") == 0);
    return 0;
}
