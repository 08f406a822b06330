/* The hot loops of the fit: Gaussians to pixels, and the gradient of an image to that of each Gaussian.
 *
 * Included once by each SIMD variant, which first chooses its target. Both loops walk down columns of a vector's
 * width, because all that depends on the column alone is then computed once: in the gather, three sums a column
 * (of v, v u2, v u2 u2) give all five moments of the shape.
 */
#include "ggc/fit.h"
#include "ggc/simd.h"

/* Rows and blocks of columns whose extents are computed at once. */
#define ROWS 64
#define BLOCKS 64

/* Vectors at any address of a float. */
typedef float ggc_vf_any __attribute__((vector_size(4 * GGC_LANES), aligned(4)));

/* The rows [first, end) within [0, rows) that each of `count` blocks of columns from x on reaches; `y` is row 0.
 * Rounding may cost a pixel at the very edge, where the weight is nearly zero: the slack is a hundredth of a pixel. */
GGC_INLINE void fit_block_rows(const ggc_fit_item *item, float x, float y, int32_t count, int32_t rows,
                               int32_t *restrict first, int32_t *restrict end) {
    const float s = item->g.s, i1 = item->g.i1, l2 = item->l2, top_most = item->top, top_at = item->top_at;
    const float left = x - item->g.mx, base = item->g.my - y, limit = (float)rows;
    for (ptrdiff_t i = 0; i < count; i++) {
        float ua = (left + (float)((int32_t)i * GGC_LANES)) * i1, ub = ua + (float)(GGC_LANES - 1) * i1;
        ua = ua > -3.0f ? ua : -3.0f;
        ub = ub > -3.0f ? ub : -3.0f;
        ua = ua < 3.0f ? ua : 3.0f;
        ub = ub < 3.0f ? ub : 3.0f;
        const float ra = __builtin_sqrtf(9.0f - ua * ua), rb = __builtin_sqrtf(9.0f - ub * ub);
        const float top_a = s * ua + ra, top_b = s * ub + rb, low_a = s * ua - ra, low_b = s * ub - rb;
        float top = top_a > top_b ? top_a : top_b, low = low_a < low_b ? low_a : low_b;
        /* Between the columns a boundary is highest at one of them, unless its summit lies between. */
        top = (ua <= top_at) & (top_at <= ub) ? top_most : top;
        low = (ua <= -top_at) & (-top_at <= ub) ? -top_most : low;
        low = base + l2 * low + 0.99f; /* to be rounded down, for the ceiling */
        top = base + l2 * top + 1.01f;
        low = low > 0.0f ? low : 0.0f;
        top = top > 0.0f ? top : 0.0f;
        first[i] = (int32_t)(low < limit ? low : limit);
        end[i] = (int32_t)(top < limit ? top : limit);
    }
}

/* What a column block knows of its Gaussian: u1, s u1 and u1^2. */
typedef struct {
    ggc_vf u1, su1, square;
} columns;

GGC_INLINE columns columns_of(const ggc_gaussian *g, float x) {
    const ggc_vf u1 = ggc_u1_v(ggc_iota_v() + x, g->mx, g->i1);
    return (columns){u1, g->s * u1, u1 * u1};
}

/* With fused multiplications the chain is short enough for rows one by one. */
GGC_INLINE ggc_vf exponential(ggc_vf q) {
    ggc_vf e;
    q = ggc_min_v(q, GGC_Q_MAX);
    ggc_exp_v(&e, 1, &q);
    return e;
}

GGC_INLINE void add_column(const ggc_gaussian *g, float *acc, ptrdiff_t stride, const int channels, float x,
                           const float *t, int32_t rows) {
    const columns at = columns_of(g, x);
    for (int32_t row = 0; row < rows; row++) {
        const ggc_vf u2 = t[row] - at.su1;
        const ggc_vf weight = exponential(at.square + u2 * u2) - GGC_EDGE;
        for (int c = 0; c < channels; c++) {
            ggc_vf_any *sum = (ggc_vf_any *)(acc + c * stride);
            *sum = *sum + weight * g->k[c];
        }
        acc += channels * stride;
    }
}

GGC_INLINE void add_item(const ggc_fit_tile *tile, const ggc_fit_item *item, const int channels) {
    const int32_t tile_x1 = tile->x0 + tile->width, tile_y1 = tile->y0 + tile->height;
    int32_t x = item->x0 > tile->x0 ? item->x0 : tile->x0;
    const int32_t x1 = item->x1 < tile_x1 ? item->x1 : tile_x1;
    const int32_t y0 = item->y0 > tile->y0 ? item->y0 : tile->y0, y1 = item->y1 < tile_y1 ? item->y1 : tile_y1;
    const ggc_gaussian g = item->g;
    const int32_t rows = y1 - y0;
    float t[ROWS];
    int32_t first[BLOCKS], end[BLOCKS];
    for (ptrdiff_t i = 0; i < rows; i++)
        t[i] = ((float)(y0 + (int32_t)i) - g.my) * g.i2;
    const int32_t count = (x1 - x + GGC_LANES - 1) / GGC_LANES;
    fit_block_rows(item, (float)x, (float)y0, count, rows, first, end);
    float *acc = tile->acc + (y0 - tile->y0) * (channels * tile->stride) + (x - tile->x0);
    for (int32_t i = 0; i < count; i++, x += GGC_LANES, acc += GGC_LANES)
        add_column(&g, acc + first[i] * (channels * tile->stride), tile->stride, channels, (float)x, t + first[i],
                   end[i] - first[i]);
}

GGC_INLINE void add_list(const ggc_fit_tile *tile, const ggc_fit_item *items, const uint32_t *list, int64_t count,
                         const int channels) {
    for (int64_t i = 0; i < count; i++) {
        if (i + 8 < count)
            __builtin_prefetch(items + list[i + 8]);
        add_item(tile, items + list[i], channels);
    }
}

GGC_INLINE ggc_vf masked(ggc_vf value, ggc_vi mask) {
    return (ggc_vf)((ggc_vi)value & mask);
}

/* Sums over the pixels of a Gaussian, lane by lane: of w image, and of v times 1, u1, u2, ... where
 * v = e (k . image); e is the exponential within the support and zero without. */
typedef struct {
    ggc_vf color[GGC_MAX_CHANNELS];
    ggc_vf v1, v2, v11, v22, v12, square;
} moments;

GGC_INLINE void gather_column(moments *sums, const ggc_gaussian *g, const float *image, ptrdiff_t stride,
                              const int channels, const int with_square, float x, const float *t, int32_t rows) {
    const columns at = columns_of(g, x);
    const ggc_vf zero = {0};
    ggc_vf color[GGC_MAX_CHANNELS] = {zero, zero, zero, zero}, v0 = zero, v2 = zero, v22 = zero;
    ggc_vf square = zero;
    for (int32_t row = 0; row < rows; row++) {
        const ggc_vf u2 = t[row] - at.su1;
        const ggc_vf q = at.square + u2 * u2;
        const ggc_vf e = exponential(q), weight = e - GGC_EDGE;
        if (with_square)
            square += weight * weight;
        ggc_vf dot = zero;
        for (int c = 0; c < channels; c++) {
            const ggc_vf value = *(const ggc_vf_any *)(image + c * stride);
            color[c] += weight * value;
            dot += g->k[c] * value;
        }
        const ggc_vf v = masked(e, q < GGC_Q_MAX) * dot, vu = v * u2;
        v0 += v;
        v2 += vu;
        v22 += vu * u2;
        image += channels * stride;
    }
    for (int c = 0; c < channels; c++)
        sums->color[c] += color[c];
    sums->v1 += v0 * at.u1;
    sums->v11 += v0 * at.square;
    sums->v2 += v2;
    sums->v12 += v2 * at.u1;
    sums->v22 += v22;
    sums->square += square;
}

GGC_INLINE float lane_sum(ggc_vf v) {
    double sum = 0.0;
    for (int i = 0; i < GGC_LANES; i++)
        sum += v[i];
    return (float)sum;
}

/* The extents are computed for a strip of ROWS rows at a time and BLOCKS blocks of columns. */
GGC_INLINE float gather_item(const ggc_fit_item *item, const ggc_planes *image, const int channels,
                             const int with_square, float *out) {
    const ggc_gaussian g = item->g;
    const ptrdiff_t pitch = channels * image->stride;
    moments sums = {0};
    float t[ROWS];
    int32_t first[BLOCKS], end[BLOCKS];
    for (int32_t y = item->y0; y < item->y1; y += ROWS) {
        const int32_t rows = item->y1 - y < ROWS ? item->y1 - y : ROWS;
        for (ptrdiff_t i = 0; i < rows; i++)
            t[i] = ((float)(y + (int32_t)i) - g.my) * g.i2;
        for (int32_t x = item->x0; x < item->x1;) {
            const int32_t needed = (item->x1 - x + GGC_LANES - 1) / GGC_LANES;
            const int32_t count = needed < BLOCKS ? needed : BLOCKS;
            fit_block_rows(item, (float)x, (float)y, count, rows, first, end);
            for (int32_t i = 0; i < count; i++, x += GGC_LANES)
                gather_column(&sums, &g, image->data + (y + first[i]) * pitch + x, image->stride, channels, with_square,
                              (float)x, t + first[i], end[i] - first[i]);
        }
    }
    for (int c = 0; c < channels; c++)
        out[c] = lane_sum(sums.color[c]) * (GGC_COLOR_SCALE * 0x1p-20f);
    out[channels] = lane_sum(sums.v1);
    out[channels + 1] = lane_sum(sums.v2);
    out[channels + 2] = lane_sum(sums.v11);
    out[channels + 3] = lane_sum(sums.v22);
    out[channels + 4] = lane_sum(sums.v12);
    const float scale = GGC_COLOR_SCALE * 0x1p-20f;
    return lane_sum(sums.square) * scale * scale;
}

static void accumulate(const ggc_fit_tile *tile, const ggc_fit_item *items, const uint32_t *list, int64_t count) {
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

static void gather(const ggc_fit_item *item, const ggc_planes *image, float *out) {
    switch (image->channels) {
    case 1:
        gather_item(item, image, 1, 0, out);
        break;
    case 2:
        gather_item(item, image, 2, 0, out);
        break;
    case 3:
        gather_item(item, image, 3, 0, out);
        break;
    case 4:
        gather_item(item, image, 4, 0, out);
        break;
    }
}

static float gather_square(const ggc_fit_item *item, const ggc_planes *image, float *out) {
    switch (image->channels) {
    case 1:
        return gather_item(item, image, 1, 1, out);
    case 2:
        return gather_item(item, image, 2, 1, out);
    case 3:
        return gather_item(item, image, 3, 1, out);
    default:
        return gather_item(item, image, 4, 1, out);
    }
}

/* One block of columns of a Gaussian with colors k, which are zero in the lanes past the image. */
GGC_INLINE void splat_column(const ggc_gaussian *g, const ggc_vf *k, float *image, ptrdiff_t stride, const int channels,
                             float x, const float *t, int32_t rows) {
    const columns at = columns_of(g, x);
    for (int32_t row = 0; row < rows; row++) {
        const ggc_vf u2 = t[row] - at.su1;
        const ggc_vf weight = exponential(at.square + u2 * u2) - GGC_EDGE;
        for (int c = 0; c < channels; c++) {
            ggc_vf_any *value = (ggc_vf_any *)(image + c * stride);
            *value = *value + weight * k[c];
        }
        image += channels * stride;
    }
}

GGC_INLINE void splat_item(const ggc_fit_item *item, const ggc_planes *image, const int channels, float sign) {
    const ggc_gaussian g = item->g;
    const ptrdiff_t pitch = channels * image->stride;
    float t[ROWS];
    int32_t first[BLOCKS], end[BLOCKS];
    for (int32_t y = item->y0; y < item->y1; y += ROWS) {
        const int32_t rows = item->y1 - y < ROWS ? item->y1 - y : ROWS;
        for (ptrdiff_t i = 0; i < rows; i++)
            t[i] = ((float)(y + (int32_t)i) - g.my) * g.i2;
        for (int32_t x = item->x0; x < item->x1;) {
            const int32_t needed = (item->x1 - x + GGC_LANES - 1) / GGC_LANES;
            const int32_t count = needed < BLOCKS ? needed : BLOCKS;
            fit_block_rows(item, (float)x, (float)y, count, rows, first, end);
            for (int32_t i = 0; i < count; i++, x += GGC_LANES) {
                const ggc_vi inside = ggc_iota_v() + (float)x < (float)image->width;
                ggc_vf k[GGC_MAX_CHANNELS];
                for (int c = 0; c < channels; c++)
                    k[c] = masked((ggc_vf){0} + sign * g.k[c], inside);
                splat_column(&g, k, image->data + (y + first[i]) * pitch + x, image->stride, channels, (float)x,
                             t + first[i], end[i] - first[i]);
            }
        }
    }
}

static void splat(const ggc_fit_item *item, const ggc_planes *image, float sign) {
    switch (image->channels) {
    case 1:
        splat_item(item, image, 1, sign);
        break;
    case 2:
        splat_item(item, image, 2, sign);
        break;
    case 3:
        splat_item(item, image, 3, sign);
        break;
    case 4:
        splat_item(item, image, 4, sign);
        break;
    }
}

/* A row's sums are short enough for floats, one a lane; rows are added up in binary64. */
GGC_INLINE ggc_fit_sums subtract_row(const float *restrict acc, const float *restrict target, float *restrict residual,
                                     ptrdiff_t width) {
    const ggc_vf zero = {0};
    ggc_vf squared = zero, absolute = zero;
    ptrdiff_t i = 0;
    for (; i + GGC_LANES <= width; i += GGC_LANES) {
        const ggc_vf r = *(const ggc_vf_any *)(acc + i) - *(const ggc_vf_any *)(target + i);
        *(ggc_vf_any *)(residual + i) = r;
        squared += r * r;
        absolute += masked(r, ((ggc_vi){0} + INT32_MAX));
    }
    ggc_fit_sums sums = {lane_sum(squared), lane_sum(absolute)};
    for (; i < width; i++) {
        const float r = acc[i] - target[i];
        residual[i] = r;
        sums.squared += r * r;
        sums.absolute += r < 0.0f ? -r : r;
    }
    return sums;
}

static ggc_fit_sums subtract(const ggc_fit_tile *tile, const ggc_planes *target, const ggc_planes *residual) {
    ggc_fit_sums sums = {0.0, 0.0};
    for (int32_t row = 0; row < tile->height * tile->channels; row++) {
        const ptrdiff_t at = ((ptrdiff_t)tile->y0 * tile->channels + row) * target->stride + tile->x0;
        const ggc_fit_sums one =
            subtract_row(tile->acc + row * tile->stride, target->data + at, residual->data + at, tile->width);
        sums.squared += one.squared;
        sums.absolute += one.absolute;
    }
    return sums;
}
