/* Which settings say where the API server is, as src/kube takes them. */
#ifndef LEASEHOLD_LIBRARY_CONNECTION_H
#define LEASEHOLD_LIBRARY_CONNECTION_H

#include "kube/config.h"
#include "service/options.h"

/* `o` NULL: defaults. The strings live in the options, and in the process's environment. */
struct kube_options connection_options(const leasehold_options *o);

/* True while requests of the service wait for a program that says who we are, which is started now if it was not asked yet. For commands
 * whose requests have short limits: dispatch the service until it is false. Not for one with a thread. */
bool connection_asks_plugin(leasehold_service *s);

#endif
