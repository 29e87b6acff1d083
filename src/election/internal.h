/* What the files of the machine share. Nobody outside src/election includes this. */
#ifndef LEASEHOLD_ELECTION_INTERNAL_H
#define LEASEHOLD_ELECTION_INTERNAL_H

#include "election/election.h"

/* Where knowledge comes from: a watch only hints, the other two are quorum answers. */
enum known_source { KNOWN_BY_READ, KNOWN_BY_WATCH, KNOWN_BY_WRITE };

/* ---- known.c: what the lock says, and when it is free (DESIGN §3) ---- */

/* Takes in what was received at `now`. Returns false when it is older than what is known, and changes nothing then. */
bool known_learn(struct election *e, leasehold_time now, enum known_source source, const struct record *record,
                 const struct record_version *version, struct election_update *update);
/* A holder is told of the lock by its watch: knowledge stays, for only a read counts now, but should the lock be gone by then,
 * whoever was shown is waited for. */
void known_hint(struct election *e, leasehold_time now, const struct record *record);
bool known_is_free(const struct election *e, leasehold_time now);
/* Puts a wait's end on CLOCK_BOOTTIME later where CLOCK_MONOTONIC_RAW has not reached it yet. */
void known_stretch(leasehold_time *end, leasehold_time now);

/* ---- own.c: which records are ours (rules 6 and 8) ---- */

/* The write of ours that made the record known, or NULL when it is not ours. */
struct election_own_write *own_match(struct election *e);
bool own_matches(const struct election *e, const struct election_own_write *w, const struct record *record,
                 const struct record_version *version);
/* `w` is known to have been applied, as `version`: it becomes the last acknowledged write. */
void own_acknowledge(struct election *e, struct election_own_write *w, const struct record_version *version);
/* No later write gets the stamp of `w`, which was applied, or may be when it is forgotten. */
void own_stamped(struct election *e, const struct election_own_write *w);
/* Forgets writes that the version known proves can no longer be applied. */
void own_settle(struct election *e);
/* Something may still be applied to exactly what is known. */
bool own_may_land(const struct election *e);
/* Fills update->write and remembers it as possible. */
void own_write(struct election *e, leasehold_time now, enum election_purpose purpose, struct election_update *update);

/* ---- term.c: leading, stopping, releasing ---- */

void term_begin(struct election *e, const struct election_own_write *write, uint64_t token, struct election_update *update);
/* A write of ours sent at `sent` is known to have been applied. */
void term_extend(struct election *e, leasehold_time sent, struct election_update *update);
void term_stop(struct election *e, leasehold_time now, enum election_reason reason, struct election_update *update);
void term_work_stopped(struct election *e, leasehold_time now, uint64_t term, struct election_update *update);
void term_release_begin(struct election *e, leasehold_time now);
void term_release_end(struct election *e, leasehold_time now, struct election_update *update);
/* Renewing is still of use: a term runs, or its work stops on request. */
bool term_renews(const struct election *e);

/* ---- plan.c: what to read and write next ---- */

/* `turn`: the event, where it is ELECTION_TURN; else NULL. */
void plan(struct election *e, leasehold_time now, const struct election_event *turn, struct election_update *update);
int64_t plan_deadline(const struct election *e);
/* Pauses after a failed request: sets what `after` points to, later for every failure in a row. */
void plan_pause(struct election *e, leasehold_time now, enum election_failure failure, int64_t retry_after_ns, leasehold_time *after);
/* After a conflict: at once the first time, then after a random share of a span that grows, so that many writers of one object do
 * not all meet again. */
void plan_step_aside(struct election *e, leasehold_time now);
int64_t plan_jitter(struct election *e, int64_t period_ns);
uint64_t plan_random(struct election *e);

#endif
