/* Stages that save transpositions or ways through memory: included by transform_stages.h.
 *
 * The place of a sample has bits: those of its row and of its column, some of which are the number of its vector, the
 * others that of its lane. To zip the vectors whose numbers differ in a bit (zips_) makes it the lowest bit of the
 * lane; those of the lane move up by one, and the highest that tells the lane in its 128 bits takes its place in the
 * vector's number. To zip by more than one lane (zips_32_, zips_64_) leaves the lowest bits alone. A flow of four needs
 * its two bits in the vectors' numbers: here are the fewest zips that lead from one flow to the next, and back to where
 * each sample was. Comments say which bits of the rows (r0, r1, ...) and columns (c0, c1, ...) the vectors' numbers
 * then hold, the lowest first.
 */

#define DEFINE_ZIPS(bits)                                                                                              \
    GGC_INLINE void W(zips_##bits##_)(V * v, const int count, const int bit) {                                         \
        _Pragma("GCC unroll 32") for (int i = 0; i < count; i++) if (!(i & bit)) {                                     \
            ggc_v##bits a = (ggc_v##bits)v[i], b = (ggc_v##bits)v[i + bit];                                            \
            ggc_zip_v##bits(&a, &b);                                                                                   \
            v[i] = (V)a, v[i + bit] = (V)b;                                                                            \
        }                                                                                                              \
    }
DEFINE_ZIPS(32)
DEFINE_ZIPS(64)
#undef DEFINE_ZIPS

#if GGC_VECTOR_BYTES == 32
/* Exchanges the bit with the one that tells which 128 bits of a vector. */
GGC_INLINE void W(halves_)(V *v, const int count, const int bit) {
#pragma GCC unroll 16
    for (int i = 0; i < count; i++)
        if (!(i & bit))
            B(ggc_exchange_v)(v + i, v + i + bit);
}
#endif

GGC_INLINE void W(swap_)(V *a, V *b) {
    const V c = *a;
    *a = *b, *b = c;
}

/* A flow of four along two bits of the vectors' numbers. */
GGC_INLINE void W(fours_)(W(flow_) * flow, V *v, const int count, const int low, const int high) {
#pragma GCC unroll 16
    for (int i = 0; i < count; i++)
        if (!(i & (low | high))) {
            V four[4] = {v[i], v[i + low], v[i + high], v[i + low + high]};
            flow(four);
            v[i] = four[0], v[i + low] = four[1], v[i + high] = four[2], v[i + low + high] = four[3];
        }
}

/* Rows to rows of a square block, its flow along both sides. */
typedef void W(program_)(W(flow_) * flow, const int inverse, V *v);

GGC_INLINE int W(square_)(W(flow_) * flow, const int inverse, W(program_) * program, const int size, STAGE_PARAMETERS) {
    W(extremes_) all = {{0}, {0}};
    for (int y = 0; y < rows; y += size)
        for (int x = 0; x < columns; x += LANES) {
            const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
            SAMPLE *to = (SAMPLE *)target + y * target_row + x;
            V v[16];
#pragma GCC unroll 16
            for (int i = 0; i < size; i++)
                v[i] = W(load_)(from + i * source_row, inverse, &all);
            if (size == 16) {
                W(ahead_)(from, source_row, size, x / LANES, 0);
                W(ahead_)(to, target_row, size, x / LANES, 1);
            }
            program(flow, inverse, v);
#pragma GCC unroll 16
            for (int i = 0; i < size; i++)
                *(MEMORY *)(to + i * target_row) = v[i];
        }
    return W(bounded_)(&all, limit);
}

GGC_INLINE void W(program_4_)(W(flow_) * flow, const int inverse, V *v) {
    if (!inverse)
        flow(v);
    W(zips_)(v, 4, 1);
#if GGC_BITS == 16
    W(zips_)(v, 4, 1);
    W(zips_32_)(v, 4, 2); /* c1, c0 */
#else
    W(zips_)(v, 4, 2); /* c1, c0 */
#endif
    W(fours_)(flow, v, 4, 2, 1);
    W(zips_)(v, 4, 1);
    W(zips_)(v, 4, 2); /* r0, r1 */
    if (inverse)
        flow(v);
}

/* Squares whose sides are transposed whole. */
GGC_INLINE void W(both_sides_)(W(flow_) * flow, const int inverse, const int size, V *v) {
    if (!inverse)
        flow(v);
    W(along_rows_)(flow, size, v);
    if (inverse)
        flow(v);
}

/* Only where its vectors fill the registers. */
#if LANES == 16
GGC_INLINE void W(program_16_)(W(flow_) * flow, const int inverse, V *v) {
    W(both_sides_)(flow, inverse, 16, v);
}
#endif

/* ------------------------------------------------------------------------------------------------ Walsh-Hadamard */

#if GGC_VECTOR_BYTES == 32
/* 8 x 8 with the transforms of neighbors. */
#if GGC_BITS == 16
GGC_INLINE void W(wht_square_8_)(W(flow_) * flow, const int inverse, V *v) {
    if (inverse) {
        W(zips_)(v, 8, 1);
        W(zips_32_)(v, 8, 2); /* c2, c1, r2 */
        W(fours_)(flow, v, 8, 2, 1);
        W(zips_)(v, 8, 1);
        W(zips_)(v, 8, 2); /* c0, r1, r2 */
        W(fours_)(flow, v, 8, 2, 4);
        W(zips_64_)(v, 8, 2); /* c0, r0, r2 */
        W(fours_)(flow, v, 8, 1, 2);
        W(zips_)(v, 8, 1); /* r1, r0, r2 */
        W(swap_)(v + 1, v + 2);
        W(swap_)(v + 5, v + 6);
    } else {
        W(exchanges_)(v, 8, 2); /* r0, c0, r2 */
        W(fours_)(flow, v, 8, 2, 1);
        W(zips_32_)(v, 8, 1);
        W(exchanges_)(v, 8, 2); /* c2, r1, r2 */
        W(fours_)(flow, v, 8, 2, 4);
        W(zips_32_)(v, 8, 2); /* c2, c1, r2 */
        W(fours_)(flow, v, 8, 2, 1);
        W(zips_32_)(v, 8, 1);
        W(zips_32_)(v, 8, 2); /* r0, r1, r2 */
    }
}
#else
GGC_INLINE void W(wht_square_8_)(W(flow_) * flow, const int inverse, V *v) {
    if (inverse) {
        W(zips_64_)(v, 8, 2);
        W(halves_)(v, 8, 1); /* c2, c1, r2 */
        W(fours_)(flow, v, 8, 2, 1);
        W(zips_)(v, 8, 2); /* c2, r1, r2 */
        W(fours_)(flow, v, 8, 2, 4);
        W(zips_64_)(v, 8, 2);
        W(halves_)(v, 8, 1); /* r0, c0, r2 */
        W(fours_)(flow, v, 8, 2, 1);
        W(zips_)(v, 8, 2); /* r0, r1, r2 */
    } else {
        W(exchanges_)(v, 8, 2); /* r0, c0, r2 */
        W(fours_)(flow, v, 8, 2, 1);
        W(zips_)(v, 8, 1);
        W(zips_)(v, 8, 2); /* c1, r1, r2 */
        W(fours_)(flow, v, 8, 2, 4);
        W(halves_)(v, 8, 2); /* c1, c2, r2 */
        W(fours_)(flow, v, 8, 1, 2);
        W(zips_64_)(v, 8, 1);
        W(halves_)(v, 8, 2); /* r0, r1, r2 */
    }
}
#endif

/* Rows of 16 and 32 samples, eight vectors of one row after the other: twice as many as are needed, so that some are
 * worked on while others wait for what they depend on. */
#if GGC_BITS == 16
GGC_INLINE void W(wht_row_16_)(W(flow_) * flow, const int inverse, V *v) {
    if (inverse) {
        W(zips_)(v, 8, 1);
        W(halves_)(v, 8, 2); /* c2, c3 */
        W(fours_)(flow, v, 8, 1, 2);
        W(zips_)(v, 8, 1);
        W(zips_32_)(v, 8, 2); /* c1, c0 */
        W(fours_)(flow, v, 8, 2, 1);
        W(zips_)(v, 8, 1);
        W(zips_)(v, 8, 2);
        W(halves_)(v, 8, 2); /* r0, r1 */
    } else {
        W(zips_)(v, 8, 1);
        W(zips_)(v, 8, 1);
        W(zips_)(v, 8, 2); /* c1, c0 */
        W(fours_)(flow, v, 8, 2, 1);
        W(zips_)(v, 8, 1);
        W(zips_)(v, 8, 2);
        W(halves_)(v, 8, 1); /* c3, c2 */
        W(fours_)(flow, v, 8, 2, 1);
        W(zips_64_)(v, 8, 2);
        W(halves_)(v, 8, 1); /* r0, r1 */
    }
}

GGC_INLINE void W(wht_square_16_)(W(flow_) * flow, const int inverse, V *v) {
    if (!inverse) {
        W(fours_)(flow, v, 16, 1, 2);
        W(fours_)(flow, v, 16, 4, 8);
    }
    W(wht_row_16_)(flow, inverse, v);
    W(wht_row_16_)(flow, inverse, v + 8);
    if (inverse) {
        W(fours_)(flow, v, 16, 4, 8);
        W(fours_)(flow, v, 16, 1, 2);
    }
}
#else
GGC_INLINE void W(wht_row_32_)(W(flow_) * flow, const int inverse, V *v) {
    if (inverse)
        W(fours_)(flow, v, 8, 1, 2); /* c3, c4 */
    W(zips_64_)(v, 8, 1);
    W(halves_)(v, 8, 2); /* c1, c2 */
    W(fours_)(flow, v, 8, 1, 2);
    W(zips_64_)(v, 8, 1);
    W(halves_)(v, 8, 2); /* c3, c4 */
    if (!inverse)
        W(fours_)(flow, v, 8, 1, 2);
}
#endif

/* Two vectors of each of two rows: 32 samples of 16 bits, or 16 of 32 bits. */
GGC_INLINE void W(wht_two_rows_)(W(flow_) * flow, const int inverse, V *v) {
    if (inverse) {
        W(halves_)(v, 8, 2); /* c4, c3, or c3, c2 */
        W(fours_)(flow, v, 8, 2, 1);
    }
    W(zips_32_)(v, 8, 1);
    W(zips_32_)(v, 8, 2); /* c2, c1, or c1, c0 */
    W(fours_)(flow, v, 8, 2, 1);
    W(zips_32_)(v, 8, 1);
    W(zips_32_)(v, 8, 2);
    if (!inverse) {
        W(halves_)(v, 8, 2);
        W(fours_)(flow, v, 8, 2, 1);
    }
    W(halves_)(v, 8, 2); /* c4, r0, or c3, r0 */
}

#define WHT_ROWS(size) (8 * LANES / (size))
GGC_INLINE int W(wht_across_)(W(flow_) * flow, const int inverse, W(program_) * program, const int size,
                              STAGE_PARAMETERS) {
    const int along = size / LANES;
    (void)limit;
    for (int y = 0; y < rows; y += WHT_ROWS(size))
        for (int x = 0; x < columns; x += size) {
            const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
            SAMPLE *to = (SAMPLE *)target + y * target_row + x;
            V v[8];
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++)
                v[i] = *(const MEMORY *)(from + i % along * LANES + i / along * source_row);
            program(flow, inverse, v);
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++)
                *(MEMORY *)(to + i % along * LANES + i / along * target_row) = v[i];
        }
    return 1;
}

#include "ggc/transform_large.h"
#endif

/* ----------------------------------------------------------------------------------------------------- the stages */

#define SQUARE(number, name) .square[number] = BOTH(square_##name),
#define WHT_ACROSS(number, name, size) UNIT(number, WHT_ROWS(size), size), .across[number] = BOTH(across_##name),

DEFINE_STAGE(square_dct4, square_, dct4, W(program_4_), 4)
#if LANES == 16
DEFINE_STAGE(square_dct16, square_, dct16, W(program_16_), 16)
#define DCT_SQUARES SQUARE(GGC_DCT4, dct4) SQUARE(GGC_DCT16, dct16)
#else
#define DCT_SQUARES SQUARE(GGC_DCT4, dct4)
#endif

#if GGC_WIDTH == 15
#define WHT_STAGES
#elif GGC_VECTOR_BYTES == 16
DEFINE_STAGE(square_wht4, square_, wht4, W(program_4_), 4)
DEFINE_ACROSS(GGC_WHT16, wht16, 16)
DEFINE_ACROSS(GGC_WHT32, wht32, 32)
#define WHT_STAGES SQUARE(GGC_WHT4, wht4) ACROSS(GGC_WHT16, wht16, 16) ACROSS(GGC_WHT32, wht32, 32)
#else
DEFINE_STAGE(square_wht4, square_, wht4, W(program_4_), 4)
DEFINE_STAGE(square_wht8, square_, wht4, W(wht_square_8_), 8)
#if GGC_BITS == 16
DEFINE_STAGE(square_wht16, square_, wht4, W(wht_square_16_), 16)
DEFINE_STAGE(across_wht16, wht_across_, wht4, W(wht_row_16_), 16)
DEFINE_STAGE(across_wht32, wht_across_, wht4, W(wht_two_rows_), 32)
#define WHT_LARGEST_SQUARE SQUARE(GGC_WHT16, wht16)
#else
DEFINE_STAGE(across_wht16, wht_across_, wht4, W(wht_two_rows_), 16)
DEFINE_STAGE(across_wht32, wht_across_, wht4, W(wht_row_32_), 32)
#define WHT_LARGEST_SQUARE
#endif
DEFINE_STAGE(square_wht32, large_, wht4, 32)
#define WHT_STAGES                                                                                                     \
    SQUARE(GGC_WHT4, wht4)                                                                                             \
    SQUARE(GGC_WHT8, wht8)                                                                                             \
    WHT_LARGEST_SQUARE SQUARE(GGC_WHT32, wht32) WHT_ACROSS(GGC_WHT16, wht16, 16) WHT_ACROSS(GGC_WHT32, wht32, 32)
#endif
