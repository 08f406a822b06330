/* rANS without the models: the log of the forward pass, the backward pass, and the flush. */
#include <stdlib.h>

#include "ggc/memory.h"
#include "ggc/rans.h"

int ggc_log_reserve(ggc_step_log *log, size_t more) {
    uint32_t *grown = ggc_grown(log->steps, log->size, &log->capacity, more, 256, sizeof *grown);
    log->steps = grown ? grown : log->steps;
    return grown || log->size + more == 0;
}

/* The steps of a raw value: at most 15 bits each, the most significant first. */
static size_t bit_steps(uint32_t value, int width, uint32_t *steps) {
    size_t n = 0;
    while (width > 0) {
        const int step = width < GGC_CDF_BITS ? width : GGC_CDF_BITS;
        width -= step;
        const uint32_t chunk = (value >> width) & ((1u << step) - 1);
        steps[n++] = GGC_STEP(chunk << (GGC_CDF_BITS - step), 1u << (GGC_CDF_BITS - step));
    }
    return n;
}

int ggc_log_bits(ggc_step_log *log, const ggc_view *values, const ggc_view *widths, size_t n) {
    uint32_t value[GGC_CHUNK], width[GGC_CHUNK];
    if (!ggc_log_reserve(log, 3 * n)) /* of 32 bits at most */
        return 0;
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(values, begin, chunk, UINT32_MAX, value);
        ggc_view_read_u32(widths, begin, chunk, 32, width);
        for (size_t i = 0; i < chunk; i++)
            log->size += bit_steps(value[i], (int)width[i], log->steps + log->size);
    }
    return 1;
}

int ggc_log_exp_golomb(ggc_step_log *log, const ggc_view *values, int order, size_t n) {
    uint32_t value[GGC_CHUNK];
    for (size_t begin = 0, before = log->size; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        if (!ggc_log_reserve(log, 36 * chunk)) { /* 33 bits of prefix, and three steps of at most 32 */
            log->size = before;
            return 0;
        }
        ggc_view_read_u32(values, begin, chunk, UINT32_MAX, value);
        for (size_t i = 0; i < chunk; i++) {
            const uint64_t shifted = value[i] + ((uint64_t)1 << order);
            const int width = 63 - __builtin_clzll(shifted);
            for (int bit = width - order; bit > 0; bit--)
                log->size += bit_steps(0, 1, log->steps + log->size);
            log->size += bit_steps(1, 1, log->steps + log->size);
            log->size += bit_steps((uint32_t)(shifted & (((uint64_t)1 << width) - 1)), width, log->steps + log->size);
        }
    }
    return 1;
}

int ggc_log_symbols(ggc_step_log *log, const ggc_model *m, const ggc_view *symbols, const ggc_view *contexts,
                    size_t n) {
    uint16_t symbol[GGC_CHUNK];
    uint32_t context[GGC_CHUNK];
    if (!ggc_log_reserve(log, n))
        return 0;
    if (!contexts->stride)
        ggc_view_read_u32(contexts, 0, 1, m->num_contexts - 1, context);
    const uint32_t only = contexts->stride ? 0 : context[0];
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u16(symbols, begin, chunk, m->num_symbols - 1, symbol);
        if (contexts->stride)
            ggc_view_read_u32(contexts, begin, chunk, m->num_contexts - 1, context);
        ggc_model_run(m, symbol, contexts->stride ? context : NULL, only, chunk, log->steps + log->size);
        log->size += chunk;
    }
    return 1;
}

/* Where an encoder has got to on its way from the last step to the first. */
typedef struct {
    const ggc_reciprocal *table;
    uint64_t x[GGC_RANS_MAX_STATES];
    uint32_t live;
    uint32_t held; /* with `holds`: a word that will be a state's, when a second one has come */
    int holds;
    uint8_t *next;
} writer;

static inline void put_word(writer *w, uint32_t word) {
    w->next -= GGC_RANS_WORD_BYTES;
    ggc_store_word(w->next, word);
}

/* A step under a state that may be full, where full states only write words. */
static inline uint64_t put_step(writer *w, uint64_t x, uint32_t step) {
    if (ggc_rans_full(x, step & 0xffff)) {
        put_word(w, (uint32_t)x);
        x >>= GGC_RANS_WORD_BITS;
    }
    return ggc_rans_put(w->table, x, step);
}

/* The fork: of one state into two, where the new one takes the word that would be written; and of two into four, which
 * waits for the second such word. The state that codes step k stays in place k of the new ring, what it gives goes
 * last. */
static void fork_states(writer *w, size_t k) {
    uint64_t *x = w->x;
    const uint32_t word = (uint32_t)x[k & (w->live - 1)];
    const uint64_t mine = x[k & (w->live - 1)] >> GGC_RANS_WORD_BITS;
    if (w->live == 1) {
        x[k & 1] = mine, x[(k & 1) ^ 1] = GGC_RANS_LOWER | word;
        w->live = 2;
    } else if (!w->holds) {
        x[k & 1] = mine;
        w->held = word;
        w->holds = 1;
    } else {
        const uint64_t other = x[(k & 1) ^ 1];
        x[k & 3] = mine, x[(k + 1) & 3] = other;
        x[(k + 2) & 3] = GGC_RANS_LOWER | w->held, x[(k + 3) & 3] = GGC_RANS_LOWER | word;
        w->holds = 0;
        w->live = 4;
    }
}

/* Raw bits into the first state, in the reverse of the order in which a decoder takes them. */
static void fold_bits(writer *w, uint32_t value, int width) {
    uint32_t steps[3];
    for (size_t k = bit_steps(value, width, steps); k-- > 0;)
        w->x[0] = put_step(w, w->x[0], steps[k]);
}

/* Codes another state into the first: its lower half as a word, its upper half as raw bits. */
static void fold_state(writer *w, uint64_t x) {
    const uint32_t upper = (uint32_t)(x >> GGC_RANS_WORD_BITS);
    const int length = 31 - __builtin_clz(upper);
    put_word(w, (uint32_t)x);
    fold_bits(w, upper - (1u << length), length);
    fold_bits(w, (uint32_t)length, GGC_RANS_FOLD_BITS);
}

size_t ggc_rans_encode(const ggc_reciprocal *table, int wide, const ggc_step_log *log, int states, uint8_t *end,
                       uint64_t x[GGC_RANS_MAX_STATES]) {
    writer w = {.table = table, .x = {GGC_RANS_INITIAL}, .live = 1, .next = end};
    size_t k = log->size;
    while (k > 0) {
        if (w.live == (uint32_t)states && k % w.live == 0) {
            w.next = ggc_run_variant_of(wide)->put(table, log->steps, k, w.live, w.x, w.next);
            break;
        }
        const uint32_t step = log->steps[--k];
        if (w.live < (uint32_t)states && ggc_rans_full(w.x[k & (w.live - 1)], step & 0xffff))
            fork_states(&w, k);
        w.x[k & (w.live - 1)] = put_step(&w, w.x[k & (w.live - 1)], step);
    }
    for (int i = 0; i < GGC_RANS_MAX_STATES; i++)
        x[i] = w.x[i];
    if (w.holds)
        put_word(&w, w.held);
    for (uint32_t i = w.live; i-- > 1;)
        fold_state(&w, w.x[i]);
    if (states == 4 && w.live > 1)
        fold_bits(&w, w.live == 4, 1);
    for (uint64_t rest = w.x[0] == GGC_RANS_INITIAL ? 0 : w.x[0]; rest; rest >>= 8)
        *--w.next = (uint8_t)rest;
    return (size_t)(end - w.next);
}
