/* The encoder of a tile: what chooses (src/residual_choose.c) and what codes (src/residual_encode.c) share. */
#ifndef GGC_RESIDUAL_ENCODER_H
#define GGC_RESIDUAL_ENCODER_H

#include "residual.h"
#include "residual_blocks.h"
#include "residual_intra.h"

typedef struct {
    uint8_t *bytes;
    size_t size, capacity;
    uint64_t window; /* the lowest `held` bits, fewer than 8 between calls */
    int held, failed;
} ggc_bit_writer;

/* The bits of each symbol in each context of a model, as of the superblock in which they are first asked for. */
typedef struct {
    const ggc_dyadic *model;
    float (*rows)[GGC_LANES];
    uint32_t *stamps;
} ggc_costs;

typedef struct {
    const ggc_residual_plan *plan;
    ggc_block_plans forward, inverse;
    float lambda; /* squared error a bit */
    ggc_residual_models models;
    ggc_surroundings around;
    ggc_costs levels, last, ends[GGC_NUM_SIZES], splits, factors, intra;
    void *cost_memory;
    uint32_t stamp;
    ggc_step_log log;
    ggc_bit_writer raw;
    uint8_t magnitudes[GGC_MAGNITUDES];
    ggc_plane_rows planes;
    int failed;
    /* Candidates: for each size the levels of the superblock's blocks, one block after the other, and how many they
     * are; whether a block is divided. */
    int32_t tried[GGC_NUM_SIZES][GGC_MAX_PLANES][GGC_MAX_LEVELS];
    int32_t counts[GGC_NUM_SIZES][GGC_MAX_PLANES][GGC_CELLS * GGC_CELLS];
    uint8_t divided[GGC_NUM_SIZES][GGC_CELLS * GGC_CELLS];
    int8_t chosen_factors[GGC_NUM_SIZES][GGC_MAX_PLANES][GGC_CELLS * GGC_CELLS];
    uint8_t chosen_modes[GGC_NUM_SIZES][GGC_MAX_PLANES][GGC_CELLS * GGC_CELLS];
} ggc_encoder;

/* A block's number among those of its size in the superblock, in the order of the quadtree. */
static inline uint32_t ggc_block_number(int x, int y, int log_size) {
    uint32_t number = 0;
    for (int bit = GGC_MAX_LOG - log_size; bit-- > 0;)
        number = number << 2 | (uint32_t)(y >> (log_size + bit) & 1) << 1 | (uint32_t)(x >> (log_size + bit) & 1);
    return number;
}

/* Makes room for the costs; 0 without memory. */
int ggc_residual_costs_init(ggc_encoder *e);
/* Chooses the blocks of the superblock at (x, y) and their levels. */
void ggc_residual_choose(ggc_encoder *e, int x, int y);

#endif
