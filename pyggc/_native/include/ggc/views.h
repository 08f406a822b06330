/* Arrays of any integer type, read and written in place, a chunk at a time. */
#ifndef GGC_VIEWS_H
#define GGC_VIEWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Kernels take their arguments in chunks of so many, which stay in the first-level cache. */
#define GGC_CHUNK 1024

/* The most bits of one raw value. */
#define GGC_MAX_RAW 32

typedef struct {
    void *data; /* NULL: all zeros */
    size_t itemsize;
    int is_signed;
    size_t stride; /* 0: one value for all, else 1 */
} ggc_view;

/* What is done for an integer type: whether all of n values are within [0, limit] (as unsigned numbers, where a
 * negative one is above `maximum`, the largest of the type); reading them, no larger than the limit whatever another
 * thread has written meanwhile, so that no kernel ever sees an index out of range. */
#define GGC_VIEW_TYPE(type, unsigned_type, maximum)                                                                    \
    static inline int ggc_##type##_within(const void *data, size_t n, uint64_t limit) {                                \
        const unsigned_type *values = (const unsigned_type *)data;                                                     \
        unsigned_type largest = 0;                                                                                     \
        for (size_t i = 0; i < n; i++)                                                                                 \
            largest = values[i] > largest ? values[i] : largest;                                                       \
        return largest <= (maximum) && largest <= limit;                                                               \
    }                                                                                                                  \
    static inline void ggc_##type##_to_u16(const void *data, size_t n, uint64_t limit, uint16_t *target) {             \
        const type *values = (const type *)data;                                                                       \
        const uint16_t most = (uint16_t)limit;                                                                         \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const uint16_t value = (uint16_t)values[i];                                                                \
            target[i] = value < most ? value : most;                                                                   \
        }                                                                                                              \
    }                                                                                                                  \
    static inline void ggc_##type##_to_u32(const void *data, size_t n, uint64_t limit, uint32_t *target) {             \
        const type *values = (const type *)data;                                                                       \
        const uint32_t most = (uint32_t)limit;                                                                         \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const uint32_t value = (uint32_t)values[i];                                                                \
            target[i] = value < most ? value : most;                                                                   \
        }                                                                                                              \
    }                                                                                                                  \
    static inline void ggc_##type##_from_u16(void *data, size_t n, const uint16_t *source) {                           \
        type *values = (type *)data;                                                                                   \
        for (size_t i = 0; i < n; i++)                                                                                 \
            values[i] = (type)source[i];                                                                               \
    }

GGC_VIEW_TYPE(int8_t, uint8_t, INT8_MAX)
GGC_VIEW_TYPE(int16_t, uint16_t, INT16_MAX)
GGC_VIEW_TYPE(int32_t, uint32_t, INT32_MAX)
GGC_VIEW_TYPE(int64_t, uint64_t, INT64_MAX)
GGC_VIEW_TYPE(uint8_t, uint8_t, UINT8_MAX)
GGC_VIEW_TYPE(uint16_t, uint16_t, UINT16_MAX)
GGC_VIEW_TYPE(uint32_t, uint32_t, UINT32_MAX)
GGC_VIEW_TYPE(uint64_t, uint64_t, UINT64_MAX)

/* `call(int8_t)` and so on, for the type of a view. */
#define GGC_BY_TYPE(view, call)                                                                                        \
    switch ((view)->itemsize * 2 + ((view)->is_signed != 0)) {                                                         \
    case 3:                                                                                                            \
        call(int8_t);                                                                                                  \
        break;                                                                                                         \
    case 5:                                                                                                            \
        call(int16_t);                                                                                                 \
        break;                                                                                                         \
    case 9:                                                                                                            \
        call(int32_t);                                                                                                 \
        break;                                                                                                         \
    case 17:                                                                                                           \
        call(int64_t);                                                                                                 \
        break;                                                                                                         \
    case 2:                                                                                                            \
        call(uint8_t);                                                                                                 \
        break;                                                                                                         \
    case 4:                                                                                                            \
        call(uint16_t);                                                                                                \
        break;                                                                                                         \
    case 8:                                                                                                            \
        call(uint32_t);                                                                                                \
        break;                                                                                                         \
    default:                                                                                                           \
        call(uint64_t);                                                                                                \
    }

/* The first of n values outside [0, limit], or n. */
static inline size_t ggc_view_check(const ggc_view *view, size_t n, uint64_t limit) {
    if (!view->data || (n == 0))
        return n;
    const size_t stored = view->stride ? n : 1;
    for (size_t begin = 0; begin < stored; begin += GGC_CHUNK) {
        const size_t chunk = stored - begin < GGC_CHUNK ? stored - begin : GGC_CHUNK;
        const char *data = (const char *)view->data + begin * view->itemsize;
        int within = 0;
#define GGC_CALL(type) within = ggc_##type##_within(data, chunk, limit)
        GGC_BY_TYPE(view, GGC_CALL)
#undef GGC_CALL
        for (size_t i = 0; !within && i < chunk; i++) {
            const char *value = data + i * view->itemsize;
#define GGC_CALL(type) within = !ggc_##type##_within(value, 1, limit)
            GGC_BY_TYPE(view, GGC_CALL)
#undef GGC_CALL
            if (within)
                return begin + i;
        }
    }
    return n;
}

static inline void ggc_view_read_u32(const ggc_view *view, size_t begin, size_t n, uint64_t limit, uint32_t *target) {
    if (!view->data) {
        memset(target, 0, n * sizeof *target);
        return;
    }
    const char *data = (const char *)view->data + begin * view->stride * view->itemsize;
    const size_t stored = view->stride ? n : 1;
#define GGC_CALL(type) ggc_##type##_to_u32(data, stored, limit, target)
    GGC_BY_TYPE(view, GGC_CALL)
#undef GGC_CALL
    for (size_t i = stored; i < n; i++)
        target[i] = target[0];
}

/* The same for values that fit 16 bits. */
static inline void ggc_view_read_u16(const ggc_view *view, size_t begin, size_t n, uint64_t limit, uint16_t *target) {
    const char *data = (const char *)view->data + begin * view->stride * view->itemsize;
    const size_t stored = view->stride ? n : 1;
#define GGC_CALL(type) ggc_##type##_to_u16(data, stored, limit, target)
    GGC_BY_TYPE(view, GGC_CALL)
#undef GGC_CALL
    for (size_t i = stored; i < n; i++)
        target[i] = target[0];
}

static inline void ggc_view_write_u16(const ggc_view *view, size_t begin, size_t n, const uint16_t *source) {
    char *data = (char *)view->data + begin * view->itemsize;
#define GGC_CALL(type) ggc_##type##_from_u16(data, n, source)
    GGC_BY_TYPE(view, GGC_CALL)
#undef GGC_CALL
}

/* The first of n values that does not fit its width, which is at most 32; or n. */
static inline size_t ggc_view_misfit(const ggc_view *values, const ggc_view *widths, size_t n) {
    uint32_t value[GGC_CHUNK], width[GGC_CHUNK];
    for (size_t begin = 0; begin < n; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        ggc_view_read_u32(values, begin, chunk, UINT32_MAX, value);
        ggc_view_read_u32(widths, begin, chunk, 32, width);
        for (size_t i = 0; i < chunk; i++)
            if ((uint64_t)value[i] >> width[i])
                return begin + i;
    }
    return n;
}

#endif
