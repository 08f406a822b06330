/* Between the samples of a tile and its planes: the Gaussian base, colors, rounding, and the smoothing filter.
 *
 * docs/spec_residual.rst is normative. All arithmetic wraps around at 32 bits, so that whatever a decoder is fed has
 * one meaning.
 */
#ifndef GGC_RESIDUAL_IMAGE_H
#define GGC_RESIDUAL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "residual.h"

/* Bits of a lossy plane behind the point, for samples of 8 bits; those of 16 bits have none. */
#define GGC_FRACTION_BITS 3

/* The filter's gain is in 2^-GGC_GAIN_BITS, its weights sum to 2^GGC_TAP_BITS a unit of distance. */
#define GGC_GAIN_BITS 6
#define GGC_TAP_BITS 4
#define GGC_REACH 2 /* samples */

/* A tile in its image. Rows are so many samples apart; pixels have `channels` samples, one after the other. */
typedef struct {
    int32_t width, height, channels, depth; /* depth: 8 or 16 */
    const uint16_t *base;                   /* the Gaussians' samples of 16 bits */
    ptrdiff_t base_row;
    void *samples; /* uint8_t or uint16_t */
    ptrdiff_t row;
} ggc_tile;

/* Luma that is to be smoothed: the rows of its plane and GGC_REACH more on each side. */
static inline size_t ggc_room_samples(const ggc_plane_rows *planes, const ggc_tile *tile) {
    return ((size_t)planes->rows + 2 * GGC_REACH) * ((size_t)tile->width + 2 * GGC_REACH);
}

typedef struct {
    int32_t reach; /* differences of twice as much or more do not count; in units of the plane */
    int32_t gain;  /* 0 for no filter */
} ggc_smoothing;

/* The byte that begins a tile: the filter's gain, whether chroma is predicted from luma, and the filter's reach in
 * eighths of a step of luma, less one. */
#define GGC_TOOLS_GAIN 4
#define GGC_TOOLS_CROSS 8
#define GGC_TOOLS_REACH 7

static inline ggc_smoothing ggc_smoothing_of(const ggc_residual_plan *plan, uint8_t tools) {
    const int64_t reach = (int64_t)plan->step[0][0] * ((tools & GGC_TOOLS_REACH) + 1) >> (3 + GGC_STEP_BITS);
    return (ggc_smoothing){(int32_t)(reach < 1 << 20 ? reach : 1 << 20), tools >> GGC_TOOLS_GAIN};
}

/* What it would change at best: the sums over a tile of (error x sum of differences) and of (sum of differences)^2. */
typedef struct {
    double product, square;
} ggc_smoothing_sums;

typedef struct {
    const char *name;
    /* Streams to samples. */
    int (*decode)(const ggc_residual_plan *plan, const ggc_transform_variant *variant, const uint8_t *rans,
                  size_t rans_size, const uint8_t *raw, size_t raw_size, ggc_smoothing by, const ggc_tile *tile);
    /* Samples less the base to planes, which are filled up to whole superblocks. */
    void (*to_planes)(const ggc_residual_plan *plan, const ggc_tile *tile, const ggc_plane_rows *planes);
    /* Planes, of which luma is smoothed, and the base to samples: from row `done` on, as far as the rows before `known`
     * suffice for; returns which row comes next. `room` is used where there is a gain. */
    int (*from_planes)(const ggc_residual_plan *plan, const ggc_tile *tile, ggc_smoothing by,
                       const ggc_plane_rows *planes, int32_t *room, int done, int known);
    /* What smoothing the luma of `planes` would do, `target` being what it should become. */
    ggc_smoothing_sums (*try_smoothing)(const ggc_residual_plan *plan, const ggc_tile *tile, int32_t reach,
                                        const ggc_plane_rows *planes, const ggc_plane_rows *target, int32_t *room);
} ggc_residual_variant;

extern const ggc_residual_variant ggc_residual_baseline, ggc_residual_avx2;

/* By number, as the variants of transforms. */
const ggc_residual_variant *ggc_residual_variant_at(int index);

#endif
