/* The loops of rANS queues that decode raw values and symbols.
 *
 * Included once by each SIMD variant, which first chooses its target and defines GGC_VARIANT, its name.
 */
#include "ggc/rans.h"

/* Values of one step each, while every step of a round may take a word from the stream; returns how many they are. A
 * step shortens its state by just as many bits as the value has: when a word is due follows from the widths alone, and
 * need neither be guessed nor wait for the states. */
static GGC_ALWAYS_INLINE size_t take_rounds(ggc_rans_reader *r, const uint32_t states, const uint16_t *where,
                                            const uint32_t *width, size_t n, uint32_t *values) {
    uint64_t x[GGC_RANS_MAX_STATES];
    uint32_t length[GGC_RANS_MAX_STATES];
    const uint8_t *next = r->next;
    size_t i = 0;
    for (uint32_t k = 0; k < states; k++) {
        x[k] = r->x[(r->step + k) & (states - 1)];
        length[k] = 64 - (uint32_t)__builtin_clzll(x[k]);
    }
    for (; i + states <= n && r->end - next >= states * GGC_RANS_WORD_BYTES; i += states)
        for (uint32_t k = 0; k < states; k++) {
            const uint32_t at = where[i + k], rest = GGC_CDF_BITS - width[at];
            const uint32_t slot = (uint32_t)x[k] & (GGC_CDF_TOTAL - 1), value = slot >> rest;
            values[at] = value;
            length[k] -= width[at];
            const uint32_t due = length[k] <= GGC_RANS_WORD_BITS, word = ggc_load_word(next) & -due;
            x[k] = (((x[k] >> GGC_CDF_BITS) - value) << rest) + slot; /* as `ggc_rans_get`, without a product */
            x[k] = x[k] << (due * GGC_RANS_WORD_BITS) | word;
            length[k] += due * GGC_RANS_WORD_BITS;
            next += due * GGC_RANS_WORD_BYTES;
        }
    for (uint32_t k = 0; k < states; k++)
        r->x[(r->step + k) & (states - 1)] = x[k];
    r->next = next;
    return i;
}

/* A chunk of values. Those that have bits are gathered without a branch: which they are is hard to predict. */
static void pop_bits(ggc_rans_reader *r, const uint32_t *width, size_t n, uint32_t *values) {
    uint16_t where[GGC_CHUNK + 1];
    uint32_t widest = 0;
    size_t found = 0, i = 0;
    memset(values, 0, n * sizeof *values);
    for (size_t k = 0; k < n; k++)
        widest = width[k] > widest ? width[k] : widest;
    for (size_t k = 0; k < n; k++) {
        where[found] = (uint16_t)k;
        found += width[k] > 0;
    }
    if (widest <= GGC_CDF_BITS && r->live == 2)
        i = take_rounds(r, 2, where, width, found, values);
    else if (widest <= GGC_CDF_BITS && r->live == 4)
        i = take_rounds(r, 4, where, width, found, values);
    for (; i < found; i++)
        values[where[i]] = ggc_rans_take_bits(r, (int)width[where[i]], 1);
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

static void pop_symbols(ggc_rans_reader *r, const ggc_model *m, const uint32_t *contexts, uint32_t context, size_t n,
                        uint16_t *symbols) {
#define POP(kind) pop(r, kind, m, contexts, context, n, symbols)
    GGC_BY_KIND(m, POP)
#undef POP
}

const ggc_rans_loops GGC_VARIANT = {pop_symbols, pop_bits};
