/* Samples of 32 bits most of which need only 15: in tiles of 16 bits, or directly, when they are narrowed, transformed
 * and widened in registers. Included by transform_loops.h. */

static int narrow(const int32_t *source, ptrdiff_t source_row, int16_t *target, int64_t rows, int64_t columns,
                  int32_t limit) {
    const int lanes = GGC_VECTOR_BYTES / 2;
    extremes_16 all = {{0}, {0}};
    for (int64_t y = 0; y < rows; y++) {
        const int32_t *from = source + y * source_row;
        int16_t *to = target + y * columns;
        int64_t x = 0;
        for (; x + lanes <= columns; x += lanes) {
            const ggc_v16 v = ggc_pack(*(const ggc_m32 *)(from + x), *(const ggc_m32 *)(from + x + lanes / 2));
            look_16(v, &all);
            *(ggc_m16 *)(to + x) = v;
        }
        for (; x < columns; x++) {
            if (from[x] < -limit || from[x] > limit)
                return 0;
            to[x] = (int16_t)from[x];
        }
    }
    return bounded_16(&all, limit);
}

static void widen(const int16_t *source, int32_t *target, ptrdiff_t target_row, int64_t rows, int64_t columns) {
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++)
            target[y * target_row + x] = source[y * columns + x];
}

GGC_INLINE void direct_down(flow_15 *flow, const int inverse, ggc_v16 *v) {
    (void)inverse;
    flow(v);
}

GGC_INLINE void direct_across(flow_15 *flow, const int inverse, ggc_v16 *v) {
    (void)inverse;
    along_rows_15(flow, 4, v);
}

GGC_INLINE void direct_square_8(flow_15 *flow, const int inverse, ggc_v16 *v) {
    both_sides_15(flow, inverse, 8, v);
}

#if GGC_VECTOR_BYTES == 32
/* Lanes have the order of ggc_narrow_v: the second and the third four of them, or of the columns once these are
 * vectors, change places. */
GGC_INLINE void swap_fours(ggc_v16 *v) {
#pragma GCC unroll 4
    for (int i = 4; i < 8; i++)
        swap_15(v + i, v + i + 4);
}

GGC_INLINE void direct_square_16(flow_15 *flow, const int inverse, ggc_v16 *v) {
    if (!inverse)
        flow(v);
    transpose_15(v);
    swap_fours(v);
    flow(v);
    swap_fours(v);
    transpose_15(v);
    if (inverse)
        flow(v);
}
#endif

/* As ggc_direct says, for flows of `size`. Vectors that need more bits are left to the stage for 32. */
GGC_INLINE int direct(flow_15 *flow, const int inverse, program_15 *program, ggc_stage *wide, const int size,
                      const int32_t *source, ptrdiff_t source_row, int32_t *target, ptrdiff_t target_row, int rows,
                      int columns, int32_t narrow_limit, int32_t limit) {
    const int lanes = GGC_VECTOR_BYTES / 2, ordered = size == 8;
    int within = 1;
    for (int y = 0; y < rows; y += size)
        for (int x = 0; x < columns; x += lanes) {
            const int32_t *from = source + y * source_row + x;
            int32_t *to = target + y * target_row + x;
            extremes_15 read = {{0}, {0}}, made = {{0}, {0}};
            ggc_v16 v[16];
#pragma GCC unroll 16
            for (int i = 0; i < size; i++) {
                const ggc_m32 *row = (const ggc_m32 *)(from + i * source_row);
                v[i] = ordered ? ggc_pack(row[0], row[1]) : ggc_narrow_v(row[0], row[1]);
                look_15(v[i], &read);
            }
            program(flow, inverse, v);
#pragma GCC unroll 16
            for (int i = 0; i < size; i++)
                if (inverse)
                    look_15(v[i], &made);
            if (!bounded_15(&read, inverse ? INT16_MAX - 1 : narrow_limit) || !bounded_15(&made, narrow_limit)) {
                within = within && (inverse || within_32(from, source_row, size, lanes, limit));
                wide(from, source_row, to, target_row, size, lanes, limit);
                continue;
            }
#pragma GCC unroll 16
            for (int i = 0; i < size; i++) {
                ggc_m32 *row = (ggc_m32 *)(to + i * target_row);
                ggc_v32 a, b;
                if (ordered)
                    ggc_unpack(v[i], &a, &b);
                else
                    ggc_widen_v(v[i], &a, &b);
                row[0] = a, row[1] = b;
            }
        }
    return within;
}

/* What takes two stages otherwise. */
#define DEFINE_WIDE(size)                                                                                              \
    static int wide_dct##size##_forward_32(const void *source, ptrdiff_t source_row, void *target,                     \
                                           ptrdiff_t target_row, int rows, int columns, int32_t limit) {               \
        down_dct##size##_forward_32(source, source_row, target, target_row, rows, columns, limit);                     \
        return across_dct##size##_forward_32(target, target_row, target, target_row, rows, columns, limit);            \
    }                                                                                                                  \
    static int wide_dct##size##_inverse_32(const void *source, ptrdiff_t source_row, void *target,                     \
                                           ptrdiff_t target_row, int rows, int columns, int32_t limit) {               \
        across_dct##size##_inverse_32(source, source_row, target, target_row, rows, columns, limit);                   \
        return down_dct##size##_inverse_32(target, target_row, target, target_row, rows, columns, limit);              \
    }
#define DEFINE_DIRECT_WAY(name, way, inverse, program, wide, size)                                                     \
    static int name##_##way(const int32_t *source, ptrdiff_t source_row, int32_t *target, ptrdiff_t target_row,        \
                            int rows, int columns, int32_t narrow_limit, int32_t limit) {                              \
        return direct(dct##size##_##way##_v15, inverse, program, wide##_dct##size##_##way##_32, size, source,          \
                      source_row, target, target_row, rows, columns, narrow_limit, limit);                             \
    }
#define DEFINE_DIRECT(name, program, wide, size)                                                                       \
    DEFINE_DIRECT_WAY(name, forward, 0, program, wide, size)                                                           \
    DEFINE_DIRECT_WAY(name, inverse, 1, program, wide, size)
DEFINE_DIRECT(direct_down4, direct_down, down, 4)
DEFINE_DIRECT(direct_across4, direct_across, across, 4)
DEFINE_DIRECT(direct_square4, program_4_15, square, 4)
DEFINE_WIDE(8)
DEFINE_DIRECT(direct_square8, direct_square_8, wide, 8)
#if GGC_VECTOR_BYTES == 32
DEFINE_WIDE(16)
DEFINE_DIRECT(direct_square16, direct_square_16, wide, 16)
#define DIRECT_16 [GGC_SQUARE][GGC_DCT16] = BOTH_WAYS(direct_square16),
#else
#define DIRECT_16
#endif
#define BOTH_WAYS(name) {name##_forward, name##_inverse}
#define DIRECT                                                                                                         \
    [GGC_DOWN][GGC_DCT4] = BOTH_WAYS(direct_down4), [GGC_ACROSS][GGC_DCT4] = BOTH_WAYS(direct_across4),                \
    [GGC_SQUARE][GGC_DCT4] = BOTH_WAYS(direct_square4), [GGC_SQUARE][GGC_DCT8] = BOTH_WAYS(direct_square8), DIRECT_16
