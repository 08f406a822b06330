/* Reversible transforms of blocks and of colors: what is computed, on which memory, by which loops.
 *
 * A block is transformed in stages: the 2 x 2 transforms of neighbors, where it has any, then its columns, then its
 * rows; the inverse goes backwards. That order is part of the definition, since every stage rounds. All arithmetic wraps
 * around at the width of a sample: any input has one output, and the inverse of that is the input.
 */
#ifndef GGC_TRANSFORM_H
#define GGC_TRANSFORM_H

#include <stddef.h>
#include <stdint.h>

/* The flows of flows.h along one side of a block. The Walsh-Hadamard ones of 8 and 32 leave the lowest bit alone. */
typedef enum {
    GGC_NO_FLOW,
    GGC_DCT4,
    GGC_DCT8,
    GGC_DCT16,
    GGC_DCT32,
    GGC_WHT4,
    GGC_WHT8,
    GGC_WHT16,
    GGC_WHT32,
    GGC_NUM_FLOWS
} ggc_side_flow;

typedef enum { GGC_YCOCG_R, GGC_RCT } ggc_color_flow;

/* Sides of a block. */
#define GGC_MAX_SIDE 32

/* Blocks of rows x columns samples. A side that has a flow is as long as that says. */
typedef struct {
    int rows, columns;
    ggc_side_flow down, across; /* along the columns, along the rows */
    int quads;                  /* 2 x 2 transforms of neighbors as well; both sides are even */
    int inverse;
} ggc_transform;

/* Block k of `count` begins at k * step, its rows are `row` samples apart. The target is the source, with the same steps
 * and rows, or lies apart from it. */
typedef struct {
    const void *source;
    void *target;
    int64_t count;
    ptrdiff_t source_step, source_row, target_step, target_row;
} ggc_blocks;

/* Three channels of n pixels; strides in samples. The target is the source or lies apart from it. */
typedef struct {
    const void *source;
    void *target;
    int64_t count;
    ptrdiff_t pixel, channel;
} ggc_pixels;

/* One stage over rows x columns samples, in place or not. Both are multiples of the stage's unit. */
typedef void ggc_stage(const void *source, ptrdiff_t source_row, void *target, ptrdiff_t target_row, int rows,
                       int columns);

/* What there is for one width of samples. `down` takes columns by the number of lanes, `across` units of unit_rows by
 * unit_columns, quads two rows and any even number of columns; each has a forward and an inverse form. `within`: whether
 * all of n samples lie in [-limit, limit]. */
typedef struct {
    int lanes;
    int unit_rows[GGC_NUM_FLOWS], unit_columns[GGC_NUM_FLOWS];
    ggc_stage *down[GGC_NUM_FLOWS][2], *across[GGC_NUM_FLOWS][2], *quads[2];
    void (*color[2][2])(const ggc_pixels *pixels);
    int (*within)(const void *samples, int64_t n, int64_t limit);
} ggc_stages;

typedef struct {
    const char *name;
    const ggc_stages *int16, *int32;
} ggc_transform_variant;

extern const ggc_transform_variant ggc_transform_baseline, ggc_transform_avx2;

/* The variants that this processor runs, slowest first; NULL past the last. */
const ggc_transform_variant *ggc_transform_variant_at(int index);

/* src/transforms_driver.c. The discrete cosine transform of blocks; sides of 4, 8, 16 or 32, or 1 for none. */
ggc_transform ggc_dct(int rows, int columns, int inverse);
/* On one thread: for one block, or a row of blocks, of a tile that is in the cache. */
void ggc_transform_blocks(const ggc_transform *transform, const ggc_stages *stages, size_t itemsize,
                          const ggc_blocks *blocks);
/* `runs` times as many blocks, each run `run` samples after the one before; on several threads. */
void ggc_transform_runs(const ggc_transform *transform, const ggc_stages *stages, size_t itemsize,
                        const ggc_blocks *blocks, int64_t runs, ptrdiff_t run, int threads);
/* `runs` times as many pixels. */
void ggc_color_runs(ggc_color_flow flow, int inverse, const ggc_stages *stages, size_t itemsize,
                    const ggc_pixels *pixels, int64_t runs, ptrdiff_t run, int threads);
int ggc_samples_within(const ggc_stages *stages, size_t itemsize, const void *samples, int64_t n, int64_t limit,
                       int threads);

#endif
