/* All loops of the transforms; included once by each variant, which first chooses its target and defines GGC_VARIANT
 * and GGC_VARIANT_NAME. */
#include "ggc/lanes.h"
#include "ggc/transform.h"

#define GGC_PASTE_2(a, b) a##b
#define GGC_PASTE(a, b) GGC_PASTE_2(a, b)

/* Number, name, samples of a side; along columns also the flow that it is made of, and how many of these alternate. */
#define DCT_DOWN(entry)                                                                                                \
    entry(GGC_DCT4, dct4, 4, dct4, 1) entry(GGC_DCT8, dct8, 8, dct8, 1) entry(GGC_DCT16, dct16, 16, dct16, 1)          \
        entry(GGC_DCT32, dct32, 32, dct32, 1)
#define WHT_DOWN(entry)                                                                                                \
    entry(GGC_WHT4, wht4, 4, wht4, 1) entry(GGC_WHT8, wht8, 8, wht4, 2) entry(GGC_WHT16, wht16, 16, wht16, 1)          \
        entry(GGC_WHT32, wht32, 32, wht16, 2)
#define DCT_ACROSS(entry)                                                                                              \
    entry(GGC_DCT4, dct4, 4) entry(GGC_DCT8, dct8, 8) entry(GGC_DCT16, dct16, 16) entry(GGC_DCT32, dct32, 32)

#define GGC_BITS 16
#define GGC_WIDTH 15
#include "ggc/transform_stages.h"
#undef GGC_WIDTH
#define GGC_WIDTH 16
#include "ggc/transform_stages.h"
#undef GGC_WIDTH
#undef GGC_BITS

#define GGC_BITS 32
#define GGC_WIDTH 32
#include "ggc/transform_stages.h"
#undef GGC_WIDTH
#undef GGC_BITS

#include "ggc/transform_narrow.h"

/* Transposes a square of runs, two or four to a vector; its own inverse. */
GGC_INLINE void transpose_runs(ggc_v64 *v, const int count) {
#if GGC_VECTOR_BYTES == 32
    if (count == 4) {
        ggc_zip_v64(v, v + 1);
        ggc_zip_v64(v + 2, v + 3);
        ggc_exchange_v64(v, v + 2);
        ggc_exchange_v64(v + 1, v + 3);
    } else {
        ggc_exchange_v64(v, v + 1);
    }
#else
    (void)count;
    ggc_zip_v64(v, v + 1);
#endif
}

/* Squares of runs: a vector has `count` of them, of as many rows where blocks are stacked, of as many blocks where they
 * are in rows. */
GGC_INLINE void restack(const int count, const int to_rows, const char *source, char *target, ptrdiff_t row, int rows,
                        int blocks) {
    const int run = GGC_VECTOR_BYTES / count;
    for (int k = 0; k < blocks; k += count)
        for (int y = 0; y < rows; y += count) {
            const ptrdiff_t stacked = (k * rows + y) * run, in_rows = y * row + k * run;
            const char *from = source + (to_rows ? stacked : in_rows);
            char *to = target + (to_rows ? in_rows : stacked);
            const ptrdiff_t from_step = to_rows ? rows * run : row, to_step = to_rows ? row : rows * run;
            ggc_v64 v[4];
            for (int i = 0; i < count; i++)
                v[i] = *(const ggc_m64 *)(from + i * from_step);
            transpose_runs(v, count);
            for (int i = 0; i < count; i++)
                *(ggc_m64 *)(to + i * to_step) = v[i];
        }
}

#define DEFINE_RESTACK(name, to_rows)                                                                                  \
    static void name(const char *source, char *target, ptrdiff_t row, int rows, int run, int blocks) {                 \
        if (4 * run == GGC_VECTOR_BYTES)                                                                               \
            restack(4, to_rows, source, target, row, rows, blocks);                                                    \
        else                                                                                                           \
            restack(2, to_rows, source, target, row, rows, blocks);                                                    \
    }
DEFINE_RESTACK(to_rows, 1)
DEFINE_RESTACK(to_blocks, 0)

const ggc_transform_variant GGC_VARIANT = {
    GGC_VARIANT_NAME, &stages_15, &stages_16, &stages_32, GGC_VECTOR_BYTES, to_rows, to_blocks, narrow, widen, {DIRECT},
};
