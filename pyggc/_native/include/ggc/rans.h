/* rANS with one, two or four interleaved 64-bit states, 32-bit words and totals of 2^15.
 *
 * A step is (start, frequency): an interval of a CDF, or of a uniform distribution for raw bits. A queue logs the steps
 * forward and codes them backward. docs/spec_entropy.rst is normative and explains the two tricks that keep short
 * streams short: one state starts small and is the only one until its first word, which becomes the initial value of
 * the other state instead of bytes; and the flush codes the other states into the first.
 */
#ifndef GGC_RANS_H
#define GGC_RANS_H

#include <stddef.h>
#include <stdint.h>

#include "model.h"
#include "views.h"

#define GGC_RANS_INITIAL ((uint64_t)GGC_CDF_TOTAL) /* the least state that every step but a sure one enlarges */
#define GGC_RANS_LOWER ((uint64_t)1 << 32)         /* interleaved states are never below it between steps */
#define GGC_RANS_WORD_BITS 32
#define GGC_RANS_WORD_BYTES 4
#define GGC_RANS_MAX_STATES 4
#define GGC_RANS_MAX_SINGLE 8 /* bytes: a stream no longer than this holds one state and no word */
#define GGC_RANS_FOLD_BITS 5  /* the bit length of another state's upper half, when it is folded in */
#define GGC_RANS_OVERHEAD 64  /* bytes that always hold the flush */

/* The last: an Exp-Golomb code of more than 32 bits. */
enum { GGC_RANS_OK = 0, GGC_RANS_TRUNCATED = 1, GGC_RANS_BAD_STATE = 2, GGC_RANS_BAD_CODE = 3 };

typedef struct {
    uint64_t x[GGC_RANS_MAX_STATES]; /* x[step & (live - 1)] decodes a step */
    const uint8_t *data, *next, *end;
    uint32_t step; /* number of the next step, of which only the low bits matter */
    uint32_t live; /* states: 1, 2 or 4 */
    uint32_t held; /* the last word, if `holds`: it came out of the states that four had and two have not */
    int holds;
    int status;
    int wide; /* use the loops for AVX2 */
} ggc_rans_reader;

static inline uint32_t ggc_load_word(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void ggc_store_word(uint8_t *p, uint32_t word) {
    p[0] = (uint8_t)(word >> 24), p[1] = (uint8_t)(word >> 16), p[2] = (uint8_t)(word >> 8), p[3] = (uint8_t)word;
}

/* x -> the state before this step, not yet renormalized. */
static inline uint64_t ggc_rans_get(uint64_t x, ggc_interval at) {
    return (uint64_t)at.frequency * (x >> GGC_CDF_BITS) + (x & (GGC_CDF_TOTAL - 1)) - at.start;
}

/* Whether a step of this frequency would push x past 64 bits. A frequency of 2^15 changes nothing. */
static inline int ggc_rans_full(uint64_t x, uint32_t frequency) {
    return (x >> 49) >= frequency;
}

/* The state after a step, x being below frequency * 2^49; `table` has the reciprocals of all frequencies. */
static inline uint64_t ggc_rans_put(const ggc_reciprocal *table, uint64_t x, uint32_t step) {
    const uint32_t frequency = step & 0xffff;
    return x + (step >> 16) + ggc_divide(x, table + frequency) * (GGC_CDF_TOTAL - frequency);
}

/* Renormalizes the state that has just decoded a step, and ends the part of the stream that has several states when its
 * words are used up: the last ones then are in other states, where the encoder kept them. A single state only shrinks,
 * toward the initial one; below that nothing can follow that an encoder wrote, so that a few bytes never decode to more
 * symbols than they can hold. */
static inline void ggc_rans_refill(ggc_rans_reader *r) {
    const uint32_t k = r->step;
    uint64_t *x = &r->x[k & (r->live - 1)];
    if (r->next != r->end) {
        *x = *x << GGC_RANS_WORD_BITS | ggc_load_word(r->next);
        r->next += GGC_RANS_WORD_BYTES;
    } else if (r->live == 1) {
        if (*x < GGC_RANS_INITIAL)
            r->status = GGC_RANS_TRUNCATED;
    } else if (r->holds) {
        *x = *x << GGC_RANS_WORD_BITS | r->held;
        r->holds = 0;
    } else if (r->live == 2 && r->x[(k & 1) ^ 1] >> GGC_RANS_WORD_BITS == 1) {
        r->x[0] = *x << GGC_RANS_WORD_BITS | (uint32_t)r->x[(k & 1) ^ 1];
        r->x[1] = 0;
        r->live = 1;
    } else if (r->live == 4 && r->x[(k + 2) & 3] >> GGC_RANS_WORD_BITS == 1 &&
               r->x[(k + 3) & 3] >> GGC_RANS_WORD_BITS == 1) {
        const uint64_t mine = *x << GGC_RANS_WORD_BITS | (uint32_t)r->x[(k + 3) & 3], other = r->x[(k + 1) & 3];
        r->held = (uint32_t)r->x[(k + 2) & 3];
        r->holds = 1;
        r->x[k & 1] = mine, r->x[(k & 1) ^ 1] = other;
        r->x[2] = r->x[3] = 0;
        r->live = 2;
    } else {
        r->status = GGC_RANS_TRUNCATED;
    }
}

/* The state that decodes the next step. */
static inline uint64_t *ggc_rans_current(ggc_rans_reader *r) {
    return &r->x[r->step & (r->live - 1)];
}

/* Ends a step that `x`, the current state, has decoded; the next one is `stride` further. */
static inline void ggc_rans_advance(ggc_rans_reader *r, const uint64_t *x, uint32_t stride) {
    if (*x < GGC_RANS_LOWER)
        ggc_rans_refill(r);
    r->step += stride;
}

/* What an encoder remembers of its forward pass, one step a symbol or fifteen raw bits; grows as needed. */
typedef struct {
    uint32_t *steps;
    size_t size, capacity;
} ggc_step_log;

/* What logs returns 0, and leaves the log as it was, where there is no memory. */
int ggc_log_reserve(ggc_step_log *log, size_t more);
/* Values and widths in [0, 32], each value below 2^width. */
int ggc_log_bits(ggc_step_log *log, const ggc_view *values, const ggc_view *widths, size_t n);
/* Exp-Golomb codes of an order up to 31, each bit of the prefix a step. */
int ggc_log_exp_golomb(ggc_step_log *log, const ggc_view *values, int order, size_t n);
/* Runs the model over symbols; without memory neither log nor model has changed. */
int ggc_log_symbols(ggc_step_log *log, const ggc_model *m, const ggc_view *symbols, const ggc_view *contexts, size_t n);
/* Codes the log into the bytes before `end`, of which there must be 2 * log->size + GGC_RANS_OVERHEAD, and which may be
 * those of the log from GGC_RANS_OVERHEAD bytes beyond its last step on: they are read before they are written. Returns
 * how many bytes it wrote. `x` receives the states as a decoder finds them before step 0. */
size_t ggc_rans_encode(const ggc_reciprocal *table, int wide, const ggc_step_log *log, int states, uint8_t *end,
                       uint64_t x[GGC_RANS_MAX_STATES]);

/* src/rans_decode.c. All of these stop early, with r->status set, where the stream does. */
void ggc_rans_open(ggc_rans_reader *r, const uint8_t *data, size_t size, int states, int wide);
/* One raw value. With a stride of 1 the steps go round the states, with 0 the first one alone decodes them. */
uint32_t ggc_rans_take_bits(ggc_rans_reader *r, int width, uint32_t stride);
void ggc_rans_pop_bits(ggc_rans_reader *r, const ggc_view *widths, size_t n, uint32_t *values);
void ggc_rans_pop_exp_golomb(ggc_rans_reader *r, int order, size_t n, uint32_t *values);
/* Without contexts all symbols are in `context`. */
void ggc_rans_pop_symbols(ggc_rans_reader *r, const ggc_model *m, const uint32_t *contexts, uint32_t context, size_t n,
                          uint16_t *symbols);
/* The same between arrays of any type. */
void ggc_rans_pop(ggc_rans_reader *r, const ggc_model *m, const ggc_view *contexts, size_t n, const ggc_view *symbols);

/* include/ggc/rans_loops.h. What of these depends on the processor, for at most GGC_CHUNK raw values at a time. */
typedef struct {
    void (*pop)(ggc_rans_reader *r, const ggc_model *m, const uint32_t *contexts, uint32_t context, size_t n,
                uint16_t *symbols);
    void (*pop_bits)(ggc_rans_reader *r, const uint32_t *width, size_t n, uint32_t *values);
} ggc_rans_loops;

extern const ggc_rans_loops ggc_rans_baseline, ggc_rans_avx2;

/* src/rans_tokens.c. Integers as tokens and extra bits: token t stands for bases[t] and the widths[t] bits to be
 * added to it. All tokens of a batch come first, then all extra bits. */
typedef struct {
    uint32_t bases[GGC_LANES];
    uint8_t widths[GGC_LANES];
    int num_tokens;
} ggc_tokens;

/* Values are at most what the last token reaches. Without memory: 0. */
int ggc_log_integers(ggc_step_log *log, const ggc_model *m, const ggc_tokens *tokens, const ggc_view *values,
                     const ggc_view *contexts, size_t n);
/* Stops early, with r->status set, where the stream does. */
void ggc_decode_integers(ggc_rans_reader *r, const ggc_model *m, const ggc_tokens *tokens, const ggc_view *contexts,
                         size_t n, uint32_t *values);

#endif
