/* One Gaussian of the sum blend: how it is prepared, how much it weighs at a pixel, which pixels it can reach.
 *
 * The weight's arithmetic is part of the file format (docs/spec_renderer.rst): IEEE-754 binary32 operations in the
 * order written here. Code whose bits matter is compiled without contraction (-ffp-contract=off, or --fmad=false for
 * NVRTC). The reach (ggc_reach) is an optimization: it may include a pixel too many, never one too few.
 *
 * Scalar and vector code share one text: the GGC_DEFINE_* macros are instantiated for `float` here and for SIMD
 * vectors in simd.h. They work on several rows in lockstep, because the operations for one row form one long chain, and
 * a processor looks ahead over a few of them only: `rows` is a constant where it matters, so that the loops unroll.
 */
#ifndef GGC_GAUSSIAN_H
#define GGC_GAUSSIAN_H

#include "ggc/portable.h"

#define GGC_MAX_CHANNELS 4

#define GGC_PI 3.14159265358979323846

/* The weight is zero from q = 9 on, three standard deviations. */
#define GGC_Q_MAX 9.0f

/* exp(-q/2) is the eighth power of this polynomial's value, 1 + q (P1 + q (P2 + q (P3 + q P4))), to 6.5e-6. */
#define GGC_P1 (-0x1.fff9p-5f)
#define GGC_P2 0x1.ff188p-10f
#define GGC_P3 (-0x1.4bc6fep-15f)
#define GGC_P4 0x1.02c34ap-21f

/* What that arithmetic gives at q = 9; subtracting it makes the weight continuous and exactly 0 outside. */
#define GGC_EDGE 0x1.6c05c4p-7f

/* A color unit is 2^20 in the accumulator. The scale also undoes the subtraction at the center: 2^20 / (1 - EDGE). */
#define GGC_FRACTION_BITS 20
#define GGC_COLOR_SCALE 0x1.02e03ap+20f

/* u1 = (x - mx) / l1: the first whitened coordinate. */
#define GGC_DEFINE_U1(name, real)                                                                                      \
    GGC_INLINE real name(real x, float mx, float i1) {                                                                 \
        real dx = x - mx;                                                                                              \
        return dx * i1;                                                                                                \
    }

/* q = u1^2 + u2^2, the squared Mahalanobis distance, from u1, t = (y - my) / l2 and the shear s = l3 / l2. The products
 * s u1 and u1^2 serve all rows. */
#define GGC_DEFINE_Q(name, real)                                                                                       \
    GGC_INLINE void name(real *q, const int rows, real u1, const float *t, float s) {                                  \
        const real su1 = s * u1, square = u1 * u1;                                                                     \
        for (int i = 0; i < rows; i++)                                                                                 \
            q[i] = t[i] - su1; /* u2 */                                                                                \
        for (int i = 0; i < rows; i++)                                                                                 \
            q[i] = square + q[i] * q[i];                                                                               \
    }

/* e = exp(-q/2) for 0 <= q <= 9. */
#define GGC_DEFINE_EXP(name, real)                                                                                     \
    GGC_INLINE void name(real *e, const int rows, const real *q) {                                                     \
        for (int i = 0; i < rows; i++)                                                                                 \
            e[i] = GGC_P4 * q[i] + GGC_P3;                                                                             \
        for (int i = 0; i < rows; i++)                                                                                 \
            e[i] = e[i] * q[i] + GGC_P2;                                                                               \
        for (int i = 0; i < rows; i++)                                                                                 \
            e[i] = e[i] * q[i] + GGC_P1;                                                                               \
        for (int i = 0; i < rows; i++)                                                                                 \
            e[i] = e[i] * q[i] + 1.0f;                                                                                 \
        for (int i = 0; i < rows; i++)                                                                                 \
            e[i] = e[i] * e[i];                                                                                        \
        for (int i = 0; i < rows; i++)                                                                                 \
            e[i] = e[i] * e[i];                                                                                        \
        for (int i = 0; i < rows; i++)                                                                                 \
            e[i] = e[i] * e[i];                                                                                        \
    }

GGC_DEFINE_U1(ggc_u1, float)
GGC_DEFINE_Q(ggc_q, float)
GGC_DEFINE_EXP(ggc_exp, float)

/* What a pixel needs to know of a Gaussian; k are the colors in units of the accumulator. */
typedef struct {
    float mx, my, i1, i2, s;
    float k[GGC_MAX_CHANNELS];
} ggc_gaussian;

GGC_INLINE ggc_gaussian ggc_prepare(const float *mean, const float *cholesky, const float *color, int channels) {
    ggc_gaussian g;
    g.mx = mean[0];
    g.my = mean[1];
    g.i1 = 1.0f / cholesky[0];
    g.i2 = 1.0f / cholesky[1];
    g.s = cholesky[2] * g.i2;
    for (int c = 0; c < GGC_MAX_CHANNELS; c++)
        g.k[c] = c < channels ? color[c] * GGC_COLOR_SCALE : 0.0f;
    return g;
}

/* t = (y - my) / l2: what all pixels of a row share. */
GGC_INLINE float ggc_t(const ggc_gaussian *g, float y) {
    float dy = y - g->my;
    return dy * g->i2;
}

/* The weight times (1 - EDGE), which GGC_COLOR_SCALE divides out again. */
GGC_INLINE float ggc_weight(const ggc_gaussian *g, float x, float t) {
    float q, e;
    ggc_q(&q, 1, ggc_u1(x, g->mx, g->i1), &t, g->s);
    q = q < GGC_Q_MAX ? q : GGC_Q_MAX;
    ggc_exp(&e, 1, &q);
    return e - GGC_EDGE;
}

/* A contribution to the nearest integer, ties to even, if its magnitude fits an int32. */
GGC_INLINE int32_t ggc_round(float v) {
#ifdef __CUDACC_RTC__
    return __float2int_rn(v);
#else
    return (int32_t)__builtin_rintf(v);
#endif
}

/* The same for magnitudes up to GGC_SMALL. The addition itself rounds: from 2^23 to 2^24 floats are whole numbers, and
 * their bits count on. It is several times faster than a conversion on a GPU. */
#define GGC_SMALL 0x1p22f
GGC_INLINE int32_t ggc_round_small(float v) {
    const float base = 0x1.8p23f;
    return ggc_float_bits(v + base) - ggc_float_bits(base);
}

/* The ellipse that holds every pixel whose computed q is below 9: (x - mx, y - my) = (l1 u, l2 t) with real numbers
 * u^2 + (t - s u)^2 <= radius^2. docs/maths_renderer.rst proves the radius; GGC_MARGIN pixels and 2^-40 of a length
 * cover the rounding in binary64. */
typedef struct {
    double l2, radius;
    double top, top_at; /* the largest t, and the u where it is reached; the least is opposite */
} ggc_reach;

#define GGC_MARGIN 0x1p-10

GGC_INLINE ggc_reach ggc_reach_of(const ggc_gaussian *g) {
    const double s = g->s, norm = GGC_MATH(sqrt)(1.0 + s * s);
    ggc_reach r;
    r.l2 = 1.0 / g->i2;
    r.radius = 3.0 + ((s < 0.0 ? -s : s) + 4.0) * 0x1p-19;
    r.top = r.radius * norm;
    r.top_at = r.radius * s / norm;
    return r;
}

/* Half the sides of the box around the ellipse, in pixels. */
GGC_INLINE double ggc_half_width(const ggc_gaussian *g) {
    return 3.00001 / g->i1 + GGC_MARGIN;
}
GGC_INLINE double ggc_half_height(const ggc_reach *r) {
    return r->l2 * r->top * (1.0 + 0x1p-40) + GGC_MARGIN;
}

/* The rows that the columns xa <= x <= xb reach: low <= y <= high. Not clipped; columns beyond the ellipse give the
 * row of its nearest end. */
GGC_INLINE void ggc_reach_rows(const ggc_gaussian *g, const ggc_reach *r, double xa, double xb, double *low,
                               double *high) {
    const double radius = r->radius, s = g->s, margin = r->l2 * r->top * 0x1p-40 + GGC_MARGIN;
    double ua = (xa - g->mx) * g->i1, ub = (xb - g->mx) * g->i1;
    ua = ua > -radius ? ua : -radius;
    ub = ub > -radius ? ub : -radius;
    ua = ua < radius ? ua : radius;
    ub = ub < radius ? ub : radius;
    const double ra = GGC_MATH(sqrt)((radius - ua) * (radius + ua)), rb = GGC_MATH(sqrt)((radius - ub) * (radius + ub));
    const double top_a = s * ua + ra, top_b = s * ub + rb, bottom_a = s * ua - ra, bottom_b = s * ub - rb;
    double top = top_a > top_b ? top_a : top_b, bottom = bottom_a < bottom_b ? bottom_a : bottom_b;
    /* Between the columns a boundary is highest at one of them, unless its summit lies between. */
    top = (ua <= r->top_at) & (r->top_at <= ub) ? r->top : top;
    bottom = (ua <= -r->top_at) & (-r->top_at <= ub) ? -r->top : bottom;
    *low = g->my + (r->l2 * bottom - margin);
    *high = g->my + (r->l2 * top + margin);
}

#endif
