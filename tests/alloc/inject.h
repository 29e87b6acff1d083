/* The n-th allocation of a program fails, whoever makes it: our code, jansson, the C library.
 *
 * Here: malloc, calloc, realloc and their kin in the place of the C library's, and the count of live blocks. Not here: what is
 * swept. One thread only. */
#ifndef LEASEHOLD_ALLOC_INJECT_H
#define LEASEHOLD_ALLOC_INJECT_H

#include <stdbool.h>

/* From now on the n-th allocation fails (1: the next one), and with `all` every one after it; 0: none fails, all are counted. */
void inject_arm(unsigned long n, bool all);

/* None fails any more. Returns how many allocations were counted since inject_arm(). */
unsigned long inject_disarm(void);

/* Between these two nothing is counted and nothing fails; they nest. */
void inject_spare(void);
void inject_spare_no_more(void);

/* Blocks allocated and not freed by now. */
long inject_live(void);

#endif
