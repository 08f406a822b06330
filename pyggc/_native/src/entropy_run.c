/* The loops that run models, for any processor; and the choice among the variants. */
#define GGC_VARIANT ggc_run_baseline
#include "ggc/run.h"

#if defined(__x86_64__)
extern const ggc_run_variant ggc_run_avx2;

int ggc_run_wide(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
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
