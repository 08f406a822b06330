/* The range coder's loops for what every processor of the architecture has: SSE2 on x86-64, NEON on AArch64. */
#define GGC_VARIANT ggc_range_baseline
#include "ggc/range_loops.h"
