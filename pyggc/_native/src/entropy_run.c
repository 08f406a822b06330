/* The loops that run models, for any processor; and the choice among the variants. */
#define GGC_VARIANT ggc_run_baseline
#include "ggc/run.h"

#if defined(__x86_64__)
extern const ggc_run_variant ggc_run_avx2;

int ggc_run_wide(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("lzcnt");
}

const ggc_run_variant *ggc_run_variant_of(int wide) {
    return wide ? &ggc_run_avx2 : &ggc_run_baseline;
}
#else
int ggc_run_wide(void) {
    return 0;
}

const ggc_run_variant *ggc_run_variant_of(int wide) {
    (void)wide;
    return &ggc_run_baseline;
}
#endif

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
