/* rANS as a stack: what was pushed last is popped first, and any data can be popped as any symbols.
 *
 * With one state the stack is a single natural number, split into a state and the words below it, and each step is a
 * bijection between numbers and pairs of a symbol and a number. (With words below, the state is at least
 * GGC_RANS_LOWER; without, it may be anything.) So popping more than was pushed is no error: it is how bits-back coding
 * begins. With two or four states, which take steps in turn, each starts at GGC_RANS_LOWER and cannot fall below it.
 */
#ifndef GGC_STACK_H
#define GGC_STACK_H

#include "rans.h"

typedef struct {
    uint64_t x[GGC_RANS_MAX_STATES];
    uint32_t *words;
    size_t size;   /* words below the states */
    size_t extent; /* words in memory: those from `size` on were popped, and can be sought again until a push */
    size_t capacity;
    uint32_t states;
    uint32_t step; /* number of the next step to be popped; only the low bits matter */
    int dry;       /* one of several states would fall below its least value */
} ggc_rans_stack;

/* src/stack_steps.c. What pushes returns 0, and leaves the stack as it was, where there is no memory. What pops stops
 * early, with s->dry set, where a stack of several states has no more words. */
int ggc_stack_reserve(ggc_rans_stack *s, size_t words);
/* Pushes steps so that steps[0] will be popped first. */
int ggc_stack_push(ggc_rans_stack *s, const ggc_reciprocal *table, const uint32_t *steps, size_t n);
int ggc_stack_push_symbols(ggc_rans_stack *s, const ggc_reciprocal *table, const ggc_model *m, const ggc_view *symbols,
                           const ggc_view *contexts, size_t n);
void ggc_stack_pop_symbols(ggc_rans_stack *s, const ggc_model *m, const ggc_view *contexts, size_t n,
                           const ggc_view *symbols);
void ggc_stack_pop_bits(ggc_rans_stack *s, const ggc_view *widths, size_t n, uint32_t *values);
/* 0 where no code of at most 32 bits is there. */
int ggc_stack_pop_exp_golomb(ggc_rans_stack *s, int order, size_t n, uint32_t *values);

/* The words as bytes, the top one first. */
void ggc_stack_store(const ggc_rans_stack *s, uint8_t *bytes);

/* A uniform distribution over [0, total), 1 <= total <= 2^32: of 2^b slots a symbol v owns those from
 * floor(v 2^b / total) up to floor((v + 1) 2^b / total). `count` symbols from `first` on are one of larger probability.
 *
 * b is 8 more than it takes to tell the symbols apart, so that no probability is off by more than 2^-7 of itself, but
 * at most the 32 up to which steps are bijections: above 2^24 the error grows, to 0.09 bits a symbol near 2^32. Fewer
 * slots waste less of a small state. */
#define GGC_UNIFORM_MARGIN 8
#define GGC_UNIFORM_BITS 32

typedef struct {
    uint64_t start, frequency;
    uint32_t bits;
} ggc_slots;

static inline uint32_t ggc_uniform_bits(uint64_t total) {
    const uint32_t bits = (total > 1 ? 64 - (uint32_t)__builtin_clzll(total - 1) : 0) + GGC_UNIFORM_MARGIN;
    return bits < GGC_UNIFORM_BITS ? bits : GGC_UNIFORM_BITS;
}

static inline ggc_slots ggc_uniform_slots(uint64_t first, uint64_t count, uint64_t total) {
    const uint32_t bits = ggc_uniform_bits(total);
    const uint64_t start = (first << bits) / total, end = first + count;
    /* The last end is no quotient: shifted, 2^32 of 2^32 would be too large. */
    return (ggc_slots){start, (end == total ? (uint64_t)1 << bits : (end << bits) / total) - start, bits};
}

/* The symbol that owns the slot at the top of a state: the largest v with floor(v 2^b / total) <= slot. */
static inline uint64_t ggc_uniform_symbol(uint64_t x, uint64_t total) {
    const uint32_t bits = ggc_uniform_bits(total);
    const uint64_t slot = x & (((uint64_t)1 << bits) - 1);
    return ((slot + 1) * total - 1) >> bits; /* 2^32 times 2^32 is 0, and less 1 what it should be */
}

/* With one state; the caller has reserved a word. */
static inline void ggc_stack_push_slots(ggc_rans_stack *s, ggc_slots slots) {
    uint64_t x = s->x[0];
    if (slots.frequency >> slots.bits)
        return; /* one symbol: no information */
    if (x >> (64 - slots.bits) >= slots.frequency) {
        s->words[s->size++] = (uint32_t)x;
        s->extent = s->size;
        x >>= GGC_RANS_WORD_BITS;
    }
    s->x[0] = (x / slots.frequency << slots.bits) + x % slots.frequency + slots.start;
}

static inline void ggc_stack_pop_slots(ggc_rans_stack *s, ggc_slots slots) {
    uint64_t x = s->x[0];
    if (slots.frequency >> slots.bits)
        return;
    x = slots.frequency * (x >> slots.bits) + (x & (((uint64_t)1 << slots.bits) - 1)) - slots.start;
    if (x < GGC_RANS_LOWER && s->size)
        x = x << GGC_RANS_WORD_BITS | s->words[--s->size];
    s->x[0] = x;
}

#endif
