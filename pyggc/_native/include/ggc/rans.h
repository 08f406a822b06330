/* rANS with two interleaved 64-bit states, 32-bit words and totals of 2^15.
 *
 * A step is (start, frequency): an interval of a CDF, or of a uniform distribution for raw bits. The encoder
 * logs the steps forward and codes them backward. docs/spec_entropy.rst is normative and explains the two
 * tricks that keep short streams short: one state starts small and is the only one until its first word, which
 * becomes the initial value of the other state instead of bytes; and the flush codes one state into the other.
 */
#ifndef GGC_RANS_H
#define GGC_RANS_H

#include <stddef.h>
#include <stdint.h>

#include "dyadic.h"

#define GGC_RANS_INITIAL ((uint64_t)GGC_CDF_TOTAL) /* the least state that every step but a sure one enlarges */
#define GGC_RANS_LOWER ((uint64_t)1 << 32)         /* two live states are never below it between steps */
#define GGC_RANS_WORD_BITS 32
#define GGC_RANS_WORD_BYTES 4
#define GGC_RANS_MAX_SINGLE 8 /* bytes: a stream no longer than this holds one state and no word */
#define GGC_RANS_FOLD_BITS 5  /* the bit length of the second state's upper half, when it is folded in */
#define GGC_RANS_OVERHEAD 32  /* bytes that always hold the flush */

/* A step packed in 32 bits; the frequency is 1 to 2^15. */
#define GGC_STEP(start, frequency) (((uint32_t)(start) << 16) | (uint32_t)(frequency))

enum { GGC_RANS_OK = 0, GGC_RANS_TRUNCATED = 1, GGC_RANS_BAD_STATE = 2 };

typedef struct {
    uint64_t x[2]; /* x[k & 1] decodes step k; with one live state only x[0] is used */
    const uint8_t *data, *next, *end;
    uint32_t parity; /* of the next step */
    int forked;      /* both states are live */
    int status;
} ggc_rans_reader;

static inline uint32_t ggc_load_word(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void ggc_store_word(uint8_t *p, uint32_t word) {
    p[0] = (uint8_t)(word >> 24), p[1] = (uint8_t)(word >> 16), p[2] = (uint8_t)(word >> 8), p[3] = (uint8_t)word;
}

/* x -> the state before this step, not yet renormalized. */
static inline uint64_t ggc_rans_pop(uint64_t x, uint32_t start, uint32_t frequency) {
    return frequency * (x >> GGC_CDF_BITS) + (x & (GGC_CDF_TOTAL - 1)) - start;
}

static inline uint64_t ggc_rans_put(uint64_t x, uint32_t start, uint32_t frequency) {
    return ((x / frequency) << GGC_CDF_BITS) + x % frequency + start;
}

/* Whether a step of this frequency would push x past 64 bits. A frequency of 2^15 changes nothing. */
static inline int ggc_rans_full(uint64_t x, uint32_t frequency) {
    return (x >> 49) >= frequency;
}

/* Renormalizes the state that has just decoded a step, and ends the two-state part of the stream when its words
 * are used up: the other state then holds the word that the encoder kept back. A single state only shrinks, toward
 * the initial one; below that nothing can follow that an encoder wrote, so that a few bytes never decode to more
 * symbols than they can hold. */
static inline void ggc_rans_refill(ggc_rans_reader *r) {
    uint64_t x = r->x[r->parity & (uint32_t)r->forked], other = r->x[r->parity ^ 1];
    if (!r->forked) {
        if (x < GGC_RANS_INITIAL)
            r->status = GGC_RANS_TRUNCATED;
    } else if (r->next != r->end) {
        r->x[r->parity] = x << GGC_RANS_WORD_BITS | ggc_load_word(r->next);
        r->next += GGC_RANS_WORD_BYTES;
    } else if (other >> GGC_RANS_WORD_BITS == 1) {
        r->x[0] = x << GGC_RANS_WORD_BITS | (uint32_t)other;
        r->x[1] = 0;
        r->forked = 0;
    } else {
        r->status = GGC_RANS_TRUNCATED;
    }
}

/* The state that decodes the next step. */
static inline uint64_t *ggc_rans_current(ggc_rans_reader *r) {
    return &r->x[r->parity & (uint32_t)r->forked];
}

/* Ends a step that `x`, the current state, has decoded. */
static inline void ggc_rans_advance(ggc_rans_reader *r, const uint64_t *x, uint32_t flip) {
    if (*x < GGC_RANS_LOWER)
        ggc_rans_refill(r);
    r->parity ^= flip;
}

/* What an encoder remembers of its forward pass, one step a symbol or fifteen raw bits; grows as needed. */
typedef struct {
    uint32_t *steps;
    size_t size, capacity;
} ggc_step_log;

/* src/entropy_rans.c. What logs returns 0, and leaves the log as it was, where there is no memory. */
int ggc_log_reserve(ggc_step_log *log, size_t more);
/* As many widths as values with stride 1, one for all with stride 0. */
int ggc_log_bits(ggc_step_log *log, const uint32_t *values, const uint8_t *widths, size_t stride, size_t n);
size_t ggc_rans_encode(const uint32_t *steps, size_t num_steps, uint8_t *end, uint64_t state[2]);
void ggc_rans_open(ggc_rans_reader *r, const uint8_t *data, size_t size);
int ggc_rans_pop_bits(ggc_rans_reader *r, const uint8_t *widths, size_t n, uint32_t *values);

/* src/entropy_models.c. `contexts` may be NULL: all 0. */

/* Runs the model forward over symbols, writing one step each. */
void ggc_model_steps(const ggc_dyadic *m, const uint8_t *symbols, const uint32_t *contexts, size_t n, uint32_t *steps);
/* The same, to the end of a log; without memory it returns 0 and changes neither log nor model. */
int ggc_log_symbols(ggc_step_log *log, const ggc_dyadic *m, const uint8_t *symbols, const uint32_t *contexts, size_t n);
/* Decodes n symbols; stops early, with r->status set, where the stream does. */
void ggc_decode(ggc_rans_reader *r, const ggc_dyadic *m, const uint32_t *contexts, size_t n, uint8_t *symbols);

/* src/entropy_tokens.c. Integers as tokens and extra bits: token t stands for bases[t] and the widths[t] bits to be
 * added to it. All tokens of a batch come first, then all extra bits. */
typedef struct {
    uint32_t bases[GGC_LANES];
    uint8_t widths[GGC_LANES];
    int num_tokens;
} ggc_tokens;

/* Values are at most what the last token reaches. Without memory: 0. */
int ggc_log_integers(ggc_step_log *log, const ggc_dyadic *m, const ggc_tokens *tokens, const uint32_t *values,
                     const uint32_t *contexts, size_t n);
/* Stops early, with r->status set, where the stream does. Without memory: 0. */
int ggc_decode_integers(ggc_rans_reader *r, const ggc_dyadic *m, const ggc_tokens *tokens, const uint32_t *contexts,
                        size_t n, uint32_t *values);

#endif
