/* rANS as a stack. */
#include <stdlib.h>

#include "ggc/memory.h"
#include "ggc/stack.h"

int ggc_stack_reserve(ggc_rans_stack *s, size_t words) {
    uint32_t *grown = ggc_grown(s->words, s->size, &s->capacity, words, 64, sizeof *grown);
    s->words = grown ? grown : s->words;
    return grown || s->size + words == 0;
}

static GGC_ALWAYS_INLINE uint64_t put(const ggc_reciprocal *table, uint64_t x, uint32_t step, uint32_t **words) {
    const int full = ggc_rans_full(x, step & 0xffff);
    **words = (uint32_t)x; /* whether it counts is hard to predict */
    *words += full;
    return ggc_rans_put(table, full ? x >> GGC_RANS_WORD_BITS : x, step);
}

static GGC_ALWAYS_INLINE void push(ggc_rans_stack *s, const uint32_t states, const ggc_reciprocal *table,
                                   const uint32_t *steps, size_t n) {
    uint32_t *words = s->words + s->size;
    const uint32_t first = s->step - (uint32_t)n;
    for (size_t k = n; k % states;) {
        uint64_t *last = &s->x[(first + (uint32_t)--k) & (states - 1)];
        *last = put(table, *last, steps[k], &words);
    }
    uint64_t x[GGC_RANS_MAX_STATES]; /* of the steps of a round */
    for (uint32_t k = 0; k < states; k++)
        x[k] = s->x[(first + k) & (states - 1)];
    for (size_t k = n - n % states; k > 0; k -= states)
        for (uint32_t i = states; i-- > 0;)
            x[i] = put(table, x[i], steps[k - states + i], &words);
    for (uint32_t k = 0; k < states; k++)
        s->x[(first + k) & (states - 1)] = x[k];
    s->step = first;
    s->size = s->extent = (size_t)(words - s->words);
}

int ggc_stack_push(ggc_rans_stack *s, const ggc_reciprocal *table, const uint32_t *steps, size_t n) {
    /* Each step adds at most 15 bits, and a state holds back fewer than a word; one more is stored and does not count.
     */
    if (!ggc_stack_reserve(s, n / 2 + 2 * GGC_RANS_MAX_STATES))
        return 0;
    if (s->states == 1)
        push(s, 1, table, steps, n);
    else if (s->states == 2)
        push(s, 2, table, steps, n);
    else
        push(s, 4, table, steps, n);
    return 1;
}

/* Symbols of one context of a static model, without steps in between. */
static void push_puts(ggc_rans_stack *s, const ggc_model *m, uint32_t context, const uint16_t *symbols, size_t n) {
    uint64_t x[GGC_RANS_MAX_STATES];
    const uint32_t first = s->step - (uint32_t)n;
    for (uint32_t k = 0; k < s->states; k++)
        x[k] = s->x[(first + k) & (s->states - 1)];
    uint32_t *end =
        ggc_run_variant_of(m->wide)->push(&m->of.fixed, context, symbols, n, s->states, x, s->words + s->size);
    for (uint32_t k = 0; k < s->states; k++)
        s->x[(first + k) & (s->states - 1)] = x[k];
    s->step = first;
    s->size = s->extent = (size_t)(end - s->words);
}

/* A model that does not adapt can be run from the last symbols on, in chunks. */
static int push_static(ggc_rans_stack *s, const ggc_reciprocal *table, const ggc_model *m, const ggc_view *symbols,
                       const ggc_view *contexts, size_t n) {
    uint16_t symbol[GGC_CHUNK];
    uint32_t context[GGC_CHUNK], steps[GGC_CHUNK];
    if (!ggc_stack_reserve(s, n / 2 + (n / GGC_CHUNK + 1) * 2 * GGC_RANS_MAX_STATES))
        return 0;
    if (!contexts->stride)
        ggc_view_read_u32(contexts, 0, 1, m->num_contexts - 1, context);
    const uint32_t only = contexts->stride ? 0 : context[0];
    for (size_t left = n; left > 0;) {
        const size_t chunk = left < GGC_CHUNK ? left : GGC_CHUNK;
        left -= chunk;
        ggc_view_read_u16(symbols, left, chunk, m->num_symbols - 1, symbol);
        if (!contexts->stride && m->of.fixed.puts && m->num_symbols > 1 && s->x[0] > 0) {
            push_puts(s, m, only, symbol, chunk);
            continue;
        }
        if (contexts->stride)
            ggc_view_read_u32(contexts, left, chunk, m->num_contexts - 1, context);
        ggc_model_run(m, symbol, contexts->stride ? context : NULL, only, chunk, steps);
        ggc_stack_push(s, table, steps, chunk);
    }
    return 1;
}

int ggc_stack_push_symbols(ggc_rans_stack *s, const ggc_reciprocal *table, const ggc_model *m, const ggc_view *symbols,
                           const ggc_view *contexts, size_t n) {
    if (m->kind == GGC_STATIC)
        return push_static(s, table, m, symbols, contexts, n);
    ggc_step_log log = {0};
    if (!ggc_stack_reserve(s, n / 2 + 2 * GGC_RANS_MAX_STATES) || !ggc_log_symbols(&log, m, symbols, contexts, n))
        return 0;
    ggc_stack_push(s, table, log.steps, n);
    free(log.steps);
    return 1;
}

static inline void refill(ggc_rans_stack *s, uint64_t *x) {
    if (*x >= GGC_RANS_LOWER)
        return;
    if (s->size)
        *x = *x << GGC_RANS_WORD_BITS | s->words[--s->size];
    else if (s->states > 1)
        s->dry = 1;
}

static GGC_ALWAYS_INLINE void pop(ggc_rans_stack *s, const ggc_kind kind, const ggc_model *model,
                                  const uint32_t *contexts, uint32_t context, size_t n, uint16_t *symbols) {
    const ggc_model copy = *model, *m = &copy; /* which the stores below cannot alias */
    ggc_cursor c;
    ggc_cursor_init(kind, m, &c);
    if (!contexts)
        ggc_cursor_open(kind, m, context, &c);
    for (size_t i = 0; i < n && !s->dry; i++) {
        ggc_interval at;
        uint64_t *x = &s->x[s->step & (s->states - 1)];
        if (contexts)
            ggc_cursor_open(kind, m, contexts[i], &c);
        symbols[i] = (uint16_t)ggc_find(kind, m, &c, (uint32_t)*x & (GGC_CDF_TOTAL - 1), &at);
        if (contexts)
            ggc_cursor_close(kind, m, &c);
        *x = ggc_rans_get(*x, at);
        refill(s, x);
        s->step++;
    }
    if (!contexts)
        ggc_cursor_close(kind, m, &c);
}

void ggc_stack_pop_symbols(ggc_rans_stack *s, const ggc_model *m, const ggc_view *contexts, size_t n,
                           const ggc_view *symbols) {
    uint16_t symbol[GGC_CHUNK];
    uint32_t context[GGC_CHUNK];
    if (!contexts->stride)
        ggc_view_read_u32(contexts, 0, 1, m->num_contexts - 1, context);
    const uint32_t only = contexts->stride ? 0 : context[0];
    for (size_t begin = 0; begin < n && !s->dry; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        if (contexts->stride)
            ggc_view_read_u32(contexts, begin, chunk, m->num_contexts - 1, context);
#define POP(kind) pop(s, kind, m, contexts->stride ? context : NULL, only, chunk, symbol)
        GGC_BY_KIND(m, POP)
#undef POP
        if (!s->dry)
            ggc_view_write_u16(symbols, begin, chunk, symbol);
    }
}

static uint32_t take_bits(ggc_rans_stack *s, int width) {
    uint32_t value = 0;
    while (width > 0) {
        const int bits = width < GGC_CDF_BITS ? width : GGC_CDF_BITS;
        uint64_t *x = &s->x[s->step++ & (s->states - 1)];
        const uint32_t chunk = (uint32_t)(*x & (GGC_CDF_TOTAL - 1)) >> (GGC_CDF_BITS - bits);
        *x = ggc_rans_get(*x, (ggc_interval){chunk << (GGC_CDF_BITS - bits), 1u << (GGC_CDF_BITS - bits)});
        refill(s, x);
        value = value << bits | chunk;
        width -= bits;
    }
    return value;
}

void ggc_stack_pop_bits(ggc_rans_stack *s, const ggc_view *widths, size_t n, uint32_t *values) {
    for (size_t i = 0; i < n && !s->dry; i++) {
        uint32_t width;
        ggc_view_read_u32(widths, i, 1, 32, &width);
        values[i] = take_bits(s, (int)width);
    }
}

int ggc_stack_pop_exp_golomb(ggc_rans_stack *s, int order, size_t n, uint32_t *values) {
    for (size_t i = 0; i < n && !s->dry; i++) {
        int width = order;
        while (!s->dry && take_bits(s, 1) == 0)
            if (++width > 32)
                return 0;
        const uint64_t value = ((uint64_t)1 << width | take_bits(s, width)) - ((uint64_t)1 << order);
        if (value > UINT32_MAX)
            return 0;
        values[i] = (uint32_t)value;
    }
    return 1;
}

void ggc_stack_store(const ggc_rans_stack *s, uint8_t *bytes) {
    for (size_t k = s->size; k-- > 0; bytes += GGC_RANS_WORD_BYTES)
        ggc_store_word(bytes, s->words[k]);
}
