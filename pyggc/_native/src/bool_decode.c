/* Reading bools. Past the end there are zeros; a run of them is checked a chunk at a time, so no call lasts longer for
 * it than what was asked for. */
#include "ggc/boolean.h"

void ggc_bool_open(ggc_bool_reader *r, const uint8_t *data, size_t size) {
    *r = (ggc_bool_reader){.data = data, .next = data, .end = data + size, .range = GGC_BOOL_FULL};
    if (size < GGC_BOOL_LEAST)
        r->status = GGC_BOOL_TRUNCATED;
    ggc_bool_refill(r);
}

static void pop_tree(ggc_bool_reader *reader, const ggc_token_tree *tree, const uint32_t *contexts, uint32_t context,
                     size_t n, uint16_t *symbols) {
    ggc_bool_reader r = *reader;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = tree->probabilities + (size_t)(contexts ? contexts[i] : context) * tree->num_nodes;
        int32_t node = 0;
        do {
            node = tree->next[node + (int32_t)ggc_bool_get(&r, p[node >> 1])];
        } while (node > 0);
        symbols[i] = (uint16_t)-node;
    }
    *reader = r;
}

static GGC_ALWAYS_INLINE uint32_t pop_half(ggc_bool_reader *r, const uint16_t *ends, uint32_t num_symbols) {
    uint32_t low = 0, high = num_symbols;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2, bit = ggc_bool_get(r, ggc_bool_half(ends, low, middle, high));
        low = bit ? middle : low, high = bit ? high : middle;
    }
    return low;
}

static GGC_ALWAYS_INLINE void pop_halves(ggc_bool_reader *reader, const ggc_kind kind, const ggc_model *m,
                                         const uint32_t *contexts, uint32_t context, size_t n, uint16_t *symbols) {
    uint16_t lanes[GGC_LANES] __attribute__((aligned(2 * GGC_LANES)));
    ggc_bool_reader r = *reader;
    ggc_cursor c;
    ggc_cursor_init(kind, m, &c);
    if (!contexts)
        ggc_cursor_open(kind, m, context, &c);
    for (size_t i = 0; i < n; i++) {
        if (contexts)
            ggc_cursor_open(kind, m, contexts[i], &c);
        symbols[i] = (uint16_t)pop_half(&r, ggc_row(kind, m, &c, lanes), m->num_symbols);
        ggc_learn(kind, m, &c, symbols[i]);
        if (contexts)
            ggc_cursor_close(kind, m, &c);
    }
    if (!contexts)
        ggc_cursor_close(kind, m, &c);
    *reader = r;
}

void ggc_bool_pop(ggc_bool_reader *r, const ggc_model *m, const ggc_token_tree *tree, const ggc_view *contexts,
                  size_t n, const ggc_view *symbols) {
    uint16_t symbol[GGC_CHUNK];
    uint32_t context[GGC_CHUNK];
    if (!contexts->stride)
        ggc_view_read_u32(contexts, 0, 1, m->num_contexts - 1, context);
    const uint32_t only = contexts->stride ? 0 : context[0];
    for (size_t begin = 0; begin < n && r->status == GGC_BOOL_OK; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        const uint32_t *each = contexts->stride ? context : NULL;
        if (each)
            ggc_view_read_u32(contexts, begin, chunk, m->num_contexts - 1, context);
        if (tree) {
            pop_tree(r, tree, each, only, chunk, symbol);
        } else {
#define POP(kind) pop_halves(r, kind, m, each, only, chunk, symbol)
            GGC_BY_KIND(m, POP)
#undef POP
        }
        ggc_view_write_u16(symbols, begin, chunk, symbol);
        ggc_bool_check(r);
    }
}

void ggc_bool_pop_bools(ggc_bool_reader *reader, const ggc_view *probabilities, size_t n, uint8_t *bits) {
    uint32_t p[GGC_CHUNK];
    ggc_bool_reader r = *reader;
    for (size_t begin = 0; begin < n && r.status == GGC_BOOL_OK; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(probabilities, begin, chunk, 255, p);
        for (size_t i = 0; i < chunk; i++)
            bits[begin + i] = (uint8_t)ggc_bool_get(&r, p[i]);
        ggc_bool_check(&r);
    }
    *reader = r;
}

static inline uint32_t get_bits(ggc_bool_reader *r, uint32_t width) {
    uint32_t value = 0;
    while (width-- > 0)
        value = value << 1 | ggc_bool_get(r, GGC_BOOL_HALF);
    return value;
}

void ggc_bool_pop_bits(ggc_bool_reader *reader, const ggc_view *widths, size_t n, uint32_t *values) {
    uint32_t width[GGC_CHUNK];
    ggc_bool_reader r = *reader;
    for (size_t begin = 0; begin < n && r.status == GGC_BOOL_OK; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(widths, begin, chunk, GGC_MAX_RAW, width);
        for (size_t i = 0; i < chunk; i++)
            values[begin + i] = get_bits(&r, width[i]);
        ggc_bool_check(&r);
    }
    *reader = r;
}

void ggc_bool_pop_exp_golomb(ggc_bool_reader *r, int order, size_t n, uint32_t *values) {
    for (size_t i = 0; i < n && r->status == GGC_BOOL_OK; i++) {
        uint32_t width = (uint32_t)order;
        while (width <= 32 && !ggc_bool_get(r, GGC_BOOL_HALF))
            width++;
        /* Thirty-three bits or more are no code, unless the prefix lies past the end: that is told first. */
        uint64_t value = 0;
        if (width <= 32)
            value = ((uint64_t)1 << width | get_bits(r, width)) - ((uint64_t)1 << order);
        ggc_bool_check(r);
        if (r->status == GGC_BOOL_OK && (width > 32 || value > UINT32_MAX))
            r->status = GGC_BOOL_BAD_CODE;
        values[i] = (uint32_t)value;
    }
}

int ggc_bool_ended(const ggc_bool_reader *r) {
    const uint64_t read = ggc_bool_position(r), size = (uint64_t)(r->end - r->data);
    if (r->window || size != (read < GGC_BOOL_LEAST ? GGC_BOOL_LEAST : read))
        return 0;
    for (const uint8_t *p = r->next; p != r->end; p++)
        if (*p)
            return 0;
    return 1;
}
