#include "election/record.h"

#include <string.h>

bool record_mark_equal(const struct record_mark *a, const struct record_mark *b)
{
    if (a->present != b->present)
        return false;
    return !a->present || (a->names_holder == b->names_holder && a->released == b->released && a->transitions == b->transitions &&
                           a->nonce == b->nonce && a->duration_ms == b->duration_ms && a->token == b->token);
}

bool record_equal(const struct record *a, const struct record *b)
{
    return a->kind == b->kind && strcmp(a->holder, b->holder) == 0 && a->duration_ms == b->duration_ms && a->acquire_us == b->acquire_us &&
           a->renew_us == b->renew_us && a->transitions == b->transitions && a->rest == b->rest && record_mark_equal(&a->mark, &b->mark);
}

bool record_version_equal(const struct record_version *a, const struct record_version *b)
{
    return a->resource_version == b->resource_version && strcmp(a->uid, b->uid) == 0;
}
