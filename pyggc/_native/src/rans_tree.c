/* The tree of counts: one walk, level by level, with a coder of counts as its only variable part. */
#include <stdlib.h>

#include "ggc/tree.h"

/* `before` is how many of the node's points have keys below `beyond`: what is coded. */
typedef struct {
    uint64_t key, beyond;
    uint32_t start, count, before;
} node;

/* What codes the counts of a level's nodes, those of `inside`, given and found in `before`; and room for a level's
 * symbols, and for the rest of its large counts, as raw bits. */
typedef struct coder {
    int (*split)(struct coder *self, node *nodes, const uint32_t *inside, size_t count);
    const ggc_model *model;
    ggc_rans_reader *reader;
    ggc_step_log *log;
    const uint64_t *keys;
    uint32_t *contexts, *values;
    uint16_t *symbols;
    uint8_t *widths;
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

/* Points below `beyond`, by bisection of the sorted keys. */
static int count_split(coder *self, node *nodes, const uint32_t *inside, size_t count) {
    for (size_t i = 0; i < count; i++) {
        node *n = nodes + inside[i];
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

static int encode_split(coder *self, node *nodes, const uint32_t *inside, size_t count) {
    size_t large = 0;
    count_split(self, nodes, inside, count);
    for (size_t i = 0; i < count; i++) {
        const node *n = nodes + inside[i];
        self->contexts[i] = context_of(n->count);
        self->symbols[i] = (uint16_t)n->before;
        if (n->count > GGC_TREE_DIRECT) {
            self->symbols[i] = (uint16_t)((uint64_t)n->before * 16 / ((uint64_t)n->count + 1));
            const sixteenth s = sixteenth_of(n->count, self->symbols[i]);
            self->values[large] = n->before - s.low;
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

static int decode_split(coder *self, node *nodes, const uint32_t *inside, size_t count) {
    size_t large = 0;
    for (size_t i = 0; i < count; i++)
        self->contexts[i] = context_of(nodes[inside[i]].count);
    ggc_rans_pop_symbols(self->reader, self->model, self->contexts, 0, count, self->symbols);
    if (self->reader->status != GGC_RANS_OK)
        return GGC_TREE_STREAM;
    for (size_t i = 0; i < count; i++)
        if (nodes[inside[i]].count > GGC_TREE_DIRECT)
            self->widths[large++] = sixteenth_of(nodes[inside[i]].count, self->symbols[i]).bits;
    if (large)
        ggc_rans_pop_bits(self->reader, &(ggc_view){self->widths, sizeof *self->widths, 0, 1}, large, self->values);
    if (self->reader->status != GGC_RANS_OK)
        return GGC_TREE_STREAM;
    int good = 1;
    large = 0;
    for (size_t i = 0; i < count; i++) {
        node *n = nodes + inside[i];
        n->before = self->symbols[i];
        if (n->count > GGC_TREE_DIRECT) {
            const sixteenth s = sixteenth_of(n->count, self->symbols[i]);
            const uint32_t rest = self->values[large++];
            n->before = s.low + rest;
            good &= rest < s.size;
        }
        good &= n->before <= n->count;
    }
    return good ? GGC_TREE_OK : GGC_TREE_BAD_SPLIT;
}

/* A level's leaves, which are written to `keys` and `rank`, and moves the other nodes to the front; returns how many
 * these are. Which is which is hard to predict: each is stored as both, and one of them counts. */
static size_t take_leaves(node *nodes, size_t count, uint64_t *keys, int32_t *rank, uint32_t *written) {
    size_t open = 0;
    uint32_t next = *written;
    for (size_t i = 0; i < count; i++) {
        const node n = nodes[i];
        const int leaf = n.count == 1;
        keys[next] = n.key;
        rank[next] = (int32_t)n.start;
        next += (uint32_t)leaf;
        nodes[open] = n;
        open += (size_t)!leaf;
    }
    *written = next;
    return open;
}

/* The last level, where nothing is left to decide, and a node may have any number of points. */
static void take_pixels(const node *nodes, size_t count, uint64_t *keys, int32_t *rank, uint32_t *written) {
    for (size_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < nodes[i].count; k++, (*written)++) {
            keys[*written] = nodes[i].key;
            rank[*written] = (int32_t)(nodes[i].start + k);
        }
}

static void place_leaves(const ggc_leaves *leaves, const uint64_t *keys, uint32_t begin, uint32_t end, int undecided) {
    for (uint32_t i = begin; i < end; i++) {
        leaves->x[i] = (int32_t)gather(keys[i] >> 1);
        leaves->y[i] = (int32_t)gather(keys[i]);
        leaves->log_width[i] = undecided >> 1;
        leaves->log_height[i] = (undecided + 1) >> 1;
    }
}

/* Has the counts of a level coded, except those of nodes that lie wholly before their halving: `end` is where the image
 * ends along the axis that is halved, whose bits are those of `mask`. */
static int split_level(coder *c, node *nodes, size_t count, uint32_t *inside, int undecided, uint64_t mask,
                       uint64_t end) {
    size_t divided = 0;
    for (size_t i = 0; i < count; i++) {
        nodes[i].beyond = nodes[i].key | (uint64_t)1 << (undecided - 1);
        nodes[i].before = nodes[i].count;
        inside[divided] = (uint32_t)i;
        divided += (nodes[i].beyond & mask) < end;
    }
    return divided ? c->split(c, nodes, inside, divided) : GGC_TREE_OK;
}

/* Two halves of each node, less the empty ones. */
static size_t halve(const node *nodes, size_t count, node *halves) {
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        const node n = nodes[i];
        halves[made] = (node){.key = n.key, .start = n.start, .count = n.before};
        made += n.before > 0;
        halves[made] = (node){.key = n.beyond, .start = n.start + n.before, .count = n.count - n.before};
        made += n.before < n.count;
    }
    return made;
}

static int walk_levels(coder *c, int32_t width, int32_t height, uint32_t count, const ggc_leaves *leaves, node *nodes,
                       node *halves, uint64_t *keys, uint32_t *inside) {
    const uint32_t longest = (uint32_t)(width > height ? width : height) - 1;
    const uint64_t ends[2] = {spread((uint64_t)height), spread((uint64_t)width) << 1};
    size_t open = count > 0;
    uint32_t written = 0;
    nodes[0] = (node){.count = count};
    for (int undecided = 2 * bit_length(longest);; undecided--) {
        const uint32_t before = written;
        if (undecided > 0)
            open = take_leaves(nodes, open, keys, leaves->rank, &written);
        else
            take_pixels(nodes, open, keys, leaves->rank, &written);
        place_leaves(leaves, keys, before, written, undecided);
        if (written == count)
            return GGC_TREE_OK;
        const int axis = (undecided - 1) & 1;
        const int status = split_level(c, nodes, open, inside, undecided, 0x5555555555555555u << axis, ends[axis]);
        if (status != GGC_TREE_OK)
            return status;
        open = halve(nodes, open, halves);
        node *swapped = nodes;
        nodes = halves, halves = swapped;
    }
}

/* No node is empty, so that no level has more of them than there are points; what is stored in vain needs one more. */
static int walk(coder *c, int32_t width, int32_t height, uint32_t count, const ggc_leaves *leaves) {
    const size_t room = (size_t)count + 1;
    node *nodes = malloc(2 * room * sizeof *nodes);
    uint64_t *keys = malloc(room * (sizeof *keys + 3 * sizeof(uint32_t) + sizeof(uint16_t) + 1));
    int status = GGC_TREE_NO_MEMORY;
    if (nodes && keys) {
        uint32_t *inside = (uint32_t *)(keys + room);
        c->contexts = inside + room, c->values = c->contexts + room;
        c->symbols = (uint16_t *)(c->values + room), c->widths = (uint8_t *)(c->symbols + room);
        status = walk_levels(c, width, height, count, leaves, nodes, nodes + room, keys, inside);
    }
    free(nodes);
    free(keys);
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
