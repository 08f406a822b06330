/* Writing bools: of trees of tokens, of any model's CDF by halves, and of raw bits. */
#include <stdlib.h>

#include "ggc/boolean.h"

void ggc_bool_start(ggc_bool_writer *w) {
    w->size = 0;
    w->low = 0, w->range = GGC_BOOL_FULL, w->bits = 0;
}

/* No bool takes more than seven shifts, so a byte a bool is enough. */
int ggc_bool_reserve(ggc_bool_writer *w, size_t n, size_t bools) {
    size_t wanted;
    if (__builtin_mul_overflow(n, bools, &wanted) || __builtin_add_overflow(wanted, w->size + GGC_BOOL_SLACK, &wanted))
        return 0;
    if (wanted <= w->capacity)
        return 1;
    wanted = wanted > w->capacity + w->capacity / 2 ? wanted : w->capacity + w->capacity / 2;
    uint8_t *grown = realloc(w->data, wanted);
    if (!grown)
        return 0;
    w->data = grown;
    w->capacity = wanted;
    return 1;
}

static size_t bools_of(const ggc_token_tree *tree, const uint16_t *symbols, size_t n) {
    size_t bools = 0;
    for (size_t i = 0; i < n; i++)
        bools += (size_t)(tree->first[symbols[i] + 1] - tree->first[symbols[i]]);
    return bools;
}

static void push_tree(ggc_bool_writer *writer, const ggc_token_tree *tree, const uint16_t *symbols,
                      const uint32_t *contexts, uint32_t context, size_t n) {
    ggc_bool_writer w = *writer;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = tree->probabilities + (size_t)(contexts ? contexts[i] : context) * tree->num_nodes;
        const uint16_t *step = tree->path + tree->first[symbols[i]], *end = tree->path + tree->first[symbols[i] + 1];
        do {
            ggc_bool_put(&w, *step & 1, p[*step >> 1]);
        } while (++step != end);
    }
    *writer = w;
}

static GGC_ALWAYS_INLINE void push_half(ggc_bool_writer *w, const uint16_t *ends, uint32_t num_symbols,
                                        uint32_t symbol) {
    uint32_t low = 0, high = num_symbols;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2, bit = symbol >= middle;
        ggc_bool_put(w, bit, ggc_bool_half(ends, low, middle, high));
        low = bit ? middle : low, high = bit ? high : middle;
    }
}

static GGC_ALWAYS_INLINE void push_halves(ggc_bool_writer *writer, const ggc_kind kind, const ggc_model *m,
                                          const uint16_t *symbols, const uint32_t *contexts, uint32_t context,
                                          size_t n) {
    uint16_t lanes[GGC_LANES] __attribute__((aligned(2 * GGC_LANES)));
    ggc_bool_writer w = *writer;
    ggc_cursor c;
    ggc_cursor_init(kind, m, &c);
    if (!contexts)
        ggc_cursor_open(kind, m, context, &c);
    for (size_t i = 0; i < n; i++) {
        if (contexts)
            ggc_cursor_open(kind, m, contexts[i], &c);
        push_half(&w, ggc_row(kind, m, &c, lanes), m->num_symbols, symbols[i]);
        ggc_learn(kind, m, &c, symbols[i]);
        if (contexts)
            ggc_cursor_close(kind, m, &c);
    }
    if (!contexts)
        ggc_cursor_close(kind, m, &c);
    *writer = w;
}

int ggc_bool_push(ggc_bool_writer *w, const ggc_model *m, const ggc_token_tree *tree, const ggc_view *symbols,
                  const ggc_view *contexts, size_t n) {
    uint16_t symbol[GGC_CHUNK];
    uint32_t context[GGC_CHUNK];
    const size_t halvings = m->num_symbols > 1 ? 32 - (size_t)__builtin_clz(m->num_symbols - 1) : 0;
    size_t bools = tree ? 0 : n * halvings;
    for (size_t begin = 0; tree && begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u16(symbols, begin, chunk, m->num_symbols - 1, symbol);
        bools += bools_of(tree, symbol, chunk);
    }
    if (!ggc_bool_reserve(w, bools, 1))
        return 0;
    if (!contexts->stride)
        ggc_view_read_u32(contexts, 0, 1, m->num_contexts - 1, context);
    const uint32_t only = contexts->stride ? 0 : context[0];
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        const uint32_t *each = contexts->stride ? context : NULL;
        ggc_view_read_u16(symbols, begin, chunk, m->num_symbols - 1, symbol);
        if (each)
            ggc_view_read_u32(contexts, begin, chunk, m->num_contexts - 1, context);
        if (tree) {
            if (!ggc_bool_reserve(w, bools_of(tree, symbol, chunk), 1)) /* should another thread have changed them */
                return 0;
            push_tree(w, tree, symbol, each, only, chunk);
            continue;
        }
#define PUSH(kind) push_halves(w, kind, m, symbol, each, only, chunk)
        GGC_BY_KIND(m, PUSH)
#undef PUSH
    }
    return 1;
}

int ggc_bool_push_bools(ggc_bool_writer *writer, const ggc_view *bits, const ggc_view *probabilities, size_t n) {
    uint32_t bit[GGC_CHUNK], p[GGC_CHUNK];
    if (!ggc_bool_reserve(writer, n, 1))
        return 0;
    ggc_bool_writer w = *writer;
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(bits, begin, chunk, 1, bit);
        ggc_view_read_u32(probabilities, begin, chunk, 255, p);
        for (size_t i = 0; i < chunk; i++)
            ggc_bool_put(&w, bit[i], p[i]);
    }
    *writer = w;
    return 1;
}

static inline void put_bits(ggc_bool_writer *w, uint64_t value, uint32_t width) {
    while (width-- > 0)
        ggc_bool_put(w, value >> width & 1, GGC_BOOL_HALF);
}

int ggc_bool_push_bits(ggc_bool_writer *writer, const ggc_view *values, const ggc_view *widths, size_t n) {
    uint32_t value[GGC_CHUNK], width[GGC_CHUNK];
    if (!ggc_bool_reserve(writer, n, GGC_MAX_RAW))
        return 0;
    ggc_bool_writer w = *writer;
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(values, begin, chunk, UINT32_MAX, value);
        ggc_view_read_u32(widths, begin, chunk, GGC_MAX_RAW, width);
        for (size_t i = 0; i < chunk; i++)
            put_bits(&w, value[i], width[i]);
    }
    *writer = w;
    return 1;
}

int ggc_bool_push_exp_golomb(ggc_bool_writer *writer, const ggc_view *values, int order, size_t n) {
    uint32_t value[GGC_CHUNK];
    if (!ggc_bool_reserve(writer, n, 2 * GGC_MAX_RAW + 1))
        return 0;
    ggc_bool_writer w = *writer;
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(values, begin, chunk, UINT32_MAX, value);
        for (size_t i = 0; i < chunk; i++) {
            const uint64_t shifted = value[i] + ((uint64_t)1 << order);
            const uint32_t width = 63 - (uint32_t)__builtin_clzll(shifted);
            put_bits(&w, 0, width - (uint32_t)order);
            put_bits(&w, shifted, width + 1); /* its top bit is the one that ends the prefix */
        }
    }
    *writer = w;
    return 1;
}

void ggc_bool_finish(const ggc_bool_writer *w, uint8_t *target) {
    const uint32_t held = 8 + w->bits;
    const uint64_t aligned = w->low << (64 - held);
    if (w->size)
        memcpy(target, w->data, w->size);
    if (w->low >> held)
        ggc_bool_carry(target + w->size);
    for (size_t k = 0; k < ggc_bool_flushed(w); k++)
        target[w->size + k] = (uint8_t)(aligned >> (56 - 8 * k));
}
