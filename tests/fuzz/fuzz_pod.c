/* A Pod, or a page of a list of them, as a server may send it; and what membership makes of it. */
#include "fuzz.h"
#include "leasehold/errors.h"
#include "membership/membership.h"
#include "wire/object.h"
#include "wire/pod.h"

static void *resize(void *user, void *memory, size_t old_size, size_t size)
{
    (void)user;
    (void)old_size;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

static void must_be_sound(const struct pod *pod)
{
    MUST(pod->name[0] && strlen(pod->name) <= MEMBER_NAME_MAX && object_name_is_good(pod->name));
    MUST(pod->uid[0] && strlen(pod->uid) <= MEMBER_UID_MAX);
    MUST(strlen(pod->address) <= MEMBER_ADDRESS_MAX && strlen(pod->node) <= MEMBER_NODE_MAX);
    MUST(pod->version > 0 && pod->phase >= MEMBER_PHASE_UNKNOWN && pod->phase < MEMBER_PHASES);
}

static void take(struct membership *m, const json_t *object)
{
    struct pod pod, before;
    memset(&pod, 0x5a, sizeof pod);
    memcpy(&before, &pod, sizeof pod);
    if (pod_read(object, &pod) < 0) {
        MUST(memcmp(&pod, &before, sizeof pod) == 0);
        return;
    }
    must_be_sound(&pod);
    MUST(membership_list_add(m, &pod) == 0);
    bool newer = pod.version > m->version;
    size_t count = m->known.count;
    MUST(membership_put(m, &pod) == newer);
    struct member_set *set = membership_set(m);
    MUST(set && set->count == m->known.count);
    const struct member *member = member_set_find(set, pod.name);
    MUST(!newer || (member && member_says(member, &pod)));
    member_set_unref(set);
    if (newer && m->known.count > count)
        MUST(membership_remove(m, &pod) == 1 && m->known.count == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct membership_memory memory = { resize, NULL };
    struct membership m;
    struct pod_list list;
    json_t *object;
    membership_init(&m, &memory, MEMBERSHIP_ALL);
    membership_list_begin(&m);
    if (pod_list_parse((const char *)data, size, &list) == 0) {
        MUST(list.version > 0 && strlen(list.next) <= POD_CONTINUE_MAX);
        for (size_t i = 0; i < list.count; i++)
            take(&m, pod_list_item(&list, i));
        char path[POD_PATH_MAX];
        MUST(pod_list_path("default", "", list.next, path, sizeof path) > 0);
        membership_list_end(&m, list.version);
        MUST(m.known.count <= list.count);
        pod_list_clear(&list);
    } else if (object_parse((const char *)data, size, &object) == 0) {
        take(&m, object);
        json_decref(object);
    }
    membership_clear(&m);
    return 0;
}
