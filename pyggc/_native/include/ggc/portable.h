/* Where the compilers of these headers differ: gcc or clang for the CPU, NVRTC for the GPU, which has neither the C
 * library's headers nor gcc's builtins.
 */
#ifndef GGC_PORTABLE_H
#define GGC_PORTABLE_H

#ifdef __CUDACC_RTC__

typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;

#define GGC_INLINE static __device__ __forceinline__
#define GGC_TABLE static __device__ const
#define GGC_MATH(name) name /* a function of math.h */
#define GGC_LEADING_ZEROS(v) __clzll((long long)(v))

GGC_INLINE int32_t ggc_float_bits(float v) {
    return __float_as_int(v);
}

#else

#include <float.h>
#include <stddef.h>
#include <stdint.h>

#define GGC_INLINE static inline __attribute__((always_inline))
#define GGC_TABLE static const
#define GGC_MATH(name) __builtin_##name
#define GGC_LEADING_ZEROS(v) __builtin_clzll(v)

#if FLT_EVAL_METHOD != 0
#error "the renderer needs binary32 arithmetic without excess precision (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif

GGC_INLINE int32_t ggc_float_bits(float v) {
    int32_t bits;
    __builtin_memcpy(&bits, &v, sizeof bits);
    return bits;
}

#endif

#endif
