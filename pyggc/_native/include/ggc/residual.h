/* The transform coding of a tile of the residual layer: what its encoder and its decoder share.
 *
 * docs/spec_residual.rst is normative. A tile is divided into superblocks of 32 x 32 samples and these, by a quadtree,
 * into blocks of 32, 16, 8 or 4; all planes share the blocks. A block's levels are coded from the last one that is not
 * zero to the first, in diagonal order, each as a token in a context of the magnitudes around it: those next to it in
 * the block, which are already known, and those of the same relative frequency in the blocks to the left and above.
 */
#ifndef GGC_RESIDUAL_H
#define GGC_RESIDUAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model.h"
#include "rans.h"
#include "transform.h"

#define GGC_MAX_PLANES 4
#define GGC_MIN_LOG 2 /* of a block's side */
#define GGC_MAX_LOG 5
#define GGC_NUM_SIZES (GGC_MAX_LOG - GGC_MIN_LOG + 1)
#define GGC_SUPERBLOCK (1 << GGC_MAX_LOG)
#define GGC_MAX_LEVELS (GGC_SUPERBLOCK * GGC_SUPERBLOCK)
#define GGC_CELL (1 << GGC_MIN_LOG)           /* blocks are made of cells of 4 x 4 samples */
#define GGC_CELLS (GGC_SUPERBLOCK / GGC_CELL) /* along the side of a superblock */
#define GGC_STEP_BANDS 8                      /* steps a plane, by diagonal */
#define GGC_STEP_BITS 3                       /* of a step behind the point */
#define GGC_MAX_STEP ((1 << 24) - 1)

/* Kinds of planes, each with models of its own: luma or gray, the two chroma planes, alpha. */
#define GGC_PLANE_KINDS 3

/* Relative frequencies in two dimensions, from 8 x 8 of which all block sizes describe their magnitudes. */
#define GGC_BAND_SIDE 8
#define GGC_BANDS (GGC_BAND_SIDE * GGC_BAND_SIDE)

#define GGC_DIRECT_TOKENS 8 /* magnitudes below it are tokens */
#define GGC_ESCAPE 15       /* this token and an Exp-Golomb code of order GGC_ESCAPE_ORDER */
#define GGC_ESCAPE_ORDER 5
#define GGC_ESCAPE_BASE 96
/* No samples, base and steps ask for more: 32 * 8 * 65535 (sqrt 3 + sqrt 2), for chroma less luma. */
#define GGC_MAX_LEVEL ((1 << 26) - 1)
#define GGC_ESCAPE_WIDTH 25  /* bits of the longest code */
#define GGC_MAX_MAGNITUDE 63 /* larger ones count as this in contexts */

#define GGC_LEVEL_CONTEXTS 40
#define GGC_LAST_CONTEXTS 12
#define GGC_END_CONTEXTS 18
#define GGC_END_CLASSES (2 * GGC_MAX_LOG + 2) /* 0, and the bit lengths of 1 to 1024 */
#define GGC_SPLIT_CONTEXTS 3

/* Chroma from luma: factors from -8 to 7, in eighths. */
#define GGC_FACTOR_BITS 3
#define GGC_FACTOR_ZERO (1 << GGC_FACTOR_BITS)

/* Intra prediction of lossless blocks (residual_intra.h). */
enum { GGC_INTRA_MEAN, GGC_INTRA_VERTICAL, GGC_INTRA_HORIZONTAL, GGC_INTRA_SMOOTH, GGC_NUM_INTRA };

enum {
    GGC_RESIDUAL_OK,
    GGC_RESIDUAL_MEMORY,
    GGC_RESIDUAL_TRUNCATED,
    GGC_RESIDUAL_BAD_RANS,
    GGC_RESIDUAL_BAD_RAW,
    GGC_RESIDUAL_BAD_TOOLS,
    GGC_RESIDUAL_BAD_SIZE
};

typedef struct {
    int32_t width, height, planes;                /* of the tile; at most GGC_MAX_PLANES */
    int32_t lossless;                             /* all steps are one unit, so that levels are coefficients */
    int32_t cross;                                /* chroma is predicted from luma; never if lossless */
    int32_t step[GGC_MAX_PLANES][GGC_STEP_BANDS]; /* in 2^-GGC_STEP_BITS of a sample's unit, 1 to GGC_MAX_STEP */
} ggc_residual_plan;

static inline int32_t ggc_whole(int32_t side) {
    return (side + GGC_SUPERBLOCK - 1) & -GGC_SUPERBLOCK;
}

/* Rows of a tile's planes, one plane after the other, each row rounded up to whole superblocks. The encoder has all of
 * them, the decoder those of one row of superblocks and a few above. */
typedef struct {
    int32_t *samples;
    int32_t row;   /* samples from a row to the next */
    int32_t rows;  /* of each plane */
    int32_t first; /* the row of the tile that comes first */
} ggc_plane_rows;

/* The first sample of a row of the tile. */
static inline int32_t *ggc_plane_row(const ggc_plane_rows *planes, int plane, int y) {
    return planes->samples + ((ptrdiff_t)plane * planes->rows + y - planes->first) * planes->row;
}

/* Luma, chroma, chroma, alpha; with fewer than three planes, luma and alpha. */
static inline int ggc_plane_kind(int planes, int plane) {
    return plane == 0 ? 0 : planes >= 3 && plane < 3 ? 1 : 2;
}

/* ------------------------------------------------------------------------------------------------------- models */

typedef struct {
    ggc_dyadic levels, last, ends[GGC_NUM_SIZES], end_bits, splits, factors, intra;
    void *memory;
} ggc_residual_models;

/* src/residual_models.c. Models as they are at the start of a tile; 0 without memory. */
int ggc_residual_models_init(ggc_residual_models *m);
void ggc_residual_models_free(ggc_residual_models *m);

/* The contexts of a kind of planes and a size of blocks come one after the other: which of these rows. */
static inline uint32_t ggc_size_context(int kind, int log_size) {
    return (uint32_t)(kind * GGC_NUM_SIZES + log_size - GGC_MIN_LOG);
}

static inline uint32_t ggc_level_row(int kind, int log_size) {
    return ggc_size_context(kind, log_size) * GGC_LEVEL_CONTEXTS;
}

static inline uint32_t ggc_last_row(int kind, int log_size) {
    return ggc_size_context(kind, log_size) * GGC_LAST_CONTEXTS;
}

/* ------------------------------------------------------------------------------------------------------ scanning */

/* Where a level lies: its place in the block, its place among the magnitudes, its bands. */
typedef struct {
    uint16_t place, magnitude;
    uint8_t band, step_band;
} ggc_scan;

/* Magnitudes of a block have a row above and a column to the left that stay zero, and two below and to the right. */
#define GGC_MAGNITUDE_ROW(log_size) ((1 << (log_size)) + 3)
#define GGC_MAGNITUDES (GGC_MAGNITUDE_ROW(GGC_MAX_LOG) * GGC_MAGNITUDE_ROW(GGC_MAX_LOG))

static inline void ggc_clear_magnitudes(uint8_t *magnitudes, int log_size) {
    memset(magnitudes, 0, (size_t)GGC_MAGNITUDE_ROW(log_size) * (size_t)GGC_MAGNITUDE_ROW(log_size));
}

/* The diagonal order of each size, filled by ggc_residual_tables. */
extern ggc_scan ggc_scans[GGC_NUM_SIZES][GGC_MAX_LEVELS];
/* The context of a sum of weighted magnitudes. */
#define GGC_MAX_SUM (GGC_MAX_MAGNITUDE * (2 * 5 + 3 * 4 + 2 * 2 + 2 * 2 * 2))
extern uint8_t ggc_sum_contexts[GGC_MAX_SUM + 1];
void ggc_residual_tables(void); /* once, before anything else */

/* Weighted magnitudes of the seven neighbors toward higher frequencies, all of which are coded before. */
static GGC_ALWAYS_INLINE uint32_t ggc_neighbors(const uint8_t *m, const int row, const int log_size) {
    const uint32_t far = (uint32_t)m[2 - row] + m[2 * row - 1];
    return 5u * ((uint32_t)m[1] + m[row]) + 4u * ((uint32_t)m[row + 1] + m[2] + m[2 * row]) +
           (log_size > 3 ? 2u : 1u) * far;
}

/* -------------------------------------------------------------------------------------------- contexts by position */

/* What blocks leave for those to the right and below. */
typedef struct {
    uint8_t bands[GGC_BANDS]; /* twice the mean magnitude in each band, rounded up */
    uint8_t end;              /* the class of the number of levels, as if the block were of the largest size */
} ggc_trace;

typedef struct {
    ggc_trace *above[GGC_MAX_PLANES];          /* by cell of the tile's width */
    ggc_trace left[GGC_MAX_PLANES][GGC_CELLS]; /* by cell of the superblock's height */
    uint8_t *above_size, left_size[GGC_CELLS]; /* logarithms of sides, 0 at first */
    void *memory;
} ggc_surroundings;

int ggc_surroundings_init(ggc_surroundings *s, const ggc_residual_plan *plan);
void ggc_surroundings_free(ggc_surroundings *s);
/* At the start of a row of superblocks. */
void ggc_surroundings_next_row(ggc_surroundings *s);

/* What a block of a plane expects from its surroundings. */
typedef struct {
    uint8_t bands[GGC_BANDS]; /* weighted sums, to be added to those of the neighbors */
    uint32_t end;             /* context */
} ggc_outlook;

static inline void ggc_look(const ggc_surroundings *s, int plane, int kind, int x, int y, ggc_outlook *out) {
    const ggc_trace *above = &s->above[plane][x / GGC_CELL];
    const ggc_trace *left = &s->left[plane][y % GGC_SUPERBLOCK / GGC_CELL];
    for (int b = 0; b < GGC_BANDS; b++)
        out->bands[b] = (uint8_t)(above->bands[b] + left->bands[b]);
    if (kind == 1)
        for (int b = 0; b < GGC_BANDS; b++)
            out->bands[b] = (uint8_t)(out->bands[b] < 128 ? 2 * out->bands[b] : 255);
    out->end = (uint32_t)(above->end + left->end + 1) / 2;
}

/* The context of a block's last level, at this place. */
static inline uint32_t ggc_last_context(int kind, int log_size, const ggc_outlook *outlook, const ggc_scan *at) {
    const uint32_t context = ggc_sum_contexts[outlook->bands[at->band]];
    return ggc_last_row(kind, log_size) + (context < GGC_LAST_CONTEXTS ? context : GGC_LAST_CONTEXTS - 1);
}

/* A magnitude as contexts count it. */
static inline uint8_t ggc_counted(uint32_t magnitude) {
    return (uint8_t)(magnitude < GGC_MAX_MAGNITUDE ? magnitude : GGC_MAX_MAGNITUDE);
}

/* Whether fewer, one or both of the neighbors are divided more finely. */
static inline uint32_t ggc_split_context(const ggc_surroundings *s, int x, int y, int log_size) {
    const int above = s->above_size[x / GGC_CELL], left = s->left_size[y % GGC_SUPERBLOCK / GGC_CELL];
    return (uint32_t)((above && above < log_size) + (left && left < log_size));
}

/* The sums of a block's magnitudes in each band; a block of 4 x 4 has those whose numbers are even both ways. */
typedef struct {
    uint16_t of[GGC_BANDS];
} ggc_band_sums;

void ggc_sum_bands(int log_size, const uint8_t *magnitudes, int count, ggc_band_sums *sums);
/* Leaves a block's magnitudes, of `count` levels up to the last that is not zero; without any, `sums` is not read. */
void ggc_leave(ggc_surroundings *s, int plane, int x, int y, int log_size, const ggc_band_sums *sums, int count);
void ggc_leave_size(ggc_surroundings *s, int x, int y, int log_size);

/* --------------------------------------------------------------------------------------------------------- tokens */

static inline int ggc_bit_length(uint32_t v) {
    return v ? 32 - __builtin_clz(v) : 0;
}

/* The first magnitude of a token, and how many raw bits follow it. */
static inline uint32_t ggc_token_base(uint32_t token) {
    if (token < GGC_DIRECT_TOKENS)
        return token;
    const uint32_t above = token - GGC_DIRECT_TOKENS;
    return (2 + (above & 1)) << (2 + above / 2);
}

static inline int ggc_token_bits(uint32_t token) {
    return token < GGC_DIRECT_TOKENS ? 0 : 2 + (int)(token - GGC_DIRECT_TOKENS) / 2;
}

static inline uint32_t ggc_token_of(uint32_t magnitude) {
    if (magnitude < GGC_DIRECT_TOKENS)
        return magnitude;
    if (magnitude >= GGC_ESCAPE_BASE)
        return GGC_ESCAPE;
    const int length = ggc_bit_length(magnitude);
    return (uint32_t)(2 * length) + (magnitude >> (length - 2) & 1);
}

/* ------------------------------------------------------------------------------------------------ encoder, decoder */

/* The coefficient of a level. It wraps around where no encoder goes. */
static inline int32_t ggc_dequantize(const int32_t *steps, int band, int64_t level) {
    return (int32_t)((uint64_t)(level * steps[band] + (1 << (GGC_STEP_BITS - 1))) >> GGC_STEP_BITS);
}

/* What luma's coefficient lets expect of that of chroma at the same place; wraps around. */
static inline int32_t ggc_expected_chroma(int factor, int32_t luma) {
    const uint32_t product = (uint32_t)factor * (uint32_t)luma + (1u << (GGC_FACTOR_BITS - 1));
    return (int32_t)product >> GGC_FACTOR_BITS;
}

/* The context of the factor of a chroma plane. */
static inline uint32_t ggc_factor_context(int plane, int log_size) {
    return ggc_size_context(plane - 1, log_size);
}

/* src/residual_encode.c. Planes to streams; `planes` then holds what the decoder will make of them. `lambda` is what
 * a bit may cost in squared error, in squares of a step. The caller frees rans and raw. */
typedef struct {
    uint8_t *rans, *raw;
    size_t rans_size, raw_size;
} ggc_residual_streams;

/* Once, before the first encoding. */
void ggc_residual_costs(void);
int ggc_residual_encode(const ggc_residual_plan *plan, const ggc_transform_variant *variant,
                        const ggc_reciprocal *table, double lambda, ggc_plane_rows planes, ggc_residual_streams *out);

#endif
