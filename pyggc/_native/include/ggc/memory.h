/* Large blocks. */
#ifndef GGC_MEMORY_H
#define GGC_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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

/* Makes room for `more` items after the first `size` of a block, at least doubling it; what is there stays. Returns the
 * block, which may have moved, or NULL, with all as it was, where there is no memory. */
static inline void *ggc_grown(void *block, size_t size, size_t *capacity, size_t more, size_t least, size_t itemsize) {
    size_t wanted = size + more;
    if (wanted <= *capacity)
        return block;
    wanted = wanted > 2 * *capacity ? wanted : 2 * *capacity;
    wanted = wanted > least ? wanted : least;
    char *grown = realloc(block, wanted * itemsize);
    if (!grown)
        return NULL;
    ggc_prefer_large_pages(grown + size * itemsize, (wanted - size) * itemsize);
    *capacity = wanted;
    return grown;
}

#endif
