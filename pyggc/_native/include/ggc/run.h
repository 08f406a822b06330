/* The loops that run models over symbols on behalf of encoders.
 *
 * Included once by each variant, which first chooses its target and defines GGC_VARIANT, its name.
 */
#include "ggc/rans.h"

static GGC_ALWAYS_INLINE void run_kind(const ggc_kind kind, const ggc_model *model, const uint16_t *symbols,
                                       const uint32_t *contexts, uint32_t context, size_t n, uint32_t *steps) {
    const ggc_model copy = *model, *m = &copy; /* which the stores below cannot alias */
    ggc_cursor c;
    ggc_cursor_init(kind, m, &c);
    if (contexts) {
        for (size_t i = 0; i < n; i++) {
            ggc_cursor_open(kind, m, contexts[i], &c);
            steps[i] = ggc_take(kind, m, &c, symbols[i]);
            ggc_cursor_close(kind, m, &c);
        }
        return;
    }
    ggc_cursor_open(kind, m, context, &c);
    for (size_t i = 0; i < n; i++)
        steps[i] = ggc_take(kind, m, &c, symbols[i]);
    ggc_cursor_close(kind, m, &c);
}

static void run(const ggc_model *m, const uint16_t *symbols, const uint32_t *contexts, uint32_t context, size_t n,
                uint32_t *steps) {
#define RUN(kind) run_kind(kind, m, symbols, contexts, context, n, steps)
    GGC_BY_KIND(m, RUN)
#undef RUN
}

static GGC_ALWAYS_INLINE uint64_t put_static(const ggc_static_put *put, const int adds, uint64_t x, uint32_t **words) {
    const int full = x >= put->full;
    **words = (uint32_t)x; /* whether it counts is hard to predict */
    *words += full;
    x = full ? x >> GGC_RANS_WORD_BITS : x;
    const uint64_t product = (uint64_t)((ggc_u128)(adds ? x + put->add : x) * put->factor >> 64);
    return x + put->start + (product >> put->shift) * put->complement;
}

static GGC_ALWAYS_INLINE uint32_t *push_states(const ggc_static_put *puts, const int adds, const uint16_t *symbols,
                                               size_t n, const uint32_t states, uint64_t *ring, uint32_t *words) {
    for (; n % states; n--)
        ring[(n - 1) % states] = put_static(puts + symbols[n - 1], 1, ring[(n - 1) % states], &words);
    uint64_t x[4]; /* in registers: no index of theirs is a variable */
    for (uint32_t k = 0; k < states; k++)
        x[k] = ring[k];
    for (; n > 0; n -= states)
        for (uint32_t k = states; k-- > 0;)
            x[k] = put_static(puts + symbols[n - states + k], adds, x[k], &words);
    for (uint32_t k = 0; k < states; k++)
        ring[k] = x[k];
    return words;
}

static uint32_t *push(const ggc_static *m, uint32_t context, const uint16_t *symbols, size_t n, uint32_t states,
                      uint64_t *x, uint32_t *words) {
    const ggc_static_put *puts = m->puts + (size_t)context * m->num_symbols;
    if (m->adds[context])
        return states == 1   ? push_states(puts, 1, symbols, n, 1, x, words)
               : states == 2 ? push_states(puts, 1, symbols, n, 2, x, words)
                             : push_states(puts, 1, symbols, n, 4, x, words);
    return states == 1   ? push_states(puts, 0, symbols, n, 1, x, words)
           : states == 2 ? push_states(puts, 0, symbols, n, 2, x, words)
                         : push_states(puts, 0, symbols, n, 4, x, words);
}

/* All steps of a ring of states at a time: independent of each other, so that their divisions overlap. */
static GGC_ALWAYS_INLINE uint8_t *put_states(const ggc_reciprocal *table, const uint32_t *steps, size_t n,
                                             const uint32_t states, uint64_t *ring, uint8_t *next) {
    uint64_t x[4];
    for (uint32_t k = 0; k < states; k++)
        x[k] = ring[k];
    for (; n > 0; n -= states)
        for (uint32_t k = states; k-- > 0;) {
            const uint32_t step = steps[n - states + k];
            const int full = ggc_rans_full(x[k], step & 0xffff);
            ggc_store_word(next - GGC_RANS_WORD_BYTES, (uint32_t)x[k]);
            next -= full ? GGC_RANS_WORD_BYTES : 0;
            x[k] = ggc_rans_put(table, full ? x[k] >> GGC_RANS_WORD_BITS : x[k], step);
        }
    for (uint32_t k = 0; k < states; k++)
        ring[k] = x[k];
    return next;
}

static uint8_t *put(const ggc_reciprocal *table, const uint32_t *steps, size_t n, uint32_t states, uint64_t *x,
                    uint8_t *next) {
    return states == 1   ? put_states(table, steps, n, 1, x, next)
           : states == 2 ? put_states(table, steps, n, 2, x, next)
                         : put_states(table, steps, n, 4, x, next);
}

const ggc_run_variant GGC_VARIANT = {run, push, put};
