/* The loops over symbols with a whole CDF in one register. */
#if defined(__x86_64__)
#pragma GCC target("avx2,bmi,bmi2")
#define GGC_KERNELS ggc_entropy_avx2
#define GGC_KERNELS_NAME "avx2"
#include "ggc/rans_kernels.h"
#else
typedef int ggc_no_avx2; /* ISO C forbids an empty translation unit */
#endif
