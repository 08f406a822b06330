/* Which pixels of a region a Gaussian can reach: its box, rectangles it may touch, and how many pixels at most.
 *
 * All of these are bounds that save work and never show in a pixel; docs/maths_renderer.rst proves them.
 */
#ifndef GGC_EXTENT_H
#define GGC_EXTENT_H

#include "ggc/gaussian.h"

/* Parts of a Gaussian's width whose work is estimated one by one. */
#define GGC_WORK_CELLS 16

/* A region, in the pixels that are evaluated, which supersampling makes smaller. */
typedef struct {
    int32_t x0, y0, x1, y1;
} ggc_box;

/* A prepared Gaussian and the box of pixels [x0, x1) x [y0, y1) that it can reach, clipped to the region. */
typedef struct {
    ggc_gaussian g;
    ggc_reach reach;
    int32_t x0, x1, y0, y1;
} ggc_item;

/* v clipped to [low, high], and low if v is NaN, so that no parameters can lead a conversion astray. */
GGC_INLINE double ggc_clip(double v, double low, double high) {
    return v > low ? (v < high ? v : high) : low;
}

/* The integers of [center - half, center + half] within [low, high), as [first, end). */
GGC_INLINE void ggc_clip_range(double center, double half, int32_t low, int32_t high, int32_t *first, int32_t *end) {
    *first = low + (int32_t)ggc_clip(center - half - low + 1.0, 0.0, (double)high - low); /* floor + 1 >= ceil */
    if (*first > low)
        (*first)--;
    *end = low + (int32_t)ggc_clip(center + half - low + 1.0, 0.0, (double)high - low);
}

GGC_INLINE ggc_item ggc_item_of(const ggc_gaussian *g, const ggc_box *region) {
    ggc_item item;
    item.g = *g;
    item.reach = ggc_reach_of(g);
    ggc_clip_range(g->mx, ggc_half_width(g), region->x0, region->x1, &item.x0, &item.x1);
    ggc_clip_range(g->my, ggc_half_height(&item.reach), region->y0, region->y1, &item.y0, &item.y1);
    return item;
}

GGC_INLINE int ggc_is_empty(const ggc_item *item) {
    return item->x0 >= item->x1 || item->y0 >= item->y1;
}

/* Whether a Gaussian may weigh something at a pixel with xa <= x <= xb and ya <= y <= yb; in binary32, for a GPU that
 * asks this of many rectangles. The interval of columns and the slack of the rows are wider than all that rounding
 * can do. */
GGC_INLINE int ggc_touches(const ggc_gaussian *g, float xa, float xb, float ya, float yb) {
    const float s = g->s, shear = GGC_MATH(fabsf)(s), radius = 3.0f + (shear + 4.0f) * 0x1p-18f;
    float ua = (xa - g->mx) * g->i1, ub = (xb - g->mx) * g->i1;
    ua -= GGC_MATH(fabsf)(ua) * 0x1p-20f;
    ub += GGC_MATH(fabsf)(ub) * 0x1p-20f;
    if (ua > radius || ub < -radius)
        return 0;
    ua = ua > -radius ? ua : -radius;
    ub = ub < radius ? ub : radius;
    const float ra = GGC_MATH(sqrtf)((radius - ua) * (radius + ua));
    const float rb = GGC_MATH(sqrtf)((radius - ub) * (radius + ub));
    const float norm = GGC_MATH(sqrtf)(1.0f + s * s), summit = radius * norm, at = radius * s / norm;
    const float top_a = s * ua + ra, top_b = s * ub + rb, low_a = s * ua - ra, low_b = s * ub - rb;
    float top = top_a > top_b ? top_a : top_b, low = low_a < low_b ? low_a : low_b;
    /* Where rounding may hide that a summit lies between the columns, it is taken to. */
    const float left = ua - radius * 0x1p-19f, right = ub + radius * 0x1p-19f;
    top = (left <= at) & (at <= right) ? summit : top;
    low = (left <= -at) & (-at <= right) ? -summit : low;
    const float ta = ggc_t(g, ya), tb = ggc_t(g, yb), slack = (shear + 1.0f) * radius * 0x1p-18f;
    return ta - GGC_MATH(fabsf)(ta) * 0x1p-20f <= top + slack && tb + GGC_MATH(fabsf)(tb) * 0x1p-20f >= low - slack;
}

/* The most pixels that a column of [first, end) can have: the longest chord, and the rows that any chord reaches. */
GGC_INLINE double ggc_cell_height(const ggc_item *item, int32_t first, int32_t end) {
    const ggc_gaussian *g = &item->g;
    const ggc_reach *reach = &item->reach;
    double low, high;
    ggc_reach_rows(g, reach, first, end - 1.0, &low, &high);
    low = low > item->y0 ? low : item->y0;
    high = high < item->y1 - 1 ? high : item->y1 - 1;
    const double u = (ggc_clip(g->mx, first, end - 1.0) - g->mx) * g->i1;
    const double rest = (reach->radius - u) * (reach->radius + u);
    const double chord = 2.0 * (reach->l2 * GGC_MATH(sqrt)(rest > 0.0 ? rest : 0.0) + GGC_MARGIN) + 1.0;
    return ggc_clip(high - low + 1.0, 0.0, chord);
}

/* A convex set has no more points with integer coordinates than its area, half its circumference and one (Nosarzewska,
 * 1948). The circumference is at most that of the box. */
GGC_INLINE double ggc_ellipse_pixels(const ggc_item *item) {
    const double radius = item->reach.radius, area = GGC_PI * radius * radius * item->reach.l2 / item->g.i1;
    return area + 2.0 * (ggc_half_width(&item->g) + ggc_half_height(&item->reach)) + 1.0;
}

/* The pixels of an ellipse that the region cuts, from parts of its width. */
GGC_INLINE double ggc_cut_pixels(const ggc_item *item) {
    const int32_t columns = item->x1 - item->x0, cells = columns < GGC_WORK_CELLS ? columns : GGC_WORK_CELLS;
    double work = 0.0;
    for (int32_t cell = 0; cell < cells; cell++) {
        const int32_t first = item->x0 + (int32_t)((int64_t)columns * cell / cells);
        const int32_t end = item->x0 + (int32_t)((int64_t)columns * (cell + 1) / cells);
        work += ggc_cell_height(item, first, end) * (end - first);
    }
    return work;
}

/* At most so many pixels of the region does an item cover: a whole number, so that sums below 2^53 are exact and no
 * order of summation shows. */
GGC_INLINE double ggc_item_work(const ggc_item *item, const ggc_box *region) {
    if (ggc_is_empty(item))
        return 0.0;
    const int whole = item->x0 > region->x0 && item->x1 < region->x1 && item->y0 > region->y0 && item->y1 < region->y1;
    return GGC_MATH(floor)(whole ? ggc_ellipse_pixels(item) : ggc_cut_pixels(item));
}

#endif
