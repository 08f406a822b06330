/* The loops of residual_image.h; included once by each variant, which first chooses its target and defines GGC_VARIANT
 * and GGC_VARIANT_NAME. Signed sums and products that could overflow on what no encoder writes are done unsigned. */
#include "ggc/residual_decoder.h"
#include "ggc/residual_image.h"

#include <stdlib.h>

/* Rows are taken in pieces, so that what is between memory and memory stays in the first-level cache; and so many of
 * them at a time that they stay in the second-level cache. */
#define PIECE 256
#define ROWS 16

/* The orthonormal transform of colors in 2^-COLOR_BITS: y = (r + g + b) / sqrt 3, co = (r - b) / sqrt 2,
 * cg = (2 g - r - b) / sqrt 6. */
#define COLOR_BITS 13
#define COLOR_HALF (1u << (COLOR_BITS - 1))
#define COLOR_Y 4730u
#define COLOR_CO 5793u
#define COLOR_CG 3344u

#define LOOP _Pragma("GCC ivdep")

static inline int32_t scaled_color(uint32_t v) {
    return (int32_t)(v + COLOR_HALF) >> COLOR_BITS;
}

static inline int fraction_bits(const ggc_residual_plan *plan, const ggc_tile *tile) {
    return !plan->lossless && tile->depth == 8 ? GGC_FRACTION_BITS : 0;
}

/* Pixels of a piece of a row to one row for each channel, and back. With a constant number of channels the loops are
 * vectorized. */
#define DEFINE_PIXELS(type, bits)                                                                                      \
    static GGC_ALWAYS_INLINE void part_##bits(const type *restrict pixels, const int channels, int n,                  \
                                              int32_t (*restrict rows)[PIECE]) {                                       \
        LOOP for (int i = 0; i < n; i++) for (int c = 0; c < channels; c++) rows[c][i] = pixels[i * channels + c];     \
    }                                                                                                                  \
    static GGC_ALWAYS_INLINE void join_##bits(const int32_t (*restrict rows)[PIECE], const int channels, int n,        \
                                              type *restrict pixels) {                                                 \
        LOOP for (int i = 0; i < n; i++) for (int c = 0; c < channels; c++) pixels[i * channels + c] =                 \
            (type)rows[c][i];                                                                                          \
    }
DEFINE_PIXELS(uint8_t, 8)
DEFINE_PIXELS(uint16_t, 16)

#define BY_CHANNELS(channels, call)                                                                                    \
    switch (channels) {                                                                                                \
    case 1:                                                                                                            \
        call(1);                                                                                                       \
        break;                                                                                                         \
    case 2:                                                                                                            \
        call(2);                                                                                                       \
        break;                                                                                                         \
    case 3:                                                                                                            \
        call(3);                                                                                                       \
        break;                                                                                                         \
    default:                                                                                                           \
        call(4);                                                                                                       \
    }

/* The base of a piece of a row: in units of the plane, or of samples where it is lossless. */
static void load_base(const ggc_residual_plan *plan, const ggc_tile *tile, int y, int x, int n,
                      int32_t (*restrict rows)[PIECE]) {
    const int channels = tile->channels;
    const uint16_t *base = tile->base + y * tile->base_row + (ptrdiff_t)x * channels;
#define CALL(channels) part_16(base, channels, n, rows)
    BY_CHANNELS(channels, CALL)
#undef CALL
    if (tile->depth == 16)
        return;
    for (int c = 0; c < channels; c++) {
        int32_t *row = rows[c];
        if (plan->lossless) {
            LOOP for (int i = 0; i < n; i++) { /* (v + 128) / 257 */
                const int32_t v = row[i] + 128;
                row[i] = (v - (v >> 8)) >> 8;
            }
        } else {
            LOOP for (int i = 0; i < n; i++) { /* (v * 2040 + 32767) / 65535 */
                const int32_t v = row[i] * (255 << GGC_FRACTION_BITS) + 32767;
                row[i] = (v + 1 + (v >> 16)) >> 16;
            }
        }
    }
}

static void load_samples(const ggc_tile *tile, int y, int x, int n, int32_t (*restrict rows)[PIECE]) {
    const ptrdiff_t first = y * tile->row + (ptrdiff_t)x * tile->channels;
#define CALL_16(channels) part_16((const uint16_t *)tile->samples + first, channels, n, rows)
#define CALL_8(channels) part_8((const uint8_t *)tile->samples + first, channels, n, rows)
    if (tile->depth == 16)
        BY_CHANNELS(tile->channels, CALL_16)
    else
        BY_CHANNELS(tile->channels, CALL_8)
#undef CALL_16
#undef CALL_8
}

static void store_samples(const ggc_tile *tile, int y, int x, int n, const int32_t (*restrict rows)[PIECE]) {
    const ptrdiff_t first = y * tile->row + (ptrdiff_t)x * tile->channels;
#define CALL_16(channels) join_16(rows, channels, n, (uint16_t *)tile->samples + first)
#define CALL_8(channels) join_8(rows, channels, n, (uint8_t *)tile->samples + first)
    if (tile->depth == 16)
        BY_CHANNELS(tile->channels, CALL_16)
    else
        BY_CHANNELS(tile->channels, CALL_8)
#undef CALL_16
#undef CALL_8
}

/* Differences and the base to the nearest samples in the range of their depth, given the bits behind the point. */
static void add_base(const ggc_tile *tile, int n, int bits, const int32_t *restrict base, int32_t *restrict row) {
    const int32_t most = (1 << tile->depth) - 1;
    const uint32_t half = bits ? 1u << (bits - 1) : 0;
    LOOP for (int i = 0; i < n; i++) {
        int32_t v = (int32_t)((uint32_t)row[i] + (uint32_t)base[i] + half) >> bits;
        v = v < 0 ? 0 : v;
        row[i] = v > most ? most : v;
    }
}

static void mix_colors(int lossless, int n, int32_t v[3][PIECE]) {
    if (lossless) { /* YCoCg-R */
        LOOP for (int i = 0; i < n; i++) {
            const int32_t r = v[0][i], g = v[1][i], b = v[2][i];
            const int32_t co = r - b, t = b + (co >> 1), cg = g - t;
            v[0][i] = t + (cg >> 1), v[1][i] = co, v[2][i] = cg;
        }
        return;
    }
    LOOP for (int i = 0; i < n; i++) {
        const uint32_t r = (uint32_t)v[0][i], g = (uint32_t)v[1][i], b = (uint32_t)v[2][i];
        v[0][i] = scaled_color(COLOR_Y * (r + g + b));
        v[1][i] = scaled_color(COLOR_CO * (r - b));
        v[2][i] = scaled_color(COLOR_CG * (2 * g - r - b));
    }
}

static void unmix_colors(int lossless, int n, int32_t v[3][PIECE]) {
    if (lossless) {
        LOOP for (int i = 0; i < n; i++) {
            const uint32_t y = (uint32_t)v[0][i], co = (uint32_t)v[1][i], cg = (uint32_t)v[2][i];
            const uint32_t t = y - (uint32_t)((int32_t)cg >> 1), b = t - (uint32_t)((int32_t)co >> 1);
            v[0][i] = (int32_t)(b + co), v[1][i] = (int32_t)(cg + t), v[2][i] = (int32_t)b;
        }
        return;
    }
    LOOP for (int i = 0; i < n; i++) {
        const uint32_t y = COLOR_Y * (uint32_t)v[0][i], co = COLOR_CO * (uint32_t)v[1][i];
        const uint32_t cg = COLOR_CG * (uint32_t)v[2][i];
        v[0][i] = scaled_color(y + co - cg);
        v[1][i] = scaled_color(y + 2 * cg);
        v[2][i] = scaled_color(y - co - cg);
    }
}

static void to_planes(const ggc_residual_plan *plan, const ggc_tile *tile, const ggc_plane_rows *planes) {
    const int channels = tile->channels, bits = fraction_bits(plan, tile);
    for (int y = 0; y < tile->height; y++) {
        for (int x = 0; x < tile->width; x += PIECE) {
            const int n = tile->width - x < PIECE ? tile->width - x : PIECE;
            int32_t v[GGC_MAX_PLANES][PIECE], base[GGC_MAX_PLANES][PIECE];
            load_base(plan, tile, y, x, n, base);
            load_samples(tile, y, x, n, v);
            for (int c = 0; c < channels; c++)
                LOOP for (int i = 0; i < n; i++) v[c][i] = (v[c][i] << bits) - base[c][i];
            if (channels >= 3)
                mix_colors(plan->lossless, n, v);
            for (int c = 0; c < channels; c++)
                memcpy(ggc_plane_row(planes, c, y) + x, v[c], (size_t)n * sizeof *v[c]);
        }
        for (int c = 0; c < channels; c++) {
            int32_t *to = ggc_plane_row(planes, c, y);
            for (int x = tile->width; x < planes->row; x++)
                to[x] = to[tile->width - 1];
        }
    }
    for (int c = 0; c < channels; c++)
        for (int y = tile->height; y < planes->rows; y++)
            memcpy(ggc_plane_row(planes, c, y), ggc_plane_row(planes, c, tile->height - 1),
                   (size_t)planes->row * sizeof(int32_t));
}

static void store_rows(const ggc_residual_plan *plan, const ggc_tile *tile, int first, int end,
                       const ggc_plane_rows *planes) {
    const int channels = tile->channels, bits = fraction_bits(plan, tile);
    for (int y = first; y < end; y++)
        for (int x = 0; x < tile->width; x += PIECE) {
            const int n = tile->width - x < PIECE ? tile->width - x : PIECE;
            int32_t v[GGC_MAX_PLANES][PIECE], base[GGC_MAX_PLANES][PIECE];
            for (int c = 0; c < channels; c++)
                memcpy(v[c], ggc_plane_row(planes, c, y) + x, (size_t)n * sizeof *v[c]);
            if (channels >= 3)
                unmix_colors(plan->lossless, n, v);
            load_base(plan, tile, y, x, n, base);
            for (int c = 0; c < channels; c++)
                add_base(tile, n, bits, base[c], v[c]);
            store_samples(tile, y, x, n, v);
        }
}

/* ------------------------------------------------------------------------------------------------------ smoothing */

static int32_t *room_row(const ggc_tile *tile, const ggc_plane_rows *planes, int32_t *room, int y) {
    return room + (ptrdiff_t)(y - planes->first + GGC_REACH) * (tile->width + 2 * GGC_REACH);
}

/* Rows of the luma of the image, base and all, with a margin of GGC_REACH that repeats what is at the edge. */
static void luma_rows(const ggc_residual_plan *plan, const ggc_tile *tile, int first, int end,
                      const ggc_plane_rows *planes, int32_t *room) {
    const int width = tile->width, height = tile->height;
    const size_t bytes = ((size_t)width + 2 * GGC_REACH) * sizeof *room;
    for (int y = first; y < end; y++) {
        int32_t *to = room_row(tile, planes, room, y) + GGC_REACH;
        const int32_t *from = ggc_plane_row(planes, 0, y);
        for (int x = 0; x < width; x += PIECE) {
            const int n = width - x < PIECE ? width - x : PIECE;
            int32_t v[GGC_MAX_PLANES][PIECE];
            load_base(plan, tile, y, x, n, v);
            if (tile->channels >= 3)
                LOOP for (int i = 0; i < n; i++) v[0][i] =
                    scaled_color(COLOR_Y * ((uint32_t)v[0][i] + (uint32_t)v[1][i] + (uint32_t)v[2][i]));
            LOOP for (int i = 0; i < n; i++) to[x + i] = (int32_t)((uint32_t)v[0][i] + (uint32_t)from[x + i]);
        }
        for (int i = 1; i <= GGC_REACH; i++)
            to[-i] = to[0], to[width - 1 + i] = to[width - 1];
    }
    for (int i = 0; i < GGC_REACH; i++) {
        if (first == 0)
            memcpy(room_row(tile, planes, room, -1 - i), room_row(tile, planes, room, 0), bytes);
        if (end == height)
            memcpy(room_row(tile, planes, room, height + i), room_row(tile, planes, room, height - 1), bytes);
    }
}

/* A difference counts fully up to the reach, and from there on less, down to nothing at twice the reach. */
static inline int32_t weighted(uint32_t other, uint32_t here, int32_t reach) {
    const int32_t difference = (int32_t)(other - here);
    const int32_t size = difference < 0 ? (int32_t)(0 - (uint32_t)difference) : difference;
    int32_t part = (int32_t)(2 * (uint32_t)reach - (uint32_t)size);
    part = part < size ? part : size;
    part = part < 0 ? 0 : part;
    return difference < 0 ? -part : part;
}

/* The sums over the twelve neighbors within a distance of 2, with weights of about 16 / (1 + distance^2). */
static void sum_differences(const int32_t *at, ptrdiff_t row, int n, int32_t reach, int32_t *sums) {
#define TAP(offset) weighted((uint32_t)at[i + (offset)], here, reach)
    LOOP for (int i = 0; i < n; i++) {
        const uint32_t here = (uint32_t)at[i];
        const int32_t near = TAP(1) + TAP(-1) + TAP(row) + TAP(-row);
        const int32_t diagonal = TAP(1 + row) + TAP(1 - row) + TAP(-1 + row) + TAP(-1 - row);
        const int32_t far = TAP(2) + TAP(-2) + TAP(2 * row) + TAP(-2 * row);
        sums[i] = 8 * near + 5 * diagonal + 3 * far;
    }
#undef TAP
}

static void smooth_rows(const ggc_tile *tile, ggc_smoothing by, int first, int end, const ggc_plane_rows *planes,
                        int32_t *room) {
    const ptrdiff_t row = tile->width + 2 * GGC_REACH;
    const int shift = GGC_GAIN_BITS + GGC_TAP_BITS;
    for (int y = first; y < end; y++) {
        const int32_t *from = room_row(tile, planes, room, y) + GGC_REACH;
        int32_t *to = ggc_plane_row(planes, 0, y);
        for (int x = 0; x < tile->width; x += PIECE) {
            const int n = tile->width - x < PIECE ? tile->width - x : PIECE;
            int32_t sums[PIECE];
            sum_differences(from + x, row, n, by.reach, sums);
            LOOP for (int i = 0; i < n; i++) {
                const uint32_t change = (uint32_t)sums[i] * (uint32_t)by.gain + (1u << (shift - 1));
                to[x + i] = (int32_t)((uint32_t)to[x + i] + (uint32_t)((int32_t)change >> shift));
            }
        }
    }
}

/* A few rows at a time, so that what is read again is in the cache. Luma is smoothed as its rows were before, of which
 * some below take part. */
static int from_planes(const ggc_residual_plan *plan, const ggc_tile *tile, ggc_smoothing by,
                       const ggc_plane_rows *planes, int32_t *room, int done, int known) {
    const int reach = by.gain ? GGC_REACH : 0, last = known < tile->height ? known - reach : tile->height;
    while (done < last) {
        const int end = last - done < ROWS ? last : done + ROWS;
        if (by.gain) {
            const int needed = end + reach < tile->height ? end + reach : tile->height;
            luma_rows(plan, tile, done ? done + reach : 0, needed, planes, room);
            smooth_rows(tile, by, done, end, planes, room);
        }
        store_rows(plan, tile, done, end, planes);
        done = end;
    }
    return done;
}

static ggc_smoothing_sums try_smoothing(const ggc_residual_plan *plan, const ggc_tile *tile, int32_t reach,
                                        const ggc_plane_rows *planes, const ggc_plane_rows *target, int32_t *room) {
    const ptrdiff_t row = tile->width + 2 * GGC_REACH;
    ggc_smoothing_sums total = {0.0, 0.0};
    luma_rows(plan, tile, 0, tile->height, planes, room);
    for (int y = 0; y < tile->height; y++) {
        const int32_t *now = ggc_plane_row(planes, 0, y), *wanted = ggc_plane_row(target, 0, y);
        const int32_t *at = room_row(tile, planes, room, y) + GGC_REACH;
        for (int x = 0; x < tile->width; x += PIECE) {
            const int n = tile->width - x < PIECE ? tile->width - x : PIECE;
            int32_t sums[PIECE];
            sum_differences(at + x, row, n, reach, sums);
            double product = 0.0, square = 0.0;
            for (int i = 0; i < n; i++) {
                product += (double)(wanted[x + i] - now[x + i]) * sums[i];
                square += (double)sums[i] * sums[i];
            }
            total.product += product, total.square += square;
        }
    }
    return total;
}

/* -------------------------------------------------------------------------------------------------------- decoding */

/* The decoder's rows: those above a row of superblocks that smoothing and prediction still look at, and its own. */
#define ROWS_ABOVE GGC_REACH
#define ROWS_HELD (ROWS_ABOVE + GGC_SUPERBLOCK)

/* To the next row of superblocks. */
static void next_rows(const ggc_tile *tile, int count, ggc_plane_rows *planes, int32_t *room) {
    const size_t bytes = (size_t)planes->row * sizeof *room, row = (size_t)tile->width + 2 * GGC_REACH;
    for (int p = 0; p < count; p++)
        memmove(ggc_plane_row(planes, p, planes->first), ggc_plane_row(planes, p, planes->first + GGC_SUPERBLOCK),
                ROWS_ABOVE * bytes);
    if (room)
        memmove(room, room + GGC_SUPERBLOCK * row, (ROWS_ABOVE + 2 * GGC_REACH) * row * sizeof *room);
    planes->first += GGC_SUPERBLOCK;
}

static int decode_rows(decoder *d, const ggc_tile *tile, ggc_smoothing by, int32_t *room) {
    const ggc_residual_plan *plan = d->plan;
    for (int y = 0, done = 0; y < plan->height; y += GGC_SUPERBLOCK) {
        const int known = plan->height - y < GGC_SUPERBLOCK ? plan->height : y + GGC_SUPERBLOCK;
        if (!decode_superblocks(d, y))
            break;
        done = from_planes(plan, tile, by, &d->planes, room, done, known);
        next_rows(tile, plan->planes, &d->planes, room);
    }
    return verdict(d);
}

static int decode(const ggc_residual_plan *plan, const ggc_transform_variant *variant, const uint8_t *rans,
                  size_t rans_size, const uint8_t *raw, size_t raw_size, ggc_smoothing by, const ggc_tile *tile) {
    ggc_plane_rows planes = {NULL, ggc_whole(plan->width), ROWS_HELD, -ROWS_ABOVE};
    const size_t samples = (size_t)plan->planes * ROWS_HELD * (size_t)planes.row;
    int32_t *memory = malloc((samples + (by.gain ? ggc_room_samples(&planes, tile) : 0)) * sizeof *memory);
    int status = GGC_RESIDUAL_MEMORY;
    decoder *d = memory ? open_decoder(plan, variant, rans, rans_size, raw, raw_size) : NULL;
    if (d) {
        planes.samples = memory;
        d->planes = planes;
        status = decode_rows(d, tile, by, by.gain ? memory + samples : NULL);
        close_decoder(d);
    }
    free(memory);
    return status;
}

const ggc_residual_variant GGC_VARIANT = {GGC_VARIANT_NAME, decode, to_planes, from_planes, try_smoothing};
