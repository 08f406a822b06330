/* The throughput of the exact renderer's inner loop, if nothing but its operations counted: benchmarks/speed.py.
 *
 * One iteration has the operations of add_block in pyggc/_native/include/ggc/render_tile.h for one row of one block of
 * eight columns, each by itself: no result is used, so none waits for another, and all data is in the first-level
 * cache. Operations a vector, C channels (what depends on the column alone is not counted):
 *
 *   u2 = t - s u1                 1 broadcast load, 1 subtraction
 *   q = u1^2 + u2^2               1 multiplication, 1 addition
 *   min(q, 9)                     1 minimum
 *   the polynomial, degree 4      4 multiplications, 4 additions
 *   its eighth power              3 multiplications
 *   - EDGE                        1 subtraction
 *   each channel                  1 multiplication, 1 conversion, 1 load, 1 integer addition, 1 store
 *
 * Prints nanoseconds an iteration: the least of a few runs, so that an interrupt does not count.
 */
#include <immintrin.h>
#include <stdio.h>
#include <time.h>

#ifndef CHANNELS
#define CHANNELS 3
#endif
#define ITERATIONS 500000
#define RUNS 3

/* One instruction that the compiler neither drops nor moves. */
#define BINARY(instruction, type, a, b)                                                                                \
    do {                                                                                                               \
        type result;                                                                                                   \
        __asm__ volatile(instruction " %2, %1, %0" : "=x"(result) : "x"(a), "x"(b));                                   \
    } while (0)

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void iteration(__m256 a, __m256 b, __m256i n, const float *t, __m256i *acc) {
    __m256 broadcast;
    __asm__ volatile("vbroadcastss %1, %0" : "=x"(broadcast) : "m"(*t));
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        BINARY("vmulps", __m256, a, b);
        if (i < 7)
            BINARY("vaddps", __m256, a, b);
    }
    BINARY("vminps", __m256, a, b);
#pragma GCC unroll 4
    for (int c = 0; c < CHANNELS; c++) {
        __m256i rounded, loaded;
        BINARY("vmulps", __m256, a, b);
        __asm__ volatile("vcvtps2dq %1, %0" : "=x"(rounded) : "x"(a));
        __asm__ volatile("vmovdqa %1, %0" : "=x"(loaded) : "m"(acc[c]));
        BINARY("vpaddd", __m256i, n, n);
        __asm__ volatile("vmovdqa %1, %0" : "=m"(acc[c]) : "x"(n));
    }
}

int main(void) {
    static __m256i acc[64 * CHANNELS];
    static float t[64];
    const __m256 a = _mm256_set1_ps(1.0f), b = _mm256_set1_ps(0.5f);
    const __m256i n = _mm256_set1_epi32(1);
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        const double start = seconds();
        for (int i = 0; i < ITERATIONS; i++)
            iteration(a, b, n, t + i % 64, acc + i % 64 * CHANNELS);
        const double taken = seconds() - start;
        best = taken < best ? taken : best;
    }
    printf("%.6f\n", 1e9 * best / ITERATIONS);
    return 0;
}
