/* The loops of rANS queues for what every processor of the architecture has: SSE2 on x86-64, NEON on AArch64. */
#define GGC_VARIANT ggc_rans_baseline
#include "ggc/rans_loops.h"
