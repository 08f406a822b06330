/* rANS decoding: opening a stream, raw bits, and the loops that run models over it. */
#include "ggc/rans.h"

/* With a stride of 1 the steps go round the states, with 0 the first one alone decodes them. */
static uint32_t take_bits(ggc_rans_reader *r, int width, uint32_t stride) {
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
void ggc_rans_open(ggc_rans_reader *r, const uint8_t *data, size_t size, int states) {
    const size_t head = size <= GGC_RANS_MAX_SINGLE ? size : 5 + (size - 5) % GGC_RANS_WORD_BYTES;
    *r = (ggc_rans_reader){.data = data, .next = data + head, .end = data + size, .live = 1};
    for (size_t i = 0; i < head; i++)
        r->x[0] = r->x[0] << 8 | data[i];
    if (size == 0)
        r->x[0] = GGC_RANS_INITIAL;
    else if (data[0] == 0 || r->x[0] <= GGC_RANS_INITIAL)
        r->status = GGC_RANS_BAD_STATE;
    if (head == size || r->status != GGC_RANS_OK || states == 1)
        return;
    r->live = 2; /* so that the first state takes words, but never another's */
    const uint32_t live = states == 4 && take_bits(r, 1, 0) ? 4 : 2;
    for (uint32_t i = 1; i < live && r->status == GGC_RANS_OK; i++) {
        const int length = (int)take_bits(r, GGC_RANS_FOLD_BITS, 0);
        const uint32_t upper = 1u << length | take_bits(r, length, 0);
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
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(widths, begin, chunk, 32, width);
        for (size_t i = 0; i < chunk; i++)
            values[begin + i] = take_bits(r, (int)width[i], 1);
        if (r->status != GGC_RANS_OK)
            return;
    }
}

void ggc_rans_pop_exp_golomb(ggc_rans_reader *r, int order, size_t n, uint32_t *values) {
    for (size_t i = 0; i < n; i++) {
        int width = order;
        while (r->status == GGC_RANS_OK && take_bits(r, 1, 1) == 0)
            if (++width > 32)
                r->status = GGC_RANS_BAD_CODE;
        const uint64_t value = ((uint64_t)1 << width | take_bits(r, width, 1)) - ((uint64_t)1 << order);
        if (value > UINT32_MAX)
            r->status = GGC_RANS_BAD_CODE;
        if (r->status != GGC_RANS_OK)
            return;
        values[i] = (uint32_t)value;
    }
}

/* While each of a round's steps may take a word from the stream, all states stay in registers. */
static GGC_ALWAYS_INLINE size_t pop_rounds(ggc_rans_reader *r, const uint32_t states, const ggc_kind kind,
                                           const ggc_model *m, ggc_cursor *c, const uint32_t *contexts, size_t n,
                                           uint16_t *symbols) {
    uint64_t x[GGC_RANS_MAX_STATES];
    const uint8_t *next = r->next;
    size_t i = 0;
    for (uint32_t k = 0; k < states; k++)
        x[k] = r->x[(r->step + k) & (states - 1)];
    for (; i + states <= n && r->end - next >= states * GGC_RANS_WORD_BYTES; i += states)
        for (uint32_t k = 0; k < states; k++) {
            ggc_interval at;
            if (contexts)
                ggc_cursor_open(kind, m, contexts[i + k], c);
            symbols[i + k] = (uint16_t)ggc_find(kind, m, c, (uint32_t)x[k] & (GGC_CDF_TOTAL - 1), &at);
            if (contexts)
                ggc_cursor_close(kind, m, c);
            x[k] = ggc_rans_get(x[k], at);
            /* Whether a word is due is hard to predict, and a wrong guess throws away the work of all states; but to
             * wait for the answer takes a few cycles each time. Four states have them to spare. */
            if (states == 4) {
                const uint64_t due = x[k] < GGC_RANS_LOWER, full = x[k] << GGC_RANS_WORD_BITS | ggc_load_word(next);
                x[k] ^= (x[k] ^ full) & -due;
                next += due * GGC_RANS_WORD_BYTES;
            } else if (x[k] < GGC_RANS_LOWER) {
                x[k] = x[k] << GGC_RANS_WORD_BITS | ggc_load_word(next);
                next += GGC_RANS_WORD_BYTES;
            }
        }
    for (uint32_t k = 0; k < states; k++)
        r->x[(r->step + k) & (states - 1)] = x[k];
    r->next = next;
    return i;
}

static GGC_ALWAYS_INLINE void pop(ggc_rans_reader *r, const ggc_kind kind, const ggc_model *model,
                                  const uint32_t *contexts, uint32_t context, size_t n, uint16_t *symbols) {
    const ggc_model copy = *model, *m = &copy; /* which the stores below cannot alias */
    ggc_cursor c;
    size_t i = 0;
    ggc_cursor_init(kind, m, &c);
    if (!contexts)
        ggc_cursor_open(kind, m, context, &c);
    if (r->live == 2)
        i = pop_rounds(r, 2, kind, m, &c, contexts, n, symbols);
    else if (r->live == 4)
        i = pop_rounds(r, 4, kind, m, &c, contexts, n, symbols);
    else if (r->next != r->end)
        i = pop_rounds(r, 1, kind, m, &c, contexts, n, symbols);
    for (; i < n && r->status == GGC_RANS_OK; i++) {
        ggc_interval at;
        uint64_t *x = ggc_rans_current(r);
        if (contexts)
            ggc_cursor_open(kind, m, contexts[i], &c);
        symbols[i] = (uint16_t)ggc_find(kind, m, &c, (uint32_t)*x & (GGC_CDF_TOTAL - 1), &at);
        if (contexts)
            ggc_cursor_close(kind, m, &c);
        *x = ggc_rans_get(*x, at);
        ggc_rans_advance(r, x, 1);
    }
    if (!contexts)
        ggc_cursor_close(kind, m, &c);
}

void ggc_rans_pop_symbols(ggc_rans_reader *r, const ggc_model *m, const uint32_t *contexts, uint32_t context, size_t n,
                          uint16_t *symbols) {
#define POP(kind) pop(r, kind, m, contexts, context, n, symbols)
    GGC_BY_KIND(m, POP)
#undef POP
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
