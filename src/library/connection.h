/* Which settings say where the API server is, as src/kube takes them. */
#ifndef LEASEHOLD_LIBRARY_CONNECTION_H
#define LEASEHOLD_LIBRARY_CONNECTION_H

#include "kube/config.h"
#include "service/options.h"

/* `o` NULL: defaults. The strings live in the options, and in the process's environment. */
struct kube_options connection_options(const leasehold_options *o);

#endif
