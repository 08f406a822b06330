/* The range decoder: opening a stream, raw bits, and the loops that run models over it. */
#include "ggc/range_steps.h"

void ggc_range_open(ggc_range_reader *r, const uint8_t *data, size_t size, ggc_partition partition,
                    const ggc_range_loops *loops) {
    *r = (ggc_range_reader){.range = 1u << (ggc_range_bits(partition) - 1),
                            .count = 1,
                            .data = data,
                            .size = size,
                            .partition = partition,
                            .loops = loops};
}

static uint32_t take_bits(ggc_range_reader *r, int width) {
    const int bits = ggc_range_bits(r->partition);
    uint32_t value = 0;
    while (width > 0 && r->status == GGC_RANGE_OK) {
        const int step = width < GGC_RANGE_CHUNK ? width : GGC_RANGE_CHUNK;
        ggc_range_fill(r);
        /* As many doublings as bits, each of which tells a bit by whether the range still holds the code. */
        const uint64_t scaled = r->window >> (64 - bits - step);
        const uint32_t chunk = step == 1 ? scaled >= r->range : (uint32_t)(scaled / r->range);
        const uint64_t rest = scaled - (uint64_t)chunk * r->range;
        r->window = ((r->window << step) & (((uint64_t)1 << (64 - bits)) - 1)) | rest << (64 - bits);
        r->count -= step;
        value = value << step | chunk;
        width -= step;
        if (ggc_range_is_dry(r))
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
        r->loops->pop(r, m, contexts->stride ? context : NULL, only, chunk, symbol);
        if (r->status == GGC_RANGE_OK)
            ggc_view_write_u16(symbols, begin, chunk, symbol);
    }
}

uint32_t ggc_range_code(const ggc_range_reader *r) {
    ggc_range_reader full = *r;
    ggc_range_fill(&full);
    return (uint32_t)(full.window >> (64 - ggc_range_bits(r->partition)));
}

int ggc_range_ends(const ggc_range_reader *r) {
    const uint64_t padding = 8 * (uint64_t)r->size - ggc_range_bits_read(r); /* below 8 */
    const int is_padded = padding == 0 || (r->data[r->size - 1] & ((1u << padding) - 1)) == 0;
    return is_padded && ggc_range_code(r) >> (ggc_range_bits(r->partition) - 1) == 0;
}
