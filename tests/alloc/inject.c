#include "inject.h"

#include <errno.h>
#include <stddef.h>

/* glibc lets a program replace malloc and calls the replacement itself, too (strdup, asprintf, getdelim); its own stays
 * reachable under these names. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

/* The libraries must find these, so they are seen outside of the program. */
#define INTERPOSED __attribute__((visibility("default")))
INTERPOSED void *memalign(size_t alignment, size_t size);
INTERPOSED void *aligned_alloc(size_t alignment, size_t size);
INTERPOSED int posix_memalign(void **ret, size_t alignment, size_t size);
INTERPOSED void *malloc(size_t size);
INTERPOSED void *calloc(size_t count, size_t size);
INTERPOSED void *realloc(void *block, size_t size);
INTERPOSED void free(void *block);

static bool armed, every;
static unsigned long fails, counted;
static int spared;
static long live;

void inject_arm(unsigned long n, bool all)
{
    fails = n;
    every = all;
    counted = 0;
    armed = true;
}

unsigned long inject_disarm(void)
{
    armed = false;
    return counted;
}

void inject_spare(void)
{
    spared++;
}

void inject_spare_no_more(void)
{
    spared--;
}

long inject_live(void)
{
    return live;
}

static bool refused(void)
{
    if (!armed || spared > 0)
        return false;
    counted++;
    if (fails == 0 || counted < fails || (counted > fails && !every))
        return false;
    errno = ENOMEM;
    return true;
}

static void *given(void *block)
{
    live += block != NULL;
    return block;
}

void *malloc(size_t size)
{
    return refused() ? NULL : given(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return refused() ? NULL : given(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
    if (refused())
        return NULL;
    void *moved = __libc_realloc(block, size);
    if (block == NULL)
        return given(moved);
    if (moved == NULL && size == 0)
        live--; /* glibc frees it */
    return moved;
}

void *memalign(size_t alignment, size_t size)
{
    return refused() ? NULL : given(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    void *block = memalign(alignment, size);
    if (block == NULL)
        return ENOMEM;
    *ret = block;
    return 0;
}

void free(void *block)
{
    live -= block != NULL;
    __libc_free(block);
}
