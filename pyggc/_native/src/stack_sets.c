/* Bits-back coding of sets: what is left to code in a tree of partial sums, what is decoded in a B-tree. */
#include <stdlib.h>
#include <string.h>

#include "ggc/sets.h"

/* The most entries of a node: what an insertion moves. */
#define FULL 64

/* ----------------------------------------------------------------------------------------------------- the elements */

static void push_step(ggc_rans_stack *s, const ggc_reciprocal *r, uint32_t step) {
    if (ggc_rans_full(s->x[0], step & 0xffff)) {
        s->words[s->size++] = (uint32_t)s->x[0];
        s->extent = s->size;
        s->x[0] >>= GGC_RANS_WORD_BITS;
    }
    s->x[0] = ggc_rans_put(r, s->x[0], step);
}

/* The last column first, so that the first is popped first. Each takes a word at most. */
static void push_row(ggc_rans_stack *s, const ggc_reciprocal *r, const ggc_set_rows *rows, uint64_t key) {
    for (int d = rows->num_columns; d-- > 0;) {
        const uint64_t value = key % rows->size[d];
        key /= rows->size[d];
        if (rows->model[d]) {
            ggc_cursor c = {.context = 0};
            push_step(s, r, ggc_take(GGC_STATIC, rows->model[d], &c, (uint32_t)value));
        } else {
            ggc_stack_push_slots(s, ggc_uniform_slots(value, 1, rows->size[d]));
        }
    }
}

static uint64_t pop_row(ggc_rans_stack *s, const ggc_set_rows *rows) {
    uint64_t key = 0;
    for (int d = 0; d < rows->num_columns; d++) {
        uint64_t value;
        if (rows->model[d]) {
            ggc_cursor c = {.context = 0};
            ggc_interval at;
            value = ggc_find(GGC_STATIC, rows->model[d], &c, (uint32_t)s->x[0] & (GGC_CDF_TOTAL - 1), &at);
            s->x[0] = ggc_rans_get(s->x[0], at);
            if (s->x[0] < GGC_RANS_LOWER && s->size)
                s->x[0] = s->x[0] << GGC_RANS_WORD_BITS | s->words[--s->size];
        } else {
            value = ggc_uniform_symbol(s->x[0], rows->size[d]);
            ggc_stack_pop_slots(s, ggc_uniform_slots(value, 1, rows->size[d]));
        }
        key = key * rows->size[d] + value;
    }
    return key;
}

/* ------------------------------------------------------------------------------------------------------ the encoder */

/* tree[j], 1 <= j <= distinct: the sum of the counts of the distinct elements j - (j & -j) to j - 1. */
static void sum_up(uint32_t *tree, const uint32_t *counts, size_t distinct) {
    for (size_t j = 1; j <= distinct; j++)
        tree[j] = counts[j - 1];
    for (size_t j = 1; j <= distinct; j++)
        if (j + (j & -j) <= distinct)
            tree[j + (j & -j)] += tree[j];
}

/* The distinct element that holds place `at` in the order of all that are left; one of it is taken away from the tree.
 * `at` becomes the place within the element. */
static size_t take_one(uint32_t *tree, size_t distinct, size_t top, uint32_t *at) {
    size_t before = 0;
    for (size_t step = top; step > 0; step >>= 1) {
        const size_t j = before + step;
        if (j > distinct)
            continue;
        if (tree[j] <= *at) {
            *at -= tree[j];
            before = j;
        } else {
            tree[j]--; /* it is the sum of a run with the element */
        }
    }
    return before;
}

int ggc_stack_push_set(ggc_rans_stack *s, const ggc_reciprocal *r, const ggc_set_rows *rows, const uint64_t *keys,
                       size_t n) {
    uint32_t *places = malloc((n + 1) * sizeof *places), *counts = malloc((n + 1) * sizeof *counts);
    uint32_t *tree = malloc((n + 1) * sizeof *tree);
    const int ready = places && counts && tree && ggc_stack_reserve(s, n * (size_t)rows->num_columns + 1);
    if (ready) {
        size_t distinct = 0, top = 1;
        for (size_t i = 0; i < n; i++) {
            if (i == 0 || keys[i] != keys[i - 1]) {
                places[distinct] = (uint32_t)i;
                counts[distinct++] = 0;
            }
            counts[distinct - 1]++;
        }
        while (top <= distinct / 2)
            top *= 2;
        sum_up(tree, counts, distinct);
        for (size_t left = n; left > 0; left--) {
            const uint32_t place = (uint32_t)ggc_uniform_symbol(s->x[0], left);
            uint32_t within = place;
            const size_t e = take_one(tree, distinct, top, &within);
            ggc_stack_pop_slots(s, ggc_uniform_slots(place - within, counts[e]--, left));
            push_row(s, r, rows, keys[places[e]]);
        }
    }
    free(places);
    free(counts);
    free(tree);
    return ready;
}

/* ------------------------------------------------------------------------------------------------------ the decoder */

/* A node of a B-tree. In a leaf: keys, sorted and all different, and how often each occurs. Above: the least key of
 * each child, and how many elements lie below it. */
typedef struct {
    uint64_t keys[FULL];
    uint32_t counts[FULL], children[FULL];
    size_t size;
} node;

/* A full node is split in halves before anything is inserted, so that all but the root have at least half of FULL. */
typedef struct {
    node *nodes;
    uint32_t used, root;
    int height; /* levels above the leaves */
} sorted_list;

static int list_open(sorted_list *l, size_t n) {
    /* With at least h = FULL / 2 entries in each, n / h leaves and a h-th of that above: n / (h - 1) nodes, and one of
     * fewer entries a level. */
    *l = (sorted_list){.nodes = malloc((n / (FULL / 2 - 1) + 32) * sizeof *l->nodes), .used = 1};
    if (l->nodes)
        l->nodes[0].size = 0;
    return l->nodes != NULL;
}

/* How many of n sorted keys are below a key. */
static size_t below(const uint64_t *keys, size_t n, uint64_t key) {
    size_t low = 0;
    while (low < n) {
        const size_t middle = low + (n - low) / 2;
        if (keys[middle] < key)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

static uint32_t sum_of(const uint32_t *counts, size_t n) {
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += counts[i];
    return sum;
}

/* Makes room for an entry in a node that is not full. */
static void insert_entry(node *n, size_t at, uint64_t key, uint32_t count, uint32_t child) {
    const size_t behind = n->size++ - at;
    memmove(n->keys + at + 1, n->keys + at, behind * sizeof *n->keys);
    memmove(n->counts + at + 1, n->counts + at, behind * sizeof *n->counts);
    memmove(n->children + at + 1, n->children + at, behind * sizeof *n->children);
    n->keys[at] = key;
    n->counts[at] = count;
    n->children[at] = child;
}

/* Moves the upper half of a full child to a new one behind it. */
static void split(sorted_list *l, node *parent, size_t at) {
    const size_t half = FULL / 2;
    node *full = l->nodes + parent->children[at], *fresh = l->nodes + l->used;
    memcpy(fresh->keys, full->keys + half, half * sizeof *full->keys);
    memcpy(fresh->counts, full->counts + half, half * sizeof *full->counts);
    memcpy(fresh->children, full->children + half, half * sizeof *full->children);
    full->size = fresh->size = half;
    const uint32_t moved = sum_of(fresh->counts, half);
    parent->counts[at] -= moved;
    insert_entry(parent, at + 1, fresh->keys[0], moved, l->used++);
}

/* Inserts a key; returns how many are below it, and in `count` how many are equal, itself included. */
static uint32_t insert(sorted_list *l, uint64_t key, uint32_t *count) {
    uint32_t first = 0;
    node *n = l->nodes + l->root;
    if (n->size == FULL) {
        node *above = l->nodes + l->used;
        above->size = 0;
        insert_entry(above, 0, n->keys[0], sum_of(n->counts, FULL), l->root);
        l->root = l->used++;
        l->height++;
        split(l, above, 0);
        n = above;
    }
    for (int level = l->height; level > 0; level--) {
        /* The last child that begins at or below the key, or the first. */
        size_t at = below(n->keys, n->size, key);
        at -= at > 0 && (at == n->size || n->keys[at] != key);
        if (l->nodes[n->children[at]].size == FULL) {
            split(l, n, at);
            at += key >= n->keys[at + 1];
        }
        n->keys[at] = key < n->keys[at] ? key : n->keys[at];
        first += sum_of(n->counts, at);
        n->counts[at]++;
        n = l->nodes + n->children[at];
    }
    const size_t at = below(n->keys, n->size, key);
    if (at == n->size || n->keys[at] != key)
        insert_entry(n, at, key, 0, 0);
    *count = ++n->counts[at];
    return first + sum_of(n->counts, at);
}

/* Writes the elements below a node; returns where the next ones go. */
static uint64_t *write_out(const sorted_list *l, const node *n, int level, uint64_t *keys) {
    for (size_t i = 0; i < n->size; i++) {
        if (level > 0)
            keys = write_out(l, l->nodes + n->children[i], level - 1, keys);
        else
            for (uint32_t k = 0; k < n->counts[i]; k++)
                *keys++ = n->keys[i];
    }
    return keys;
}

int ggc_stack_pop_set(ggc_rans_stack *s, const ggc_set_rows *rows, size_t n, uint64_t *keys) {
    sorted_list l;
    /* Each step pushes a word at most. */
    const int ready = list_open(&l, n) && ggc_stack_reserve(s, n + 1);
    if (ready) {
        for (size_t size = 1; size <= n; size++) {
            uint32_t count;
            const uint32_t first = insert(&l, pop_row(s, rows), &count);
            ggc_stack_push_slots(s, ggc_uniform_slots(first, count, size));
        }
        write_out(&l, l.nodes + l.root, l.height, keys);
    }
    free(l.nodes);
    return ready;
}
