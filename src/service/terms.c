#include "service/terms.h"

#include <string.h>

static const uint64_t ended = 1;

/* Release and acquire on every field: whoever reads a part of publication n + TERMS_SLOTS also sees that head has reached
 * n + TERMS_SLOTS - 1, and knows that what it read is torn. */
static void fill(struct term_slot *slot, const struct term_snapshot *term)
{
    uint64_t uid[TERMS_UID_WORDS] = { 0 };
    memcpy(uid, term->uid, sizeof uid);
    atomic_store_explicit(&slot->number, term->number, memory_order_release);
    atomic_store_explicit(&slot->token, term->token, memory_order_release);
    atomic_store_explicit(&slot->boot_ns, term->term_at.boot_ns, memory_order_release);
    atomic_store_explicit(&slot->raw_ns, term->term_at.raw_ns, memory_order_release);
    for (int i = 0; i < TERMS_UID_WORDS; i++)
        atomic_store_explicit(&slot->uid[i], uid[i], memory_order_release);
}

static void take(struct term_slot *slot, struct term_snapshot *ret)
{
    uint64_t uid[TERMS_UID_WORDS];
    ret->number = atomic_load_explicit(&slot->number, memory_order_acquire);
    ret->token = atomic_load_explicit(&slot->token, memory_order_acquire);
    ret->term_at.boot_ns = atomic_load_explicit(&slot->boot_ns, memory_order_acquire);
    ret->term_at.raw_ns = atomic_load_explicit(&slot->raw_ns, memory_order_acquire);
    ret->term_at.wall_ns = 0;
    for (int i = 0; i < TERMS_UID_WORDS; i++)
        uid[i] = atomic_load_explicit(&slot->uid[i], memory_order_acquire);
    memcpy(ret->uid, uid, sizeof uid);
    ret->uid[sizeof ret->uid - 1] = '\0';
}

/* Fills the next slot, then makes it the newest, if head is still `head`. */
static bool publish(struct terms *t, uint64_t head, const struct term_snapshot *term)
{
    uint64_t next = (head >> 1) + 1;
    fill(&t->slot[next % TERMS_SLOTS], term);
    return atomic_compare_exchange_strong(&t->head, &head, next << 1);
}

void terms_begin(struct terms *t, const struct term_snapshot *term)
{
    /* A reader may end the term of before between load and exchange, once. */
    while (!publish(t, atomic_load(&t->head), term))
        ;
}

bool terms_extend(struct terms *t, leasehold_time term_at)
{
    uint64_t head = atomic_load(&t->head);
    if (head & ended)
        return false;
    struct term_snapshot term;
    take(&t->slot[(head >> 1) % TERMS_SLOTS], &term);
    term.term_at = term_at;
    return publish(t, head, &term);
}

void terms_end(struct terms *t)
{
    atomic_fetch_or(&t->head, ended);
}

bool terms_read(struct terms *t, const struct terms_clock *clock, struct term_snapshot *ret)
{
    uint64_t head = atomic_load(&t->head);
    for (;;) {
        if (head == 0 || (head & ended))
            return false;
        struct term_snapshot term;
        take(&t->slot[(head >> 1) % TERMS_SLOTS], &term);
        uint64_t seen = atomic_load(&t->head);
        if ((seen >> 1) - (head >> 1) >= TERMS_SLOTS - 1) {
            head = seen;
            continue;
        }
        /* The end was loaded above; only now the clock. */
        if (!time_reached_by_any(clock->now(clock->data), term.term_at)) {
            if (ret)
                *ret = term;
            return true;
        }
        /* Seen to end: for everybody, so that no extension revives it. Fails where it was extended just now: look again. */
        if (atomic_compare_exchange_strong(&t->head, &head, head | ended))
            return false;
    }
}
