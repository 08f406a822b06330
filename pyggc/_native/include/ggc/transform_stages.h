/* The stages of transforms for samples of GGC_BITS bits, all of which are used for numbers of GGC_WIDTH bits: included
 * by transform_loops.h once for each of these. 15 bits are for flows with products alone.
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

/* The least and the largest of what was looked at, and zero. */
typedef struct {
    V low, high;
} W(extremes_);

GGC_INLINE void W(look_)(V v, W(extremes_) * all) {
    all->low = B(ggc_min_v)(all->low, v), all->high = B(ggc_max_v)(all->high, v);
}

/* Whether all of it is in [-limit, limit], a limit that a sample can be. */
GGC_INLINE int W(bounded_)(const W(extremes_) * all, int32_t limit) {
    const V over = (V)((B(ggc_s))all->low < (SIGNED)-limit) | (V)((B(ggc_s))all->high > (SIGNED)limit);
    const ggc_v64 parts = (ggc_v64)over;
    uint64_t any = 0;
    for (int i = 0; i < GGC_VECTOR_BYTES / 8; i++)
        any |= parts[i];
    return !any;
}

static int W(within_)(const void *samples, ptrdiff_t row, int64_t rows, int64_t columns, int32_t limit) {
    W(extremes_) all = {{0}, {0}};
    for (int64_t y = 0; y < rows; y++) {
        const SAMPLE *values = (const SAMPLE *)samples + y * row;
        int64_t x = 0;
        for (; x + LANES <= columns; x += LANES)
            W(look_)(*(const MEMORY *)(values + x), &all);
        for (; x < columns; x++)
            W(look_)((V){0} + values[x], &all);
    }
    return W(bounded_)(&all, limit);
}

/* A vector of what is transformed; the inverse does not look. */
GGC_INLINE V W(load_)(const SAMPLE *from, const int inverse, W(extremes_) * all) {
    const V v = *(const MEMORY *)from;
    if (!inverse)
        W(look_)(v, all);
    return v;
}

/* Asks for what comes later in rows of a large block, which are more than processors follow by themselves: at each
 * vector for every other row, since a line of cache has two. */
GGC_INLINE void W(ahead_)(const SAMPLE *from, ptrdiff_t row, const int rows, const int vector, const int to_write) {
    const int bytes = 256;
#pragma GCC unroll 16
    for (int i = vector % 2; i < rows; i += 2)
        if (to_write)
            __builtin_prefetch((const char *)(from + i * row) + bytes, 1);
        else
            __builtin_prefetch((const char *)(from + i * row) + bytes);
}

/* What every stage is given, as ggc_stage has it. */
#define STAGE_PARAMETERS                                                                                               \
    const void *source, ptrdiff_t source_row, void *target, ptrdiff_t target_row, int rows, int columns, int32_t limit
#define STAGE_ARGUMENTS source, source_row, target, target_row, rows, columns, limit

/* A flow along columns, in each of which `apart` flows alternate. */
GGC_INLINE int W(down_)(W(flow_) * flow, const int inverse, const int size, const int apart, STAGE_PARAMETERS) {
    W(extremes_) all = {{0}, {0}};
    for (int first = 0; first < rows; first += size * apart)
        for (int y = first; y < first + apart; y++)
            for (int x = 0; x < columns; x += LANES) {
                const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
                SAMPLE *to = (SAMPLE *)target + y * target_row + x;
                V v[GGC_MAX_SIDE];
#pragma GCC unroll 32
                for (int i = 0; i < size; i++)
                    v[i] = W(load_)(from + i * apart * source_row, inverse, &all);
                if (size == 16) /* what is not a tile: the source, or of the inverse the target */
                    W(ahead_)(inverse ? to : from, apart * (inverse ? target_row : source_row), size, x / LANES,
                              inverse);
                flow(v);
#pragma GCC unroll 32
                for (int i = 0; i < size; i++)
                    *(MEMORY *)(to + i * apart * target_row) = v[i];
            }
    return W(bounded_)(&all, limit);
}

/* Rows of a unit are as many as a square has; its columns fill a vector at least. */
#define UNIT_ROWS(size) ((size) < LANES ? (size) : LANES)
#define UNIT_COLUMNS(size) ((size) > LANES ? (size) : LANES)

/* A flow along rows of squares of `size`, the vectors of one. */
GGC_INLINE void W(along_rows_)(W(flow_) * flow, const int size, V *v) {
    W(to_columns_)(v, size);
    flow(v);
    W(to_rows_)(v, size);
}

GGC_INLINE int W(across_)(W(flow_) * flow, const int inverse, const int size, STAGE_PARAMETERS) {
    const int unit = UNIT_ROWS(size);
    (void)inverse, (void)limit;
    for (int y = 0; y < rows; y += unit)
        for (int x = 0; x < columns; x += UNIT_COLUMNS(size)) {
            const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
            SAMPLE *to = (SAMPLE *)target + y * target_row + x;
            V v[GGC_MAX_SIDE];
#pragma GCC unroll 32
            for (int i = 0; i < size; i++)
                v[i] = *(const MEMORY *)(from + i % unit * source_row + i / unit * LANES);
            W(along_rows_)(flow, size, v);
#pragma GCC unroll 32
            for (int i = 0; i < size; i++)
                *(MEMORY *)(to + i % unit * target_row + i / unit * LANES) = v[i];
        }
    return 1;
}

/* Exchanges the odd lanes of a with the even ones of b; its own inverse. */
GGC_INLINE void W(exchange_neighbors_)(V *a, V *b) {
    const DOUBLE x = (DOUBLE)*a, y = (DOUBLE)*b;
    *a = (V)B(ggc_alternate_)(x, y << GGC_BITS);
    *b = (V)B(ggc_alternate_)(x >> GGC_BITS, y);
}

/* That of vectors whose numbers differ in a bit: it and the lowest bit of the lane change places. */
GGC_INLINE void W(exchanges_)(V *v, const int count, const int bit) {
#pragma GCC unroll 16
    for (int i = 0; i < count; i++)
        if (!(i & bit))
            W(exchange_neighbors_)(v + i, v + i + bit);
}

GGC_INLINE int W(quads_)(W(flow_) * flow, const int inverse, const int size, STAGE_PARAMETERS) {
    W(extremes_) all = {{0}, {0}};
    for (int y = 0; y < rows; y += size)
        for (int x = 0; x < columns; x += 2 * LANES) {
            const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
            SAMPLE *to = (SAMPLE *)target + y * target_row + x;
            V v[4];
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++)
                v[i] = W(load_)(from + i / 2 * source_row + i % 2 * LANES, inverse, &all);
            W(exchanges_)(v, 4, 1);
            flow(v);
            W(exchanges_)(v, 4, 1);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++)
                *(MEMORY *)(to + i / 2 * target_row + i % 2 * LANES) = v[i];
        }
    return W(bounded_)(&all, limit);
}

#define DEFINE_STAGE(name, loop, flow, ...)                                                                            \
    static int W(name##_forward_)(STAGE_PARAMETERS) {                                                                  \
        return W(loop)(GGC_FLOW(flow##_forward), 0, __VA_ARGS__, STAGE_ARGUMENTS);                                     \
    }                                                                                                                  \
    static int W(name##_inverse_)(STAGE_PARAMETERS) {                                                                  \
        return W(loop)(GGC_FLOW(flow##_inverse), 1, __VA_ARGS__, STAGE_ARGUMENTS);                                     \
    }
#define DEFINE_DOWN(number, name, size, flow, apart) DEFINE_STAGE(down_##name, down_, flow, (size) / (apart), apart)
#define DEFINE_ACROSS(number, name, size) DEFINE_STAGE(across_##name, across_, name, size)

DCT_DOWN(DEFINE_DOWN)
DCT_ACROSS(DEFINE_ACROSS)
#if GGC_WIDTH != 15
WHT_DOWN(DEFINE_DOWN)
DEFINE_ACROSS(GGC_WHT4, wht4, 4)
DEFINE_ACROSS(GGC_WHT8, wht8, 8)
DEFINE_STAGE(quads, quads_, wht4, 2)
#endif
#include "ggc/transform_squares.h"

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

#define BOTH(stage) {W(stage##_forward_), W(stage##_inverse_)}
#define DOWN(number, name, size, flow, apart) .down[number] = BOTH(down_##name),
#define UNIT(number, rows, columns) .unit_rows[number] = (rows), .unit_columns[number] = (columns)
#define ACROSS(number, name, size)                                                                                     \
    UNIT(number, UNIT_ROWS(size), UNIT_COLUMNS(size)), .across[number] = BOTH(across_##name),
static const ggc_stages W(stages_) = {
    DCT_DOWN(DOWN) DCT_ACROSS(ACROSS) DCT_SQUARES
#if GGC_WIDTH != 15
        WHT_DOWN(DOWN) ACROSS(GGC_WHT4, wht4, 4) ACROSS(GGC_WHT8, wht8, 8) WHT_STAGES.quads = BOTH(quads),
#endif
    .itemsize = GGC_BITS / 8,
    .lanes = LANES,
    .color = {BOTH(ycocg_r), BOTH(rct)},
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
#undef STAGE_PARAMETERS
#undef STAGE_ARGUMENTS
#undef UNIT_ROWS
#undef UNIT_COLUMNS
#undef DEFINE_STAGE
#undef DEFINE_DOWN
#undef DEFINE_ACROSS
#undef DEFINE_COLOR
#undef BOTH
#undef DOWN
#undef UNIT
#undef ACROSS
#undef SQUARE
#undef WHT_ACROSS
#undef WHT_ROWS
#undef DCT_SQUARES
#undef WHT_STAGES
#undef WHT_LARGEST_SQUARE
