/* Large blocks. */
#ifndef GGC_MEMORY_H
#define GGC_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

/* Asks for large pages where a block has room for any: to fault in small ones takes longer than to fill them. */
static inline void ggc_prefer_large_pages(void *block, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t page = (uintptr_t)1 << 21;
    const uintptr_t begin = ((uintptr_t)block + page - 1) & ~(page - 1), end = ((uintptr_t)block + bytes) & ~(page - 1);
    if (end > begin)
        madvise((void *)begin, end - begin, MADV_HUGEPAGE); /* whether it does so or not */
#else
    (void)block, (void)bytes;
#endif
}

#endif
