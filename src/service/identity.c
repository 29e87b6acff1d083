#include "service/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/options.h"

enum { SUFFIX_DIGITS = 8, HOST_NAME_BYTES = 256 };

int identity_find(const leasehold_options *o, bool unique, uint64_t suffix, char ret[LEASEHOLD_IDENTITY_MAX + 1], char *sentence,
                  size_t size)
{
    const char *given = options_value(o, SETTING_IDENTITY);
    if (given[0]) {
        snprintf(ret, LEASEHOLD_IDENTITY_MAX + 1, "%s", given);
        return 0;
    }
    char host[HOST_NAME_BYTES] = "";
    const char *base = getenv("POD_NAME");
    if (!base || !base[0]) {
        if (gethostname(host, sizeof host - 1) < 0)
            host[0] = '\0';
        base = host;
    }
    if (!base[0]) {
        snprintf(sentence, size, "this machine has no host name: say who stands, with --identity or POD_NAME");
        return LEASEHOLD_ERR_OPTION;
    }
    char why[SETTING_SENTENCE_MAX];
    if (setting_check(&settings_table[SETTING_IDENTITY], base, why) < 0) {
        snprintf(sentence, size, "POD_NAME or this machine's host name is no identity (%.200s): say who stands, with --identity", why);
        return LEASEHOLD_ERR_OPTION;
    }
    if (unique)
        snprintf(ret, LEASEHOLD_IDENTITY_MAX + 1, "%.*s_%0*llx", LEASEHOLD_IDENTITY_MAX - SUFFIX_DIGITS - 1, base, SUFFIX_DIGITS,
                 (unsigned long long)(suffix & 0xffffffffU));
    else
        snprintf(ret, LEASEHOLD_IDENTITY_MAX + 1, "%.*s", LEASEHOLD_IDENTITY_MAX, base);
    return 0;
}
