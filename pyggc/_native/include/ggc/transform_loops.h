/* All loops of the transforms; included once by each variant, which first chooses its target and defines GGC_VARIANT and
 * GGC_VARIANT_NAME. */
#include "ggc/lanes.h"
#include "ggc/transform.h"

#define GGC_PASTE_2(a, b) a##b
#define GGC_PASTE(a, b) GGC_PASTE_2(a, b)

#define SIDE_FLOWS(entry)                                                                                              \
    entry(GGC_DCT4, dct4, 4) entry(GGC_DCT8, dct8, 8) entry(GGC_DCT16, dct16, 16) entry(GGC_DCT32, dct32, 32)          \
        entry(GGC_WHT4, wht4, 4) entry(GGC_WHT8, wht8, 8) entry(GGC_WHT16, wht16, 16) entry(GGC_WHT32, wht32, 32)

#define GGC_BITS 16
#include "ggc/transform_stages.h"
#undef GGC_BITS

#define GGC_BITS 32
#include "ggc/transform_stages.h"
#undef GGC_BITS

const ggc_transform_variant GGC_VARIANT = {GGC_VARIANT_NAME, &stages_16, &stages_32};
