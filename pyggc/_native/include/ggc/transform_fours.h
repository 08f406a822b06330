/* Cosine transforms of four points, of samples of 32 bits most of which need only 15: narrowed, transformed and widened
 * in registers. Included by transform_loops.h. */

GGC_INLINE void fours_down(flow_15 *flow, const int inverse, ggc_v16 *v) {
    (void)inverse;
    flow(v);
}

GGC_INLINE void fours_across(flow_15 *flow, const int inverse, ggc_v16 *v) {
    (void)inverse;
    to_columns_15(v, 4);
    flow(v);
    to_rows_15(v, 4);
}

/* As ggc_fours says. Four vectors that need more bits are left to the stage for 32. */
GGC_INLINE int narrow_fours(flow_15 *flow, const int inverse, program_15 *program, ggc_stage *wide,
                            const int32_t *source, ptrdiff_t source_row, int32_t *target, ptrdiff_t target_row,
                            int rows, int columns, int32_t narrow_limit, int32_t limit) {
    const int lanes = GGC_VECTOR_BYTES / 2;
    int within = 1;
    for (int y = 0; y < rows; y += 4)
        for (int x = 0; x < columns; x += lanes) {
            const int32_t *from = source + y * source_row + x;
            int32_t *to = target + y * target_row + x;
            extremes_15 read = {{0}, {0}}, made = {{0}, {0}};
            ggc_v16 v[4];
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const ggc_m32 *row = (const ggc_m32 *)(from + i * source_row);
                v[i] = ggc_narrow_v(row[0], row[1]);
                look_15(v[i], &read);
            }
            program(flow, inverse, v);
#pragma GCC unroll 4
            for (int i = 0; i < 4 * inverse; i++)
                look_15(v[i], &made);
            if (!bounded_15(&read, inverse ? INT16_MAX - 1 : narrow_limit) || !bounded_15(&made, narrow_limit)) {
                within = within && (inverse || within_32(from, source_row, 4, lanes, limit));
                wide(from, source_row, to, target_row, 4, lanes, limit);
                continue;
            }
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                ggc_m32 *row = (ggc_m32 *)(to + i * target_row);
                ggc_v32 a, b;
                ggc_widen_v(v[i], &a, &b);
                row[0] = a, row[1] = b;
            }
        }
    return within;
}

#define DEFINE_FOURS(kind, program)                                                                                    \
    static int kind##_fours_forward(const int32_t *source, ptrdiff_t source_row, int32_t *target,                      \
                                    ptrdiff_t target_row, int rows, int columns, int32_t narrow_limit,                 \
                                    int32_t limit) {                                                                   \
        return narrow_fours(dct4_forward_v15, 0, program, kind##_dct4_forward_32, source, source_row, target,          \
                            target_row, rows, columns, narrow_limit, limit);                                           \
    }                                                                                                                  \
    static int kind##_fours_inverse(const int32_t *source, ptrdiff_t source_row, int32_t *target,                      \
                                    ptrdiff_t target_row, int rows, int columns, int32_t narrow_limit,                 \
                                    int32_t limit) {                                                                   \
        return narrow_fours(dct4_inverse_v15, 1, program, kind##_dct4_inverse_32, source, source_row, target,          \
                            target_row, rows, columns, narrow_limit, limit);                                           \
    }
DEFINE_FOURS(down, fours_down)
DEFINE_FOURS(across, fours_across)
DEFINE_FOURS(square, program_4_15)
#undef DEFINE_FOURS
