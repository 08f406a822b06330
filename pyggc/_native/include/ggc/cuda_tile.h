/* A tile of sums, for CUDA only: Gaussians are staged through shared memory; every warp picks those that may touch its
 * own square of 8 x 8 pixels, 32 at a look, and adds them up in registers.
 *
 * The sums are of integers, so neither their order nor what a tile is shows in a pixel.
 */
#ifndef GGC_CUDA_TILE_H
#define GGC_CUDA_TILE_H

#include "ggc/cuda_block.h"
#include "ggc/extent.h"

/* A warp's square, and the rows of it that a thread has, four apart. */
#define GGC_SQUARE 8
#define GGC_ROWS 2
#define GGC_ROW_STEP (GGC_SQUARE / GGC_ROWS)

static_assert(GGC_WARP == GGC_SQUARE * GGC_ROW_STEP, "a warp covers its square");
static_assert(BLOCK * GGC_ROWS == TILE_WIDTH * TILE_HEIGHT, "the warps cover the tile");

/* Read by all lanes at once, or by each its own: in words of 16 bytes either way. */
struct alignas(16) ggc_staged {
    ggc_gaussian g;
};

/* A thread's place in its tile: the corner of its warp's square, and its own first pixel. */
struct ggc_place {
    int32_t left, top, column, row;
};

GGC_INLINE ggc_place ggc_place_of_thread() {
    const int32_t lane = threadIdx.x % GGC_WARP, warp = threadIdx.x / GGC_WARP;
    const int32_t left = warp % (TILE_WIDTH / GGC_SQUARE) * GGC_SQUARE;
    const int32_t top = warp / (TILE_WIDTH / GGC_SQUARE) * GGC_SQUARE;
    return {left, top, left + lane % GGC_SQUARE, top + lane / GGC_SQUARE};
}

/* Whether ggc_round_small does for its colors. */
GGC_INLINE bool ggc_is_small(const ggc_gaussian *g) {
    float most = 0.0f;
    for (int c = 0; c < CHANNELS; c++)
        most = fmaxf(most, fabsf(g->k[c]));
    return most <= GGC_SMALL;
}

/* Adds a Gaussian to the sums of a thread's pixels, which lie in one column. */
GGC_INLINE void ggc_add(uint32_t (&sums)[GGC_ROWS][CHANNELS], const ggc_gaussian &g, float x,
                        const float (&y)[GGC_ROWS], bool small) {
    float t[GGC_ROWS], q[GGC_ROWS], weight[GGC_ROWS];
    for (int r = 0; r < GGC_ROWS; r++)
        t[r] = ggc_t(&g, y[r]);
    ggc_q(q, GGC_ROWS, ggc_u1(x, g.mx, g.i1), t, g.s);
    for (int r = 0; r < GGC_ROWS; r++)
        q[r] = fminf(q[r], GGC_Q_MAX);
    ggc_exp(weight, GGC_ROWS, q);
    for (int r = 0; r < GGC_ROWS; r++)
        for (int c = 0; c < CHANNELS; c++) {
            const float value = (weight[r] - GGC_EDGE) * g.k[c];
            sums[r][c] += (uint32_t)(small ? ggc_round_small(value) : ggc_round(value));
        }
}

/* Adds up `count` Gaussians, of which prepare(k) makes the k-th ready, for the tile whose first pixel is (x0, y0).
 * Warps whose square is not needed only help to stage. `staged` has room for BLOCK of them. */
template <typename Prepare>
GGC_INLINE void ggc_sum_tile(uint32_t (&sums)[GGC_ROWS][CHANNELS], ggc_staged *staged, uint32_t count, Prepare prepare,
                             int32_t x0, int32_t y0, bool needed) {
    const ggc_place place = ggc_place_of_thread();
    const uint32_t lane = threadIdx.x % GGC_WARP;
    const float xa = (float)(x0 + place.left), ya = (float)(y0 + place.top), x = (float)(x0 + place.column);
    float y[GGC_ROWS];
    for (int r = 0; r < GGC_ROWS; r++)
        y[r] = (float)(y0 + place.row + r * GGC_ROW_STEP);
    for (uint32_t next = 0; next < count; next += BLOCK) {
        const uint32_t here = count - next < BLOCK ? count - next : BLOCK;
        if (threadIdx.x < here)
            staged[threadIdx.x].g = prepare(next + threadIdx.x);
        __syncthreads();
        for (uint32_t base = 0; base < here; base += GGC_WARP) {
            const ggc_gaussian *own = &staged[base + lane].g;
            const bool near =
                needed && base + lane < here && ggc_touches(own, xa, xa + (GGC_SQUARE - 1), ya, ya + (GGC_SQUARE - 1));
            const uint32_t small = __ballot_sync(GGC_ALL_LANES, near && ggc_is_small(own));
            for (uint32_t rest = __ballot_sync(GGC_ALL_LANES, near); rest; rest &= rest - 1) {
                const int bit = __ffs((int)rest) - 1;
                const ggc_gaussian g = staged[base + bit].g;
                if (small >> bit & 1)
                    ggc_add(sums, g, x, y, true);
                else
                    ggc_add(sums, g, x, y, false);
            }
        }
        __syncthreads();
    }
}

#endif
