/* The transforms of single blocks, between a line of memory and its place in a plane. */
#ifndef GGC_RESIDUAL_BLOCKS_H
#define GGC_RESIDUAL_BLOCKS_H

#include "ggc/residual.h"
#include "ggc/transform.h"

/* Those of one direction, by the logarithm of the side. */
typedef struct {
    ggc_plan of[GGC_MAX_LOG + 1];
} ggc_block_plans;

static inline void ggc_block_plans_init(ggc_block_plans *plans, const ggc_transform_variant *variant, int inverse) {
    for (int log_size = GGC_MIN_LOG; log_size <= GGC_MAX_LOG; log_size++) {
        const ggc_transform transform = ggc_dct(1 << log_size, 1 << log_size, inverse);
        plans->of[log_size] = ggc_plan_of(&transform, variant, sizeof(int32_t));
    }
}

static inline void ggc_block_clear(int log_size, int32_t *plane, ptrdiff_t row) {
    for (int i = 0; i < 1 << log_size; i++)
        memset(plane + i * row, 0, sizeof *plane << log_size);
}

static inline void ggc_block_inverse(const ggc_block_plans *plans, int log_size, const int32_t *line, int32_t *plane,
                                     ptrdiff_t row) {
    ggc_transform_blocks(&plans->of[log_size], &(ggc_blocks){line, plane, 1, 1 << log_size, row, 0});
}

static inline void ggc_block_forward(const ggc_block_plans *plans, int log_size, const int32_t *plane, ptrdiff_t row,
                                     int32_t *line) {
    ggc_transform_blocks(&plans->of[log_size], &(ggc_blocks){plane, line, 1, row, 1 << log_size, 0});
}

#endif
