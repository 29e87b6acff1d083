#include "kube/credential.h"

#include "election/bug.h"
#include "election/time.h"

enum kube_credential_state kube_credential_state(const struct kube_credential *c, int64_t boot_ns)
{
    if (c->generation > 0 && !c->refused && boot_ns < c->usable_ns)
        return KUBE_CREDENTIAL_READY;
    return c->running || kube_credential_is_due(c, boot_ns) ? KUBE_CREDENTIAL_WAIT : KUBE_CREDENTIAL_NONE;
}

bool kube_credential_is_due(const struct kube_credential *c, int64_t boot_ns)
{
    if (c->running || (c->asked && boot_ns - c->asked_ns < KUBE_CREDENTIAL_PAUSE_NS))
        return false;
    return c->generation == 0 || c->refused || boot_ns >= c->due_ns;
}

void kube_credential_began(struct kube_credential *c, int64_t boot_ns)
{
    BUG_UNLESS(!c->running);
    c->asked = c->running = true;
    c->asked_ns = boot_ns;
}

void kube_credential_came(struct kube_credential *c, struct kube_exec_answer *answer, int64_t boot_ns, int64_t wall_us)
{
    BUG_UNLESS(c->running);
    unsigned generation = c->generation + 1;
    kube_exec_answer_clear(&c->answer);
    c->answer = *answer;
    *answer = (struct kube_exec_answer){ 0 };
    c->generation = generation != 0 ? generation : 1;
    c->running = c->refused = false;
    c->usable_ns = c->due_ns = LEASEHOLD_NEVER;
    if (!c->answer.expires)
        return;
    int64_t floor_ns = time_sum(c->asked_ns, KUBE_CREDENTIAL_PAUSE_NS);
    int64_t left_us = c->answer.expires_us > wall_us ? c->answer.expires_us - wall_us : 0;
    int64_t left_ns = left_us < LEASEHOLD_NEVER / 1000 ? left_us * 1000 : LEASEHOLD_NEVER;
    int64_t ahead_ns = left_ns / 4 < KUBE_CREDENTIAL_AHEAD_NS ? left_ns / 4 : KUBE_CREDENTIAL_AHEAD_NS;
    c->usable_ns = time_sum(boot_ns, left_ns);
    c->due_ns = c->usable_ns != LEASEHOLD_NEVER ? c->usable_ns - ahead_ns : LEASEHOLD_NEVER;
    c->usable_ns = c->usable_ns > floor_ns ? c->usable_ns : floor_ns;
}

void kube_credential_failed(struct kube_credential *c)
{
    BUG_UNLESS(c->running);
    c->running = c->refused = false;
}

bool kube_credential_refused(struct kube_credential *c, unsigned generation, int64_t boot_ns)
{
    if (generation != c->generation)
        return true;
    if (!c->running && c->asked && boot_ns - c->asked_ns < KUBE_CREDENTIAL_PAUSE_NS)
        return false;
    c->refused = true;
    return true;
}

void kube_credential_clear(struct kube_credential *c)
{
    kube_exec_answer_clear(&c->answer);
    *c = (struct kube_credential){ 0 };
}
