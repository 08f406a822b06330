/* The hot loops of the renderer: accumulate Gaussians into a tile, and turn the tile into pixels.
 *
 * Included once by each SIMD variant, which first chooses its target and defines GGC_VARIANT, its name.
 */
#include <stddef.h>

#include "ggc/render.h"
#include "ggc/simd.h"

/* Rows and blocks of columns whose extents are computed at once. */
#define ROWS 64
#define BLOCKS 64

/* A vector of columns, the block, meets an ellipse in consecutive rows. These are the rows [first, end) of each of
 * `count` blocks from column x on, clipped to [low, high). The comparisons are written so that a NaN in the reach
 * gives an extent within the bounds. */
GGC_INLINE void block_rows(const ggc_item *item, int32_t x, int32_t count, int32_t low, int32_t high, int32_t *first,
                           int32_t *end) {
    const ggc_gaussian g = item->g;
    const ggc_reach reach = item->reach;
    const double origin = low, rows = high - low;
    /* Whole vectors only: most Gaussians have few blocks, and would spend their time in the remainder's scalar loop. */
    const int32_t padded = (count + 7) & ~7;
    for (int32_t i = 0; i < padded; i++) {
        double a, b;
        const double left = x + i * GGC_LANES;
        ggc_reach_rows(&g, &reach, left, left + (GGC_LANES - 1), &a, &b);
        a -= origin;
        b -= origin - 1.0;
        a = a > 0.0 ? a : 0.0;
        a = a < rows ? a : rows;
        b = b > 0.0 ? b : 0.0;
        b = b < rows ? b : rows;
        first[i] = (int32_t)a;
        end[i] = (int32_t)b;
    }
}

/* One block of columns: `acc` is its first row's first channel, `t` has the t of each row. All that depends on the
 * column alone is computed once for all rows. The weights come first, for all rows: in one loop with the sums, their
 * long chains of operations would leave no room for the processor to look ahead. */
GGC_INLINE void add_block(const ggc_gaussian *g, int32_t *acc, ptrdiff_t stride, const int channels, float x,
                          const float *t, int32_t rows) {
    const ggc_vf u1 = ggc_u1_v(ggc_iota_v() + x, g->mx, g->i1);
    ggc_vf weight[ROWS];
    int32_t row = 0;
    for (; row + GGC_GROUP <= rows; row += GGC_GROUP)
        ggc_weight_v(weight + row, GGC_GROUP, u1, t + row, g->s);
    for (; row + GGC_REST <= rows; row += GGC_REST)
        ggc_weight_v(weight + row, GGC_REST, u1, t + row, g->s);
    for (; row < rows; row++)
        ggc_weight_v(weight + row, 1, u1, t + row, g->s);
    for (row = 0; row < rows; row++, acc += channels * (ptrdiff_t)stride)
        for (int c = 0; c < channels; c++) {
            ggc_vu *sum = (ggc_vu *)(acc + c * stride);
            *sum += (ggc_vu)ggc_round_v(weight[row] * g->k[c]);
        }
}

/* Rows [y, y + rows) and columns [x, end_x) of an item, in a tile. */
GGC_INLINE void add_rows(const ggc_tile *tile, const ggc_item *item, const int channels, int32_t x, int32_t end_x,
                         int32_t y, int32_t rows) {
    const ggc_gaussian g = item->g;
    const ptrdiff_t pitch = channels * (ptrdiff_t)tile->stride;
    float t[ROWS];
    int32_t first[BLOCKS], end[BLOCKS];
    for (int32_t i = 0, padded = (rows + 7) & ~7; i < padded; i++)
        t[i] = ggc_t(&g, (float)(y + i));
    while (x < end_x) {
        const int32_t needed = (end_x - x + GGC_LANES - 1) / GGC_LANES, count = needed < BLOCKS ? needed : BLOCKS;
        block_rows(item, x, count, y, y + rows, first, end);
        for (int32_t i = 0; i < count; i++, x += GGC_LANES) {
            int32_t *acc = tile->acc + (y + first[i] - tile->y0) * pitch + (x - tile->x0);
            add_block(&g, acc, tile->stride, channels, (float)x, t + first[i], end[i] - first[i]);
        }
    }
}

GGC_INLINE void add_item(const ggc_tile *tile, const ggc_item *item, const int channels) {
    const int32_t tile_x1 = tile->x0 + tile->width, tile_y1 = tile->y0 + tile->height;
    const int32_t x0 = item->x0 > tile->x0 ? item->x0 : tile->x0, x1 = item->x1 < tile_x1 ? item->x1 : tile_x1;
    const int32_t y0 = item->y0 > tile->y0 ? item->y0 : tile->y0, y1 = item->y1 < tile_y1 ? item->y1 : tile_y1;
    if (x0 >= x1)
        return;
    /* Blocks lie where the tile's vectors lie. */
    const int32_t x = x0 - (x0 - tile->x0) % GGC_LANES;
    for (int32_t y = y0; y < y1; y += ROWS)
        add_rows(tile, item, channels, x, x1, y, y1 - y < ROWS ? y1 - y : ROWS);
}

GGC_INLINE void add_list(const ggc_tile *tile, const ggc_item *items, const uint32_t *list, int64_t count,
                         const int channels) {
    for (int64_t i = 0; i < count; i++) {
        /* A strip's items lie scattered among all; eight ahead is time enough to fetch one. */
        if (i + 8 < count) {
            __builtin_prefetch(items + list[i + 8]);
            __builtin_prefetch((const char *)(items + list[i + 8]) + 64);
        }
        add_item(tile, items + list[i], channels);
    }
}

static void accumulate(const ggc_tile *tile, const ggc_item *items, const uint32_t *list, int64_t count) {
    /* One copy of the loops for each number of channels, which the compiler then knows. */
    switch (tile->channels) {
    case 1:
        add_list(tile, items, list, count, 1);
        break;
    case 2:
        add_list(tile, items, list, count, 2);
        break;
    case 3:
        add_list(tile, items, list, count, 3);
        break;
    case 4:
        add_list(tile, items, list, count, 4);
        break;
    }
}

GGC_INLINE float float32_unit(int32_t value) {
    return ggc_float32(ggc_unit(value));
}

GGC_INLINE int32_t same(int32_t value) {
    return value;
}

/* A row of planes of accumulators to interleaved samples. A function for each number of channels, never inlined:
 * the compiler must know the number and trust `restrict`, or it would not vectorize. Nor would it with 32-bit
 * indices, which wrap around by the flags (-fwrapv) that Python adds. */
typedef void store_row(const int32_t *acc, ptrdiff_t stride, int32_t width, void *out);

#define DEFINE_STORE(name, sample, convert, channels)                                                                  \
    static __attribute__((noinline)) void name##_##channels(const int32_t *restrict acc, ptrdiff_t stride,             \
                                                            int32_t width, void *restrict out) {                       \
        for (ptrdiff_t i = 0; i < width; i++)                                                                          \
            for (int c = 0; c < channels; c++)                                                                         \
                ((sample *)out)[i * channels + c] = convert(acc[c * stride + i]);                                      \
    }
#define DEFINE_STORES(name, sample, convert)                                                                           \
    DEFINE_STORE(name, sample, convert, 1)                                                                             \
    DEFINE_STORE(name, sample, convert, 2)                                                                             \
    DEFINE_STORE(name, sample, convert, 3)                                                                             \
    DEFINE_STORE(name, sample, convert, 4)                                                                             \
    static store_row *const name[GGC_MAX_CHANNELS] = {name##_1, name##_2, name##_3, name##_4};

DEFINE_STORES(store_uint8, uint8_t, ggc_uint8)
DEFINE_STORES(store_uint16, uint16_t, ggc_uint16)
DEFINE_STORES(store_float32, float, ggc_float32)
DEFINE_STORES(store_float32_unit, float, float32_unit)
DEFINE_STORES(store_int32, int32_t, same)

static store_row *store_of(int32_t type, int32_t clip, int32_t channels) {
    switch (type) {
    case GGC_UINT8:
        return store_uint8[channels - 1];
    case GGC_UINT16:
        return store_uint16[channels - 1];
    case GGC_FLOAT32:
        return clip ? store_float32_unit[channels - 1] : store_float32[channels - 1];
    default:
        return store_int32[channels - 1];
    }
}

/* The means of k x k accumulators, halves up, into the front of the first of the k rows. */
GGC_INLINE void average_rows(int32_t *acc, ptrdiff_t pitch, int32_t width, int32_t k) {
    const int64_t area = (int64_t)k * k;
    for (int32_t i = 0; i < width; i++) {
        int64_t sum = 0;
        for (int32_t row = 0; row < k; row++)
            for (int32_t column = 0; column < k; column++)
                sum += acc[row * pitch + (ptrdiff_t)i * k + column];
        acc[i] = ggc_mean(sum, area);
    }
}

static void store(const ggc_tile *tile, const ggc_target *target) {
    const int32_t k = target->supersample, width = tile->width / k, channels = tile->channels;
    const ptrdiff_t stride = tile->stride, pitch = channels * stride;
    store_row *row = store_of(target->type, target->clip, channels);
    for (int32_t y = 0; y < tile->height / k; y++) {
        int32_t *acc = tile->acc + y * k * pitch;
        for (int32_t c = 0; k > 1 && c < channels; c++)
            average_rows(acc + c * stride, pitch, width, k);
        row(acc, stride, width, (char *)target->out + y * target->pitch);
    }
}

const ggc_variant GGC_VARIANT = {GGC_VARIANT_NAME, accumulate, store};
