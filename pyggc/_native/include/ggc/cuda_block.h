/* Sums over the threads of a block in a fixed order, for CUDA only. */
#ifndef GGC_CUDA_BLOCK_H
#define GGC_CUDA_BLOCK_H

#include "ggc/portable.h"

#define GGC_WARP 32
#define GGC_ALL_LANES 0xffffffffu

/* Every lane gets the sum of a warp's values. */
template <typename T> GGC_INLINE T ggc_warp_sum(T value) {
    for (uint32_t mask = GGC_WARP / 2; mask; mask /= 2)
        value += __shfl_xor_sync(GGC_ALL_LANES, value, mask);
    return value;
}

/* Each lane gets what `join` makes of the values of all lanes up to its own, in their order. */
template <typename T, typename Join> GGC_INLINE T ggc_warp_scan(T value, Join join) {
    const uint32_t lane = threadIdx.x % GGC_WARP;
    for (uint32_t step = 1; step < GGC_WARP; step *= 2) {
        const T before = __shfl_up_sync(GGC_ALL_LANES, value, step);
        value = lane >= step ? join(before, value) : value;
    }
    return value;
}

/* Every thread of the block gets the sums. All threads call it, and none may have left. */
template <int COUNT> GGC_INLINE void ggc_block_sum(double (&values)[COUNT]) {
    __shared__ double sums[COUNT][BLOCK / GGC_WARP];
    for (int i = 0; i < COUNT; i++) {
        const double sum = ggc_warp_sum(values[i]);
        if (threadIdx.x % GGC_WARP == 0)
            sums[i][threadIdx.x / GGC_WARP] = sum;
    }
    __syncthreads();
    for (int i = 0; i < COUNT; i++) {
        values[i] = 0.0;
        for (int warp = 0; warp < BLOCK / GGC_WARP; warp++)
            values[i] += sums[i][warp];
    }
    __syncthreads();
}

/* The sums of `rows` rows of COUNT numbers each, by all threads of a block. */
template <int COUNT> GGC_INLINE void ggc_sum_rows(const double *rows, int64_t count, double (&sums)[COUNT]) {
    for (int k = 0; k < COUNT; k++)
        sums[k] = 0.0;
    for (int64_t i = threadIdx.x; i < count; i += BLOCK)
        for (int k = 0; k < COUNT; k++)
            sums[k] += rows[i * COUNT + k];
    ggc_block_sum(sums);
}

/* What `join` makes of the values of all threads before this one, in their order; the first thread gets `none`. */
template <typename T, typename Join> GGC_INLINE T ggc_block_scan(T value, T none, Join join) {
    __shared__ T values[BLOCK];
    values[threadIdx.x] = value;
    for (uint32_t step = 1; step < BLOCK; step *= 2) {
        __syncthreads();
        const T before = threadIdx.x >= step ? values[threadIdx.x - step] : none;
        __syncthreads();
        values[threadIdx.x] = join(before, values[threadIdx.x]);
    }
    __syncthreads();
    return threadIdx.x > 0 ? values[threadIdx.x - 1] : none;
}

#endif
