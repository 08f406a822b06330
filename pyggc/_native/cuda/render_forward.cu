/* The exact renderer: one block a tile. Gaussians are staged through shared memory; every warp picks those that may
 * touch its own square of 8 x 8 pixels, 32 at a look, and adds them up in registers.
 *
 * The sums are of integers, so neither their order nor what a tile is shows in a pixel.
 */
#include "ggc/extent.h"
#include "ggc/samples.h"

#define WARP 32
#define ALL_LANES 0xffffffffu

/* A warp's square, and the rows of it that a thread has, four apart. */
#define SQUARE 8
#define ROWS 2
#define ROW_STEP (SQUARE / ROWS)

/* Gaussians in shared memory at a time. */
#define CHUNK BLOCK

static_assert(WARP == SQUARE * ROW_STEP, "a warp covers its square");
static_assert(BLOCK * ROWS == TILE_WIDTH * TILE_HEIGHT, "the warps cover the tile");

/* Read by all lanes at once, or by each its own: in words of 16 bytes either way. */
struct alignas(16) staged {
    ggc_gaussian g;
};

/* Whether ggc_round_small does for its colors. */
GGC_INLINE bool is_small(const ggc_gaussian *g) {
    float most = 0.0f;
    for (int c = 0; c < CHANNELS; c++)
        most = fmaxf(most, fabsf(g->k[c]));
    return most <= GGC_SMALL;
}

/* Adds a Gaussian to the sums of a thread's pixels, which lie in one column. */
GGC_INLINE void add(uint32_t (&sums)[ROWS][CHANNELS], const ggc_gaussian &g, float x, const float (&y)[ROWS],
                    bool small) {
    float t[ROWS], q[ROWS], weight[ROWS];
    for (int r = 0; r < ROWS; r++)
        t[r] = ggc_t(&g, y[r]);
    ggc_q(q, ROWS, ggc_u1(x, g.mx, g.i1), t, g.s);
    for (int r = 0; r < ROWS; r++)
        q[r] = fminf(q[r], GGC_Q_MAX);
    ggc_exp(weight, ROWS, q);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < CHANNELS; c++) {
            const float value = (weight[r] - GGC_EDGE) * g.k[c];
            sums[r][c] += (uint32_t)(small ? ggc_round_small(value) : ggc_round(value));
        }
}

GGC_INLINE void store(void *out, int64_t index, int32_t value, int32_t type, int32_t clip) {
    switch (type) {
    case GGC_UINT8:
        ((uint8_t *)out)[index] = ggc_uint8(value);
        break;
    case GGC_UINT16:
        ((uint16_t *)out)[index] = ggc_uint16(value);
        break;
    case GGC_FLOAT32:
        ((float *)out)[index] = ggc_float32(clip ? ggc_unit(value) : value);
        break;
    default:
        ((int32_t *)out)[index] = value;
    }
}

/* The region's first pixel is (x0, y0) of those that are evaluated, `supersample` to an output pixel and direction;
 * its width and height are in output pixels, and `columns` tiles are in a row. A tile has as many output pixels as fit.
 * The bins are as render_bin.cu leaves them: a tile whose bin did not fit looks at all Gaussians. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_render_forward(const float *means, const float *cholesky, const float *colors, int32_t count,
                       const uint32_t *starts, const uint32_t *list, uint32_t capacity, int32_t x0, int32_t y0,
                       int32_t width, int32_t height, int32_t supersample, int32_t columns, int32_t type, int32_t clip,
                       void *out) {
    __shared__ union {
        staged items[CHUNK];
        int32_t sums[TILE_HEIGHT][TILE_WIDTH * CHANNELS];
    } shared;
    const int32_t k = supersample, tile_width = TILE_WIDTH / k, tile_height = TILE_HEIGHT / k;
    const int32_t first_column = (int32_t)blockIdx.x % columns * tile_width;
    const int32_t first_row = (int32_t)blockIdx.x / columns * tile_height;

    const uint32_t lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const int32_t left = warp % (TILE_WIDTH / SQUARE) * SQUARE, top = warp / (TILE_WIDTH / SQUARE) * SQUARE;
    const int32_t column = left + lane % SQUARE, row = top + lane / SQUARE;
    const int32_t tile_x = x0 + first_column * k, tile_y = y0 + first_row * k;
    const float xa = (float)(tile_x + left), ya = (float)(tile_y + top), x = (float)(tile_x + column);
    const bool needed = tile_x + left < x0 + width * k && tile_y + top < y0 + height * k;
    float y[ROWS];
    for (int r = 0; r < ROWS; r++)
        y[r] = (float)(tile_y + row + r * ROW_STEP);
    uint32_t sums[ROWS][CHANNELS] = {};

    uint32_t next = starts[blockIdx.x], end = starts[blockIdx.x + 1];
    const bool fits = end <= capacity;
    if (!fits) {
        next = 0;
        end = (uint32_t)count;
    }
    for (; next < end; next += CHUNK) {
        const uint32_t here = end - next < CHUNK ? end - next : CHUNK;
        if (threadIdx.x < here) {
            const int64_t i = fits ? list[next + threadIdx.x] : next + threadIdx.x;
            shared.items[threadIdx.x].g = ggc_prepare(means + 2 * i, cholesky + 3 * i, colors + CHANNELS * i, CHANNELS);
        }
        __syncthreads();
        for (uint32_t base = 0; base < here; base += WARP) {
            const ggc_gaussian *own = &shared.items[base + lane].g;
            const bool near =
                needed && base + lane < here && ggc_touches(own, xa, xa + (SQUARE - 1), ya, ya + (SQUARE - 1));
            const uint32_t small = __ballot_sync(ALL_LANES, near && is_small(own));
            for (uint32_t left_over = __ballot_sync(ALL_LANES, near); left_over; left_over &= left_over - 1) {
                const int bit = __ffs((int)left_over) - 1;
                const ggc_gaussian g = shared.items[base + bit].g;
                if (small >> bit & 1)
                    add(sums, g, x, y, true);
                else
                    add(sums, g, x, y, false);
            }
        }
        __syncthreads();
    }

    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < CHANNELS; c++)
            shared.sums[row + r * ROW_STEP][column * CHANNELS + c] = (int32_t)sums[r][c];
    __syncthreads();
    const int32_t samples = tile_width * CHANNELS;
    for (int32_t i = threadIdx.x; i < tile_height * samples; i += BLOCK) {
        const int32_t at = i / samples, pixel = i % samples / CHANNELS, channel = i % CHANNELS;
        if (first_row + at >= height || first_column + pixel >= width)
            continue;
        int64_t sum = 0;
        for (int32_t dy = 0; dy < k; dy++)
            for (int32_t dx = 0; dx < k; dx++)
                sum += shared.sums[at * k + dy][(pixel * k + dx) * CHANNELS + channel];
        const int64_t index = ((int64_t)(first_row + at) * width + first_column + pixel) * CHANNELS + channel;
        store(out, index, k == 1 ? (int32_t)sum : ggc_mean(sum, (int64_t)k * k), type, clip);
    }
}
