/* How many threads a loop gets. Without OpenMP there is one. */
#ifndef GGC_THREADS_H
#define GGC_THREADS_H

#include <stdint.h>

#ifdef _OPENMP
#include <omp.h>
#endif

/* More than this would rather make the runtime fail than finish sooner. */
#define GGC_MAX_THREADS 256

/* As many as are wanted, 0 for one a processor; no more than have work, and at least one. */
static inline int ggc_threads(int wanted, int64_t most) {
#ifdef _OPENMP
    int threads = wanted > 0 ? wanted : omp_get_max_threads();
    threads = threads < GGC_MAX_THREADS ? threads : GGC_MAX_THREADS;
    return most < 1 ? 1 : threads < most ? threads : (int)most;
#else
    (void)wanted;
    (void)most;
    return 1;
#endif
}

static inline int ggc_thread_number(void) {
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

#endif
