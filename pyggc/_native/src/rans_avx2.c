/* The same for x86-64 with AVX2, BMI2 and LZCNT; called only where the processor has all three. A CDF stays in two
 * short vectors: a decoder waits for one symbol after the other, and what crosses the halves of a long one takes
 * longer. */
#if defined(__x86_64__)
#pragma GCC target("avx2,bmi,bmi2,lzcnt")
#define GGC_PARTS 2
#define GGC_VARIANT ggc_rans_avx2
#include "ggc/rans_loops.h"
#else
typedef int ggc_no_rans_avx2; /* a translation unit must not be empty */
#endif
