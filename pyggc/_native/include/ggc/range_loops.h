/* The loops of the range coder over symbols.
 *
 * Included once by each SIMD variant, which first chooses its target and defines GGC_VARIANT, its name.
 */
#include "range_steps.h"

static GGC_ALWAYS_INLINE void put_steps(ggc_range_writer *w, const ggc_partition partition, const uint32_t *steps,
                                        const uint32_t *totals, size_t n) {
    ggc_range_cursor c = ggc_range_resume(w);
    for (size_t i = 0; i < n; i++) {
        const uint32_t total = partition == GGC_MULTIPLY ? GGC_CDF_TOTAL : totals[i], start = steps[i] >> 16;
        const uint32_t cut = ggc_part(partition, c.range, start, total);
        ggc_range_put(&c, ggc_range_bits(partition), cut,
                      ggc_part(partition, c.range, start + (steps[i] & 0xffff), total));
    }
    ggc_range_suspend(w, &c);
}

/* (R fl) >> 15 of all lanes, R itself in those that hold the total: there fl << 1 is 0 in 16 bits, and so is the
 * product. */
static GGC_ALWAYS_INLINE ggc_cdf cut_lanes(ggc_cdf cdf, ggc_cdf is_total, uint32_t range) {
    for (int p = 0; p < GGC_PARTS; p++) {
        const ggc_u16_part r = (ggc_u16_part){0} + (uint16_t)range, twice = cdf.part[p] << 1;
        cdf.part[p] = ggc_high_product(twice, r) | (r & is_total.part[p]);
    }
    return cdf;
}

/* The reciprocals of ranges by their upper bits, rounded down: they never give a slot that is too high. */
#define GGC_HINT_BITS 9
#define H1(i) (uint16_t)(0x7fffffffu / (0x8000u + ((i) + 1u) * (0x8000u >> GGC_HINT_BITS)))
#define H8(i) H1(i), H1((i) + 1), H1((i) + 2), H1((i) + 3), H1((i) + 4), H1((i) + 5), H1((i) + 6), H1((i) + 7)
#define H64(i) H8(i), H8((i) + 8), H8((i) + 16), H8((i) + 24), H8((i) + 32), H8((i) + 40), H8((i) + 48), H8((i) + 56)
static const uint16_t reciprocals[1 << GGC_HINT_BITS] = {H64(0),   H64(64),  H64(128), H64(192),
                                                         H64(256), H64(320), H64(384), H64(448)};

/* The symbol of a static model whose part of the range holds c: from a guess that is at most a few symbols low. */
static GGC_ALWAYS_INLINE uint32_t static_symbol(const ggc_model *m, uint32_t context, uint32_t range, uint32_t c) {
    const ggc_static *f = &m->of.fixed;
    const uint16_t *ends = f->ends + (size_t)context * m->num_symbols;
    const uint32_t slot =
        c * reciprocals[(range >> (GGC_CDF_BITS - GGC_HINT_BITS)) & ((1u << GGC_HINT_BITS) - 1)] >> 16;
    uint32_t symbol = f->first[((size_t)context << f->lookup_bits) + (slot >> (GGC_CDF_BITS - f->lookup_bits))];
    while (ggc_part_multiply(range, ends[symbol]) <= c)
        symbol++;
    return symbol;
}

/* Decodes one symbol from a window that is full enough. */
static GGC_ALWAYS_INLINE uint32_t pop_one(ggc_range_reader *r, const ggc_partition partition, const ggc_kind kind,
                                          const ggc_model *m, ggc_cursor *c, ggc_cdf is_total) {
    const int bits = ggc_range_bits(partition);
    const uint32_t code = (uint32_t)(r->window >> (64 - bits));
    uint32_t symbol;
    if (partition == GGC_MULTIPLY && ggc_has_lanes(kind)) {
        const ggc_cdf cut = cut_lanes(ggc_coded(kind, m, c), is_total, r->range);
        const ggc_cdf below = ggc_below_slot(cut, code);
        ggc_ends room;
        const uint16_t *cuts = ggc_spread_cdf(&room, cut);
        symbol = ggc_count_below(below);
        const uint32_t start = *(cuts + symbol - 1), end = cuts[symbol];
        ggc_adapt_lanes(kind, m, c, below, symbol);
        ggc_range_narrow(r, bits, start, end);
        return symbol;
    }
    if (partition == GGC_MULTIPLY && kind == GGC_STATIC) {
        symbol = static_symbol(m, c->context, r->range, code);
        const uint32_t step = m->of.fixed.steps[(size_t)c->context * m->num_symbols + symbol];
        const uint32_t start = ggc_part_multiply(r->range, step >> 16);
        ggc_range_narrow(r, bits, start, ggc_part_multiply(r->range, (step >> 16) + (step & 0xffff)));
        return symbol;
    }
    const uint32_t total = partition == GGC_MULTIPLY ? GGC_CDF_TOTAL : ggc_total(kind, m, c);
    const uint32_t slot = ggc_part_slot(partition, r->range, code, total);
    ggc_interval at;
    symbol = partition == GGC_MULTIPLY ? ggc_find(kind, m, c, slot, &at) : ggc_find_native(kind, m, c, slot, &at);
    const uint32_t start = ggc_part(partition, r->range, at.start, total);
    ggc_range_narrow(r, bits, start, ggc_part(partition, r->range, at.start + at.frequency, total));
    return symbol;
}

static GGC_ALWAYS_INLINE void pop(ggc_range_reader *reader, const ggc_partition partition, const ggc_kind kind,
                                  const ggc_model *m, const uint32_t *contexts, uint32_t context, size_t n,
                                  uint16_t *symbols) {
    ggc_range_reader r = *reader; /* in registers */
    ggc_cursor c;
    ggc_cdf is_total = {0};
    size_t i = 0;
    ggc_cursor_init(kind, m, &c);
    if (ggc_has_lanes(kind)) {
        for (int p = 0; p < GGC_PARTS; p++)
            is_total.part[p] =
                (ggc_u16_part)(c.bounds.index.part[p] >= ((ggc_u16_part){0} + (uint16_t)(m->num_symbols - 1)));
    }
    if (!contexts)
        ggc_cursor_open(kind, m, context, &c);
    for (; i + GGC_STEPS_A_FILL <= n && r.position + 8 <= r.size; i += GGC_STEPS_A_FILL) {
        ggc_range_fill_fast(&r);
        for (int k = 0; k < GGC_STEPS_A_FILL; k++) {
            if (contexts)
                ggc_cursor_open(kind, m, contexts[i + (size_t)k], &c);
            symbols[i + (size_t)k] = (uint16_t)pop_one(&r, partition, kind, m, &c, is_total);
            if (contexts)
                ggc_cursor_close(kind, m, &c);
        }
    }
    for (; i < n && r.status == GGC_RANGE_OK; i++) {
        if (contexts)
            ggc_cursor_open(kind, m, contexts[i], &c);
        ggc_range_fill(&r);
        symbols[i] = (uint16_t)pop_one(&r, partition, kind, m, &c, is_total);
        if (contexts)
            ggc_cursor_close(kind, m, &c);
        if (ggc_range_is_dry(&r))
            r.status = GGC_RANGE_TRUNCATED;
    }
    if (!contexts)
        ggc_cursor_close(kind, m, &c);
    *reader = r;
}

static void pop_symbols(ggc_range_reader *r, const ggc_model *m, const uint32_t *contexts, uint32_t context, size_t n,
                        uint16_t *symbols) {
#define POP_KIND(partition, kind) pop(r, partition, kind, m, contexts, context, n, symbols)
#define POP_MULTIPLY(kind) POP_KIND(GGC_MULTIPLY, kind)
#define POP_DIVISION(kind) POP_KIND(GGC_DIVISION, kind)
#define POP_SIMPLE(kind) POP_KIND(GGC_SIMPLE, kind)
#define POP_REDUCED(kind) POP_KIND(GGC_REDUCED, kind)
    switch (r->partition) {
    case GGC_MULTIPLY:
        GGC_BY_KIND(m, POP_MULTIPLY)
        break;
    case GGC_DIVISION:
        GGC_BY_KIND(m, POP_DIVISION)
        break;
    case GGC_SIMPLE:
        GGC_BY_KIND(m, POP_SIMPLE)
        break;
    case GGC_REDUCED:
        GGC_BY_KIND(m, POP_REDUCED)
        break;
    }
}

/* Codes steps, with a total each unless the partition is GGC_MULTIPLY. */
static void put_symbols(ggc_range_writer *w, const uint32_t *steps, const uint32_t *totals, size_t n) {
#define PUT(partition) put_steps(w, partition, steps, totals, n)
    GGC_BY_PARTITION(w->partition, PUT)
#undef PUT
}

const ggc_range_loops GGC_VARIANT = {put_symbols, pop_symbols};
