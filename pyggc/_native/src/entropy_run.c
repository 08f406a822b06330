/* The loop that runs a model over symbols on behalf of an encoder. */
#include "ggc/model.h"

static GGC_ALWAYS_INLINE void run(const ggc_kind kind, const ggc_model *m, const uint16_t *symbols,
                                  const uint32_t *contexts, uint32_t context, size_t n, uint32_t *steps) {
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

void ggc_model_run(const ggc_model *m, const uint16_t *symbols, const uint32_t *contexts, uint32_t context, size_t n,
                   uint32_t *steps) {
#define RUN(kind) run(kind, m, symbols, contexts, context, n, steps)
    GGC_BY_KIND(m, RUN)
#undef RUN
}

static GGC_ALWAYS_INLINE void run_native(const ggc_kind kind, const ggc_model *m, const uint16_t *symbols,
                                         const uint32_t *contexts, uint32_t context, size_t n, uint32_t *steps,
                                         uint32_t *totals) {
    ggc_cursor c;
    ggc_cursor_init(kind, m, &c);
    if (!contexts)
        ggc_cursor_open(kind, m, context, &c);
    for (size_t i = 0; i < n; i++) {
        if (contexts)
            ggc_cursor_open(kind, m, contexts[i], &c);
        totals[i] = ggc_total(kind, m, &c);
        steps[i] = ggc_take_native(kind, m, &c, symbols[i]);
        if (contexts)
            ggc_cursor_close(kind, m, &c);
    }
    if (!contexts)
        ggc_cursor_close(kind, m, &c);
}

void ggc_model_run_native(const ggc_model *m, const uint16_t *symbols, const uint32_t *contexts, uint32_t context,
                          size_t n, uint32_t *steps, uint32_t *totals) {
#define RUN(kind) run_native(kind, m, symbols, contexts, context, n, steps, totals)
    GGC_BY_KIND(m, RUN)
#undef RUN
}
