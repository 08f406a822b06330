/* The fit's hot loops for x86-64 with AVX-512; called only where the processor has it. */
#if defined(__x86_64__)
#pragma GCC target("avx512f")
#define GGC_VARIANT ggc_fit_avx512
#define GGC_VARIANT_NAME "avx512"
#include "ggc/fit_tile.h"

#include "ggc/fit_filter.h"
#else
typedef int ggc_no_fit_avx512; /* a translation unit must not be empty */
#endif
