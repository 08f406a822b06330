/* The tree of counts: one walk, level by level, with a coder of counts as its only variable part. */
#include <stdlib.h>

#include "ggc/tree.h"

/* The origin of a part of the image, and the points in it. */
typedef struct {
    uint32_t x, y, start, count;
} node;

/* What codes the counts of a level, and what it works on. */
typedef struct coder {
    int (*split)(struct coder *self, const node *nodes, size_t count);
    const ggc_model *model;
    ggc_rans_reader *reader;
    ggc_step_log *log;
    const uint64_t *keys;
    uint32_t x_bit, y_bit; /* where the second half of a node begins: one of them is 0 */
    uint32_t *before;      /* how many points of each node are in its first half: what is coded */
    uint32_t *inside;      /* the nodes of which it is coded: the second half of others lies outside the image */
    uint32_t *contexts;
    uint16_t *symbols;
    uint32_t *large, *values; /* which of these have large counts, and the rest of each, as raw bits */
    uint8_t *widths;
} coder;

static uint64_t spread(uint64_t v) {
    v = (v | v << 16) & 0x0000ffff0000ffffu;
    v = (v | v << 8) & 0x00ff00ff00ff00ffu;
    v = (v | v << 4) & 0x0f0f0f0f0f0f0f0fu;
    v = (v | v << 2) & 0x3333333333333333u;
    return (v | v << 1) & 0x5555555555555555u;
}

uint64_t ggc_tree_key(uint32_t x, uint32_t y) {
    return spread(x) << 1 | spread(y);
}

static int bit_length(uint32_t v) {
    return v ? 32 - __builtin_clz(v) : 0;
}

static uint32_t context_of(uint32_t count) {
    const uint32_t of_large = 41 - (uint32_t)__builtin_clz(count < 512 ? count : 512);
    return count <= GGC_TREE_DIRECT ? count - 2 : of_large;
}

/* The counts whose sixteenth is `part`: the first of them, how many, and how many bits tell them apart. */
typedef struct {
    uint32_t low, size;
    uint8_t bits;
} sixteenth;

static sixteenth sixteenth_of(uint32_t count, uint32_t part) {
    const uint64_t whole = (uint64_t)count + 1, low = (part * whole + 15) / 16, high = ((part + 1) * whole + 15) / 16;
    return (sixteenth){(uint32_t)low, (uint32_t)(high - low), (uint8_t)bit_length((uint32_t)(high - low - 1))};
}

/* Points before the second half, by bisection of the sorted keys. */
static int count_split(coder *self, const node *nodes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const node *n = nodes + self->inside[i];
        const uint64_t beyond = ggc_tree_key(n->x | self->x_bit, n->y | self->y_bit);
        uint32_t low = n->start, high = n->start + n->count;
        while (low < high) {
            const uint32_t middle = low + (high - low) / 2;
            if (self->keys[middle] < beyond)
                low = middle + 1;
            else
                high = middle;
        }
        self->before[self->inside[i]] = low - n->start;
    }
    return GGC_TREE_OK;
}

static int encode_split(coder *self, const node *nodes, size_t count) {
    size_t large = 0;
    count_split(self, nodes, count);
    for (size_t i = 0; i < count; i++) {
        const uint32_t points = nodes[self->inside[i]].count, before = self->before[self->inside[i]];
        self->contexts[i] = context_of(points);
        self->symbols[i] = (uint16_t)before;
        if (points > GGC_TREE_DIRECT) {
            self->symbols[i] = (uint16_t)((uint64_t)before * 16 / ((uint64_t)points + 1));
            const sixteenth s = sixteenth_of(points, self->symbols[i]);
            self->values[large] = before - s.low;
            self->widths[large++] = s.bits;
        }
    }
    const ggc_view symbols = {self->symbols, sizeof *self->symbols, 0, 1};
    const ggc_view contexts = {self->contexts, sizeof *self->contexts, 0, 1};
    const ggc_view values = {self->values, sizeof *self->values, 0, 1};
    const ggc_view widths = {self->widths, sizeof *self->widths, 0, 1};
    return ggc_log_symbols(self->log, self->model, &symbols, &contexts, count) &&
                   ggc_log_bits(self->log, &values, &widths, large)
               ? GGC_TREE_OK
               : GGC_TREE_NO_MEMORY;
}

static int decode_split(coder *self, const node *nodes, size_t count) {
    size_t large = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t points = nodes[self->inside[i]].count;
        self->contexts[i] = context_of(points);
        self->large[large] = (uint32_t)i; /* without a branch: which these are is hard to predict */
        large += points > GGC_TREE_DIRECT;
    }
    ggc_rans_pop_symbols(self->reader, self->model, self->contexts, 0, count, self->symbols);
    if (self->reader->status != GGC_RANS_OK)
        return GGC_TREE_STREAM;
    for (size_t k = 0; k < large; k++)
        self->widths[k] = sixteenth_of(nodes[self->inside[self->large[k]]].count, self->symbols[self->large[k]]).bits;
    ggc_rans_pop_bits(self->reader, &(ggc_view){self->widths, sizeof *self->widths, 0, 1}, large, self->values);
    if (self->reader->status != GGC_RANS_OK)
        return GGC_TREE_STREAM;
    int good = 1;
    for (size_t i = 0; i < count; i++) {
        self->before[self->inside[i]] = self->symbols[i];
        good &= self->symbols[i] <= nodes[self->inside[i]].count;
    }
    for (size_t k = 0; k < large; k++) {
        const uint32_t at = self->inside[self->large[k]];
        const sixteenth s = sixteenth_of(nodes[at].count, self->symbols[self->large[k]]);
        self->before[at] = s.low + self->values[k];
        good &= self->values[k] < s.size;
    }
    return good ? GGC_TREE_OK : GGC_TREE_BAD_SPLIT;
}

/* Has the counts of a level coded, those of nodes that do not lie wholly in their first half. */
static int split_level(coder *c, uint32_t width, uint32_t height, const node *nodes, size_t count) {
    size_t divided = 0;
    for (size_t i = 0; i < count; i++) {
        c->before[i] = nodes[i].count;
        c->inside[divided] = (uint32_t)i;
        divided += (nodes[i].x | c->x_bit) < width && (nodes[i].y | c->y_bit) < height;
    }
    return divided ? c->split(c, nodes, divided) : GGC_TREE_OK;
}

typedef struct {
    node half[2];
} pair;

static inline pair halved(const coder *c, const node *n, uint32_t before) {
    return (pair){
        {{n->x, n->y, n->start, before}, {n->x | c->x_bit, n->y | c->y_bit, n->start + before, n->count - before}}};
}

static inline void place(const ggc_leaves *leaves, uint32_t at, const node *n, uint32_t rank) {
    leaves->x[at] = (int32_t)n->x;
    leaves->y[at] = (int32_t)n->y;
    leaves->rank[at] = (int32_t)rank;
}

/* The halves of nodes: leaves, and the nodes of the next level, of which it returns the number. Which is which is hard
 * to predict: each half is stored as both, and counts as one of them or, if it is empty, as neither. (Before a half
 * that is no leaf some point has no leaf yet, so that there is room.) */
static size_t halve(const coder *c, const node *nodes, size_t count, node *halves, const ggc_leaves *leaves,
                    uint32_t *written) {
    size_t open = 0;
    uint32_t next = *written;
    for (size_t i = 0; i < count; i++) {
        const pair both = halved(c, nodes + i, c->before[i]);
        for (int k = 0; k < 2; k++) {
            place(leaves, next, both.half + k, both.half[k].start);
            next += both.half[k].count == 1;
            halves[open] = both.half[k];
            open += both.half[k].count > 1;
        }
    }
    *written = next;
    return open;
}

/* The same where a half is a pixel, in which nothing is left to decide, and may be any number of leaves. */
static void take_pixels(const coder *c, const node *nodes, size_t count, const ggc_leaves *leaves, uint32_t *written) {
    for (size_t i = 0; i < count; i++) {
        const pair both = halved(c, nodes + i, c->before[i]);
        for (int k = 0; k < 2; k++)
            for (uint32_t j = 0; j < both.half[k].count; j++)
                place(leaves, (*written)++, both.half + k, both.half[k].start + j);
    }
}

static int walk_levels(coder *c, uint32_t width, uint32_t height, uint32_t count, const ggc_leaves *leaves, node *nodes,
                       node *halves) {
    size_t open = 1;
    uint32_t written = 0;
    nodes[0] = (node){.count = count}; /* whose second half, as no bit sets it off, is the whole image */
    c->before[0] = 0;
    for (int undecided = 2 * bit_length((width > height ? width : height) - 1);; undecided--) {
        const uint32_t begin = written;
        if (undecided > 0)
            open = halve(c, nodes, open, halves, leaves, &written);
        else
            take_pixels(c, nodes, open, leaves, &written);
        for (uint32_t i = begin; i < written; i++) {
            leaves->log_width[i] = undecided >> 1;
            leaves->log_height[i] = (undecided + 1) >> 1;
        }
        if (written == count)
            return GGC_TREE_OK;
        const uint32_t bit = 1u << ((undecided - 1) >> 1);
        c->x_bit = undecided & 1 ? 0 : bit, c->y_bit = undecided & 1 ? bit : 0;
        const int status = split_level(c, width, height, halves, open);
        if (status != GGC_TREE_OK)
            return status;
        node *swapped = nodes;
        nodes = halves, halves = swapped;
    }
}

/* Nodes have two points or more, and large ones more than 15; what is stored in vain needs room for one more. */
static int walk(coder *c, int32_t width, int32_t height, uint32_t count, const ggc_leaves *leaves) {
    const size_t room = (size_t)count / 2 + 1, large = (size_t)count / (GGC_TREE_DIRECT + 1) + 1;
    node *nodes = malloc(room * (2 * sizeof *nodes + 3 * sizeof(uint32_t) + sizeof(uint16_t)) +
                         large * (2 * sizeof(uint32_t) + sizeof(uint8_t)));
    if (!nodes)
        return GGC_TREE_NO_MEMORY;
    c->before = (uint32_t *)(nodes + 2 * room), c->inside = c->before + room, c->contexts = c->inside + room;
    c->large = c->contexts + room, c->values = c->large + large;
    c->symbols = (uint16_t *)(c->values + large), c->widths = (uint8_t *)(c->symbols + room);
    const int status = walk_levels(c, (uint32_t)width, (uint32_t)height, count, leaves, nodes, nodes + room);
    free(nodes);
    return status;
}

int ggc_tree_encode(ggc_step_log *log, const ggc_model *model, int32_t width, int32_t height, const uint64_t *keys,
                    uint32_t count, const ggc_leaves *leaves) {
    coder c = {.split = encode_split, .model = model, .log = log, .keys = keys};
    return walk(&c, width, height, count, leaves);
}

int ggc_tree_decode(ggc_rans_reader *reader, const ggc_model *model, int32_t width, int32_t height, uint32_t count,
                    const ggc_leaves *leaves) {
    coder c = {.split = decode_split, .model = model, .reader = reader};
    return walk(&c, width, height, count, leaves);
}

int ggc_tree_leaves(int32_t width, int32_t height, const uint64_t *keys, uint32_t count, const ggc_leaves *leaves) {
    coder c = {.split = count_split, .keys = keys};
    return walk(&c, width, height, count, leaves);
}
