/* What cmocka wants before itself. */
#ifndef LEASEHOLD_TESTS_WIRE_CMOCKA_ALL_H
#define LEASEHOLD_TESTS_WIRE_CMOCKA_ALL_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "leasehold/errors.h"
#endif
