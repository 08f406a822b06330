/* The exact renderer: one block a tile; cuda_tile.h adds it up. */
#include "ggc/cuda_tile.h"
#include "ggc/samples.h"

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
        ggc_staged items[BLOCK];
        int32_t sums[TILE_HEIGHT][TILE_WIDTH * CHANNELS];
    } shared;
    const int32_t k = supersample, tile_width = TILE_WIDTH / k, tile_height = TILE_HEIGHT / k;
    const int32_t first_column = (int32_t)blockIdx.x % columns * tile_width;
    const int32_t first_row = (int32_t)blockIdx.x / columns * tile_height;
    const ggc_place place = ggc_place_of_thread();
    const bool needed = first_column * k + place.left < width * k && first_row * k + place.top < height * k;
    const uint32_t first = starts[blockIdx.x], end = starts[blockIdx.x + 1];
    const bool fits = end <= capacity;
    uint32_t sums[GGC_ROWS][CHANNELS] = {};
    const auto prepare = [=](uint32_t n) {
        const int64_t i = fits ? list[first + n] : n;
        return ggc_prepare(means + 2 * i, cholesky + 3 * i, colors + CHANNELS * i, CHANNELS);
    };
    ggc_sum_tile(sums, shared.items, fits ? end - first : (uint32_t)count, prepare, x0 + first_column * k,
                 y0 + first_row * k, needed);

    for (int r = 0; r < GGC_ROWS; r++)
        for (int c = 0; c < CHANNELS; c++)
            shared.sums[place.row + r * GGC_ROW_STEP][place.column * CHANNELS + c] = (int32_t)sums[r][c];
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
