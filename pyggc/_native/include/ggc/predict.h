/* The predictive lossless tile coder: its planes, and the two calls that code a tile.
 *
 * docs/spec_lossless.rst is normative. Samples become planes by a reversible color transform; plane after plane of each
 * pixel, in rows, a sample is predicted (predict_lms.h) and its error coded in binary decisions whose probabilities are
 * mixed from several contexts (predict_model.h).
 */
#ifndef GGC_PREDICT_H
#define GGC_PREDICT_H

#include <stddef.h>
#include <stdint.h>

#define GGC_PREDICT_MAX_PLANES 4
#define GGC_PREDICT_MAX_SIDE 65535 /* so that a tile has fewer than 2^34 samples */

typedef enum {
    GGC_PLANES_AS_THEY_ARE,
    GGC_PLANES_LESS_GREEN, /* G, R - G, B - G */
    GGC_PLANES_RCT,        /* (R + 2 G + B) >> 2, B - G, R - G */
    GGC_PLANES_YCOCG,      /* Y, Co, Cg of YCoCg-R */
    GGC_NUM_PLANE_KINDS
} ggc_plane_kind;

/* A tile. Samples are uint16, [row][column][channel] without gaps, each at most `max`; so are those of `base`, or NULL.
 */
typedef struct {
    uint32_t height, width;
    int channels;
    uint32_t max;
    ggc_plane_kind kind;
    const uint16_t *base;
} ggc_predict_tile;

typedef enum {
    GGC_PREDICT_OK,
    GGC_PREDICT_NO_MEMORY,
    GGC_PREDICT_TRUNCATED, /* the stream ended */
    GGC_PREDICT_BAD_VALUE, /* a sample out of its range */
    GGC_PREDICT_BAD_END,   /* bytes after the last decision, or not those that the encoder ends with */
} ggc_predict_status;

/* On success *data is a block for free(). */
ggc_predict_status ggc_predict_encode(const ggc_predict_tile *tile, const uint16_t *samples, uint8_t **data,
                                      size_t *size);
ggc_predict_status ggc_predict_decode(const ggc_predict_tile *tile, const uint8_t *data, size_t size,
                                      uint16_t *samples);
/* The kind whose planes have the smallest errors of a plain gradient prediction; of a tile of three channels or more.
 */
ggc_plane_kind ggc_predict_kind(const ggc_predict_tile *tile, const uint16_t *samples);

/* The values of one row of planes: 0 to max in the first plane, in the ones that are differences -max to max. */
static inline int ggc_plane_is_signed(ggc_plane_kind kind, int plane) {
    return kind != GGC_PLANES_AS_THEY_ARE && (plane == 1 || plane == 2);
}

static inline void ggc_planes_forward(ggc_plane_kind kind, int channels, const uint16_t *pixel, int32_t *planes) {
    const int32_t r = pixel[0], g = channels > 1 ? pixel[1] : 0, b = channels > 2 ? pixel[2] : 0;
    for (int c = 0; c < channels; c++)
        planes[c] = pixel[c];
    switch (kind) {
    case GGC_PLANES_LESS_GREEN:
        planes[0] = g, planes[1] = r - g, planes[2] = b - g;
        break;
    case GGC_PLANES_RCT:
        planes[0] = (r + 2 * g + b) >> 2, planes[1] = b - g, planes[2] = r - g;
        break;
    case GGC_PLANES_YCOCG: {
        const int32_t co = r - b, t = b + (co >> 1), cg = g - t;
        planes[0] = t + (cg >> 1), planes[1] = co, planes[2] = cg;
        break;
    }
    default:
        break;
    }
}

/* 0 where a sample is out of [0, max], which no encoder's planes lead to. */
static inline int ggc_planes_inverse(ggc_plane_kind kind, int channels, const int32_t *planes, int32_t max,
                                     uint16_t *pixel) {
    int32_t v[GGC_PREDICT_MAX_PLANES];
    for (int c = 0; c < channels; c++)
        v[c] = planes[c];
    switch (kind) {
    case GGC_PLANES_LESS_GREEN:
        v[0] = planes[1] + planes[0], v[1] = planes[0], v[2] = planes[2] + planes[0];
        break;
    case GGC_PLANES_RCT:
        v[1] = planes[0] - ((planes[1] + planes[2]) >> 2);
        v[0] = planes[2] + v[1], v[2] = planes[1] + v[1];
        break;
    case GGC_PLANES_YCOCG: {
        const int32_t t = planes[0] - (planes[2] >> 1);
        v[1] = planes[2] + t, v[2] = t - (planes[1] >> 1), v[0] = v[2] + planes[1];
        break;
    }
    default:
        break;
    }
    int valid = 1;
    for (int c = 0; c < channels; c++) {
        valid &= v[c] >= 0 && v[c] <= max;
        pixel[c] = (uint16_t)v[c];
    }
    return valid;
}

#endif
