"""What the compiler of the extensions was and could do."""

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define GGC_HAVE_OPENMP 1
    #else
    #define GGC_HAVE_OPENMP 0
    static int omp_get_max_threads(void) { return 1; }
    #endif

    #if defined(__clang__)
    #define GGC_COMPILER __VERSION__
    #elif defined(__GNUC__)
    #define GGC_COMPILER "GCC " __VERSION__
    #else
    #define GGC_COMPILER "unknown"
    #endif
    """
    const char *GGC_COMPILER
    const char *PYGGC_CYTHON_VERSION
    const bint GGC_HAVE_OPENMP
    const bint PYGGC_DEBUG
    int omp_get_max_threads() noexcept nogil


def compiler() -> str:
    """Name and version of the C compiler."""
    return GGC_COMPILER.decode()


def cython_version() -> str:
    """Version of Cython that translated the extensions."""
    return PYGGC_CYTHON_VERSION.decode()


def has_openmp() -> bool:
    """Whether the extensions were built with OpenMP."""
    return bool(GGC_HAVE_OPENMP)


def is_debug() -> bool:
    """Whether the extensions check bounds (``PYGGC_DEBUG=1`` at build)."""
    return bool(PYGGC_DEBUG)


def max_threads() -> int:
    """Number of threads that a parallel region takes unless told otherwise, at least 1."""
    return omp_get_max_threads()
