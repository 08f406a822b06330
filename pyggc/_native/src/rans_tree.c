/* The tree of counts: one walk, level by level, with a coder of counts as its only variable part. */
#include <stdlib.h>

#include "ggc/tree.h"

/* `before` is how many of the node's points have keys below `beyond`: what is coded. */
typedef struct {
    uint64_t key, beyond;
    uint32_t start, count, before;
} node;

/* What codes the counts of a level's nodes, given and found in `before`. */
typedef struct coder {
    int (*split)(struct coder *self, node *nodes, size_t count);
    const ggc_model *model;
    ggc_rans_reader *reader;
    ggc_step_log *log;
    const uint64_t *keys;
} coder;

static uint64_t spread(uint64_t v) {
    v = (v | v << 16) & 0x0000ffff0000ffffu;
    v = (v | v << 8) & 0x00ff00ff00ff00ffu;
    v = (v | v << 4) & 0x0f0f0f0f0f0f0f0fu;
    v = (v | v << 2) & 0x3333333333333333u;
    return (v | v << 1) & 0x5555555555555555u;
}

static uint32_t gather(uint64_t v) {
    v &= 0x5555555555555555u;
    v = (v | v >> 1) & 0x3333333333333333u;
    v = (v | v >> 2) & 0x0f0f0f0f0f0f0f0fu;
    v = (v | v >> 4) & 0x00ff00ff00ff00ffu;
    v = (v | v >> 8) & 0x0000ffff0000ffffu;
    return (uint32_t)(v | v >> 16);
}

uint64_t ggc_tree_key(uint32_t x, uint32_t y) {
    return spread(x) << 1 | spread(y);
}

static int bit_length(uint32_t v) {
    return v ? 32 - __builtin_clz(v) : 0;
}

static uint32_t context_of(uint32_t count) {
    return count <= GGC_TREE_DIRECT ? count - 2 : (uint32_t)bit_length(count < 512 ? count : 512) + 9;
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

/* A level's symbols, then the rest of its large counts, as raw bits. */
typedef struct {
    uint32_t *contexts, *values;
    uint16_t *symbols;
    uint8_t *widths;
} level;

static int allocate_level(level *l, size_t count) {
    /* One block: the widest parts first, for their alignment. */
    uint32_t *block = malloc(count * (2 * sizeof(uint32_t) + 3));
    uint16_t *symbols = (uint16_t *)(block + 2 * count);
    *l = (level){block, block + count, symbols, (uint8_t *)(symbols + count)};
    return block != NULL;
}

/* Looks among the keys for what is not decoded. */
static int count_split(coder *self, node *nodes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        node *n = nodes + i;
        uint32_t low = n->start, high = n->start + n->count;
        while (low < high) {
            const uint32_t middle = low + (high - low) / 2;
            if (self->keys[middle] < n->beyond)
                low = middle + 1;
            else
                high = middle;
        }
        n->before = low - n->start;
    }
    return GGC_TREE_OK;
}

static int encode_split(coder *self, node *nodes, size_t count) {
    level l;
    size_t large = 0;
    if (!allocate_level(&l, count))
        return GGC_TREE_NO_MEMORY;
    count_split(self, nodes, count);
    for (size_t i = 0; i < count; i++) {
        const node *n = nodes + i;
        l.contexts[i] = context_of(n->count);
        l.symbols[i] = (uint16_t)n->before;
        if (n->count > GGC_TREE_DIRECT) {
            l.symbols[i] = (uint16_t)((uint64_t)n->before * 16 / ((uint64_t)n->count + 1));
            const sixteenth s = sixteenth_of(n->count, l.symbols[i]);
            l.values[large] = n->before - s.low;
            l.widths[large++] = s.bits;
        }
    }
    const ggc_view symbols = {l.symbols, sizeof *l.symbols, 0, 1}, contexts = {l.contexts, sizeof *l.contexts, 0, 1};
    const ggc_view values = {l.values, sizeof *l.values, 0, 1}, widths = {l.widths, sizeof *l.widths, 0, 1};
    const int logged = ggc_log_symbols(self->log, self->model, &symbols, &contexts, count) &&
                       ggc_log_bits(self->log, &values, &widths, large);
    free(l.contexts);
    return logged ? GGC_TREE_OK : GGC_TREE_NO_MEMORY;
}

static int decode_split(coder *self, node *nodes, size_t count) {
    level l;
    size_t large = 0;
    int status = GGC_TREE_OK;
    if (!allocate_level(&l, count))
        return GGC_TREE_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        l.contexts[i] = context_of(nodes[i].count);
    ggc_rans_pop_symbols(self->reader, self->model, l.contexts, 0, count, l.symbols);
    for (size_t i = 0; i < count && self->reader->status == GGC_RANS_OK; i++)
        if (nodes[i].count > GGC_TREE_DIRECT)
            l.widths[large++] = sixteenth_of(nodes[i].count, l.symbols[i]).bits;
    if (self->reader->status == GGC_RANS_OK)
        ggc_rans_pop_bits(self->reader, &(ggc_view){l.widths, sizeof *l.widths, 0, 1}, large, l.values);
    if (self->reader->status != GGC_RANS_OK)
        status = GGC_TREE_STREAM;
    large = 0;
    for (size_t i = 0; i < count && status == GGC_TREE_OK; i++) {
        node *n = nodes + i;
        n->before = l.symbols[i];
        if (n->count > GGC_TREE_DIRECT) {
            const sixteenth s = sixteenth_of(n->count, l.symbols[i]);
            const uint32_t rest = l.values[large++];
            n->before = s.low + rest;
            status = rest < s.size ? status : GGC_TREE_BAD_SPLIT;
        }
        status = n->before <= n->count ? status : GGC_TREE_BAD_SPLIT;
    }
    free(l.contexts);
    return status;
}

/* The points of a finished node; only where nothing is left to decide may they be more than one. */
static void write_leaf(const ggc_leaves *leaves, uint32_t *written, const node *n, int undecided) {
    for (uint32_t i = 0; i < n->count; i++, (*written)++) {
        leaves->x[*written] = (int32_t)gather(n->key >> 1);
        leaves->y[*written] = (int32_t)gather(n->key);
        leaves->log_width[*written] = undecided >> 1;
        leaves->log_height[*written] = (undecided + 1) >> 1;
        leaves->rank[*written] = (int32_t)(n->start + i);
    }
}

/* Writes the leaves of a level and moves the other nodes to the front; returns how many these are. */
static size_t take_leaves(node *nodes, size_t count, int undecided, const ggc_leaves *leaves, uint32_t *written) {
    size_t open = 0;
    for (size_t i = 0; i < count; i++)
        if (nodes[i].count == 1 || undecided == 0)
            write_leaf(leaves, written, nodes + i, undecided);
        else
            nodes[open++] = nodes[i];
    return open;
}

/* Has the counts of a level coded, except those of nodes that lie wholly before their halving: `end` is where the image
 * ends along the axis that is halved, whose bits are those of `mask`. */
static int split_level(coder *c, node *nodes, size_t count, int undecided, uint64_t mask, uint64_t end) {
    node *inside = malloc(count * sizeof *inside);
    size_t divided = 0;
    if (!inside)
        return GGC_TREE_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        nodes[i].beyond = nodes[i].key | (uint64_t)1 << (undecided - 1);
        nodes[i].before = nodes[i].count;
        if ((nodes[i].beyond & mask) < end)
            inside[divided++] = nodes[i];
    }
    const int status = divided ? c->split(c, inside, divided) : GGC_TREE_OK;
    for (size_t i = 0, k = 0; i < count; i++)
        if ((nodes[i].beyond & mask) < end)
            nodes[i] = inside[k++];
    free(inside);
    return status;
}

/* Two halves of each node, less the empty ones. */
static size_t halve(const node *nodes, size_t count, node *halves) {
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        const node n = nodes[i];
        if (n.before > 0)
            halves[made++] = (node){.key = n.key, .start = n.start, .count = n.before};
        if (n.before < n.count)
            halves[made++] = (node){.key = n.beyond, .start = n.start + n.before, .count = n.count - n.before};
    }
    return made;
}

static int walk(coder *c, int32_t width, int32_t height, uint32_t count, const ggc_leaves *leaves) {
    const uint32_t longest = (uint32_t)(width > height ? width : height) - 1;
    const uint64_t ends[2] = {spread((uint64_t)height), spread((uint64_t)width) << 1};
    /* No node is empty, so that no level has more than `count`. */
    node *nodes = malloc(((size_t)count + 1) * sizeof *nodes), *halves = malloc(((size_t)count + 1) * sizeof *halves);
    size_t open = count > 0;
    uint32_t written = 0;
    int status = nodes && halves ? GGC_TREE_OK : GGC_TREE_NO_MEMORY;
    if (status == GGC_TREE_OK)
        nodes[0] = (node){.count = count};
    for (int undecided = 2 * bit_length(longest); status == GGC_TREE_OK; undecided--) {
        open = take_leaves(nodes, open, undecided, leaves, &written);
        if (open == 0)
            break;
        const int axis = (undecided - 1) & 1;
        status = split_level(c, nodes, open, undecided, 0x5555555555555555u << axis, ends[axis]);
        if (status == GGC_TREE_OK) {
            open = halve(nodes, open, halves);
            node *swapped = nodes;
            nodes = halves, halves = swapped;
        }
    }
    free(nodes);
    free(halves);
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
