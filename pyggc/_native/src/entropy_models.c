/* The loops that run adaptive models over symbols. */
#include "ggc/rans.h"

static inline __attribute__((always_inline)) void ggc_model_steps_for(const ggc_dyadic *m, const int num_rates,
                                                                      const uint8_t *symbols, const uint32_t *contexts,
                                                                      size_t n, uint32_t *steps) {
    const ggc_bounds bounds = ggc_bounds_of(m->num_symbols);
    uint16_t mixed[GGC_LANES] __attribute__((aligned(2 * GGC_LANES)));
    for (size_t i = 0; i < n; i++) {
        const uint32_t symbol = symbols[i], context = contexts ? contexts[i] : 0;
        uint16_t *lanes = m->lanes + (size_t)context * num_rates * GGC_LANES;
        const uint16_t *coded = lanes;
        const uint32_t count = m->counts[context];
        ggc_cdf cdf[GGC_MAX_RATES];
        for (int k = 0; k < num_rates; k++)
            cdf[k] = ggc_load_cdf(lanes + k * GGC_LANES);
        if (num_rates == 2) {
            ggc_store_cdf(mixed, ggc_mix(cdf[0], cdf[1]));
            coded = mixed;
        }
        const uint32_t start = ggc_cdf_start(coded, symbol);
        steps[i] = GGC_STEP(start, coded[symbol] - start);
        const ggc_cdf below = ggc_below_symbol(&bounds, symbol);
        for (int k = 0; k < num_rates; k++)
            ggc_store_cdf(lanes + k * GGC_LANES,
                          ggc_adapt(cdf[k], &bounds, below, count, m->gains[k], m->num_gains[k], m->rate[k]));
        m->counts[context] = (uint16_t)(count + (count < m->saturation));
    }
}

static inline __attribute__((always_inline)) uint32_t ggc_decode_symbol(const ggc_dyadic *m, const int num_rates,
                                                                        const ggc_bounds *bounds, uint32_t context,
                                                                        uint64_t *x) {
    uint16_t mixed[GGC_LANES] __attribute__((aligned(2 * GGC_LANES)));
    uint16_t *lanes = m->lanes + (size_t)context * num_rates * GGC_LANES;
    const uint16_t *coded = lanes;
    const uint32_t count = m->counts[context];
    ggc_cdf cdf[GGC_MAX_RATES], search;
    for (int k = 0; k < num_rates; k++)
        cdf[k] = ggc_load_cdf(lanes + k * GGC_LANES);
    search = cdf[0];
    if (num_rates == 2) {
        search = ggc_mix(cdf[0], cdf[1]);
        ggc_store_cdf(mixed, search);
        coded = mixed;
    }
    const ggc_cdf below = ggc_below_slot(search, (uint32_t)*x & (GGC_CDF_TOTAL - 1));
    const uint32_t symbol = ggc_count_below(below);
    const uint32_t start = ggc_cdf_start(coded, symbol);
    *x = ggc_rans_pop(*x, start, coded[symbol] - start);
    for (int k = 0; k < num_rates; k++)
        ggc_store_cdf(lanes + k * GGC_LANES,
                      ggc_adapt(cdf[k], bounds, below, count, m->gains[k], m->num_gains[k], m->rate[k]));
    m->counts[context] = (uint16_t)(count + (count < m->saturation));
    return symbol;
}

static inline __attribute__((always_inline)) void ggc_decode_for(ggc_rans_reader *r, const ggc_dyadic *m,
                                                                 const int num_rates, const uint32_t *contexts,
                                                                 size_t n, uint8_t *symbols) {
    const ggc_bounds bounds = ggc_bounds_of(m->num_symbols);
    size_t i = 0;
    /* While each of two steps may take a word from the stream, both states stay in registers. */
    if (r->forked) {
        uint64_t a = r->x[r->parity], b = r->x[r->parity ^ 1];
        const uint8_t *next = r->next;
        for (; i + 2 <= n && r->end - next >= 2 * GGC_RANS_WORD_BYTES; i += 2) {
            symbols[i] = (uint8_t)ggc_decode_symbol(m, num_rates, &bounds, contexts ? contexts[i] : 0, &a);
            if (a < GGC_RANS_LOWER) {
                a = a << GGC_RANS_WORD_BITS | ggc_load_word(next);
                next += GGC_RANS_WORD_BYTES;
            }
            symbols[i + 1] = (uint8_t)ggc_decode_symbol(m, num_rates, &bounds, contexts ? contexts[i + 1] : 0, &b);
            if (b < GGC_RANS_LOWER) {
                b = b << GGC_RANS_WORD_BITS | ggc_load_word(next);
                next += GGC_RANS_WORD_BYTES;
            }
        }
        r->x[r->parity] = a, r->x[r->parity ^ 1] = b, r->next = next;
    }
    for (; i < n && r->status == GGC_RANS_OK; i++) {
        uint64_t *x = ggc_rans_current(r);
        symbols[i] = (uint8_t)ggc_decode_symbol(m, num_rates, &bounds, contexts ? contexts[i] : 0, x);
        ggc_rans_advance(r, x, 1);
    }
}

void ggc_model_steps(const ggc_dyadic *m, const uint8_t *symbols, const uint32_t *contexts, size_t n, uint32_t *steps) {
    if (m->num_rates == 1)
        ggc_model_steps_for(m, 1, symbols, contexts, n, steps);
    else
        ggc_model_steps_for(m, 2, symbols, contexts, n, steps);
}

int ggc_log_symbols(ggc_step_log *log, const ggc_dyadic *m, const uint8_t *symbols, const uint32_t *contexts,
                    size_t n) {
    if (!ggc_log_reserve(log, n))
        return 0;
    ggc_model_steps(m, symbols, contexts, n, log->steps + log->size);
    log->size += n;
    return 1;
}

void ggc_decode(ggc_rans_reader *r, const ggc_dyadic *m, const uint32_t *contexts, size_t n, uint8_t *symbols) {
    if (m->num_rates == 1)
        ggc_decode_for(r, m, 1, contexts, n, symbols);
    else
        ggc_decode_for(r, m, 2, contexts, n, symbols);
}
