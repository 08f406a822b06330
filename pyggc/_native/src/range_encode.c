/* The range encoder: the range narrows at once, and the bytes that no carry can change any more are not known. */
#include <stdlib.h>
#include <string.h>

#include "ggc/memory.h"
#include "ggc/range_steps.h"

const ggc_range_loops *ggc_range_loops_of(int baseline) {
#if defined(__x86_64__)
    if (!baseline && ggc_run_wide())
        return &ggc_range_avx2;
#endif
    (void)baseline;
    return &ggc_range_baseline;
}

void ggc_range_start(ggc_range_writer *w, ggc_partition partition, const ggc_range_loops *loops) {
    w->low = 0;
    w->range = 1u << (ggc_range_bits(partition) - 1);
    w->pending = -1;
    w->partition = partition;
    w->loops = loops;
    w->size = 0;
}

int ggc_range_reserve(ggc_range_writer *w, size_t bytes) {
    uint8_t *grown = ggc_grown(w->data, w->size, &w->capacity, bytes, 256, 1);
    w->data = grown ? grown : w->data;
    return grown || w->size + bytes == 0;
}

static GGC_ALWAYS_INLINE void put_bits(ggc_range_cursor *c, const int bits, uint32_t value, int width) {
    while (width > 0) {
        const int step = width < GGC_RANGE_CHUNK ? width : GGC_RANGE_CHUNK;
        width -= step;
        ggc_range_put_chunk(c, bits, (value >> width) & ((1u << step) - 1), step);
    }
}

/* No step takes more than two bytes: 15 bits, 16 of the wide range, where a unit of fl is at least 2^7 wide. A word
 * more may come out of what was pending. */
#define GGC_STEP_BYTES 2
#define GGC_SPARE_BYTES 8

int ggc_range_push(ggc_range_writer *w, const ggc_model *m, const ggc_view *symbols, const ggc_view *contexts,
                   size_t n) {
    uint16_t symbol[GGC_CHUNK];
    uint32_t context[GGC_CHUNK], steps[GGC_CHUNK], totals[GGC_CHUNK];
    if (!ggc_range_reserve(w, GGC_STEP_BYTES * n + GGC_SPARE_BYTES))
        return 0;
    if (!contexts->stride)
        ggc_view_read_u32(contexts, 0, 1, m->num_contexts - 1, context);
    const uint32_t only = contexts->stride ? 0 : context[0];
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u16(symbols, begin, chunk, m->num_symbols - 1, symbol);
        if (contexts->stride)
            ggc_view_read_u32(contexts, begin, chunk, m->num_contexts - 1, context);
        if (w->partition == GGC_MULTIPLY)
            ggc_model_run(m, symbol, contexts->stride ? context : NULL, only, chunk, steps);
        else
            ggc_model_run_native(m, symbol, contexts->stride ? context : NULL, only, chunk, steps, totals);
        w->loops->put(w, steps, totals, chunk);
    }
    return 1;
}

int ggc_range_push_bits(ggc_range_writer *w, const ggc_view *values, const ggc_view *widths, size_t n) {
    uint32_t value[GGC_CHUNK], width[GGC_CHUNK];
    if (!ggc_range_reserve(w, 4 * n + GGC_SPARE_BYTES))
        return 0;
    ggc_range_cursor c = ggc_range_resume(w);
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(values, begin, chunk, UINT32_MAX, value);
        ggc_view_read_u32(widths, begin, chunk, GGC_MAX_RAW, width);
        for (size_t i = 0; i < chunk; i++)
            put_bits(&c, ggc_range_bits(w->partition), value[i], (int)width[i]);
    }
    ggc_range_suspend(w, &c);
    return 1;
}

int ggc_range_push_exp_golomb(ggc_range_writer *w, const ggc_view *values, int order, size_t n) {
    uint32_t value[GGC_CHUNK];
    if (!ggc_range_reserve(w, 9 * n + GGC_SPARE_BYTES)) /* 33 bits of prefix and 32 of the rest */
        return 0;
    ggc_range_cursor c = ggc_range_resume(w);
    const int bits = ggc_range_bits(w->partition);
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(values, begin, chunk, UINT32_MAX, value);
        for (size_t i = 0; i < chunk; i++) {
            const uint64_t shifted = value[i] + ((uint64_t)1 << order);
            const int width = 63 - __builtin_clzll(shifted);
            put_bits(&c, bits, 0, width - order);
            put_bits(&c, bits, 1, 1);
            put_bits(&c, bits, (uint32_t)(shifted & (((uint64_t)1 << width) - 1)), width);
        }
    }
    ggc_range_suspend(w, &c);
    return 1;
}

void ggc_range_finish(const ggc_range_writer *w, uint8_t *target) {
    const int rest = ggc_range_bits(w->partition) - 1, kept = w->pending + 1, bytes = (kept + 7) / 8;
    /* The least multiple of 2^rest that is not below low: it is below low + range, which is more than 2^rest wide. */
    const uint64_t code = ((w->low + ((uint64_t)1 << rest) - 1) >> rest) << (8 * bytes - kept);
    if (w->size)
        memcpy(target, w->data, w->size);
    if (code >> (8 * bytes))
        ggc_range_carry(target + w->size);
    for (int i = 0; i < bytes; i++)
        target[w->size + (size_t)i] = (uint8_t)(code >> 8 * (bytes - 1 - i));
}
