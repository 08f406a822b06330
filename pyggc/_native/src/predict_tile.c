/* Coding a tile: rows of planes through the models. */
#include <stdlib.h>
#include <string.h>

#include "ggc/memory.h"
#include "ggc/predict_model.h"

/* A tile on its way: models, and a ring of three rows of values and errors a plane. */
typedef struct {
    const ggc_predict_tile *tile;
    ggc_predict_model *model;
    ggc_slot *slots;
    int32_t *rows; /* one block for all of them */
    ggc_plane_rows planes[GGC_PREDICT_MAX_PLANES];
    int32_t low[GGC_PREDICT_MAX_PLANES], high[GGC_PREDICT_MAX_PLANES];
} ggc_predict_state;

#define GGC_ROWS_A_PLANE 7 /* three of values, three of errors, one of the base */

/* Slots: as many as samples, rounded up to a power of two, but no more than 2^most. */
static const int most_slot_bits[GGC_PREDICT_CONTEXTS] = {16, 12, 10, 12, 12, 12};
#define GGC_LEAST_SLOT_BITS 6

static int slot_bits(const ggc_predict_tile *tile, int context) {
    const uint64_t samples = (uint64_t)tile->height * tile->width * (uint64_t)tile->channels;
    int bits = GGC_LEAST_SLOT_BITS;
    while (bits < most_slot_bits[context] && samples >> bits)
        bits++;
    return bits;
}

static void init_model(ggc_predict_model *m, int channels) {
    ggc_logistic_init(&m->logistic);
    memset(m->lms, 0, sizeof m->lms);
    for (int plane = 0; plane < channels; plane++)
        for (int set = 0; set < GGC_MIXER_SETS; set++)
            for (int node = 0; node < GGC_SLOT_BITS; node++)
                ggc_mix_init(&m->mixers[plane][set][node], GGC_FIRST_WEIGHT);
    ggc_bit *low = &m->low[0][0][0][0];
    for (size_t i = 0; i < sizeof m->low / sizeof *low; i++)
        low[i] = GGC_BIT_INIT;
    ggc_bit *prefix = &m->prefix[0][0];
    for (size_t i = 0; i < sizeof m->prefix / sizeof *prefix; i++)
        prefix[i] = GGC_BIT_INIT;
}

static int init_slots(ggc_predict_state *s) {
    size_t total = 0, begin = 0;
    for (int i = 0; i < GGC_PREDICT_CONTEXTS; i++)
        total += (size_t)1 << slot_bits(s->tile, i);
    s->slots = aligned_alloc(sizeof *s->slots, total * sizeof *s->slots);
    if (!s->slots)
        return 0;
    ggc_prefer_large_pages(s->slots, total * sizeof *s->slots);
    static const ggc_slot empty = {0, {[0 ... GGC_SLOT_BITS - 1] = GGC_BIT_INIT}};
    for (size_t i = 0; i < total; i++)
        s->slots[i] = empty;
    for (int i = 0; i < GGC_PREDICT_CONTEXTS; i++) {
        const int bits = slot_bits(s->tile, i);
        s->model->slots[i] = s->slots + begin;
        s->model->slot_shift[i] = 32 - bits;
        begin += (size_t)1 << bits;
    }
    return 1;
}

/* Above the tile, values are the middle of those of the plane, and errors are 0. */
static int init_rows(ggc_predict_state *s) {
    const ggc_predict_tile *tile = s->tile;
    const size_t stride = (size_t)tile->width + 2 * GGC_ROW_MARGIN;
    s->rows = calloc(stride * GGC_ROWS_A_PLANE * (size_t)tile->channels, sizeof *s->rows);
    if (!s->rows)
        return 0;
    for (int plane = 0; plane < tile->channels; plane++) {
        int32_t *row = s->rows + stride * GGC_ROWS_A_PLANE * (size_t)plane + GGC_ROW_MARGIN;
        const int is_signed = ggc_plane_is_signed(tile->kind, plane);
        s->high[plane] = (int32_t)tile->max;
        s->low[plane] = is_signed ? -s->high[plane] : 0;
        ggc_plane_rows *p = &s->planes[plane];
        for (int i = 0; i < 3; i++) {
            p->value[i] = row + (size_t)i * stride;
            p->error[i] = row + (size_t)(3 + i) * stride;
            for (size_t x = 0; x < stride; x++)
                p->value[i][(ptrdiff_t)x - GGC_ROW_MARGIN] = is_signed ? 0 : (int32_t)((tile->max + 1) / 2);
        }
        p->base = tile->base ? row + 6 * stride : NULL;
    }
    return 1;
}

static int start(ggc_predict_state *s, const ggc_predict_tile *tile) {
    *s = (ggc_predict_state){.tile = tile};
    s->model = aligned_alloc(64, (sizeof *s->model + 63) / 64 * 64);
    if (!s->model)
        return 0;
    init_model(s->model, tile->channels);
    return init_slots(s) && init_rows(s);
}

static void stop(ggc_predict_state *s) {
    free(s->model);
    free(s->slots);
    free(s->rows);
}

/* Turns the ring: what was this row is above the next one, which begins left of the tile with what is above it there,
 * and whose errors there are 0, as they are on all margins. */
static void next_row(ggc_predict_state *s, uint32_t y) {
    const ptrdiff_t width = (ptrdiff_t)s->tile->width;
    for (int plane = 0; plane < s->tile->channels; plane++) {
        ggc_plane_rows *p = &s->planes[plane];
        int32_t *value = p->value[2], *error = p->error[2];
        p->value[2] = p->value[1], p->value[1] = p->value[0], p->value[0] = value;
        p->error[2] = p->error[1], p->error[1] = p->error[0], p->error[0] = error;
        if (y > 0)
            for (int i = 0; i < GGC_ROW_MARGIN; i++)
                p->value[1][width + i] = p->value[1][width - 1];
        for (int i = 1; i <= GGC_ROW_MARGIN; i++)
            value[-i] = p->value[1][0];
    }
}

static void load_base(ggc_predict_state *s, uint32_t y) {
    const size_t channels = (size_t)s->tile->channels;
    const uint16_t *pixel = s->tile->base + (size_t)y * s->tile->width * channels;
    int32_t planes[GGC_PREDICT_MAX_PLANES];
    for (uint32_t x = 0; x < s->tile->width; x++, pixel += channels) {
        ggc_planes_forward(s->tile->kind, (int)channels, pixel, planes);
        for (size_t c = 0; c < channels; c++)
            s->planes[c].base[x] = planes[c];
    }
    for (size_t c = 0; c < channels; c++)
        s->planes[c].base[-1] = s->planes[c].base[0];
}

/* One row, whose values an encoder has put in place; 0 for what no encoder writes. The number of a plane is a constant
 * in the code of its samples. */
static GGC_ALWAYS_INLINE int code_row(ggc_predict_state *s, ggc_bit_coder *c, const int decoding) {
    ggc_bit_coder coder = *c; /* in registers */
    const int channels = s->tile->channels;
    int valid = 1;
#define SAMPLE(p) ggc_code_sample(s->model, &coder, decoding, s->planes + p, p, x, s->low[p], s->high[p])
    for (ptrdiff_t x = 0; valid && x < (ptrdiff_t)s->tile->width; x++) {
        valid = SAMPLE(0);
        if (channels > 1)
            valid = valid && SAMPLE(1);
        if (channels > 2)
            valid = valid && SAMPLE(2);
        if (channels > 3)
            valid = valid && SAMPLE(3);
    }
#undef SAMPLE
    *c = coder;
    return valid;
}

static void store_planes(ggc_predict_state *s, const uint16_t *pixel) {
    const int channels = s->tile->channels;
    int32_t planes[GGC_PREDICT_MAX_PLANES];
    for (uint32_t x = 0; x < s->tile->width; x++, pixel += channels) {
        ggc_planes_forward(s->tile->kind, channels, pixel, planes);
        for (int plane = 0; plane < channels; plane++)
            s->planes[plane].value[0][x] = planes[plane];
    }
}

static int load_planes(const ggc_predict_state *s, uint16_t *pixel) {
    const int channels = s->tile->channels;
    int32_t planes[GGC_PREDICT_MAX_PLANES];
    int valid = 1;
    for (uint32_t x = 0; x < s->tile->width; x++, pixel += channels) {
        for (int plane = 0; plane < channels; plane++)
            planes[plane] = s->planes[plane].value[0][x];
        valid &= ggc_planes_inverse(s->tile->kind, channels, planes, (int32_t)s->tile->max, pixel);
    }
    return valid;
}

/* The most that a sample's decisions take: each of at most 15 bits, when all of them are the least likely ones. */
#define GGC_SAMPLE_BYTES (2 * (1 + GGC_UNARY_LIMIT + 2 * 18 + GGC_MAX_SHIFT))

static ggc_predict_status encode(ggc_predict_state *s, ggc_range_writer *w, const uint16_t *samples) {
    const size_t row = (size_t)s->tile->width * (size_t)s->tile->channels;
    for (uint32_t y = 0; y < s->tile->height; y++) {
        if (!ggc_range_reserve(w, GGC_SAMPLE_BYTES * row + 8))
            return GGC_PREDICT_NO_MEMORY;
        next_row(s, y);
        if (s->tile->base)
            load_base(s, y);
        store_planes(s, samples + row * y);
        ggc_bit_coder c = {.writer = ggc_range_resume(w)};
        code_row(s, &c, 0);
        ggc_range_suspend(w, &c.writer);
    }
    return GGC_PREDICT_OK;
}

static ggc_predict_status decode(ggc_predict_state *s, ggc_range_reader *r, uint16_t *samples) {
    const size_t row = (size_t)s->tile->width * (size_t)s->tile->channels;
    for (uint32_t y = 0; y < s->tile->height; y++) {
        next_row(s, y);
        if (s->tile->base)
            load_base(s, y);
        ggc_bit_coder c = {.reader = *r};
        const int valid = code_row(s, &c, 1);
        *r = c.reader;
        if (ggc_range_is_dry(r))
            return GGC_PREDICT_TRUNCATED;
        if (!valid || !load_planes(s, samples + row * y))
            return GGC_PREDICT_BAD_VALUE;
    }
    const int ends = (ggc_range_bits_read(r) + 7) / 8 == r->size && ggc_range_ends(r);
    return ends ? GGC_PREDICT_OK : GGC_PREDICT_BAD_END;
}

ggc_predict_status ggc_predict_encode(const ggc_predict_tile *tile, const uint16_t *samples, uint8_t **data,
                                      size_t *size) {
    ggc_predict_state s;
    ggc_range_writer w = {0};
    ggc_range_start(&w, GGC_MULTIPLY, NULL);
    ggc_predict_status status = start(&s, tile) ? encode(&s, &w, samples) : GGC_PREDICT_NO_MEMORY;
    if (status == GGC_PREDICT_OK) {
        *size = (size_t)((ggc_range_bits_written(&w) + 7) / 8);
        *data = malloc(*size + 1);
        if (*data)
            ggc_range_finish(&w, *data);
        else
            status = GGC_PREDICT_NO_MEMORY;
    }
    free(w.data);
    stop(&s);
    return status;
}

ggc_predict_status ggc_predict_decode(const ggc_predict_tile *tile, const uint8_t *data, size_t size,
                                      uint16_t *samples) {
    ggc_predict_state s;
    ggc_range_reader r;
    ggc_range_open(&r, data, size, GGC_MULTIPLY, NULL);
    const ggc_predict_status status = start(&s, tile) ? decode(&s, &r, samples) : GGC_PREDICT_NO_MEMORY;
    stop(&s);
    return status;
}
