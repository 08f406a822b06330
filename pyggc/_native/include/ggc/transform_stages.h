/* The stages of transforms for samples of GGC_BITS bits, all of which are used for numbers of GGC_WIDTH bits: included
 * by transform_loops.h once for each of these.
 *
 * Lanes are independent columns, or rows once squares of samples have been transposed. Squares are transposed by zips,
 * whose effect shows on the bits of an address: to zip vectors whose numbers differ in one bit moves that bit to the
 * lowest place of the lane's number, and what was highest there to the place of the bit.
 */
#define W(name) GGC_PASTE(name, GGC_WIDTH)
#define B(name) GGC_PASTE(name, GGC_BITS)
#define LANES (GGC_VECTOR_BYTES * 8 / GGC_BITS)
#define QUARTER (128 / GGC_BITS) /* lanes of 128 bits */
#define SAMPLE GGC_PASTE(B(uint), _t)
#define SIGNED GGC_PASTE(B(int), _t)
#define V B(ggc_v)
#define DOUBLE B(ggc_pairs_)
#define MEMORY B(ggc_m)

#define GGC_REGISTER SAMPLE
#define GGC_FLOW(name) W(name##_u)
#define GGC_HALF B(ggc_half_u)
#define GGC_SHIFT B(ggc_shift_u)
#define GGC_LIFT B(ggc_lift_u)
#include "ggc/flows.h"
#undef GGC_REGISTER
#undef GGC_FLOW
#undef GGC_HALF
#undef GGC_SHIFT
#undef GGC_LIFT

#define GGC_REGISTER V
#define GGC_FLOW(name) W(name##_v)
#define GGC_HALF W(ggc_half_v)
#define GGC_SHIFT B(ggc_shift_v)
#define GGC_LIFT B(ggc_lift_v)
#include "ggc/flows.h"

/* Zips the vectors whose numbers differ in a bit. */
GGC_INLINE void W(zips_)(V *v, const int count, const int bit) {
#pragma GCC unroll 32
    for (int i = 0; i < count; i++)
        if (!(i & bit))
            B(ggc_zip_v)(v + i, v + i + bit);
}

/* Transposes the squares of QUARTER x QUARTER that lie side by side; its own inverse. */
GGC_INLINE void W(transpose_quarters_)(V *v) {
#pragma GCC unroll 3
    for (int bit = QUARTER / 2; bit; bit /= 2)
        W(zips_)(v, QUARTER, bit);
}

/* Transposes a square of LANES x LANES; its own inverse. */
GGC_INLINE void W(transpose_)(V *v) {
    W(transpose_quarters_)(v);
#if GGC_VECTOR_BYTES == 32
    W(transpose_quarters_)(v + QUARTER);
#pragma GCC unroll 8
    for (int i = 0; i < QUARTER; i++)
        B(ggc_exchange_v)(v + i, v + i + QUARTER);
#endif
}

/* From vectors of rows to vectors of columns of squares of `size`. If they are larger than a vector, those of the first
 * columns come first. */
GGC_INLINE void W(to_columns_)(V *v, const int size) {
    if (2 * size == QUARTER) {
        /* Squares are pairs: a lane's bits are the square's and two of the column. The first zip takes the square's
         * out, the last one puts it back, lowest; the columns are left in reverse order of their bits. */
        W(zips_)(v, size, 2);
        W(zips_)(v, size, 1);
        W(zips_)(v, size, 2);
        const V other = v[1];
        v[1] = v[2], v[2] = other;
    } else if (size == QUARTER) {
        W(transpose_quarters_)(v);
    } else {
#pragma GCC unroll 8
        for (int i = 0; i < size; i += LANES)
            W(transpose_)(v + i);
    }
}

GGC_INLINE void W(to_rows_)(V *v, const int size) {
    if (2 * size == QUARTER) {
        W(zips_)(v, size, 2);
        W(zips_)(v, size, 1);
    } else {
        W(to_columns_)(v, size);
    }
}

typedef void W(flow_)(V *v);

GGC_INLINE void W(down_)(W(flow_) * flow, const int size, const void *source, ptrdiff_t source_row, void *target,
                         ptrdiff_t target_row, int rows, int columns) {
    for (int y = 0; y < rows; y += size)
        for (int x = 0; x < columns; x += LANES) {
            const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
            SAMPLE *to = (SAMPLE *)target + y * target_row + x;
            V v[GGC_MAX_SIDE];
#pragma GCC unroll 32
            for (int i = 0; i < size; i++)
                v[i] = *(const MEMORY *)(from + i * source_row);
            flow(v);
#pragma GCC unroll 32
            for (int i = 0; i < size; i++)
                *(MEMORY *)(to + i * target_row) = v[i];
        }
}

/* Rows of a unit are as many as a square has; its columns fill a vector at least. */
#define UNIT_ROWS(size) ((size) < LANES ? (size) : LANES)
#define UNIT_COLUMNS(size) ((size) > LANES ? (size) : LANES)

GGC_INLINE void W(across_)(W(flow_) * flow, const int size, const void *source, ptrdiff_t source_row, void *target,
                           ptrdiff_t target_row, int rows, int columns) {
    const int unit = UNIT_ROWS(size);
    for (int y = 0; y < rows; y += unit)
        for (int x = 0; x < columns; x += UNIT_COLUMNS(size)) {
            const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
            SAMPLE *to = (SAMPLE *)target + y * target_row + x;
            V v[GGC_MAX_SIDE];
#pragma GCC unroll 32
            for (int i = 0; i < size; i++)
                v[i] = *(const MEMORY *)(from + i % unit * source_row + i / unit * LANES);
            W(to_columns_)(v, size);
            flow(v);
            W(to_rows_)(v, size);
#pragma GCC unroll 32
            for (int i = 0; i < size; i++)
                *(MEMORY *)(to + i % unit * target_row + i / unit * LANES) = v[i];
        }
}

/* Columns and rows of a block at once, without a way through memory; that pays where its vectors fill the registers. */
#if LANES == 16
#define SQUARE_FLOWS(entry) entry(GGC_DCT16, dct16, 16) entry(GGC_WHT16, wht16, 16)

GGC_INLINE void W(square_)(W(flow_) * flow, const int inverse, const int size, const void *source, ptrdiff_t source_row,
                           void *target, ptrdiff_t target_row, int rows, int columns) {
    for (int y = 0; y < rows; y += size)
        for (int x = 0; x < columns; x += LANES) {
            const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
            SAMPLE *to = (SAMPLE *)target + y * target_row + x;
            V v[GGC_MAX_SIDE];
#pragma GCC unroll 32
            for (int i = 0; i < size; i++)
                v[i] = *(const MEMORY *)(from + i * source_row);
            if (!inverse)
                flow(v);
            W(to_columns_)(v, size);
            flow(v);
            W(to_rows_)(v, size);
            if (inverse)
                flow(v);
#pragma GCC unroll 32
            for (int i = 0; i < size; i++)
                *(MEMORY *)(to + i * target_row) = v[i];
        }
}

#else
#define SQUARE_FLOWS(entry)
#endif

#define DEFINE_STAGE(direction, flow, ...)                                                                             \
    static void W(direction##_##flow)(const void *source, ptrdiff_t source_row, void *target, ptrdiff_t target_row,    \
                                      int rows, int columns) {                                                         \
        W(direction##_)(GGC_FLOW(flow), __VA_ARGS__, source, source_row, target, target_row, rows, columns);           \
    }
#define DEFINE_STAGES(number, flow, size)                                                                              \
    DEFINE_STAGE(down, flow##_forward, size)                                                                           \
    DEFINE_STAGE(down, flow##_inverse, size)                                                                           \
    DEFINE_STAGE(across, flow##_forward, size)                                                                         \
    DEFINE_STAGE(across, flow##_inverse, size)
#define DEFINE_SQUARES(number, flow, size)                                                                             \
    DEFINE_STAGE(square, flow##_forward, 0, size)                                                                      \
    DEFINE_STAGE(square, flow##_inverse, 1, size)
SIDE_FLOWS(DEFINE_STAGES)
SQUARE_FLOWS(DEFINE_SQUARES)

/* Exchanges the odd lanes of a with the even ones of b; its own inverse. */
GGC_INLINE void W(exchange_neighbors_)(V *a, V *b) {
    const DOUBLE low = (DOUBLE){0} + (((uint64_t)1 << GGC_BITS) - 1);
    const DOUBLE x = (DOUBLE)*a, y = (DOUBLE)*b;
    *a = (V)((x & low) | (y << GGC_BITS));
    *b = (V)((x >> GGC_BITS) | (y & ~low));
}

GGC_INLINE void W(quads_)(W(flow_) * flow, const void *source, ptrdiff_t source_row, void *target, ptrdiff_t target_row,
                          int rows, int columns) {
    for (int y = 0; y < rows; y += 2)
        for (int x = 0; x < columns; x += 2 * LANES) {
            const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
            SAMPLE *to = (SAMPLE *)target + y * target_row + x;
            V v[4] = {*(const MEMORY *)from, *(const MEMORY *)(from + LANES), *(const MEMORY *)(from + source_row),
                      *(const MEMORY *)(from + source_row + LANES)};
            W(exchange_neighbors_)(v, v + 1);
            W(exchange_neighbors_)(v + 2, v + 3);
            flow(v);
            W(exchange_neighbors_)(v, v + 1);
            W(exchange_neighbors_)(v + 2, v + 3);
            *(MEMORY *)to = v[0], *(MEMORY *)(to + LANES) = v[1];
            *(MEMORY *)(to + target_row) = v[2], *(MEMORY *)(to + target_row + LANES) = v[3];
        }
}
static void W(quads_forward_)(const void *source, ptrdiff_t source_row, void *target, ptrdiff_t target_row, int rows,
                              int columns) {
    W(quads_)(GGC_FLOW(wht4_forward), source, source_row, target, target_row, rows, columns);
}
static void W(quads_inverse_)(const void *source, ptrdiff_t source_row, void *target, ptrdiff_t target_row, int rows,
                              int columns) {
    W(quads_)(GGC_FLOW(wht4_inverse), source, source_row, target, target_row, rows, columns);
}

/* Channels that alternate, or planes of them. */
#define DEFINE_COLOR(flow)                                                                                             \
    static void W(flow##_)(const ggc_pixels *p) {                                                                      \
        const SAMPLE *from = p->source;                                                                                \
        SAMPLE *to = p->target;                                                                                        \
        const ptrdiff_t channel = p->channel;                                                                          \
        if (p->alternate) {                                                                                            \
            _Pragma("GCC ivdep") for (int64_t i = 0; i < p->count; i++) {                                              \
                SAMPLE v[3] = {from[3 * i], from[3 * i + 1], from[3 * i + 2]};                                         \
                W(flow##_u)(v);                                                                                        \
                to[3 * i] = v[0], to[3 * i + 1] = v[1], to[3 * i + 2] = v[2];                                          \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        _Pragma("GCC ivdep") for (int64_t i = 0; i < p->count; i++) {                                                  \
            SAMPLE v[3] = {from[i], from[channel + i], from[2 * channel + i]};                                         \
            W(flow##_u)(v);                                                                                            \
            to[i] = v[0], to[channel + i] = v[1], to[2 * channel + i] = v[2];                                          \
        }                                                                                                              \
    }
DEFINE_COLOR(ycocg_r_forward)
DEFINE_COLOR(ycocg_r_inverse)
DEFINE_COLOR(rct_forward)
DEFINE_COLOR(rct_inverse)

/* Whether the extremes of lanes are within a limit. */
GGC_INLINE int W(bounded_)(V low, V high, int64_t limit) {
    int within = 1;
    for (int i = 0; i < LANES; i++)
        within &= (SIGNED)low[i] >= -limit && (SIGNED)high[i] <= limit;
    return within;
}

static int W(within_)(const void *samples, ptrdiff_t row, int64_t rows, int64_t columns, int64_t limit) {
    V low = {0}, high = {0};
    for (int64_t y = 0; y < rows; y++) {
        const SAMPLE *values = (const SAMPLE *)samples + y * row;
        int64_t x = 0;
        for (; x + LANES <= columns; x += LANES) {
            const V v = *(const MEMORY *)(values + x);
            low = B(ggc_min_v)(low, v), high = B(ggc_max_v)(high, v);
        }
        for (; x < columns; x++) {
            const V v = (V){0} + values[x];
            low = B(ggc_min_v)(low, v), high = B(ggc_max_v)(high, v);
        }
    }
    return W(bounded_)(low, high, limit);
}

#define BOTH(stage) {W(stage##_forward), W(stage##_inverse)}
#define ENTRY(number, flow, size)                                                                                      \
    .unit_rows[number] = UNIT_ROWS(size), .unit_columns[number] = UNIT_COLUMNS(size),                                  \
    .down[number] = BOTH(down_##flow), .across[number] = BOTH(across_##flow),
#define SQUARE(number, flow, size) .square[number] = BOTH(square_##flow),
static const ggc_stages W(stages_) = {
    SIDE_FLOWS(ENTRY) SQUARE_FLOWS(SQUARE).itemsize = GGC_BITS / 8,
    .lanes = LANES,
    .quads = {W(quads_forward_), W(quads_inverse_)},
    .color = {{W(ycocg_r_forward_), W(ycocg_r_inverse_)}, {W(rct_forward_), W(rct_inverse_)}},
    .within = W(within_),
};

#undef W
#undef B
#undef LANES
#undef QUARTER
#undef SAMPLE
#undef SIGNED
#undef V
#undef DOUBLE
#undef MEMORY
#undef GGC_REGISTER
#undef GGC_FLOW
#undef GGC_HALF
#undef GGC_SHIFT
#undef GGC_LIFT
#undef UNIT_ROWS
#undef UNIT_COLUMNS
#undef DEFINE_STAGE
#undef DEFINE_STAGES
#undef DEFINE_SQUARES
#undef SQUARE
#undef SQUARE_FLOWS
#undef DEFINE_COLOR
#undef BOTH
#undef ENTRY
