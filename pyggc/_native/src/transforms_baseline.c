/* The transforms' loops for what every processor of the architecture has: SSE2 on x86-64, NEON on AArch64. */
#define GGC_VARIANT ggc_transform_baseline
#define GGC_VARIANT_NAME "baseline"
#include "ggc/transform_loops.h"
