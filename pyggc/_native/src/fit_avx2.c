/* The fit's hot loops for x86-64 with AVX2 and FMA; called only where the processor has both. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#define GGC_VARIANT ggc_fit_avx2
#define GGC_VARIANT_NAME "avx2"
#include "ggc/fit_tile.h"

#include "ggc/fit_filter.h"
#else
typedef int ggc_no_fit_avx2; /* a translation unit must not be empty */
#endif
