#include "sim/lock.h"

#include <stdio.h>
#include <string.h>

#include "sim/lock_store.h"

enum { RELEASED_MS = 1000 };

static const char *const names[LOCK_EDITS] = {
    [LOCK_DELETE] = "deletes the lock",       [LOCK_EMPTY] = "empties the holder",       [LOCK_WIPE] = "releases it by hand",
    [LOCK_CLEAR] = "clears the spec",         [LOCK_DURATION] = "shortens the duration", [LOCK_NO_DURATION] = "removes the duration",
    [LOCK_LONGER] = "lengthens the duration", [LOCK_UNMARK] = "removes the mark",        [LOCK_GARBAGE] = "writes garbage",
    [LOCK_GHOST] = "writes another holder",   [LOCK_RECREATE] = "re-creates the lock",   [LOCK_TOUCH] = "annotates the lock",
    [LOCK_LABEL] = "changes the label",
};

const char *lock_edit_name(enum lock_edit edit)
{
    return names[edit];
}

int lock_open(struct lock *l, bool bytes, uint64_t seed)
{
    memset(l, 0, sizeof *l);
    l->labelled = true;
    l->revision = 100 + seed % 1000;
    return bytes ? lock_store_open(l, seed) : 0;
}

void lock_close(struct lock *l)
{
    if (l->store)
        lock_store_close(l);
}

static void new_uid(struct lock *l)
{
    snprintf(l->version.uid, sizeof l->version.uid, "uid-%llu", (unsigned long long)l->revision + 1);
}

/* What every change of the object does. */
static void bump(struct lock *l)
{
    struct record *r = &l->record;
    l->version.resource_version = ++l->revision;
    r->mark.names_holder = r->mark.present && r->kind == RECORD_HELD && strcmp(l->mark_holder, r->holder) == 0;
}

static void fill(const struct lock *l, int code, struct lock_answer *ret)
{
    *ret = (struct lock_answer){ .code = code, .record = l->record, .version = l->version };
}

void lock_read(struct lock *l, struct lock_answer *ret)
{
    if (l->store) {
        lock_store_read(l, ret);
        return;
    }
    fill(l, l->record.kind == RECORD_ABSENT ? 404 : 200, ret);
}

static int refusal(const struct lock *l, const struct election_write *write)
{
    bool absent = l->version.resource_version == 0;
    if (write->kind == ELECTION_WRITE_CREATE)
        return absent ? 0 : 409;
    /* A Lease PUT with the uid of what is gone fails its precondition; without one it would make the object anew. */
    if (absent)
        return 409;
    return record_version_equal(&write->base, &l->version) ? 0 : 409;
}

void lock_write(struct lock *l, const struct election_write *write, const void *object, bool marks, const char *writer, int64_t wall_us,
                struct lock_answer *ret)
{
    if (l->store) {
        lock_store_write(l, write, object, marks, writer, wall_us, ret);
        return;
    }
    int code = refusal(l, write);
    if (code) {
        *ret = (struct lock_answer){ .code = code };
        return;
    }
    struct record before = l->record;
    if (write->kind == ELECTION_WRITE_CREATE) {
        new_uid(l);
        l->labelled = true;
        l->mark_holder[0] = '\0';
        before.mark = (struct record_mark){ 0 };
    }
    l->record = write->record;
    l->record.rest = 0;
    if (marks)
        snprintf(l->mark_holder, sizeof l->mark_holder, "%s", writer);
    else
        l->record.mark = before.mark;
    /* A write that changes nothing keeps the version, as on the real server. */
    if (write->kind == ELECTION_WRITE_CREATE || !record_equal(&before, &l->record))
        bump(l);
    fill(l, write->kind == ELECTION_WRITE_CREATE ? 201 : 200, ret);
}

static void remove_all(struct lock *l)
{
    memset(&l->record, 0, sizeof l->record);
    memset(&l->version, 0, sizeof l->version);
    l->mark_holder[0] = '\0';
    l->revision++;
}

static void apply_edit(struct lock *l, enum lock_edit edit, const char *ghost, struct prng *random, int64_t wall_us)
{
    struct record *r = &l->record;
    switch (edit) {
    case LOCK_EMPTY:
    case LOCK_WIPE:
    case LOCK_CLEAR:
        r->kind = RECORD_EMPTIED;
        memset(r->holder, 0, sizeof r->holder);
        r->rest = 0;
        if (edit == LOCK_WIPE) {
            r->duration_ms = RELEASED_MS;
            r->renew_us = r->acquire_us = wall_us;
        } else if (edit == LOCK_CLEAR) {
            r->duration_ms = r->renew_us = r->acquire_us = 0;
            r->transitions = 0;
        }
        break;
    case LOCK_DURATION:
        r->duration_ms = prng_chance(random, 500000) ? 1000 : 2000;
        break;
    case LOCK_NO_DURATION:
        r->duration_ms = 0;
        break;
    case LOCK_LONGER:
        r->duration_ms = 30000;
        break;
    case LOCK_UNMARK:
        r->mark = (struct record_mark){ 0 };
        l->mark_holder[0] = '\0';
        break;
    case LOCK_GARBAGE:
        r->kind = RECORD_UNREADABLE;
        memset(r->holder, 0, sizeof r->holder);
        r->rest = prng_next(random) | 1;
        break;
    case LOCK_GHOST:
        r->kind = RECORD_HELD;
        memset(r->holder, 0, sizeof r->holder);
        snprintf(r->holder, sizeof r->holder, "%s", ghost);
        r->rest = 0;
        break;
    case LOCK_RECREATE:
        new_uid(l);
        l->labelled = true;
        break;
    case LOCK_LABEL:
        l->labelled = !l->labelled;
        break;
    case LOCK_DELETE:
    case LOCK_TOUCH:
    case LOCK_EDITS:
        break;
    }
}

bool lock_edit(struct lock *l, enum lock_edit edit, const char *ghost, struct prng *random, int64_t wall_us)
{
    if (l->store)
        return lock_store_edit(l, edit, ghost, random, wall_us);
    if (l->record.kind == RECORD_ABSENT)
        return false;
    struct record before = l->record;
    struct record_version version = l->version;
    if (edit == LOCK_DELETE) {
        remove_all(l);
        return true;
    }
    apply_edit(l, edit, ghost, random, wall_us);
    if (edit == LOCK_TOUCH || edit == LOCK_LABEL || edit == LOCK_RECREATE || !record_equal(&before, &l->record))
        bump(l);
    return !record_equal(&before, &l->record) || strcmp(version.uid, l->version.uid) != 0;
}

void lock_object_drop(void *object)
{
    if (object)
        lock_store_drop(object);
}

void *lock_object_hold(void *object)
{
    return object ? lock_store_hold(object) : NULL;
}
