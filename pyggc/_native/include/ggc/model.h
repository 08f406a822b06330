/* Models as coders see them: an interval for a symbol, or the symbol of a slot, and a state that learns from it.
 *
 * A loop over symbols is written once, with the kind of model as a constant: `switch` statements over it fold away, and
 * each kind has a loop of its own. A kind is one enumerator, one member of the union, and one case in each function.
 */
#ifndef GGC_MODEL_H
#define GGC_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "dyadic.h"
#include "frequency.h"
#include "parametric.h"
#include "static.h"

#define GGC_ALWAYS_INLINE inline __attribute__((always_inline))

typedef enum { GGC_DYADIC, GGC_DYADIC_MIXED, GGC_STATIC, GGC_PARAMETRIC, GGC_FREQUENCY } ggc_kind;

typedef struct {
    ggc_kind kind;
    uint32_t num_symbols, num_contexts;
    int wide; /* use the loops for AVX2 */
    union {
        ggc_dyadic dyadic; /* GGC_DYADIC: one rate; GGC_DYADIC_MIXED: two */
        ggc_static fixed;
        ggc_parametric parametric;
        ggc_frequency frequency;
    } of;
} ggc_model;

/* Runs `loop(kind)` with the model's kind as a constant. */
#define GGC_BY_KIND(model, loop)                                                                                       \
    switch ((model)->kind) {                                                                                           \
    case GGC_DYADIC:                                                                                                   \
        loop(GGC_DYADIC);                                                                                              \
        break;                                                                                                         \
    case GGC_DYADIC_MIXED:                                                                                             \
        loop(GGC_DYADIC_MIXED);                                                                                        \
        break;                                                                                                         \
    case GGC_STATIC:                                                                                                   \
        loop(GGC_STATIC);                                                                                              \
        break;                                                                                                         \
    case GGC_PARAMETRIC:                                                                                               \
        loop(GGC_PARAMETRIC);                                                                                          \
        break;                                                                                                         \
    case GGC_FREQUENCY:                                                                                                \
        loop(GGC_FREQUENCY);                                                                                           \
        break;                                                                                                         \
    }

/* A step: an interval packed in 32 bits. */
#define GGC_STEP(start, frequency) (((uint32_t)(start) << 16) | (uint32_t)(frequency))

/* The context that is being coded; what else a kind keeps in registers. */
typedef struct {
    uint32_t context;
    ggc_bounds bounds; /* of the model's alphabet */
    ggc_dyadic_cursor dyadic;
    ggc_parametric_cursor parametric;
} ggc_cursor;

static GGC_ALWAYS_INLINE int ggc_num_rates(const ggc_kind kind) {
    return kind == GGC_DYADIC_MIXED ? 2 : 1;
}

/* Whether a CDF of the kind is sixteen lanes in registers. */
static GGC_ALWAYS_INLINE int ggc_has_lanes(const ggc_kind kind) {
    return kind == GGC_DYADIC || kind == GGC_DYADIC_MIXED || kind == GGC_PARAMETRIC;
}

/* To be called once for a run of symbols. */
static GGC_ALWAYS_INLINE void ggc_cursor_init(const ggc_kind kind, const ggc_model *m, ggc_cursor *c) {
    *c = (ggc_cursor){0};
    if (ggc_has_lanes(kind))
        c->bounds = ggc_bounds_of((int)m->num_symbols);
}

static GGC_ALWAYS_INLINE void ggc_cursor_open(const ggc_kind kind, const ggc_model *m, uint32_t context,
                                              ggc_cursor *c) {
    c->context = context;
    if (kind == GGC_DYADIC || kind == GGC_DYADIC_MIXED)
        ggc_dyadic_open(&m->of.dyadic, ggc_num_rates(kind), context, &c->dyadic);
    if (kind == GGC_PARAMETRIC)
        ggc_parametric_open(&m->of.parametric, context, &c->parametric);
}

static GGC_ALWAYS_INLINE void ggc_cursor_close(const ggc_kind kind, const ggc_model *m, const ggc_cursor *c) {
    if (kind == GGC_DYADIC || kind == GGC_DYADIC_MIXED)
        ggc_dyadic_close(&m->of.dyadic, ggc_num_rates(kind), c->context, &c->dyadic);
    if (kind == GGC_PARAMETRIC)
        ggc_parametric_close(&m->of.parametric, c->context, &c->parametric);
}

/* The CDF that codes the next symbol, of a kind that has lanes. */
static GGC_ALWAYS_INLINE ggc_cdf ggc_coded(const ggc_kind kind, const ggc_model *m, const ggc_cursor *c) {
    return kind == GGC_PARAMETRIC
               ? ggc_parametric_cdf(ggc_parametric_between(&m->of.parametric, c->parametric.expected))
               : ggc_dyadic_coded(ggc_num_rates(kind), &c->dyadic);
}

/* Such a kind learns a symbol, given it and the lanes below it. */
static GGC_ALWAYS_INLINE void ggc_adapt_lanes(const ggc_kind kind, const ggc_model *m, ggc_cursor *c, ggc_cdf below,
                                              uint32_t symbol) {
    if (kind == GGC_PARAMETRIC)
        ggc_parametric_adapt(&m->of.parametric, symbol, &c->parametric);
    else
        ggc_dyadic_adapt(&m->of.dyadic, ggc_num_rates(kind), &c->bounds, below, &c->dyadic);
}

/* The step of a symbol, of a total of 2^15; the model adapts. */
static GGC_ALWAYS_INLINE uint32_t ggc_take(const ggc_kind kind, const ggc_model *m, ggc_cursor *c, uint32_t symbol) {
    switch (kind) {
    case GGC_DYADIC:
    case GGC_DYADIC_MIXED: {
        ggc_ends room;
        const uint16_t *ends = ggc_spread_cdf(&room, ggc_coded(kind, m, c)) + symbol;
        const uint32_t start = ends[-1], end = ends[0];
        ggc_adapt_lanes(kind, m, c, ggc_below_symbol(&c->bounds, symbol), symbol);
        return GGC_STEP(start, end - start);
    }
    case GGC_PARAMETRIC: {
        const ggc_between between = ggc_parametric_between(&m->of.parametric, c->parametric.expected);
        const uint32_t start = symbol ? ggc_parametric_end(between, symbol - 1) : 0;
        const uint32_t end = ggc_parametric_end(between, symbol);
        ggc_parametric_adapt(&m->of.parametric, symbol, &c->parametric);
        return GGC_STEP(start, end - start);
    }
    case GGC_STATIC:
        __asm__("" : "+r"(symbol)); /* one load after the other: a gather is slower */
        return m->of.fixed.steps[(size_t)c->context * m->num_symbols + symbol];
    case GGC_FREQUENCY:
        return ggc_frequency_take_scaled(&m->of.frequency, c->context, symbol);
    }
    return 0;
}

/* A packed step again. */
static GGC_ALWAYS_INLINE ggc_interval ggc_interval_of(uint32_t step) {
    return (ggc_interval){step >> 16, step & 0xffff};
}

/* The symbol of a slot in [0, 2^15), and its interval; the model adapts. */
static GGC_ALWAYS_INLINE uint32_t ggc_find(const ggc_kind kind, const ggc_model *m, ggc_cursor *c, uint32_t slot,
                                           ggc_interval *at) {
    uint32_t symbol = 0, step;
    switch (kind) {
    case GGC_DYADIC:
    case GGC_DYADIC_MIXED:
    case GGC_PARAMETRIC: {
        const ggc_cdf cdf = ggc_coded(kind, m, c), below = ggc_below_slot(cdf, slot);
        symbol = ggc_count_below(below);
        *at = ggc_interval_at(cdf, slot, symbol);
        ggc_adapt_lanes(kind, m, c, below, symbol);
        break;
    }
    case GGC_STATIC:
        symbol = ggc_static_symbol(&m->of.fixed, c->context, slot);
        *at = ggc_interval_of(m->of.fixed.steps[(size_t)c->context * m->num_symbols + symbol]);
        break;
    case GGC_FREQUENCY:
        symbol = ggc_frequency_find_scaled(&m->of.frequency, c->context, slot, &step);
        *at = ggc_interval_of(step);
        break;
    }
    return symbol;
}

/* fl[1] to fl[num_symbols] of the CDF that codes the next symbol, of whatever total, for coders that bisect it;
 * `lanes`, of GGC_LANES aligned values, is where a kind that has them in registers puts them. */
static GGC_ALWAYS_INLINE const uint16_t *ggc_row(const ggc_kind kind, const ggc_model *m, const ggc_cursor *c,
                                                 uint16_t *lanes) {
    if (kind == GGC_STATIC)
        return m->of.fixed.ends + (size_t)c->context * m->num_symbols;
    if (kind == GGC_FREQUENCY)
        return ggc_frequency_row(&m->of.frequency, c->context);
    ggc_store_cdf(lanes, ggc_coded(kind, m, c));
    return lanes;
}

/* What `ggc_take` does after such a coder has coded a symbol. */
static GGC_ALWAYS_INLINE void ggc_learn(const ggc_kind kind, const ggc_model *m, ggc_cursor *c, uint32_t symbol) {
    if (kind == GGC_FREQUENCY)
        ggc_frequency_adapt(&m->of.frequency, c->context, symbol);
    else if (kind != GGC_STATIC)
        ggc_adapt_lanes(kind, m, c, ggc_below_symbol(&c->bounds, symbol), symbol);
}

/* The total of the open context: 2^15 but for kinds that have one of their own. */
static GGC_ALWAYS_INLINE uint32_t ggc_total(const ggc_kind kind, const ggc_model *m, const ggc_cursor *c) {
    return kind == GGC_FREQUENCY ? ggc_frequency_total(&m->of.frequency, c->context) : GGC_CDF_TOTAL;
}

/* The same as ggc_take and ggc_find, but of the total of the open context. */
static GGC_ALWAYS_INLINE uint32_t ggc_take_native(const ggc_kind kind, const ggc_model *m, ggc_cursor *c,
                                                  uint32_t symbol) {
    return kind == GGC_FREQUENCY ? ggc_frequency_take(&m->of.frequency, c->context, symbol)
                                 : ggc_take(kind, m, c, symbol);
}

static GGC_ALWAYS_INLINE uint32_t ggc_find_native(const ggc_kind kind, const ggc_model *m, ggc_cursor *c, uint32_t slot,
                                                  ggc_interval *at) {
    if (kind != GGC_FREQUENCY)
        return ggc_find(kind, m, c, slot, at);
    uint32_t step;
    const uint32_t symbol = ggc_frequency_find(&m->of.frequency, c->context, slot, &step);
    *at = ggc_interval_of(step);
    return symbol;
}

/* src/entropy_run.c. The loops for a processor, of which each variant (run.h) has its own. */
typedef struct {
    /* Runs a model over symbols, and writes the step of each. Without contexts all are in `context`. */
    void (*run)(const ggc_model *m, const uint16_t *symbols, const uint32_t *contexts, uint32_t context, size_t n,
                uint32_t *steps);
    /* Pushes symbols of one context of a static model that has `puts`, and more than one symbol, on 1, 2 or 4 rANS
     * states in turn, none of them 0, the last symbol first; x[0] is that of the first symbol. Returns where the next
     * word goes; one word more than counts may be written. */
    uint32_t *(*push)(const ggc_static *m, uint32_t context, const uint16_t *symbols, size_t n, uint32_t states,
                      uint64_t *x, uint32_t *words);
    /* Codes n steps of a rANS queue, a multiple of `states`, the last first, and writes words before `next`; returns
     * where the last word went. Four bytes more than count may be written. x[0] is the state of steps[0]. */
    uint8_t *(*put)(const ggc_reciprocal *table, const uint32_t *steps, size_t n, uint32_t states, uint64_t *x,
                    uint8_t *next);
} ggc_run_variant;

const ggc_run_variant *ggc_run_variant_of(int wide);
/* Whether this processor has the instructions of the wide variant. */
int ggc_run_wide(void);

static inline void ggc_model_run(const ggc_model *m, const uint16_t *symbols, const uint32_t *contexts,
                                 uint32_t context, size_t n, uint32_t *steps) {
    ggc_run_variant_of(m->wide)->run(m, symbols, contexts, context, n, steps);
}

/* The same with steps of the model's own total, which goes to `totals` for each. */
void ggc_model_run_native(const ggc_model *m, const uint16_t *symbols, const uint32_t *contexts, uint32_t context,
                          size_t n, uint32_t *steps, uint32_t *totals);

#endif
