/* What it costs to follow members: 5,000 Pods listed, then 1,000 changes a second told by a watch, each of them read at once as an
 * event with its differences. From the bytes of the stream to the set; sockets are not in it.
 *
 * Prints bytes a member and CPU. Ends with 1 when a change is lost, or a member with names as clusters have them costs more than
 * MEMBER_BYTES_MAX; CPU is only told. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "membership/membership.h"
#include "wire/object.h"
#include "wire/pod.h"
#include "wire/watch.h"

enum { PODS = 5000, CHANGES = 6000, CHANGES_A_SECOND = 1000, NODES = 500, LINE_MAX_BYTES = 16384, MEMBER_BYTES_MAX = 512 };

struct shape {
    const char *what;
    int name_size, node_size;
    const char *address;
    bool must_fit;
};

static size_t allocated, most_allocated;

static void *resize(void *user, void *memory, size_t old_size, size_t size)
{
    (void)user;
    (void)old_size;
    enum { HEADER = 8 }; /* of malloc(3), in front of each piece */
    allocated -= memory ? malloc_usable_size(memory) + HEADER : 0;
    void *moved = NULL;
    if (size > 0)
        moved = realloc(memory, size);
    else
        free(memory);
    if (size > 0 && !moved)
        abort();
    allocated += moved ? malloc_usable_size(moved) + HEADER : 0;
    most_allocated = allocated > most_allocated ? allocated : most_allocated;
    return moved;
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* "reports-00042" made longer with x up to `size`. */
static void name_of(const char *prefix, int number, int size, char ret[MEMBER_NAME_MAX + 1])
{
    int used = snprintf(ret, MEMBER_NAME_MAX + 1, "%s-%05d", prefix, number);
    while (used < size)
        ret[used++] = 'x';
    ret[used] = '\0';
}

/* A Pod of about 4 KiB as a server sends it; two thirds of it are of no use here. */
static size_t pod_text(const struct shape *shape, int number, unsigned life, uint64_t version, bool ready, char *ret, size_t size)
{
    char name[MEMBER_NAME_MAX + 1], node[MEMBER_NAME_MAX + 1], filler[2500];
    name_of("reports", number, shape->name_size, name);
    name_of("node", number % NODES, shape->node_size, node);
    memset(filler, 'f', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    return (size_t)snprintf(
        ret, size,
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\",\"uid\":\"%08x-93a5-4d5e-8a09-"
        "%012x\",\"resourceVersion\":\"%llu\",\"creationTimestamp\":\"2026-11-23T03:14:35Z\",\"labels\":{\"app\":\"reports\"},"
        "\"managedFields\":[{\"manager\":\"kubelet\",\"operation\":\"Update\",\"fieldsV1\":{\"f:status\":\"%s\"}}]},\"spec\":{\"nodeName\":"
        "\"%s\",\"containers\":[{\"name\":\"reports\",\"image\":\"registry.example/reports:1\",\"resources\":{\"limits\":{\"cpu\":\"1\","
        "\"memory\":\"1Gi\"}},\"volumeMounts\":[{\"name\":\"token\",\"readOnly\":true,\"mountPath\":\"/var/run/secrets\"}]}],"
        "\"tolerations\":[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"}]},\"status\":{"
        "\"phase\":\"Running\",\"podIP\":\"%s\",\"conditions\":[{\"type\":\"Initialized\",\"status\":\"True\"},{\"type\":\"Ready\","
        "\"status\":\"%s\"},{\"type\":\"PodScheduled\",\"status\":\"True\"}],\"containerStatuses\":[{\"name\":\"reports\",\"ready\":true,"
        "\"restartCount\":0,\"image\":\"registry.example/reports:1\"}]}}",
        name, life, (unsigned)number, (unsigned long long)version, filler, node, shape->address, ready ? "True" : "False");
}

static void list(struct membership *m, const struct shape *shape)
{
    char text[LINE_MAX_BYTES];
    membership_list_begin(m);
    for (int i = 0; i < PODS; i++) {
        json_t *object;
        struct pod pod;
        size_t size = pod_text(shape, i, 0, (uint64_t)i + 1, true, text, sizeof text);
        if (object_parse(text, size, &object) < 0 || pod_read(object, &pod) < 0 || membership_list_add(m, &pod) < 0)
            abort();
        json_decref(object);
    }
    membership_list_end(m, PODS);
}

/* What a reader knows who is told differences only. */
struct reader {
    struct member_set *told;
    size_t known, differences;
};

static void read_event(struct reader *r, struct membership *m)
{
    struct member_set *now = membership_set(m);
    size_t i = 0, j = 0;
    const struct member *member;
    int difference;
    while ((difference = member_set_next_difference(r->told, now, &i, &j, &member)) != 0) {
        r->known += difference == MEMBER_ADDED;
        r->known -= difference == MEMBER_REMOVED;
        r->differences++;
    }
    member_set_unref(r->told);
    r->told = now;
}

/* One line of the stream: readiness flips, and every tenth Pod is deleted and created again. */
static void tell(struct membership *m, struct watch_decoder *d, const char *type, const struct shape *shape, int number, unsigned life,
                 uint64_t version, bool ready)
{
    static char pod[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 64];
    struct watch_event event;
    struct pod read;
    pod_text(shape, number, life, version, ready, pod, sizeof pod);
    int size = snprintf(line, sizeof line, "{\"type\":\"%s\",\"object\":%s}\n", type, pod);
    if (watch_decoder_feed(d, line, (size_t)size) < 0)
        abort();
    while (watch_decoder_next(d, &event) > 0) {
        if (pod_read(event.object, &read) < 0)
            abort();
        if (event.type == WATCH_DELETED)
            membership_remove(m, &read);
        else
            membership_put(m, &read);
        json_decref(event.object);
    }
}

static int run(const struct shape *shape)
{
    const struct membership_memory memory = { resize, NULL };
    struct membership m;
    struct watch_decoder decoder;
    struct reader reader = { .told = NULL };
    allocated = most_allocated = 0;
    membership_init(&m, &memory, MEMBERSHIP_ALL);
    watch_decoder_init(&decoder);
    list(&m, shape);
    read_event(&reader, &m);
    double began = cpu_us();
    uint64_t version = PODS;
    size_t expected = PODS;
    for (int change = 0; change < CHANGES; change++) {
        int number = change * 7919 % PODS;
        unsigned life = (unsigned)(change / PODS);
        if (change % 10 == 0) {
            tell(&m, &decoder, "DELETED", shape, number, life, ++version, true);
            read_event(&reader, &m);
            tell(&m, &decoder, "ADDED", shape, number, life + 1, ++version, false);
            read_event(&reader, &m);
            expected += 2;
        } else {
            tell(&m, &decoder, "MODIFIED", shape, number, 0, ++version, change / PODS % 2 != 0);
            read_event(&reader, &m);
            expected++;
        }
    }
    double us = (cpu_us() - began) / CHANGES, bytes = (double)allocated / PODS, most = (double)most_allocated / PODS;
    bool lost = reader.differences != expected || reader.known != PODS;
    bool fits = most <= MEMBER_BYTES_MAX;
    printf("%-44s %5.0f bytes a member, at most %5.0f; %6.1f us a change: %4.1f %% of a CPU at %d a second; lost: %s\n", shape->what, bytes,
           most, us, us * CHANGES_A_SECOND / 1e4, CHANGES_A_SECOND, lost ? "YES" : "none");
    member_set_unref(reader.told);
    membership_clear(&m);
    watch_decoder_free(&decoder);
    return lost || (shape->must_fit && !fits) || allocated != 0;
}

int main(void)
{
    static const struct shape shapes[] = {
        { "names and nodes of 40 bytes, IPv4", 40, 40, "10.244.113.207", true },
        { "names and nodes of 63 bytes, IPv6", 63, 63, "fd00:10:244:1234:5678:9abc:def0:1234", true },
        { "the longest names, nodes of 63 bytes, IPv6", MEMBER_NAME_MAX, 63, "fd00:10:244:1234:5678:9abc:def0:1234", true },
        { "the longest names and nodes, IPv6", MEMBER_NAME_MAX, MEMBER_NODE_MAX, "fd00:10:244:1234:5678:9abc:def0:1234", false },
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        failed += run(&shapes[i]);
    return failed > 0;
}
