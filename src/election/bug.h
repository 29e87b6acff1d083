/* BUG(): a broken invariant of our own. It stops the process with file and line, in release builds too. Whatever the world
 * can do to us is an error value with a sentence instead. */
#ifndef LEASEHOLD_ELECTION_BUG_H
#define LEASEHOLD_ELECTION_BUG_H

/* __builtin_trap() and not abort(): the pure rooms link with nothing but mem* and str*; the line is kept for the debugger
 * in a volatile on the stack. */
static inline void __attribute__((noreturn)) bug_stop(const char *file, int line)
{
    volatile int bug_line = line;
    const char *volatile bug_file = file;
    (void)bug_line;
    (void)bug_file;
    __builtin_trap();
}

#define BUG_UNLESS(condition)                                                                                                              \
    do {                                                                                                                                   \
        if (!(condition))                                                                                                                  \
            bug_stop(__FILE__, __LINE__);                                                                                                  \
    } while (0)

#endif
