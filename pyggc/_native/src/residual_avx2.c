/* The loops for x86-64 with AVX2, BMI2 and LZCNT; called only where the processor has all three. A CDF stays in two
 * short vectors, as in rans_avx2.c. */
#if defined(__x86_64__)
#pragma GCC target("avx2,bmi,bmi2,lzcnt")
#define GGC_PARTS 2
#define GGC_VARIANT ggc_residual_avx2
#define GGC_VARIANT_NAME "avx2"
#include "ggc/residual_loops.h"
#else
typedef int ggc_no_residual_avx2; /* a translation unit must not be empty */
#endif
