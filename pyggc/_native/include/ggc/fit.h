/* The fit: what its drivers (src/fit_*.c) and its SIMD variants (fit_tile.h, fit_filter.h) share.
 *
 * Everything here is float arithmetic whose last bits are nobody's promise, but every sum has a fixed order, so that
 * no result depends on the number of threads. The formulas are derived in docs/maths_fit.rst.
 */
#ifndef GGC_FIT_H
#define GGC_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "ggc/fit_removal.h"
#include "ggc/fit_step.h"

/* An image of floats: pixel (x, y), channel c is at data[(y * channels + c) * stride + x]. What lies between width
 * and stride is zero, and stride - width is at least the most lanes of any variant, for vectors that overrun. */
typedef struct {
    float *data;
    ptrdiff_t stride;
    int32_t width, height, channels;
} ggc_planes;

#define GGC_PADDING 16

/* A prepared Gaussian: k are its colors times 1 / (1 - EDGE), and [x0, x1) x [y0, y1) is the box that it reaches. */
typedef struct {
    ggc_gaussian g;
    float l2, top, top_at;
    int32_t x0, x1, y0, y1;
} ggc_fit_item;

/* A rectangle of sums of which one thread at a time is the owner; the layout is that of ggc_planes. */
typedef struct {
    float *acc;
    ptrdiff_t stride;
    int32_t x0, y0, width, height, channels;
} ggc_fit_tile;

typedef struct {
    double squared, absolute;
} ggc_fit_sums;

typedef struct {
    const char *name;
    /* Adds Gaussians to a tile. */
    void (*accumulate)(const ggc_fit_tile *tile, const ggc_fit_item *items, const uint32_t *list, int64_t count);
    /* Writes tile - target to the residual and sums it up. */
    ggc_fit_sums (*subtract)(const ggc_fit_tile *tile, const ggc_planes *target, const ggc_planes *residual);
    /* Gathers the whitened gradient of one Gaussian from the image's gradient. */
    void (*gather)(const ggc_fit_item *item, const ggc_planes *image, float *out);
    /* The same, and the sum of the squared weights. */
    float (*gather_square)(const ggc_fit_item *item, const ggc_planes *image, float *out);
    /* Adds one Gaussian, times sign, to an image. */
    void (*splat)(const ggc_fit_item *item, const ggc_planes *image, float sign);
    /* out[i] = sum over k < taps of weights[k] rows[k][i]; up to GGC_PADDING entries past count are touched. */
    void (*combine)(const float *const *rows, const float *weights, int taps, float *out, ptrdiff_t count);
    /* The SSIM of a row of windows, to values, from their moments E[x], E[y], E[xx], E[yy], E[xy], and its
     * derivatives by E[x], E[xx] and E[xy], to slope. Returns the sum. */
    double (*ssim)(float *const moments[5], float *const slope[3], float *values, ptrdiff_t count);
} ggc_fit_variant;

extern const ggc_fit_variant ggc_fit_baseline;
#if defined(__x86_64__)
extern const ggc_fit_variant ggc_fit_avx2, ggc_fit_avx512;
#endif

/* The i-th variant that this processor can run, slowest first; NULL past the last. */
const ggc_fit_variant *ggc_fit_variant_at(int index);

enum { GGC_FIT_OK, GGC_FIT_NO_MEMORY };

/* One Gaussian made ready for an image of that size. */
ggc_fit_item ggc_fit_prepare(const ggc_params *params, int64_t index, int32_t width, int32_t height);

/* residual = render(params) - target; sums over the image. */
int ggc_fit_forward(const ggc_params *params, const ggc_planes *target, const ggc_planes *residual,
                    const ggc_fit_variant *variant, int threads, ggc_fit_sums *sums);

/* out (N, channels + 5): the sums over pixels of image * d render / d coordinate. */
int ggc_fit_backward(const ggc_params *params, const ggc_planes *image, const ggc_fit_variant *variant, int threads,
                     float *out);

/* The natural gradient z of the half gradient g, both (N, channels + 5), to which the amplitude penalty
 * lambda sum min(l1 l2, GGC_FIT_MAX_AREA) |c|^2 is first added. Gives g . z and g . previous. */
void ggc_fit_natural(const ggc_params *params, float *g, float *z, const float *previous, float lambda,
                     double products[2]);

/* direction = beta direction - z, or -z where that would not descend, each Gaussian's part shortened so that a step
 * of `reach` times it stays within what the retraction allows. Returns g . direction. */
double ggc_fit_conjugate(const ggc_params *params, const float *g, const float *z, float *direction, float beta,
                         float reach, float min_scale);

/* The parameters a step along the direction, within the bounds. Returns their sum of
 * min(l1 l2, GGC_FIT_MAX_AREA) |c|^2. */
double ggc_fit_retract(const ggc_params *params, const float *direction, float step, const ggc_fit_bounds *bounds,
                       float *means, float *cholesky, float *colors);

/* cost (N): how much the loss would rise without each Gaussian, once its `neighbors` (at most GGC_MAX_NEIGHBORS) had
 * taken over what they can. g has the half gradient; only its colors are read. */
int ggc_fit_removal(const ggc_params *params, const float *g, int32_t neighbors, int threads, float *cost);

/* Gaussian filter; at the border the image is continued by its border pixels. `out` may not be `in`. */
int ggc_fit_blur(const ggc_planes *in, const ggc_planes *out, double sigma, const ggc_fit_variant *variant,
                 int threads);

/* The mean SSIM of residual + target and target, and its gradient by the former added to gradient, times scale. */
int ggc_fit_ssim(const ggc_planes *residual, const ggc_planes *target, const ggc_planes *gradient, float scale,
                 const ggc_fit_variant *variant, int threads, double *ssim);

/* out(x, y) = the sum over channels of in^2; out has one channel. */
void ggc_fit_energy(const ggc_planes *in, const ggc_planes *out, int threads);

/* Pixels at which the running sum of the weights, row by row, passes the thresholds, which are sorted and below the
 * total: y * width + x, increasing. No pixel is given twice: the next one with a weight stands in. Returns how many
 * were found: all, unless the last pixels ran out. */
int64_t ggc_fit_sample(const ggc_planes *weights, const double *thresholds, int64_t count, int64_t *pixels);

/* The sum of all weights, in the order in which ggc_fit_sample adds them. */
double ggc_fit_total(const ggc_planes *weights);

/* gradient = l2 residual + l1 / 2 sign(residual): the half gradient of the sum over pixels. */
void ggc_fit_mix(const ggc_planes *residual, const ggc_planes *gradient, float l2, float l1, int threads);

#endif
