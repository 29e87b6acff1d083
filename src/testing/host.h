/* How the test's functions come to the world of a service. */
#ifndef LEASEHOLD_TESTING_HOST_H
#define LEASEHOLD_TESTING_HOST_H

#include "testing/world.h"

/* The world of a service, referenced and with its mutex held; NULL in a forked child. */
struct world *host_enter(const leasehold_service *s);
void host_leave(struct world *w);

#endif
