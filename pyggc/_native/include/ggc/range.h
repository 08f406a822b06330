/* A range coder of multi-symbol alphabets: [low, low + range) narrowed by each symbol, renormalized bit by bit.
 *
 * docs/spec_entropy_range.rst is normative. The range R keeps its top bit, the top one of GGC_RANGE_BITS (of
 * GGC_WIDE_BITS where a division partitions it). A partition function turns an end fl of an interval of a total ft into
 * an end r of a part of the range; all of them have r(0) = 0, r(ft) = R and r(fl + 1) > r(fl), so no symbol is ever
 * lost.
 */
#ifndef GGC_RANGE_H
#define GGC_RANGE_H

#include <stddef.h>
#include <stdint.h>

#include "model.h"
#include "views.h"

#define GGC_RANGE_BITS 16
#define GGC_WIDE_BITS 24
#define GGC_WIDE_TOTAL 0xffffu /* the largest total that a division partitions */
#define GGC_RANGE_CHUNK 15     /* the most raw bits of one step */

typedef enum { GGC_MULTIPLY, GGC_DIVISION, GGC_SIMPLE, GGC_REDUCED } ggc_partition;

/* Runs `loop(partition)` with the partition as a constant. */
#define GGC_BY_PARTITION(partition, loop)                                                                              \
    switch (partition) {                                                                                               \
    case GGC_MULTIPLY:                                                                                                 \
        loop(GGC_MULTIPLY);                                                                                            \
        break;                                                                                                         \
    case GGC_DIVISION:                                                                                                 \
        loop(GGC_DIVISION);                                                                                            \
        break;                                                                                                         \
    case GGC_SIMPLE:                                                                                                   \
        loop(GGC_SIMPLE);                                                                                              \
        break;                                                                                                         \
    case GGC_REDUCED:                                                                                                  \
        loop(GGC_REDUCED);                                                                                             \
        break;                                                                                                         \
    }

static GGC_ALWAYS_INLINE int ggc_range_bits(const ggc_partition partition) {
    return partition == GGC_DIVISION ? GGC_WIDE_BITS : GGC_RANGE_BITS;
}

/* ft = 2^15 <= R: each unit of fl adds R >= 2^15 before the shift, so at least 1 after it. */
static GGC_ALWAYS_INLINE uint32_t ggc_part_multiply(uint32_t range, uint32_t fl) {
    return (range * fl) >> GGC_CDF_BITS;
}

/* Any ft <= R: each unit of fl adds R / ft >= 1 before the rounding. */
static GGC_ALWAYS_INLINE uint32_t ggc_part_division(uint32_t range, uint32_t fl, uint32_t total) {
    return (uint32_t)((uint64_t)range * fl / total);
}

/* The shift that makes a total, at most 2^15, the largest multiple by a power of two that is no larger than the
 * range: total <= range < 2 total then. */
static GGC_ALWAYS_INLINE int ggc_part_shift(uint32_t range, uint32_t total) {
    const int shift = __builtin_clz(total) - __builtin_clz(range);
    return shift - ((total << shift) > range);
}

/* ft <= R <= 2 ft (draft, section 2.4). The first R - ft units of fl become two each and the others one:
 * R - ft + ft = R in all. */
static GGC_ALWAYS_INLINE uint32_t ggc_part_simple(uint32_t range, uint32_t fl, uint32_t total) {
    const uint32_t doubles = range - total;
    return fl + (fl < doubles ? fl : doubles);
}

/* ft <= R <= 2 ft (draft, section 2.4.1). With d = R - ft and e = max(2 d - ft, 0), each of the first e units of fl
 * becomes two, and then every second one does, d in all at most. No unit is in both of these, so each becomes one or
 * two. The last one ends at ft + e + min((ft - e) >> 1, d): for e > 0 that is ft + e + (ft - d), for e = 0, where
 * 2 d <= ft, it is ft + d; both are R. The draft's two cases leave out 2 R = 3 ft, where they agree. */
static GGC_ALWAYS_INLINE uint32_t ggc_part_reduced(uint32_t range, uint32_t fl, uint32_t total) {
    const uint32_t doubles = range - total, first = 2 * doubles > total ? 2 * doubles - total : 0;
    const uint32_t rest = fl > first ? (fl - first) >> 1 : 0;
    return fl + (fl < first ? fl : first) + (rest < doubles ? rest : doubles);
}

/* Where an end of an interval cuts the range. */
static GGC_ALWAYS_INLINE uint32_t ggc_part(const ggc_partition partition, uint32_t range, uint32_t fl, uint32_t total) {
    if (partition == GGC_MULTIPLY)
        return ggc_part_multiply(range, fl);
    if (partition == GGC_DIVISION)
        return ggc_part_division(range, fl, total);
    const int shift = ggc_part_shift(range, total);
    return partition == GGC_SIMPLE ? ggc_part_simple(range, fl << shift, total << shift)
                                   : ggc_part_reduced(range, fl << shift, total << shift);
}

/* The inverse: the largest fl that is cut off at c or below, for c in [0, range). The scaled total of the last two
 * makes only multiples of 2^shift ends, so the shift back may round down. */
static GGC_ALWAYS_INLINE uint32_t ggc_part_slot(const ggc_partition partition, uint32_t range, uint32_t c,
                                                uint32_t total) {
    if (partition == GGC_MULTIPLY) /* floor(R fl / 2^15) <= c is R fl < (c + 1) 2^15 */
        return (((c + 1) << GGC_CDF_BITS) - 1) / range;
    if (partition == GGC_DIVISION)
        return (uint32_t)(((uint64_t)(c + 1) * total - 1) / range);
    const int shift = ggc_part_shift(range, total);
    const int32_t scaled = (int32_t)(total << shift), doubles = (int32_t)range - scaled;
    const int32_t cut = (int32_t)c, half = cut >> 1, single = cut - doubles;
    int32_t slot = half > single ? half : single;
    if (partition == GGC_REDUCED) {
        const int32_t first = 2 * doubles > scaled ? 2 * doubles - scaled : 0, third = (2 * cut + 1 - first) / 3;
        slot = slot > third ? slot : third;
    }
    return (uint32_t)slot >> shift;
}

/* The loops over symbols, one for each SIMD variant: include/ggc/range_loops.h. */
typedef struct ggc_range_loops ggc_range_loops;

/* An encoder. low has `bits + pending` bits and a carry above them; `pending` is -1 at first, since the range begins
 * one bit short. */
typedef struct {
    uint64_t low;
    uint32_t range;
    int pending;
    ggc_partition partition;
    const ggc_range_loops *loops;
    uint8_t *data;
    size_t size, capacity;
} ggc_range_writer;

/* src/range_encode.c. What takes memory returns 0, and leaves the writer and the model as they were, where there is
 * none. */
void ggc_range_start(ggc_range_writer *w, ggc_partition partition, const ggc_range_loops *loops);
int ggc_range_reserve(ggc_range_writer *w, size_t bytes);
int ggc_range_push(ggc_range_writer *w, const ggc_model *m, const ggc_view *symbols, const ggc_view *contexts,
                   size_t n);
int ggc_range_push_bits(ggc_range_writer *w, const ggc_view *values, const ggc_view *widths, size_t n);
int ggc_range_push_exp_golomb(ggc_range_writer *w, const ggc_view *values, int order, size_t n);
/* Bits of the stream: as many as the renormalization has shifted out. */
static inline uint64_t ggc_range_bits_written(const ggc_range_writer *w) {
    return 8 * (uint64_t)w->size + (uint64_t)(w->pending + 1);
}
/* Writes the whole stream, ceil(bits / 8) bytes; the writer stays as it is. */
void ggc_range_finish(const ggc_range_writer *w, uint8_t *target);

/* The last: an Exp-Golomb code of more than 32 bits. */
enum { GGC_RANGE_OK = 0, GGC_RANGE_TRUNCATED = 1, GGC_RANGE_BAD_CODE = 2 };

/* A decoder. The top bits of the window, as many as the range has, are the code less low; `count` bits of it are of the
 * stream, counting a zero before its first one. `position` runs past the end of the data, where there are zeros. */
typedef struct {
    uint64_t window;
    uint32_t range;
    int count;
    const uint8_t *data;
    size_t size, position;
    ggc_partition partition;
    const ggc_range_loops *loops;
    int status;
} ggc_range_reader;

struct ggc_range_loops {
    void (*put)(ggc_range_writer *w, const uint32_t *steps, const uint32_t *totals, size_t n);
    void (*pop)(ggc_range_reader *r, const ggc_model *m, const uint32_t *contexts, uint32_t context, size_t n,
                uint16_t *symbols);
};

extern const ggc_range_loops ggc_range_baseline, ggc_range_avx2;

/* The fastest loops of this processor, or those that every one has. */
const ggc_range_loops *ggc_range_loops_of(int baseline);

/* src/range_decode.c. All of these stop early, with r->status set, where the stream does. */
void ggc_range_open(ggc_range_reader *r, const uint8_t *data, size_t size, ggc_partition partition,
                    const ggc_range_loops *loops);
void ggc_range_pop(ggc_range_reader *r, const ggc_model *m, const ggc_view *contexts, size_t n,
                   const ggc_view *symbols);
void ggc_range_pop_bits(ggc_range_reader *r, const ggc_view *widths, size_t n, uint32_t *values);
void ggc_range_pop_exp_golomb(ggc_range_reader *r, int order, size_t n, uint32_t *values);
/* Bits of the stream that decide what was decoded. */
static inline uint64_t ggc_range_bits_read(const ggc_range_reader *r) {
    return 8 * (uint64_t)r->position + 1 - (uint64_t)r->count;
}
/* The code less low: below the range. */
uint32_t ggc_range_code(const ggc_range_reader *r);
/* Of a stream of ceil(bits read / 8) bytes: whether the last ones are the encoder's choice of a number in
 * [low, low + range), the least that is followed by zeros only. */
int ggc_range_ends(const ggc_range_reader *r);

#endif
