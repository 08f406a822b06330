/* The range encoder: the range narrows at once, and the bytes that no carry can change any more are not known. */
#include <stdlib.h>
#include <string.h>

#include "ggc/range.h"

void ggc_range_start(ggc_range_writer *w, ggc_partition partition) {
    w->low = 0;
    w->range = 1u << (ggc_range_bits(partition) - 1);
    w->pending = -1;
    w->partition = partition;
    w->size = 0;
}

int ggc_range_reserve(ggc_range_writer *w, size_t bytes) {
    size_t wanted = w->size + bytes;
    if (wanted <= w->capacity)
        return 1;
    wanted = wanted > 2 * w->capacity ? wanted : 2 * w->capacity;
    wanted = wanted > 256 ? wanted : 256;
    uint8_t *grown = realloc(w->data, wanted);
    if (!grown)
        return 0;
    w->data = grown;
    w->capacity = wanted;
    return 1;
}

/* Adds to the bytes before `end`. They are a number below 2^bits of a code that never overflows, so the carry stops. */
static void carry(uint8_t *end) {
    do
        --end;
    while (++*end == 0);
}

/* Bits are given out so many at a time: with the 15 or 16 of one step more, and a carry, low has 64 at most. */
static GGC_ALWAYS_INLINE int word_bits(const int bits) {
    return bits == GGC_RANGE_BITS ? 32 : 16;
}

/* What changes with each step, in registers. */
typedef struct {
    uint64_t low;
    uint32_t range;
    int pending;
    uint8_t *next;
} cursor;

/* low <<= shift, and the word that is complete goes out. */
static GGC_ALWAYS_INLINE void shift_low(cursor *c, const int bits, int shift) {
    const int word = word_bits(bits);
    c->low <<= shift;
    c->pending += shift;
    if (c->pending >= word) {
        const int rest = bits + c->pending - word;
        const uint64_t out = c->low >> rest;
        if (__builtin_expect(out >> word != 0, 0))
            carry(c->next);
        for (int i = word - 8; i >= 0; i -= 8)
            *c->next++ = (uint8_t)(out >> i);
        c->low &= ((uint64_t)1 << rest) - 1;
        c->pending -= word;
    }
}

static GGC_ALWAYS_INLINE void put(cursor *c, const int bits, uint32_t start, uint32_t end) {
    const uint32_t range = end - start;
    const int shift = __builtin_clz(range) - (32 - bits);
    c->low += start;
    c->range = range << shift;
    shift_low(c, bits, shift);
}

/* A raw value of at most GGC_RANGE_CHUNK bits: the range is scaled up by all of its values, and one of them kept. */
static GGC_ALWAYS_INLINE void put_chunk(cursor *c, const int bits, uint32_t value, int width) {
    c->low <<= width;
    c->pending += width;
    c->low += (uint64_t)c->range * value;
    shift_low(c, bits, 0);
}

static GGC_ALWAYS_INLINE void put_bits(cursor *c, const int bits, uint32_t value, int width) {
    while (width > 0) {
        const int step = width < GGC_RANGE_CHUNK ? width : GGC_RANGE_CHUNK;
        width -= step;
        put_chunk(c, bits, (value >> width) & ((1u << step) - 1), step);
    }
}

static GGC_ALWAYS_INLINE cursor open_writer(const ggc_range_writer *w) {
    return (cursor){w->low, w->range, w->pending, w->data + w->size};
}

static GGC_ALWAYS_INLINE void close_writer(ggc_range_writer *w, const cursor *c) {
    w->low = c->low, w->range = c->range, w->pending = c->pending;
    w->size = (size_t)(c->next - w->data);
}

static GGC_ALWAYS_INLINE void put_steps(ggc_range_writer *w, const ggc_partition partition, const uint32_t *steps,
                                        const uint32_t *totals, size_t n) {
    cursor c = open_writer(w);
    for (size_t i = 0; i < n; i++) {
        const uint32_t total = partition == GGC_MULTIPLY ? GGC_CDF_TOTAL : totals[i], start = steps[i] >> 16;
        const uint32_t cut = ggc_part(partition, c.range, start, total);
        put(&c, ggc_range_bits(partition), cut, ggc_part(partition, c.range, start + (steps[i] & 0xffff), total));
    }
    close_writer(w, &c);
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
#define PUT(partition) put_steps(w, partition, steps, totals, chunk)
        GGC_BY_PARTITION(w->partition, PUT)
#undef PUT
    }
    return 1;
}

int ggc_range_push_bits(ggc_range_writer *w, const ggc_view *values, const ggc_view *widths, size_t n) {
    uint32_t value[GGC_CHUNK], width[GGC_CHUNK];
    if (!ggc_range_reserve(w, 4 * n + GGC_SPARE_BYTES))
        return 0;
    cursor c = open_writer(w);
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(values, begin, chunk, UINT32_MAX, value);
        ggc_view_read_u32(widths, begin, chunk, GGC_MAX_RAW, width);
        for (size_t i = 0; i < chunk; i++)
            put_bits(&c, ggc_range_bits(w->partition), value[i], (int)width[i]);
    }
    close_writer(w, &c);
    return 1;
}

int ggc_range_push_exp_golomb(ggc_range_writer *w, const ggc_view *values, int order, size_t n) {
    uint32_t value[GGC_CHUNK];
    if (!ggc_range_reserve(w, 9 * n + GGC_SPARE_BYTES)) /* 33 bits of prefix and 32 of the rest */
        return 0;
    cursor c = open_writer(w);
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
    close_writer(w, &c);
    return 1;
}

void ggc_range_finish(const ggc_range_writer *w, uint8_t *target) {
    const int rest = ggc_range_bits(w->partition) - 1, kept = w->pending + 1, bytes = (kept + 7) / 8;
    /* The least multiple of 2^rest that is not below low: it is below low + range, which is more than 2^rest wide. */
    const uint64_t code = ((w->low + ((uint64_t)1 << rest) - 1) >> rest) << (8 * bytes - kept);
    memcpy(target, w->data, w->size);
    if (code >> (8 * bytes))
        carry(target + w->size);
    for (int i = 0; i < bytes; i++)
        target[w->size + (size_t)i] = (uint8_t)(code >> 8 * (bytes - 1 - i));
}
