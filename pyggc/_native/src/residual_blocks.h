/* The transform of one block, between a line of memory and its place in a plane. */
#ifndef GGC_RESIDUAL_BLOCKS_H
#define GGC_RESIDUAL_BLOCKS_H

#include "ggc/transform.h"

static inline void ggc_block_inverse(const ggc_stages *stages, int log_size, const int32_t *line, int32_t *plane,
                                     ptrdiff_t row) {
    const int side = 1 << log_size;
    const ggc_transform transform = ggc_dct(side, side, 1);
    const ggc_blocks block = {line, plane, 1, 0, side, 0, row};
    ggc_transform_blocks(&transform, stages, sizeof *line, &block);
}

static inline void ggc_block_forward(const ggc_stages *stages, int log_size, const int32_t *plane, ptrdiff_t row,
                                     int32_t *line) {
    const int side = 1 << log_size;
    const ggc_transform transform = ggc_dct(side, side, 0);
    const ggc_blocks block = {plane, line, 1, 0, row, 0, side};
    ggc_transform_blocks(&transform, stages, sizeof *line, &block);
}

#endif
