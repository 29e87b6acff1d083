/* A file of settings from anybody: read without harm, and all or nothing. */
#include "fuzz.h"
#include "service/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leasehold_options *o = leasehold_options_new();
    char *text = fuzz_text(data, size);
    MUST(o && leasehold_options_set(o, "identity", "kept") == 0);
    int error = options_parse(o, "f", text, size);
    MUST((error == 0) == (leasehold_options_error(o)[0] == 0));
    if (error < 0)
        for (int i = 0; i < SETTINGS; i++)
            MUST(i == SETTING_IDENTITY ? strcmp(o->values[i], "kept") == 0 : !o->values[i]);
    char sentence[SETTING_SENTENCE_MAX];
    for (int i = 0; i < SETTINGS; i++)
        MUST(!o->values[i] || setting_check(&settings_table[i], o->values[i], sentence) == 0);
    leasehold_options_unref(o);
    free(text);
    return 0;
}
