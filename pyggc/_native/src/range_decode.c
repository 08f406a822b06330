/* The range decoder: opening a stream, raw bits, and the loops that run models over it. */
#include "ggc/range.h"

static inline uint64_t load_be64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

void ggc_range_open(ggc_range_reader *r, const uint8_t *data, size_t size, ggc_partition partition) {
    *r = (ggc_range_reader){
        .range = 1u << (ggc_range_bits(partition) - 1), .count = 1, .data = data, .size = size, .partition = partition};
}

/* Fills the window to 56 bits at least and 63 at most, with zeros past the end. Three steps of 16 bits fit in between:
 * before the third of them 56 - 32 bits are there, as many as the widest range has. */
#define GGC_STEPS_A_FILL 3

static GGC_ALWAYS_INLINE void refill(ggc_range_reader *r) {
    for (; r->count < 56; r->count += 8, r->position++)
        if (r->position < r->size)
            r->window |= (uint64_t)r->data[r->position] << (56 - r->count);
}

/* The same where eight bytes are there, without a branch. Bits that did not count come a second time, as they were. */
static GGC_ALWAYS_INLINE void refill_fast(ggc_range_reader *r) {
    r->window |= load_be64(r->data + r->position) >> r->count;
    r->position += (size_t)(63 - r->count) >> 3;
    r->count |= 56;
}

static inline int is_dry(const ggc_range_reader *r) {
    return ggc_range_bits_read(r) > 8 * (uint64_t)r->size;
}

/* Takes the part of the range that holds the code. */
static GGC_ALWAYS_INLINE void narrow(ggc_range_reader *r, const int bits, uint32_t start, uint32_t end) {
    const uint32_t range = end - start;
    const int shift = __builtin_clz(range) - (32 - bits);
    r->window = (r->window - ((uint64_t)start << (64 - bits))) << shift;
    r->range = range << shift;
    r->count -= shift;
}

static uint32_t take_bits(ggc_range_reader *r, int width) {
    const int bits = ggc_range_bits(r->partition);
    uint32_t value = 0;
    while (width > 0 && r->status == GGC_RANGE_OK) {
        const int step = width < GGC_RANGE_CHUNK ? width : GGC_RANGE_CHUNK;
        refill(r);
        /* As many doublings as bits, each of which tells a bit by whether the range still holds the code. */
        const uint64_t scaled = r->window >> (64 - bits - step);
        const uint32_t chunk = step == 1 ? scaled >= r->range : (uint32_t)(scaled / r->range);
        const uint64_t rest = scaled - (uint64_t)chunk * r->range;
        r->window = ((r->window << step) & (((uint64_t)1 << (64 - bits)) - 1)) | rest << (64 - bits);
        r->count -= step;
        value = value << step | chunk;
        width -= step;
        if (is_dry(r))
            r->status = GGC_RANGE_TRUNCATED;
    }
    return value;
}

void ggc_range_pop_bits(ggc_range_reader *r, const ggc_view *widths, size_t n, uint32_t *values) {
    uint32_t width[GGC_CHUNK];
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(widths, begin, chunk, GGC_MAX_RAW, width);
        for (size_t i = 0; i < chunk; i++)
            values[begin + i] = take_bits(r, (int)width[i]);
        if (r->status != GGC_RANGE_OK)
            return;
    }
}

void ggc_range_pop_exp_golomb(ggc_range_reader *r, int order, size_t n, uint32_t *values) {
    for (size_t i = 0; i < n; i++) {
        int width = order;
        while (r->status == GGC_RANGE_OK && take_bits(r, 1) == 0)
            if (++width > 32)
                r->status = GGC_RANGE_BAD_CODE;
        const uint64_t value = ((uint64_t)1 << width | take_bits(r, width)) - ((uint64_t)1 << order);
        if (r->status == GGC_RANGE_OK && value > UINT32_MAX)
            r->status = GGC_RANGE_BAD_CODE;
        if (r->status != GGC_RANGE_OK)
            return;
        values[i] = (uint32_t)value;
    }
}

/* (R fl) >> 15 of all lanes, R itself in those that hold the total: there fl << 1 is 0 in 16 bits, and so is the
 * product. */
static GGC_ALWAYS_INLINE ggc_cdf cut_lanes(ggc_cdf cdf, ggc_cdf is_total, uint32_t range) {
    for (int p = 0; p < GGC_PARTS; p++) {
        const ggc_u16_part r = (ggc_u16_part){0} + (uint16_t)range, twice = cdf.part[p] << 1;
#if defined(__SSE2__)
        const ggc_u16_part product = (ggc_u16_part)_mm_mulhi_epu16((__m128i)twice, (__m128i)r);
#else
        ggc_u16_part product;
        for (int j = 0; j < GGC_PART_LANES; j++)
            product[j] = (uint16_t)((uint32_t)twice[j] * r[j] >> 16);
#endif
        cdf.part[p] = product | (r & is_total.part[p]);
    }
    return cdf;
}

/* What the loops need of a model besides its cursor. */
typedef struct {
    uint16_t cuts[2 * GGC_LANES] __attribute__((aligned(64))); /* a 0 before the lanes, which are aligned */
    ggc_cdf is_total;
} scratch;

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
                                          const ggc_model *m, ggc_cursor *c, scratch *s) {
    const int bits = ggc_range_bits(partition);
    const uint32_t code = (uint32_t)(r->window >> (64 - bits));
    uint32_t symbol, step;
    if (partition == GGC_MULTIPLY && (kind == GGC_DYADIC || kind == GGC_DYADIC_MIXED)) {
        uint16_t *cuts = s->cuts + GGC_LANES;
        const ggc_cdf cut = cut_lanes(ggc_dyadic_coded(ggc_num_rates(kind), &c->dyadic), s->is_total, r->range);
        const ggc_cdf below = ggc_below_slot(cut, code);
        ggc_store_cdf(cuts, cut);
        symbol = ggc_count_below(below);
        const uint32_t start = *(cuts + symbol - 1), end = cuts[symbol];
        ggc_dyadic_adapt(&m->of.dyadic, ggc_num_rates(kind), &c->bounds, below, &c->dyadic);
        narrow(r, bits, start, end);
        return symbol;
    }
    if (partition == GGC_MULTIPLY && kind == GGC_STATIC) {
        symbol = static_symbol(m, c->context, r->range, code);
        step = m->of.fixed.steps[(size_t)c->context * m->num_symbols + symbol];
        const uint32_t start = ggc_part_multiply(r->range, step >> 16);
        narrow(r, bits, start, ggc_part_multiply(r->range, (step >> 16) + (step & 0xffff)));
        return symbol;
    }
    const uint32_t total = partition == GGC_MULTIPLY ? GGC_CDF_TOTAL : ggc_total(kind, m, c);
    const uint32_t slot = ggc_part_slot(partition, r->range, code, total);
    symbol = partition == GGC_MULTIPLY ? ggc_find(kind, m, c, slot, &step) : ggc_find_native(kind, m, c, slot, &step);
    const uint32_t start = ggc_part(partition, r->range, step >> 16, total);
    narrow(r, bits, start, ggc_part(partition, r->range, (step >> 16) + (step & 0xffff), total));
    return symbol;
}

static GGC_ALWAYS_INLINE void pop(ggc_range_reader *reader, const ggc_partition partition, const ggc_kind kind,
                                  const ggc_model *m, const uint32_t *contexts, uint32_t context, size_t n,
                                  uint16_t *symbols) {
    ggc_range_reader r = *reader; /* in registers */
    ggc_cursor c;
    scratch s;
    size_t i = 0;
    ggc_cursor_init(kind, m, &c);
    if (kind == GGC_DYADIC || kind == GGC_DYADIC_MIXED) {
        s.cuts[GGC_LANES - 1] = 0;
        for (int p = 0; p < GGC_PARTS; p++)
            s.is_total.part[p] =
                (ggc_u16_part)(c.bounds.index.part[p] >= ((ggc_u16_part){0} + (uint16_t)(m->num_symbols - 1)));
    }
    if (!contexts)
        ggc_cursor_open(kind, m, context, &c);
    for (; i + GGC_STEPS_A_FILL <= n && r.position + 8 <= r.size; i += GGC_STEPS_A_FILL) {
        refill_fast(&r);
        for (int k = 0; k < GGC_STEPS_A_FILL; k++) {
            if (contexts)
                ggc_cursor_open(kind, m, contexts[i + (size_t)k], &c);
            symbols[i + (size_t)k] = (uint16_t)pop_one(&r, partition, kind, m, &c, &s);
            if (contexts)
                ggc_cursor_close(kind, m, &c);
        }
    }
    for (; i < n && r.status == GGC_RANGE_OK; i++) {
        if (contexts)
            ggc_cursor_open(kind, m, contexts[i], &c);
        refill(&r);
        symbols[i] = (uint16_t)pop_one(&r, partition, kind, m, &c, &s);
        if (contexts)
            ggc_cursor_close(kind, m, &c);
        if (is_dry(&r))
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

void ggc_range_pop(ggc_range_reader *r, const ggc_model *m, const ggc_view *contexts, size_t n,
                   const ggc_view *symbols) {
    uint16_t symbol[GGC_CHUNK];
    uint32_t context[GGC_CHUNK];
    if (!contexts->stride)
        ggc_view_read_u32(contexts, 0, 1, m->num_contexts - 1, context);
    const uint32_t only = contexts->stride ? 0 : context[0];
    for (size_t begin = 0; begin < n && r->status == GGC_RANGE_OK; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        if (contexts->stride)
            ggc_view_read_u32(contexts, begin, chunk, m->num_contexts - 1, context);
        pop_symbols(r, m, contexts->stride ? context : NULL, only, chunk, symbol);
        if (r->status == GGC_RANGE_OK)
            ggc_view_write_u16(symbols, begin, chunk, symbol);
    }
}

uint32_t ggc_range_code(const ggc_range_reader *r) {
    ggc_range_reader full = *r;
    refill(&full);
    return (uint32_t)(full.window >> (64 - ggc_range_bits(r->partition)));
}

int ggc_range_ends(const ggc_range_reader *r) {
    const uint64_t padding = 8 * (uint64_t)r->size - ggc_range_bits_read(r); /* below 8 */
    const int is_padded = padding == 0 || (r->data[r->size - 1] & ((1u << padding) - 1)) == 0;
    return is_padded && ggc_range_code(r) >> (ggc_range_bits(r->partition) - 1) == 0;
}
