/* The loops over symbols for any processor of the target, and the choice between the builds. */
#define GGC_KERNELS ggc_entropy_baseline
#define GGC_KERNELS_NAME "baseline"
#include "ggc/rans_kernels.h"

#if defined(__x86_64__)
extern const ggc_entropy_kernels ggc_entropy_avx2;
#endif

const ggc_entropy_kernels *ggc_entropy_select(int allow_simd)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (allow_simd && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        return &ggc_entropy_avx2;
#endif
    (void)allow_simd;
    return &ggc_entropy_baseline;
}
