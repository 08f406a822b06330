/* Reversible transforms of blocks and of colors: what is computed, on which memory, by which loops.
 *
 * A block is transformed in stages: the 2 x 2 transforms of neighbors, where it has any, then its columns, then its
 * rows; the inverse goes backwards. That order is part of the definition, since every stage rounds. All arithmetic
 * wraps around at the width of a sample: any input has one output, and the inverse of that is the input.
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

/* Columns that a stage of large squares takes at once if it is given them: what lies between its halves stays in the
 * second-level cache. */
#define GGC_RUN 512

/* Blocks of rows x columns samples. A side that has a flow is as long as that says. */
typedef struct {
    int rows, columns;
    ggc_side_flow down, across; /* along the columns, along the rows */
    int quads;                  /* 2 x 2 transforms of neighbors as well; both sides are even */
    int inverse;
} ggc_transform;

/* Blocks side by side, whose rows are `row` samples apart, or stacked: one after the other, without a gap in either.
 * The target is the source or lies apart from it. */
typedef struct {
    const void *source;
    void *target;
    int64_t count;
    ptrdiff_t source_row, target_row;
    int stacked;
} ggc_blocks;

/* Three channels of some pixels, which alternate or lie so many samples apart. The target is the source or lies apart
 * from it. */
typedef struct {
    const void *source;
    void *target;
    int64_t count;
    int alternate;
    ptrdiff_t channel;
} ggc_pixels;

/* One stage over rows x columns samples, in place or not. Both are multiples of the stage's unit. Returns 0 where it
 * has seen a sample beyond [-limit, limit]; only those of forward transforms look, and those of rows do not. */
typedef int ggc_stage(const void *source, ptrdiff_t source_row, void *target, ptrdiff_t target_row, int rows,
                      int columns, int32_t limit);

/* What there is for one width of samples, forward and inverse. `down` takes columns by the number of lanes, `across`
 * units of unit_rows by unit_columns, quads two rows and columns by twice the number of lanes. `within`: whether all
 * samples of some rows lie in [-limit, limit]. */
typedef struct {
    int itemsize, lanes;
    int unit_rows[GGC_NUM_FLOWS], unit_columns[GGC_NUM_FLOWS];
    ggc_stage *down[GGC_NUM_FLOWS][2], *across[GGC_NUM_FLOWS][2], *quads[2];
    ggc_stage *square[GGC_NUM_FLOWS][2]; /* all of a square block at once; NULL: it does not pay */
    void (*color[2][2])(const ggc_pixels *pixels);
    int (*within)(const void *samples, ptrdiff_t row, int64_t rows, int64_t columns, int32_t limit);
} ggc_stages;

/* Bytes that lie block after block, `rows` runs of half or a quarter of a vector in each, to rows across all blocks,
 * and back. The rows and blocks are multiples of what a vector has of runs. */
typedef void ggc_restack(const char *source, char *target, ptrdiff_t target_row, int rows, int run, int blocks);

/* A whole transform of samples of 32 bits, faster for those within the narrow limit. Columns fill vectors of 16 bits.
 * 0: a sample of a forward transform is beyond the limit. */
typedef int ggc_direct(const int32_t *source, ptrdiff_t source_row, int32_t *target, ptrdiff_t target_row, int rows,
                       int columns, int32_t narrow_limit, int32_t limit);
typedef enum { GGC_DOWN, GGC_ACROSS, GGC_SQUARE, GGC_NUM_DIRECT } ggc_direct_kind;

typedef struct {
    const char *name;
    const ggc_stages *int15; /* of 16 bits, for numbers of 15; cosine transforms only */
    const ggc_stages *int16, *int32;
    int vector; /* bytes */
    ggc_restack *to_rows, *to_blocks;
    /* Rows of int32 to int16, if all are in [-limit, limit], else 0, for limits below INT16_MAX; and back, always. */
    int (*narrow)(const int32_t *source, ptrdiff_t source_row, int16_t *target, int64_t rows, int64_t columns,
                  int32_t limit);
    void (*widen)(const int16_t *source, int32_t *target, ptrdiff_t target_row, int64_t rows, int64_t columns);
    ggc_direct *direct[GGC_NUM_DIRECT][GGC_NUM_FLOWS][2]; /* NULL: there is none */
} ggc_transform_variant;

extern const ggc_transform_variant ggc_transform_baseline, ggc_transform_avx2;

/* The variants that this processor runs, slowest first; NULL past the last. */
const ggc_transform_variant *ggc_transform_variant_at(int index);

/* How blocks are put together for the loops of one width of samples. */
typedef struct {
    const ggc_stages *stages; /* NULL: not to be used */
    int32_t limit;            /* the largest magnitude of samples for which nothing on the way wraps around */
    int blocks;               /* of a tile, at most; a multiple of `least` */
    int least;                /* what fills vectors and units */
    /* A unit of `across` has more rows than a block, so that they are taken from one line of memory, a vector or row
     * after the other. */
    int in_line;
} ggc_tiling;

/* All that is to know of a transform before any block: made once, read only, for any number of threads. */
typedef struct {
    ggc_transform transform;
    const ggc_transform_variant *variant;
    ggc_tiling wide, narrow; /* that of the samples, and that of int16 for samples of int32 that do with 15 bits */
    ggc_direct *direct;      /* NULL: there is none */
} ggc_plan;

/* src/transforms_driver.c. The discrete cosine transform of blocks; sides of 4, 8, 16 or 32, or 1 for none. */
ggc_transform ggc_dct(int rows, int columns, int inverse);
/* Samples have 2 or 4 bytes. */
ggc_plan ggc_plan_of(const ggc_transform *transform, const ggc_transform_variant *variant, int itemsize);
int32_t ggc_color_limit(ggc_color_flow flow, int bits);

/* For blocks of a tile that is in the cache: one thread, no check. */
void ggc_transform_blocks(const ggc_plan *plan, const ggc_blocks *blocks);
/* The same for `runs` such rows of blocks, each `run` samples after the one before, on several threads. If `check` is
 * set, for which source and target must lie apart, and a sample exceeds the limit, the result is 0, and the target's
 * content undefined. */
int ggc_transform_runs(const ggc_plan *plan, const ggc_blocks *blocks, int64_t runs, ptrdiff_t run, int check,
                       int threads);
/* The limit is checked likewise, unless it is negative. */
int ggc_color_runs(ggc_color_flow flow, int inverse, const ggc_stages *stages, const ggc_pixels *pixels, int64_t runs,
                   ptrdiff_t run, int32_t limit, int threads);

#endif
