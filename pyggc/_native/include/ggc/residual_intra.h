/* Intra prediction of lossless blocks: from the samples above and to the left, which the decoder has by then.
 *
 * docs/spec_residual.rst is normative. Sums wrap around at 32 bits, so that whatever a decoder is fed has one meaning.
 */
#ifndef GGC_RESIDUAL_INTRA_H
#define GGC_RESIDUAL_INTRA_H

#include "residual.h"

/* The samples next to a block. Beyond the tile's end each line repeats its last sample, and a line that is not in the
 * tile at all the other one's first; a tile's first block has zeros. */
typedef struct {
    int32_t above[GGC_SUPERBLOCK], left[GGC_SUPERBLOCK];
} ggc_edges;

/* `at` is the block's first sample in its plane, (x, y) its place in the tile. */
static inline ggc_edges ggc_edges_of(const ggc_residual_plan *plan, const int32_t *at, ptrdiff_t row, int x, int y,
                                     int log_size) {
    const int side = 1 << log_size;
    const int columns = plan->width - x < side ? plan->width - x : side;
    const int rows = plan->height - y < side ? plan->height - y : side;
    ggc_edges edges = {{0}, {0}};
    for (int i = 0; i < side; i++) {
        if (y)
            edges.above[i] = at[(i < columns ? i : columns - 1) - row];
        else if (x)
            edges.above[i] = at[-1];
        if (x)
            edges.left[i] = at[(i < rows ? i : rows - 1) * row - 1];
        else if (y)
            edges.left[i] = at[-row];
    }
    return edges;
}

static inline int32_t ggc_intra_mean(const ggc_edges *edges, int log_size) {
    uint32_t sum = 1u << log_size;
    for (int i = 0; i < 1 << log_size; i++)
        sum += (uint32_t)edges->above[i] + (uint32_t)edges->left[i];
    return (int32_t)sum >> (log_size + 1);
}

/* The prediction of a block, row by row without gaps. */
static inline void ggc_intra_predict(const ggc_edges *edges, uint32_t mode, int log_size, int32_t *out) {
    const int side = 1 << log_size, last = side - 1;
    const int32_t mean = mode == GGC_INTRA_MEAN ? ggc_intra_mean(edges, log_size) : 0;
    for (int y = 0; y < side; y++, out += side)
        switch (mode) {
        case GGC_INTRA_MEAN:
            for (int x = 0; x < side; x++)
                out[x] = mean;
            break;
        case GGC_INTRA_VERTICAL:
            memcpy(out, edges->above, (size_t)side * sizeof *out);
            break;
        case GGC_INTRA_HORIZONTAL:
            for (int x = 0; x < side; x++)
                out[x] = edges->left[y];
            break;
        default: /* between the edges and, beyond the block, the last samples of both */
            for (int x = 0; x < side; x++) {
                const uint32_t down =
                    (uint32_t)(last - y) * (uint32_t)edges->above[x] + (uint32_t)(y + 1) * (uint32_t)edges->left[last];
                const uint32_t across =
                    (uint32_t)(last - x) * (uint32_t)edges->left[y] + (uint32_t)(x + 1) * (uint32_t)edges->above[last];
                out[x] = (int32_t)(down + across + (uint32_t)side) >> (log_size + 1);
            }
        }
}

#endif
