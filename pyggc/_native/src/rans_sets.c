/* Bits-back coding of sets: what is left to code in a tree of partial sums, what is decoded in a sorted list of blocks.
 */
#include <stdlib.h>
#include <string.h>

#include "ggc/sets.h"

/* Keys in a block of the decoder's list, at most: an insertion moves as many, a split of a block all blocks' entries.
 */
#define BLOCK 512

/* ----------------------------------------------------------------------------------------------------- the elements */

static void push_step(ggc_rans_stack *s, const ggc_reciprocals *r, uint32_t step) {
    if (ggc_rans_full(s->x[0], step & 0xffff)) {
        s->words[s->size++] = (uint32_t)s->x[0];
        s->extent = s->size;
        s->x[0] >>= GGC_RANS_WORD_BITS;
    }
    s->x[0] = ggc_rans_put(r, s->x[0], step);
}

/* The last column first, so that the first is popped first. Each takes a word at most. */
static void push_row(ggc_rans_stack *s, const ggc_reciprocals *r, const ggc_set_rows *rows, uint64_t key) {
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
            uint32_t step;
            value = ggc_find(GGC_STATIC, rows->model[d], &c, (uint32_t)s->x[0] & (GGC_CDF_TOTAL - 1), &step);
            s->x[0] = ggc_rans_get(s->x[0], step);
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

int ggc_stack_push_set(ggc_rans_stack *s, const ggc_reciprocals *r, const ggc_set_rows *rows, const uint64_t *keys,
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

typedef struct {
    uint64_t keys[BLOCK]; /* sorted, no two equal */
    uint32_t counts[BLOCK];
    size_t size;
} block;

/* The blocks in the order of their keys, which of them it is, its least key, its elements, and the partial sums of
 * these. A block is split in halves when it is full, so that all but the first have at least half of the keys. */
typedef struct {
    block *blocks;
    uint32_t *which, *totals, *tree;
    uint64_t *least;
    size_t num_blocks;
} sorted_list;

static int list_open(sorted_list *l, size_t n) {
    const size_t most = n / (BLOCK / 2) + 1;
    *l = (sorted_list){malloc(most * sizeof *l->blocks), malloc(most * sizeof *l->which),
                       malloc(most * sizeof *l->totals), malloc((most + 1) * sizeof *l->tree),
                       malloc(most * sizeof *l->least),  1};
    if (!l->blocks || !l->which || !l->totals || !l->tree || !l->least)
        return 0;
    l->blocks[0].size = l->which[0] = l->totals[0] = l->tree[1] = 0;
    l->least[0] = 0;
    return 1;
}

static void list_close(sorted_list *l) {
    free(l->blocks);
    free(l->which);
    free(l->totals);
    free(l->tree);
    free(l->least);
}

/* How many of n sorted keys are below a key. */
static size_t below(const uint64_t *keys, size_t n, uint64_t key) {
    size_t low = 0;
    while (n > 0) {
        const size_t half = n / 2;
        const int right = keys[low + half] < key;
        low = right ? low + half + 1 : low;
        n = right ? n - half - 1 : half;
    }
    return low;
}

/* Moves the upper half of the block at place `at` to a new one behind it. */
static void split(sorted_list *l, size_t at) {
    const size_t behind = l->num_blocks++ - at - 1, half = BLOCK / 2;
    block *full = l->blocks + l->which[at], *fresh = l->blocks + l->num_blocks - 1;
    memmove(l->which + at + 2, l->which + at + 1, behind * sizeof *l->which);
    memmove(l->totals + at + 2, l->totals + at + 1, behind * sizeof *l->totals);
    memmove(l->least + at + 2, l->least + at + 1, behind * sizeof *l->least);
    memcpy(fresh->keys, full->keys + half, half * sizeof *full->keys);
    memcpy(fresh->counts, full->counts + half, half * sizeof *full->counts);
    full->size = fresh->size = half;
    l->which[at + 1] = (uint32_t)(l->num_blocks - 1);
    l->least[at + 1] = fresh->keys[0];
    l->totals[at + 1] = 0;
    for (size_t i = 0; i < half; i++)
        l->totals[at + 1] += fresh->counts[i];
    l->totals[at] -= l->totals[at + 1];
    sum_up(l->tree, l->totals, l->num_blocks);
}

/* Inserts a key; returns how many are below it, and in `count` how many are equal, itself included. */
static uint32_t insert(sorted_list *l, uint64_t key, uint32_t *count) {
    size_t at = key == UINT64_MAX ? l->num_blocks : below(l->least, l->num_blocks, key + 1);
    at -= at > 0; /* the last block that begins at or below the key, or the first */
    if (l->blocks[l->which[at]].size == BLOCK) {
        split(l, at);
        at += key >= l->least[at + 1];
    }
    block *b = l->blocks + l->which[at];
    const size_t place = below(b->keys, b->size, key);
    if (place == b->size || b->keys[place] != key) {
        memmove(b->keys + place + 1, b->keys + place, (b->size - place) * sizeof *b->keys);
        memmove(b->counts + place + 1, b->counts + place, (b->size - place) * sizeof *b->counts);
        b->keys[place] = key;
        b->counts[place] = 0;
        b->size++;
        l->least[at] = b->keys[0];
    }
    uint32_t first = 0;
    for (size_t i = 0; i < place; i++)
        first += b->counts[i];
    for (size_t j = at; j > 0; j &= j - 1)
        first += l->tree[j];
    *count = ++b->counts[place];
    l->totals[at]++;
    for (size_t j = at + 1; j <= l->num_blocks; j += j & -j)
        l->tree[j]++;
    return first;
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
        for (size_t at = 0; at < l.num_blocks; at++) {
            const block *b = l.blocks + l.which[at];
            for (size_t i = 0; i < b->size; i++)
                for (uint32_t k = 0; k < b->counts[i]; k++)
                    *keys++ = b->keys[i];
        }
    }
    list_close(&l);
    return ready;
}
