/* The names that Camel's users know their settings by (KubernetesLockConfiguration, KubernetesConfiguration, and their forms in
 * application.properties), and what they are called here; docs/camel.md has the table.
 *
 * Here: one name and its value into ours. Not here: files, and whether the value is good. */
#ifndef LEASEHOLD_SERVICE_CAMEL_H
#define LEASEHOLD_SERVICE_CAMEL_H

#include <stdbool.h>
#include <stddef.h>

#include "service/options.h"

struct camel_setting {
    enum setting_id id;
    char value[SETTING_TEXT_MAX + 1]; /* as our setting takes it */
    bool adds;                        /* one of several labels: the selector so far stays */
};

/* Returns 1 and *ret for a name of Camel's that is one here, 2 for one that nothing has to be set for, 0 for none of Camel's, or
 * LEASEHOLD_ERR_OPTION with a sentence: the value has not Camel's form, or this release has nothing for it. */
int camel_translate(const char *name, const char *value, struct camel_setting *ret, char sentence[SETTING_SENTENCE_MAX]);

#endif
