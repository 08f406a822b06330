/* The models of the predictive tile coder, and the coding of one sample under them.
 *
 * docs/spec_lossless.rst is normative. The error of a prediction is told by its sign, the multiple of 2^k in it, in
 * unary, and the k bits below. k grows with the errors expected nearby, so that about three decisions tell a sample.
 * Those of the sign and of the unary code are mixed from the probabilities in six contexts, each of which has its slot
 * of fifteen: one line of the cache a context and sample.
 */
#ifndef GGC_PREDICT_MODEL_H
#define GGC_PREDICT_MODEL_H

#include "predict.h"
#include "predict_lms.h"
#include "range_steps.h"

#define GGC_PREDICT_CONTEXTS 6
#define GGC_MIXER_SETS 4      /* of weights, by k */
#define GGC_SLOT_BITS 15      /* 0 is the sign; 7 of the unary code of errors >= 0, 7 of the others */
#define GGC_UNARY_NODES 7     /* the last one serves for all steps from it on */
#define GGC_UNARY_LIMIT 20    /* steps; the rest is an Exp-Golomb code */
#define GGC_EXPECTED_STEPS 40 /* sixteenths of a step: beyond them k grows */
#define GGC_MAX_SHIFT 16      /* k is at most that */
#define GGC_MODELLED_LOW 2    /* of the k bits, the upper ones that have probabilities */
#define GGC_CONSTANT_INPUT 256
#define GGC_BIT_LIMIT 254
#define GGC_MIX_SHIFT 14
#define GGC_FIRST_WEIGHT 14000 /* 0.21 */
#define GGC_LOW_CLAMP 32       /* of a probability that is not mixed, in 2^-16 */

typedef struct {
    uint32_t tag;
    ggc_bit bits[GGC_SLOT_BITS];
} __attribute__((aligned(64))) ggc_slot;

typedef struct {
    ggc_logistic logistic;
    ggc_lms lms[GGC_PREDICT_MAX_PLANES];
    ggc_mix_weights mixers[GGC_PREDICT_MAX_PLANES][GGC_MIXER_SETS][GGC_SLOT_BITS];
    ggc_bit low[GGC_PREDICT_MAX_PLANES][GGC_MAX_SHIFT + 1][GGC_UNARY_LIMIT + 1][3];
    ggc_bit prefix[GGC_PREDICT_MAX_PLANES][32];
    ggc_slot *slots[GGC_PREDICT_CONTEXTS];
    int slot_shift[GGC_PREDICT_CONTEXTS]; /* 32 less the bits of a slot's number */
} ggc_predict_model;

/* Either direction of the range coder. */
typedef struct {
    ggc_range_cursor writer;
    ggc_range_reader reader;
} ggc_bit_coder;

/* Codes a decision whose probability of a one is p, in 2^-16, from 2 on: the lower part of the range is the one's. */
static GGC_ALWAYS_INLINE int ggc_code_bit(ggc_bit_coder *c, const int decoding, uint32_t p, int bit) {
    const uint32_t range = decoding ? c->reader.range : c->writer.range, cut = range * p >> 16;
    if (!decoding) {
        ggc_range_put(&c->writer, GGC_RANGE_BITS, bit ? 0 : cut, bit ? cut : range);
        return bit;
    }
    if (c->reader.count < 32) {
        if (c->reader.position + 8 <= c->reader.size)
            ggc_range_fill_fast(&c->reader);
        else
            ggc_range_fill(&c->reader);
    }
    bit = (uint32_t)(c->reader.window >> (64 - GGC_RANGE_BITS)) < cut;
    ggc_range_narrow(&c->reader, GGC_RANGE_BITS, bit ? 0 : cut, bit ? cut : range);
    return bit;
}

/* A decision under one adaptive probability. */
static GGC_ALWAYS_INLINE int ggc_code_alone(const ggc_predict_model *m, ggc_bit_coder *c, const int decoding,
                                            ggc_bit *state, int bit) {
    uint32_t p = ggc_bit_p16(*state);
    p = p < GGC_LOW_CLAMP ? GGC_LOW_CLAMP : p > 65536 - GGC_LOW_CLAMP ? 65536 - GGC_LOW_CLAMP : p;
    bit = ggc_code_bit(c, decoding, p, bit);
    ggc_bit_update(&m->logistic, state, bit, GGC_BIT_LIMIT);
    return bit;
}

/* What the contexts of a sample are made from, and where they are. */
typedef struct {
    ggc_slot *slots[GGC_PREDICT_CONTEXTS];
    ggc_mix_weights *mixers; /* [GGC_SLOT_BITS] */
    int shift;               /* k */
} ggc_sample_contexts;

static GGC_ALWAYS_INLINE int ggc_code_mixed(const ggc_predict_model *m, ggc_bit_coder *c, const int decoding,
                                            const ggc_sample_contexts *s, int node, int bit) {
#define IN(i) (int16_t)ggc_stretch(&m->logistic, s->slots[i]->bits[node])
    const ggc_mix_inputs inputs = {{IN(0), IN(1), IN(2), IN(3), IN(4), IN(5), 0, GGC_CONSTANT_INPUT}};
#undef IN
    const uint32_t p = ggc_squash(&m->logistic, ggc_mix_dot(s->mixers + node, &inputs));
    bit = ggc_code_bit(c, decoding, p, bit);
    ggc_mix_update(s->mixers + node, &inputs, ggc_mix_error(p, bit), GGC_MIX_SHIFT);
    for (int i = 0; i < GGC_PREDICT_CONTEXTS; i++)
        ggc_bit_update(&m->logistic, &s->slots[i]->bits[node], bit, GGC_BIT_LIMIT);
    return bit;
}

static GGC_ALWAYS_INLINE uint32_t ggc_hash(uint32_t h, int32_t value) {
    h = (h ^ (uint32_t)value) * 0x9e3779b1u;
    return h ^ h >> 15;
}

/* A slot that another context had is emptied. */
static GGC_ALWAYS_INLINE void ggc_claim_slot(ggc_slot *slot, uint32_t hash) {
    if (slot->tag != hash) {
        slot->tag = hash;
        for (int i = 0; i < GGC_SLOT_BITS; i++)
            slot->bits[i] = GGC_BIT_INIT;
    }
}

/* 0 to 3, then four steps an octave. */
static GGC_ALWAYS_INLINE int32_t ggc_quarter_octaves(uint32_t v) {
    if (v < 4)
        return (int32_t)v;
    const int octave = 31 - __builtin_clz(v);
    return 4 * (octave - 1) + (int32_t)(v >> (octave - 2) & 3);
}

/* The sign, and whether the magnitude is 0, 1, below 5, below 12, or more. */
static GGC_ALWAYS_INLINE int32_t ggc_signed_class(int32_t v) {
    const int32_t a = v < 0 ? -v : v, class = (a > 0) + (a > 1) + (a > 4) + (a > 11);
    return v < 0 ? -class : class;
}

static GGC_ALWAYS_INLINE int32_t ggc_magnitude(int32_t v) {
    return v < 0 ? -v : v;
}

/* Errors nearby, weighted; and the expected magnitude of this one, in sixteenths. */
static GGC_ALWAYS_INLINE uint32_t ggc_activity(const ggc_plane_rows *rows, int before, ptrdiff_t x,
                                               uint32_t *expected) {
    const int32_t *e0 = rows->error[0] + x, *e1 = rows->error[1] + x, *e2 = rows->error[2] + x;
    const int32_t near = ggc_magnitude(e0[-1]) + ggc_magnitude(e1[0]);
    const int32_t diagonal = ggc_magnitude(e1[-1]) + ggc_magnitude(e1[1]);
    int32_t sum = 4 * near + 2 * diagonal + ggc_magnitude(e0[-2]) + ggc_magnitude(e2[0]);
    if (before == 0) {
        const int32_t *v1 = rows->value[1] + x;
        sum += (ggc_magnitude(v1[0] - v1[-1]) + ggc_magnitude(v1[0] - v1[1])) >> 1;
    }
    if (before > 0)
        sum += 7 * ggc_magnitude(rows[-1].error[0][x]);
    if (before > 1)
        sum += 4 * ggc_magnitude(rows[-2].error[0][x]);
    static const uint32_t scale[3] = {57, 49, 41};
    *expected = (uint32_t)sum * scale[before] >> 6;
    return (uint32_t)sum;
}

/* k: so that about 2.5 steps of the unary code are expected at most. */
static GGC_ALWAYS_INLINE int ggc_shift_of(uint32_t expected) {
    const int k = expected > GGC_EXPECTED_STEPS ? 26 - __builtin_clz(expected) : 0;
    const int shift = k + ((expected >> k) > GGC_EXPECTED_STEPS);
    return shift > GGC_MAX_SHIFT ? GGC_MAX_SHIFT : shift;
}

/* Starts to load a slot. */
static GGC_ALWAYS_INLINE void ggc_find_slot(const ggc_predict_model *m, int context, uint32_t hash,
                                            ggc_sample_contexts *s) {
    s->slots[context] = m->slots[context] + (hash >> m->slot_shift[context]);
    __builtin_prefetch(s->slots[context], 1);
}

/* `center`: the prediction, rounded; `part`: what it is more, in eighths from -4, plus 4. The context of values is the
 * one whose slots are many and slow to come: it is asked for first and used last. */
static GGC_ALWAYS_INLINE void ggc_find_contexts(ggc_predict_model *m, const ggc_plane_rows *rows, int plane, int before,
                                                ptrdiff_t x, int32_t center, int32_t part, ggc_sample_contexts *s) {
    uint32_t expected, hash[GGC_PREDICT_CONTEXTS];
    const uint32_t activity = ggc_activity(rows, before, x, &expected);
    const int k = ggc_shift_of(expected);
    s->shift = k;
    s->mixers = m->mixers[plane][k < GGC_MIXER_SETS ? k : GGC_MIXER_SETS - 1];

    const int32_t *v0 = rows->value[0] + x, *v1 = rows->value[1] + x;
    const int32_t *e0 = rows->error[0] + x, *e1 = rows->error[1] + x;
    const uint32_t key = (uint32_t)(plane | k << 2);
    const int32_t level = ggc_quarter_octaves(activity);
    int32_t third_error = e1[1];
    if (before == 0) {
        hash[0] = ggc_hash(ggc_hash(key, level >> 1), center);
        hash[1] = ggc_hash(ggc_hash(key, level), center >> 4);
    } else {
        const int32_t value2 = before > 1 ? rows[-2].value[0][x] : 0;
        third_error = rows[-1].error[0][x];
        hash[0] = ggc_hash(ggc_hash(ggc_hash(key, rows[-1].value[0][x]), value2), center);
        hash[1] = ggc_hash(ggc_hash(key, level), third_error < -8 ? -8 : third_error > 7 ? 7 : third_error);
    }
    ggc_find_slot(m, 0, hash[0], s);
    hash[2] = ggc_hash(key, level << 3 | part);
    hash[3] = ggc_hash(ggc_hash(ggc_hash(key, ggc_signed_class(e0[-1])), ggc_signed_class(e1[0])),
                       ggc_signed_class(third_error));
    hash[4] = ggc_hash(ggc_hash(key, v0[-1] - center), v1[0] - center);
    hash[5] = ggc_hash(ggc_hash(ggc_hash(key, v0[-1] > v1[0]), v1[-1] - center), v1[1] - center);
    for (int i = 1; i < GGC_PREDICT_CONTEXTS; i++)
        ggc_find_slot(m, i, hash[i], s);
    for (int i = GGC_PREDICT_CONTEXTS - 1; i >= 0; i--)
        ggc_claim_slot(s->slots[i], hash[i]);
}

/* An Exp-Golomb code: how many bits there are, in unary, and the bits. 0 where there are too many. */
static inline int ggc_code_rest(ggc_predict_model *m, ggc_bit_coder *c, const int decoding, int plane, uint32_t *rest) {
    const uint32_t shifted = *rest + 1;
    const int bits = decoding ? 0 : 31 - __builtin_clz(shifted);
    int n = 0;
    while (ggc_code_alone(m, c, decoding, &m->prefix[plane][n], n < bits))
        if (++n > 17)
            return 0;
    uint32_t value = 1;
    for (int i = n - 1; i >= 0; i--)
        value = value << 1 | (uint32_t)ggc_code_bit(c, decoding, 32768, shifted >> i & 1);
    *rest = value - 1;
    return 1;
}

/* Codes the error of a prediction; 0 for what no encoder writes. */
static GGC_ALWAYS_INLINE int ggc_code_error(ggc_predict_model *m, ggc_bit_coder *c, const int decoding, int plane,
                                            const ggc_sample_contexts *s, int32_t *error) {
    const int k = s->shift, negative = ggc_code_mixed(m, c, decoding, s, 0, *error < 0);
    const uint32_t given = (uint32_t)(*error < 0 ? ~*error : *error), given_steps = given >> k;
    const int first = negative ? 1 + GGC_UNARY_NODES : 1;
    uint32_t steps = 0;
    while (steps < GGC_UNARY_LIMIT) {
        const int node = first + (int)(steps < GGC_UNARY_NODES ? steps : GGC_UNARY_NODES - 1);
        if (!ggc_code_mixed(m, c, decoding, s, node, steps < given_steps))
            break;
        steps++;
    }
    ggc_bit *low = m->low[plane][k][steps];
    if (steps == GGC_UNARY_LIMIT) {
        uint32_t rest = given_steps - GGC_UNARY_LIMIT;
        if (!ggc_code_rest(m, c, decoding, plane, &rest))
            return 0;
        steps += rest;
    }
    uint32_t value = steps;
    for (int i = k - 1; i >= 0; i--) {
        const int bit = given >> i & 1, depth = k - 1 - i;
        value = value << 1 | (uint32_t)(depth < GGC_MODELLED_LOW
                                            ? ggc_code_alone(m, c, decoding, low + (depth ? 1 + (value & 1) : 0), bit)
                                            : ggc_code_bit(c, decoding, 32768, bit));
    }
    *error = negative ? (int32_t)~value : (int32_t)value;
    return 1;
}

/* Codes one sample, at rows[0].value[0][x], between low and high; 0 for what no encoder writes. */
static GGC_ALWAYS_INLINE int ggc_code_sample(ggc_predict_model *m, ggc_bit_coder *c, const int decoding,
                                             ggc_plane_rows *rows, int plane, ptrdiff_t x, int32_t low, int32_t high) {
    const int before = plane < 2 ? plane : 2;
    ggc_lms_inputs inputs;
    ggc_lms_gather(rows, before, x, &inputs);
    const int32_t one = 1 << GGC_PREDICTION_BITS, added = ggc_lms_predict(&m->lms[plane], &inputs);
    int32_t prediction = rows->value[0][x - 1] * one + added;
    prediction = prediction < low * one ? low * one : prediction > high * one ? high * one : prediction;
    const int32_t center = (prediction + one / 2) >> GGC_PREDICTION_BITS;
    ggc_sample_contexts s;
    ggc_find_contexts(m, rows, plane, before, x, center, (prediction + one / 2) & (one - 1), &s);
    int32_t error = rows->value[0][x] - center;
    if (!ggc_code_error(m, c, decoding, plane, &s, &error))
        return 0;
    const int32_t value = (int32_t)((uint32_t)center + (uint32_t)error); /* whatever a stream says */
    if (decoding && (value < low || value > high))
        return 0;
    rows->value[0][x] = value;
    rows->error[0][x] = error;
    ggc_lms_update(&m->lms[plane], &inputs, (value - rows->value[0][x - 1]) * one - added);
    return 1;
}

#endif
