/* A file on this machine that is locked while a candidate, or anything that works for it, lives (rule 6). The process that finds it
 * free knows that the one before has ended with its work, and by the nonces in it which records were that one's.
 *
 * The lock is flock(2)'s: it belongs to the open file, which children inherit, and is free when the last of them has ended, killed or
 * not. A process that closes what it inherits holds it no longer; see docs/supervisor.md.
 *
 * Here: the lock, and the nonces in the file. Not here: what may be done with a record of a predecessor (src/election). */
#ifndef LEASEHOLD_IO_LOCAL_LOCK_H
#define LEASEHOLD_IO_LOCAL_LOCK_H

#include <stddef.h>
#include <stdint.h>

enum {
    LOCAL_LOCK_PREDECESSORS = 4, /* of older processes the file says nothing */
    LOCAL_LOCK_SENTENCE_MAX = 512,
};

/* Opens and locks `path`, making it where it is not there (mode 0600, its folder must be); or "fd:N", an open file that the caller
 * has locked. The descriptor stays open over exec(2), so that work inherits it; that of fd:N stays the caller's.
 *
 * Returns 1 and *ret_fd; 0 and a sentence when somebody else has it locked (*ret_fd is -1); or LEASEHOLD_ERR_SYSTEM (errno), or
 * LEASEHOLD_ERR_UNSUPPORTED on a file system whose locks other machines may not see, with a sentence. */
int local_lock_take(const char *path, int *ret_fd, char sentence[LOCAL_LOCK_SENTENCE_MAX]);

/* Names the process with nonce `own` as the present one, before the one that was, whose nonce and those that it named are given in
 * `predecessors` (0: none). What is not a file of ours names nobody. Returns 0, or LEASEHOLD_ERR_SYSTEM (errno): the file does not
 * name us, and who comes after waits; the predecessors hold all the same. */
int local_lock_claim(int fd, uint64_t own, uint64_t predecessors[LOCAL_LOCK_PREDECESSORS]);

#endif
