/* The loops over samples for x86-64 with AVX2; called only where the processor has it. */
#if defined(__x86_64__)
#pragma GCC target("avx2")
#define GGC_VARIANT ggc_residual_avx2
#define GGC_VARIANT_NAME "avx2"
#include "ggc/residual_loops.h"
#else
typedef int ggc_no_residual_avx2; /* a translation unit must not be empty */
#endif
