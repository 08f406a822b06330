/* The boolean coder of VP8 (RFC 6386, section 7), with 64 bits of window; docs/spec_entropy_bool.rst is normative.
 *
 * A stream is one number, written in binary: the lower end of an interval that every bool narrows and that is scaled up
 * again to a range of 128 to 255. A probability is that of a zero, in 256ths. Where the RFC shifts bit by bit and takes
 * or gives a byte after eight of them, here a bool is one shift and bytes come and go six or more at a time.
 */
#ifndef GGC_BOOLEAN_H
#define GGC_BOOLEAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model.h"
#include "views.h"

#define GGC_BOOL_HALF 128u
#define GGC_BOOL_FULL 255u  /* the first range */
#define GGC_BOOL_LEAST 4    /* bytes: what the RFC's flush writes at least */
#define GGC_BOOL_FLUSHED 48 /* bits that leave the window together */
#define GGC_BOOL_SLACK 16   /* bytes: more than a window holds */
#define GGC_BOOL_MAX_LEAVES 256

/* The last: an Exp-Golomb code of more than 32 bits. */
enum { GGC_BOOL_OK = 0, GGC_BOOL_TRUNCATED = 1, GGC_BOOL_BAD_CODE = 2 };

/* A tree of tokens, whose inner nodes have probabilities of their own in each context. */
typedef struct {
    const int16_t *next;          /* [2 * num_nodes]: as in the RFC, an even index, or minus a token */
    const uint8_t *probabilities; /* [context][num_nodes] */
    const uint16_t *first;        /* [token + 1]: where its path begins */
    const uint16_t *path;         /* 2 * node + bit, from the root on */
    uint32_t num_nodes;
} ggc_token_tree;

typedef struct {
    uint8_t *data;
    size_t size, capacity;
    uint64_t low;   /* the bits that have not left, below a carry */
    uint32_t range; /* 128 to 255 */
    uint32_t bits; /* how many of them there are besides the eight of the range; below GGC_BOOL_FLUSHED between bools */
} ggc_bool_writer;

typedef struct {
    const uint8_t *data, *next, *end;
    uint64_t window; /* the stream less the lower end, from the top bit on; zeros follow the end */
    uint32_t range;
    int32_t bits;   /* of the window that have been read, zeros past the end among them */
    uint64_t zeros; /* bits read past the end */
    int status;
} ggc_bool_reader;

static inline uint32_t ggc_bool_split(uint32_t range, uint32_t probability) {
    return 1 + (((range - 1) * probability) >> 8);
}

/* How far a range is below 128. */
static inline uint32_t ggc_bool_shift(uint32_t range) {
    return (uint32_t)__builtin_clz(range) - 24;
}

/* Adds one to the number that the bytes before `end` are; it never overflows, as the number is below one. */
static inline void ggc_bool_carry(uint8_t *end) {
    while (*--end == 0xff)
        *end = 0;
    ++*end;
}

static inline void ggc_bool_spill(ggc_bool_writer *w) {
    const uint32_t rest = 8 + w->bits - GGC_BOOL_FLUSHED;
    const uint64_t out = w->low >> rest; /* 48 bits and a carry */
    if (out >> GGC_BOOL_FLUSHED)
        ggc_bool_carry(w->data + w->size);
    for (int k = 0; k < GGC_BOOL_FLUSHED / 8; k++)
        w->data[w->size + k] = (uint8_t)(out >> (GGC_BOOL_FLUSHED - 8 - 8 * k));
    w->size += GGC_BOOL_FLUSHED / 8;
    w->low &= ((uint64_t)1 << rest) - 1;
    w->bits -= GGC_BOOL_FLUSHED;
}

/* The caller has reserved a byte. */
static GGC_ALWAYS_INLINE void ggc_bool_put(ggc_bool_writer *w, uint32_t bit, uint32_t probability) {
    const uint32_t split = ggc_bool_split(w->range, probability), upper = w->range - split;
    const uint32_t range = bit ? upper : split, shift = ggc_bool_shift(range);
    w->low = (w->low + (bit ? split : 0)) << shift;
    w->range = range << shift;
    w->bits += shift;
    if (w->bits >= GGC_BOOL_FLUSHED) /* at most 54: with the eight of the range and the carry, 63 bits */
        ggc_bool_spill(w);
}

/* Reads what fits a window of fewer than 57 bits; a reader past the end reads zeros, and has to stop once it is known
 * to be wrong. */
static inline void ggc_bool_refill(ggc_bool_reader *r) {
    if (r->end - r->next >= 8) {
        uint64_t word;
        memcpy(&word, r->next, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        const int32_t bytes = (64 - r->bits) >> 3;
        r->window |= word >> r->bits; /* and bits of the byte after those, which come again as they are */
        r->next += bytes;
        r->bits += 8 * bytes;
        return;
    }
    for (; r->bits <= 56; r->bits += 8) {
        if (r->next != r->end)
            r->window |= (uint64_t)*r->next++ << (56 - r->bits);
        else
            r->zeros += 8;
    }
}

/* Bits that the RFC's decoder has shifted out. */
static inline uint64_t ggc_bool_shifted(const ggc_bool_reader *r) {
    return 8 * (uint64_t)(r->next - r->data) + r->zeros - (uint64_t)r->bits;
}

/* Bytes that it has read: two, and one for every eight shifts. */
static inline uint64_t ggc_bool_position(const ggc_bool_reader *r) {
    return 2 + ggc_bool_shifted(r) / 8;
}

static inline void ggc_bool_check(ggc_bool_reader *r) {
    if (r->status == GGC_BOOL_OK && ggc_bool_position(r) > (uint64_t)(r->end - r->data))
        r->status = GGC_BOOL_TRUNCATED;
}

static GGC_ALWAYS_INLINE uint32_t ggc_bool_get(ggc_bool_reader *r, uint32_t probability) {
    if (r->bits < 8)
        ggc_bool_refill(r);
    const uint32_t split = ggc_bool_split(r->range, probability), upper = r->range - split;
    const uint64_t bound = (uint64_t)split << 56;
    const uint32_t bit = r->window >= bound;
    const uint32_t range = bit ? upper : split, shift = ggc_bool_shift(range);
    r->window = (r->window - (bit ? bound : 0)) << shift;
    r->range = range << shift;
    r->bits -= (int32_t)shift;
    return bit;
}

/* The probability of a zero for the lower half of [low, high), of a CDF whose ends these are. */
static GGC_ALWAYS_INLINE uint32_t ggc_bool_half(const uint16_t *ends, uint32_t low, uint32_t middle, uint32_t high) {
    const uint32_t start = low ? ends[low - 1] : 0, total = ends[high - 1] - start;
    const uint32_t p = (256 * (ends[middle - 1] - start) + total / 2) / total;
    return p < 1 ? 1 : p > 255 ? 255 : p;
}

/* src/bool_encode.c. What writes returns 0, and leaves writer and model as they were, where there is no memory. */
void ggc_bool_start(ggc_bool_writer *w);
int ggc_bool_reserve(ggc_bool_writer *w, size_t n, size_t bools);
int ggc_bool_push(ggc_bool_writer *w, const ggc_model *m, const ggc_token_tree *tree, const ggc_view *symbols,
                  const ggc_view *contexts, size_t n);
int ggc_bool_push_bools(ggc_bool_writer *w, const ggc_view *bits, const ggc_view *probabilities, size_t n);
int ggc_bool_push_bits(ggc_bool_writer *w, const ggc_view *values, const ggc_view *widths, size_t n);
int ggc_bool_push_exp_golomb(ggc_bool_writer *w, const ggc_view *values, int order, size_t n);
/* As many bytes as the RFC's flush leaves after those that have left the window: one more than the whole ones of the
 * bits in it, and four in all at least. */
static inline size_t ggc_bool_flushed(const ggc_bool_writer *w) {
    const size_t whole = w->bits / 8 + 2;
    return w->size + whole < GGC_BOOL_LEAST ? GGC_BOOL_LEAST : whole;
}
/* Writes the whole stream; the writer stays as it is. */
void ggc_bool_finish(const ggc_bool_writer *w, uint8_t *target);

/* src/bool_decode.c. All of these stop early, with r->status set, where the stream has ended; what they gave until then
 * is in range. */
void ggc_bool_open(ggc_bool_reader *r, const uint8_t *data, size_t size);
void ggc_bool_pop(ggc_bool_reader *r, const ggc_model *m, const ggc_token_tree *tree, const ggc_view *contexts,
                  size_t n, const ggc_view *symbols);
void ggc_bool_pop_bools(ggc_bool_reader *r, const ggc_view *probabilities, size_t n, uint8_t *bits);
void ggc_bool_pop_bits(ggc_bool_reader *r, const ggc_view *widths, size_t n, uint32_t *values);
void ggc_bool_pop_exp_golomb(ggc_bool_reader *r, int order, size_t n, uint32_t *values);
/* Whether an encoder's stream ends here: all of its bytes read, and nothing left but the zeros of the flush. */
int ggc_bool_ended(const ggc_bool_reader *r);

#endif
