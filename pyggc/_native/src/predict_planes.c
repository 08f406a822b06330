/* The choice of a color transform. */
#include "ggc/predict_model.h"

#define GGC_KIND_ROWS 4 /* of which one is looked at */

/* The bits that errors of the gradient prediction W + N - NW would take, about, in quarters of a bit, in one row. */
static uint64_t row_cost(const ggc_predict_tile *tile, ggc_plane_kind kind, const uint16_t *row,
                         const uint16_t *above) {
    int32_t west[GGC_PREDICT_MAX_PLANES], northwest[GGC_PREDICT_MAX_PLANES];
    ggc_planes_forward(kind, tile->channels, row, west);
    ggc_planes_forward(kind, tile->channels, above, northwest);
    uint64_t cost = 0;
    for (uint32_t x = 1; x < tile->width; x++) {
        int32_t here[GGC_PREDICT_MAX_PLANES], north[GGC_PREDICT_MAX_PLANES];
        ggc_planes_forward(kind, tile->channels, row + (size_t)x * (size_t)tile->channels, here);
        ggc_planes_forward(kind, tile->channels, above + (size_t)x * (size_t)tile->channels, north);
        for (int plane = 0; plane < 3; plane++) {
            const int32_t error = here[plane] - (west[plane] + north[plane] - northwest[plane]);
            cost += (uint64_t)ggc_quarter_octaves((uint32_t)ggc_magnitude(error));
            west[plane] = here[plane], northwest[plane] = north[plane];
        }
    }
    return cost;
}

ggc_plane_kind ggc_predict_kind(const ggc_predict_tile *tile, const uint16_t *samples) {
    const size_t stride = (size_t)tile->width * (size_t)tile->channels;
    ggc_plane_kind best = GGC_PLANES_LESS_GREEN;
    uint64_t least = UINT64_MAX;
    for (int kind = GGC_NUM_PLANE_KINDS - 1; kind >= 0; kind--) {
        uint64_t cost = 0;
        for (uint32_t y = 1; y < tile->height; y += GGC_KIND_ROWS)
            cost += row_cost(tile, (ggc_plane_kind)kind, samples + y * stride, samples + (y - 1) * stride);
        /* Values of which one is what another has already told: what is kept of them wins where it is close. */
        cost += kind == GGC_PLANES_LESS_GREEN ? 0 : cost / 16;
        if (cost < least)
            least = cost, best = (ggc_plane_kind)kind;
    }
    return best;
}
