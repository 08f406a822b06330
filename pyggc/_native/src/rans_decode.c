/* rANS decoding: opening a stream, single raw values, and what hands chunks of symbols to the loops. */
#include "ggc/rans.h"

static const ggc_rans_loops *loops_of(const ggc_rans_reader *r) {
#if defined(__x86_64__)
    if (r->wide)
        return &ggc_rans_avx2;
#endif
    (void)r;
    return &ggc_rans_baseline;
}

uint32_t ggc_rans_take_bits(ggc_rans_reader *r, int width, uint32_t stride) {
    uint32_t value = 0;
    while (width > 0 && r->status == GGC_RANS_OK) {
        const int step = width < GGC_CDF_BITS ? width : GGC_CDF_BITS;
        uint64_t *x = ggc_rans_current(r);
        const uint32_t chunk = (uint32_t)(*x & (GGC_CDF_TOTAL - 1)) >> (GGC_CDF_BITS - step);
        *x = ggc_rans_get(*x, (ggc_interval){chunk << (GGC_CDF_BITS - step), 1u << (GGC_CDF_BITS - step)});
        ggc_rans_advance(r, x, stride);
        value = value << step | chunk;
        width -= step;
    }
    return value;
}

/* Reads the states: no bytes are the initial state; up to eight are one state; of a longer stream the first five
 * to eight are, so that whole words remain, and the other states are unfolded from the first. */
void ggc_rans_open(ggc_rans_reader *r, const uint8_t *data, size_t size, int states, int wide) {
    const size_t head = size <= GGC_RANS_MAX_SINGLE ? size : 5 + (size - 5) % GGC_RANS_WORD_BYTES;
    *r = (ggc_rans_reader){.data = data, .next = data + head, .end = data + size, .live = 1, .wide = wide};
    for (size_t i = 0; i < head; i++)
        r->x[0] = r->x[0] << 8 | data[i];
    if (size == 0)
        r->x[0] = GGC_RANS_INITIAL;
    else if (data[0] == 0 || r->x[0] <= GGC_RANS_INITIAL)
        r->status = GGC_RANS_BAD_STATE;
    if (head == size || r->status != GGC_RANS_OK || states == 1)
        return;
    r->live = 2; /* so that the first state takes words, but never another's */
    const uint32_t live = states == 4 && ggc_rans_take_bits(r, 1, 0) ? 4 : 2;
    for (uint32_t i = 1; i < live && r->status == GGC_RANS_OK; i++) {
        const int length = (int)ggc_rans_take_bits(r, GGC_RANS_FOLD_BITS, 0);
        const uint32_t upper = 1u << length | ggc_rans_take_bits(r, length, 0);
        if (r->next == r->end)
            r->status = GGC_RANS_TRUNCATED;
        if (r->status != GGC_RANS_OK)
            return;
        r->x[i] = (uint64_t)upper << GGC_RANS_WORD_BITS | ggc_load_word(r->next);
        r->next += GGC_RANS_WORD_BYTES;
    }
    r->live = live;
}

void ggc_rans_pop_bits(ggc_rans_reader *r, const ggc_view *widths, size_t n, uint32_t *values) {
    uint32_t width[GGC_CHUNK];
    for (size_t begin = 0; begin < n && r->status == GGC_RANS_OK; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(widths, begin, chunk, GGC_MAX_RAW, width);
        loops_of(r)->pop_bits(r, width, chunk, values + begin);
    }
}

void ggc_rans_pop_exp_golomb(ggc_rans_reader *r, int order, size_t n, uint32_t *values) {
    for (size_t i = 0; i < n; i++) {
        int width = order;
        while (r->status == GGC_RANS_OK && ggc_rans_take_bits(r, 1, 1) == 0)
            if (++width > 32)
                r->status = GGC_RANS_BAD_CODE;
        const uint64_t value = ((uint64_t)1 << width | ggc_rans_take_bits(r, width, 1)) - ((uint64_t)1 << order);
        if (value > UINT32_MAX)
            r->status = GGC_RANS_BAD_CODE;
        if (r->status != GGC_RANS_OK)
            return;
        values[i] = (uint32_t)value;
    }
}

void ggc_rans_pop_symbols(ggc_rans_reader *r, const ggc_model *m, const uint32_t *contexts, uint32_t context, size_t n,
                          uint16_t *symbols) {
    loops_of(r)->pop(r, m, contexts, context, n, symbols);
}

void ggc_rans_pop(ggc_rans_reader *r, const ggc_model *m, const ggc_view *contexts, size_t n, const ggc_view *symbols) {
    uint16_t symbol[GGC_CHUNK];
    uint32_t context[GGC_CHUNK];
    if (!contexts->stride)
        ggc_view_read_u32(contexts, 0, 1, m->num_contexts - 1, context);
    const uint32_t only = contexts->stride ? 0 : context[0];
    for (size_t begin = 0; begin < n && r->status == GGC_RANS_OK; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        if (contexts->stride)
            ggc_view_read_u32(contexts, begin, chunk, m->num_contexts - 1, context);
        ggc_rans_pop_symbols(r, m, contexts->stride ? context : NULL, only, chunk, symbol);
        if (r->status == GGC_RANS_OK)
            ggc_view_write_u16(symbols, begin, chunk, symbol);
    }
}
