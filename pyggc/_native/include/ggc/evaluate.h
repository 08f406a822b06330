/* How far two images are apart: squared errors and SSIM, in binary64.
 *
 * Every sum has a fixed order, so that no result depends on the number of threads.
 */
#ifndef GGC_EVALUATE_H
#define GGC_EVALUATE_H

#include <stdint.h>

enum { GGC_SAMPLE_UINT8, GGC_SAMPLE_UINT16, GGC_SAMPLE_FLOAT32, GGC_SAMPLE_FLOAT64 };

/* Two C-contiguous images of height x width x channels samples of one type. */
typedef struct {
    const void *first, *second;
    int64_t height, width, channels;
    int32_t type;
} ggc_pair;

/* The weights of a window's rows or columns; symmetric, an odd number of them. */
#define GGC_MAX_TAPS 11
typedef struct {
    double weights[GGC_MAX_TAPS];
    int32_t taps;
} ggc_window;

enum { GGC_EVALUATE_OK, GGC_EVALUATE_NO_MEMORY };

/* The sum of the squared differences of all samples; exact for integers as long as it stays below 2^53. */
double ggc_squared_error(const ggc_pair *pair, int threads);

/* The sum of SSIM over all windows that lie inside the image, and over the channels. */
int ggc_ssim_sum(const ggc_pair *pair, const ggc_window *down, const ggc_window *across, double c1, double c2,
                 int threads, double *total);

#endif
