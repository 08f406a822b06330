/* Drawing pixels with a probability in proportion to a weight. */
#include "ggc/fit.h"
#include "ggc/threads.h"

void ggc_fit_energy(const ggc_planes *in, const ggc_planes *out, int threads) {
    threads = ggc_threads(threads, in->height / 32);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int32_t y = 0; y < in->height; y++) {
        float *restrict to = out->data + y * out->stride;
        for (int32_t c = 0; c < in->channels; c++) {
            const float *restrict from = in->data + ((ptrdiff_t)y * in->channels + c) * in->stride;
            for (ptrdiff_t x = 0; x < in->width; x++)
                to[x] = (c ? to[x] : 0.0f) + from[x] * from[x];
        }
    }
}

double ggc_fit_total(const ggc_planes *weights) {
    double total = 0.0;
    for (int32_t y = 0; y < weights->height; y++)
        for (int32_t x = 0; x < weights->width; x++)
            total += weights->data[y * weights->stride + x];
    return total;
}

int64_t ggc_fit_sample(const ggc_planes *weights, const double *thresholds, int64_t count, int64_t *pixels) {
    double sum = 0.0;
    int64_t found = 0;
    for (int32_t y = 0; y < weights->height && found < count; y++)
        for (int32_t x = 0; x < weights->width && found < count; x++) {
            const float weight = weights->data[y * weights->stride + x];
            sum += weight;
            if (weight > 0.0f && thresholds[found] < sum)
                pixels[found++] = (int64_t)y * weights->width + x;
        }
    return found;
}
