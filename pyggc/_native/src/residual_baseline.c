/* The loops for what every processor of the architecture has: SSE2 on x86-64, NEON on AArch64. */
#define GGC_VARIANT ggc_residual_baseline
#define GGC_VARIANT_NAME "baseline"
#include "ggc/residual_loops.h"
