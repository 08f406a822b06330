/* The exact renderer: what its driver (render_driver.c) and its SIMD variants (render_tile.h) share. */
#ifndef GGC_RENDER_H
#define GGC_RENDER_H

#include "ggc/extent.h"
#include "ggc/samples.h"

/* Rows of accumulators are padded to a multiple of this, a cache line and the most lanes of any variant. */
#define GGC_ALIGN 16

enum { GGC_OK, GGC_NO_MEMORY };

/* A rectangle of accumulators: pixel (x0 + i, y0 + j), channel c is at acc[(j * channels + c) * stride + i].
 * stride is a multiple of GGC_ALIGN: what a vector adds past the tile's width is never read. */
typedef struct {
    int32_t *acc;
    int32_t x0, y0, width, height, stride, channels;
} ggc_tile;

/* Where a tile's pixels go: `out` is the first sample of its first pixel, `pitch` the bytes of a row of the image.
 * With supersample = k every output pixel is the mean of k x k accumulators. */
typedef struct {
    void *out;
    int64_t pitch;
    int32_t supersample, type, clip;
} ggc_target;

typedef struct {
    const char *name;
    void (*accumulate)(const ggc_tile *tile, const ggc_item *items, const uint32_t *list, int64_t count);
    void (*store)(const ggc_tile *tile, const ggc_target *target);
} ggc_variant;

typedef struct {
    const float *means, *cholesky, *colors;
    int64_t count;
    int32_t channels;
    int32_t x0, y0, width, height; /* the region, in output pixels */
    int32_t supersample;
    int32_t tile_width, tile_height; /* in output pixels; strips may be lower */
    int32_t type, clip, threads;
    const ggc_variant *variant;
    void *out; /* height x width x channels samples */
} ggc_job;

extern const ggc_variant ggc_baseline;
#if defined(__x86_64__)
extern const ggc_variant ggc_avx2, ggc_avx512;
#endif

/* The i-th variant that this processor can run, slowest first; NULL past the last. */
const ggc_variant *ggc_variant_at(int index);

/* Renders; the result depends on neither tile size, threads nor variant. GGC_OK or GGC_NO_MEMORY. */
int ggc_render(const ggc_job *job);

/* An upper bound of the pixels that the Gaussians cover within [x0, x0 + width) x [y0, y0 + height). */
double ggc_render_work(const float *means, const float *cholesky, int64_t count, int32_t x0, int32_t y0, int32_t width,
                       int32_t height);

#endif
