/* Breadth first, tick by tick: every state is met at its earliest tick and by a shortest path of moves within it. Known states are
 * kept as fingerprints of 128 bits with the move that led there; waiting ones whole, without their zeros. */
#include "model/state.h"

#include <stdlib.h>
#include <string.h>

#include "election/bug.h"

enum { FIRST_SLOTS = 1 << 16 };
enum { WORDS = sizeof(struct model_state) / 8, MASKS = (WORDS + 63) / 64 };
_Static_assert(sizeof(struct model_state) % 8 == 0, "a state is packed by words");

struct node {
    uint64_t print[2];
    uint32_t parent;
    uint32_t depth;
    struct model_move move;
};

struct waiting {
    struct waiting *next;
    uint32_t node;
    uint32_t used;
    uint64_t mask[MASKS];
    uint64_t words[];
};

struct queue {
    struct waiting *head, **tail;
};

struct search {
    const struct model_settings *set;
    struct model_result *result;
    struct node *nodes;
    uint32_t *slots; /* number of a node + 1; 0: free */
    uint64_t slot_count, node_room;
    struct queue now, later; /* in this tick, in the next */
    bool no_memory;
    uint32_t broken_at;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
    h ^= v;
    h *= 0xff51afd7ed558ccd;
    h ^= h >> 32;
    h *= 0xc4ceb9fe1a85ec53;
    return h ^ h >> 29;
}

static void fingerprint(const struct model_settings *set, const struct model_state *s, uint64_t print[2])
{
    uint8_t bytes[MODEL_CANON_MAX + 8];
    size_t size = model_canon(set, s, bytes);
    memset(bytes + size, 0, 8);
    print[0] = 0x243f6a8885a308d3 ^ size;
    print[1] = 0x13198a2e03707344;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t v;
        memcpy(&v, bytes + i, 8);
        print[0] = mix(print[0], v);
        print[1] = mix(print[1] + 0x9e3779b97f4a7c15, v ^ print[1] >> 7);
    }
}

static bool grow_slots(struct search *x)
{
    uint64_t count = x->slot_count * 2;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    for (uint64_t n = 0; n < x->result->states; n++) {
        uint64_t at = x->nodes[n].print[0] & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)n + 1;
    }
    free(x->slots);
    x->slots = slots;
    x->slot_count = count;
    return true;
}

static bool room(struct search *x)
{
    if (x->result->states * 2 >= x->slot_count && !grow_slots(x))
        return false;
    if (x->result->states < x->node_room)
        return true;
    struct node *nodes = realloc(x->nodes, x->node_room * 2 * sizeof *nodes);
    if (!nodes)
        return false;
    x->nodes = nodes;
    x->node_room *= 2;
    return true;
}

static void enqueue(struct search *x, struct queue *q, const struct model_state *s, uint32_t node)
{
    uint64_t words[WORDS];
    memcpy(words, s, sizeof *s);
    uint32_t used = 0;
    for (int i = 0; i < WORDS; i++)
        used += words[i] != 0;
    struct waiting *w = calloc(1, sizeof *w + used * sizeof *w->words);
    if (!w) {
        x->no_memory = true;
        return;
    }
    w->node = node;
    for (int i = 0; i < WORDS; i++)
        if (words[i]) {
            w->mask[i / 64] |= UINT64_C(1) << i % 64;
            w->words[w->used++] = words[i];
        }
    *q->tail = w;
    q->tail = &w->next;
}

static void unpack(const struct waiting *w, struct model_state *s)
{
    uint64_t words[WORDS];
    uint32_t at = 0;
    for (int i = 0; i < WORDS; i++)
        words[i] = w->mask[i / 64] >> i % 64 & 1 ? w->words[at++] : 0;
    memcpy(s, words, sizeof *s);
}

static struct waiting *dequeue(struct queue *q)
{
    struct waiting *w = q->head;
    if (!w)
        return NULL;
    q->head = w->next;
    if (!q->head)
        q->tail = &q->head;
    return w;
}

static void broken(struct search *x, uint32_t node, model_verdict verdict)
{
    if (x->result->broken)
        return;
    x->result->broken = verdict;
    x->broken_at = node;
}

/* Takes in a state reached by `move`. A known one is dropped, unless it is the end of the search. */
static void meet(struct search *x, const struct model_state *s, uint32_t parent, struct model_move move, model_verdict verdict)
{
    uint64_t print[2];
    fingerprint(x->set, s, print);
    if (!room(x)) {
        x->no_memory = true;
        return;
    }
    uint64_t at = print[0] & (x->slot_count - 1);
    for (; x->slots[at]; at = (at + 1) & (x->slot_count - 1))
        if (memcmp(x->nodes[x->slots[at] - 1].print, print, sizeof print) == 0 && !verdict)
            return;
    uint32_t number = (uint32_t)x->result->states++;
    uint32_t depth = number ? x->nodes[parent].depth + 1 : 0;
    x->slots[at] = number + 1;
    x->nodes[number] = (struct node){ .print = { print[0], print[1] }, .parent = parent, .depth = depth, .move = move };
    if (depth > x->result->depth)
        x->result->depth = depth;
    if (verdict)
        broken(x, number, verdict);
    if (s->record.kind == RECORD_EMPTIED && s->record.mark.released) {
        x->result->released++;
        model_verdict stuck = model_check_live(x->set, s);
        if (stuck)
            broken(x, number, stuck);
    }
    enqueue(x, move.kind == MOVE_TICK ? &x->later : &x->now, s, number);
}

static void expand(struct search *x, const struct model_state *s, uint32_t node)
{
    struct model_move moves[MODEL_MOVES_MAX];
    int count = model_moves(x->set, s, moves);
    if (count == 0 && s->tick < x->set->horizon)
        broken(x, node, "nothing can happen any more");
    for (int i = 0; i < count && !x->result->broken; i++) {
        bool random = false;
        do {
            struct model_state t = *s;
            moves[i].shortest = random;
            model_verdict verdict = model_apply(x->set, &t, moves[i], &random);
            x->result->transitions++;
            meet(x, &t, node, moves[i], verdict);
            random = random && !moves[i].shortest;
        } while (random && !x->result->broken);
    }
}

static int write_path(struct search *x)
{
    struct model_result *r = x->result;
    r->path_size = x->nodes[x->broken_at].depth;
    r->path = calloc(r->path_size + 1, sizeof *r->path);
    if (!r->path)
        return -1;
    uint32_t at = x->broken_at;
    for (uint32_t i = r->path_size; i > 0; i--, at = x->nodes[at].parent)
        r->path[i - 1] = x->nodes[at].move;
    return 0;
}

static void walk(struct search *x)
{
    struct model_state s;
    model_first(x->set, &s);
    meet(x, &s, 0, (struct model_move){ 0 }, NULL);
    while (!x->result->broken && !x->no_memory && x->result->states < x->set->states_max) {
        struct waiting *w = dequeue(&x->now);
        if (!w && !x->later.head) {
            x->result->complete = true;
            return;
        }
        if (!w) {
            x->now = x->later;
            x->later = (struct queue){ .tail = &x->later.head };
            continue;
        }
        unpack(w, &s);
        x->result->ticks = s.tick;
        expand(x, &s, w->node);
        free(w);
    }
}

int model_search(const struct model_settings *set, struct model_result *ret)
{
    struct search x = { .set = set, .result = ret, .slot_count = FIRST_SLOTS, .node_room = FIRST_SLOTS };
    memset(ret, 0, sizeof *ret);
    x.now.tail = &x.now.head;
    x.later.tail = &x.later.head;
    x.nodes = calloc(x.node_room, sizeof *x.nodes);
    x.slots = calloc(x.slot_count, sizeof *x.slots);
    if (x.nodes && x.slots)
        walk(&x);
    else
        x.no_memory = true;
    int result = x.no_memory ? -1 : 0;
    if (!result && ret->broken)
        result = write_path(&x);
    for (struct waiting *w; (w = dequeue(&x.now)) != NULL;)
        free(w);
    for (struct waiting *w; (w = dequeue(&x.later)) != NULL;)
        free(w);
    free(x.nodes);
    free(x.slots);
    return result;
}
