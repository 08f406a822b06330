/* The residual layer's door: a tile of samples to bytes and back. */
#ifndef GGC_RESIDUAL_TILE_H
#define GGC_RESIDUAL_TILE_H

#include "residual_image.h"

typedef struct {
    uint8_t *data; /* the caller frees it */
    size_t size;
    double squared_error; /* of all samples, in units of samples */
} ggc_residual_bytes;

/* A tile to be read. */
typedef struct {
    ggc_residual_plan plan;
    ggc_tile tile;
    const uint8_t *data;
    size_t size;
    int status;
} ggc_residual_job;

/* src/residual_tile.c. `variant` is the number of one of ggc_residual_variant_at and ggc_transform_variant_at;
 * `decoded` is the same tile elsewhere, and receives the samples that a decoder makes. */
/* Several tiles, on so many threads at most, 0 for one a processor. Returns the number of the first one that failed, or
 * `count`. */
int ggc_residual_read(ggc_residual_job *jobs, int count, int variant, int threads);
int ggc_residual_write(const ggc_residual_plan *plan, int variant, const ggc_reciprocal *table, double lambda,
                       const ggc_tile *tile, const ggc_tile *decoded, ggc_residual_bytes *out);

#endif
