/* The range coder's loops for x86-64 with AVX2, BMI2 and LZCNT; called only where the processor has all three. What
 * counts here is a fast count of leading zeros, and shifts that need no fixed register. */
#if defined(__x86_64__)
#pragma GCC target("avx2,bmi,bmi2,lzcnt")
#define GGC_VARIANT ggc_range_avx2
#include "ggc/range_loops.h"
#else
typedef int ggc_no_range_avx2; /* a translation unit must not be empty */
#endif
