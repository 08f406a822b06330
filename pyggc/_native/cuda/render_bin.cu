/* The exact renderer's bins: which Gaussians may touch a tile. Each is counted, the counts are summed up, and each is
 * written to its place; in which order does not matter to a sum of integers.
 *
 * counts has a number for each tile, all zero at first and again at the end; the bin of tile t is list[starts[t]] to
 * list[starts[t + 1] - 1], if that lies within the list's capacity.
 */
#include "ggc/cuda_block.h"
#include "ggc/extent.h"

/* Sums stay at this once they reach it, which is more than any list's capacity. */
#define SUM_MAX (1u << 30)

/* The region [x0, x1) x [y0, y1) of the pixels that are evaluated, and its tiles, so many in a row. */
struct tiling {
    ggc_box region;
    int32_t tile_width, tile_height, columns;
};

/* Calls visit(tile) for every tile that a Gaussian may touch. A warp has the same Gaussian, and shares its tiles. */
template <typename Visit>
GGC_INLINE void visit_tiles(const float *means, const float *cholesky, int32_t count, const tiling &tiles,
                            Visit visit) {
    const int64_t i = ((int64_t)blockIdx.x * BLOCK + threadIdx.x) / GGC_WARP;
    if (i >= count)
        return;
    const ggc_gaussian g = ggc_prepare(means + 2 * i, cholesky + 3 * i, nullptr, 0);
    const ggc_item item = ggc_item_of(&g, &tiles.region);
    if (ggc_is_empty(&item))
        return;
    const int32_t left = tiles.region.x0, top = tiles.region.y0, width = tiles.tile_width, height = tiles.tile_height;
    const int32_t first_column = (item.x0 - left) / width, first_row = (item.y0 - top) / height;
    const int32_t columns = (item.x1 - 1 - left) / width - first_column + 1;
    const int32_t rows = (item.y1 - 1 - top) / height - first_row + 1;
    const int64_t area = (int64_t)columns * rows;
    for (int64_t k = threadIdx.x % GGC_WARP; k < area; k += GGC_WARP) {
        const int32_t column = first_column + (int32_t)(k % columns), row = first_row + (int32_t)(k / columns);
        const float x = (float)(left + column * width), y = (float)(top + row * height);
        if (ggc_touches(&g, x, x + (float)(width - 1), y, y + (float)(height - 1)))
            visit((int64_t)row * tiles.columns + column);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_bin_count(const float *means, const float *cholesky, int32_t count, int32_t x0, int32_t y0, int32_t x1,
                  int32_t y1, int32_t tile_width, int32_t tile_height, int32_t columns, uint32_t *counts) {
    const tiling tiles = {{x0, y0, x1, y1}, tile_width, tile_height, columns};
    visit_tiles(means, cholesky, count, tiles, [=](int64_t tile) { atomicAdd(counts + tile, 1u); });
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_bin_fill(const float *means, const float *cholesky, int32_t count, int32_t x0, int32_t y0, int32_t x1,
                 int32_t y1, int32_t tile_width, int32_t tile_height, int32_t columns, uint32_t *counts,
                 const uint32_t *starts, uint32_t *list, uint32_t capacity) {
    const tiling tiles = {{x0, y0, x1, y1}, tile_width, tile_height, columns};
    const uint32_t i = (uint32_t)(((int64_t)blockIdx.x * BLOCK + threadIdx.x) / GGC_WARP);
    visit_tiles(means, cholesky, count, tiles, [=](int64_t tile) {
        const uint32_t place = starts[tile] + atomicSub(counts + tile, 1u) - 1u;
        if (starts[tile + 1] <= capacity)
            list[place] = i;
    });
}

GGC_INLINE uint32_t saturated(uint32_t sum) {
    return sum < SUM_MAX ? sum : SUM_MAX;
}

/* The sum of a warp's values up to each lane's own. */
GGC_INLINE uint32_t running_sum(uint32_t value) {
    return ggc_warp_scan(value, [](uint32_t a, uint32_t b) { return saturated(a + b); });
}

/* One block does it all: a large image has some ten thousand tiles. Each row of the grid has counts of its own. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_bin_scan(const uint32_t *counts, uint32_t *starts, int32_t tiles) {
    __shared__ uint32_t sums[GGC_WARP];
    const uint32_t lane = threadIdx.x % GGC_WARP, warp = threadIdx.x / GGC_WARP;
    uint32_t carry = 0;
    counts += (int64_t)blockIdx.y * tiles;
    starts += (int64_t)blockIdx.y * (tiles + 1);
    if (threadIdx.x == 0)
        starts[0] = 0;
    for (int64_t first = 0; first < tiles; first += BLOCK) {
        const int64_t i = first + threadIdx.x;
        const uint32_t within = running_sum(i < tiles ? saturated(counts[i]) : 0u);
        if (lane == GGC_WARP - 1)
            sums[warp] = within;
        __syncthreads();
        if (warp == 0)
            sums[lane] = running_sum(lane < BLOCK / GGC_WARP ? sums[lane] : 0u);
        __syncthreads();
        const uint32_t before = saturated(carry + (warp > 0 ? sums[warp - 1] : 0u));
        if (i < tiles)
            starts[i + 1] = saturated(before + within);
        carry = saturated(carry + sums[GGC_WARP - 1]);
        __syncthreads();
    }
}
