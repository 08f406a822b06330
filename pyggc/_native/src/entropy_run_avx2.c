/* The loops that run models, for x86-64 with AVX2 and BMI2; called only where the processor has them. */
#if defined(__x86_64__)
#pragma GCC target("avx2,bmi,bmi2,lzcnt")
#define GGC_VARIANT ggc_run_avx2
#include "ggc/run.h"
#else
typedef int ggc_no_run_avx2; /* a translation unit must not be empty */
#endif
