"""Tiles of the residual layer: samples to bytes and back. Public names: `pyggc.residual`."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc

from pyggc._native._rans cimport ggc_reciprocal, reciprocals

from pyggc.errors import BitstreamError, TruncatedStream


cdef extern from "ggc/residual_tile.h" nogil:
    enum:
        GGC_MAX_PLANES
        GGC_STEP_BANDS
        GGC_STEP_BITS
        GGC_MAX_STEP
        GGC_SUPERBLOCK
        GGC_FRACTION_BITS
        GGC_RESIDUAL_OK
        GGC_RESIDUAL_MEMORY
        GGC_RESIDUAL_TRUNCATED
        GGC_RESIDUAL_BAD_RANS
        GGC_RESIDUAL_BAD_RAW
        GGC_RESIDUAL_BAD_TOOLS
        GGC_RESIDUAL_BAD_SIZE
    ctypedef struct ggc_residual_plan:
        int32_t width
        int32_t height
        int32_t planes
        int32_t lossless
        int32_t cross
        int32_t step[4][8]
    ctypedef struct ggc_tile:
        int32_t width
        int32_t height
        int32_t channels
        int32_t depth
        const uint16_t *base
        ptrdiff_t base_row
        void *samples
        ptrdiff_t row
    ctypedef struct ggc_residual_bytes:
        uint8_t *data
        size_t size
        double squared_error
    ctypedef struct ggc_residual_variant:
        const char *name
    void ggc_residual_tables()
    void ggc_residual_costs()
    const ggc_residual_variant *ggc_residual_variant_at(int index)
    ctypedef struct ggc_residual_job:
        ggc_residual_plan plan
        ggc_tile tile
        const uint8_t *data
        size_t size
        int status
    int ggc_residual_read(ggc_residual_job *jobs, int count, int variant, int threads)
    int ggc_residual_write(const ggc_residual_plan *plan, int variant, const ggc_reciprocal *table, double cost,
                           const ggc_tile *tile, const ggc_tile *decoded, ggc_residual_bytes *out)


ggc_residual_tables()
ggc_residual_costs()


def constants():
    """The sizes that callers must know, by name."""
    return {
        "MAX_CHANNELS": GGC_MAX_PLANES, "STEP_BANDS": GGC_STEP_BANDS, "STEP_BITS": GGC_STEP_BITS,
        "MAX_STEP": GGC_MAX_STEP, "SUPERBLOCK": GGC_SUPERBLOCK, "FRACTION_BITS": GGC_FRACTION_BITS,
    }


def variants():
    """The names of the SIMD variants that this processor runs, slowest first."""
    names = []
    while ggc_residual_variant_at(len(names)) != NULL:
        names.append(ggc_residual_variant_at(len(names)).name.decode())
    return names


cdef int open_tile(samples, const uint16_t[:, :, :] base, ggc_tile *tile) except -1:
    """Samples (H, W, C) of uint8 or uint16 and their base, each with whole pixels side by side."""
    cdef const uint8_t[:, :, :] bytes_
    cdef const uint16_t[:, :, :] words
    cdef ptrdiff_t row, pixel, sample
    cdef ptrdiff_t height = samples.shape[0], width = samples.shape[1], channels = samples.shape[2]
    if not (0 < height <= 1 << 16 and 0 < width <= 1 << 16 and 1 <= channels <= GGC_MAX_PLANES):
        raise ValueError(f"a tile must have 1 to 65536 rows and columns and 1 to 4 channels, not {samples.shape}")
    if base.shape[0] != height or base.shape[1] != width or base.shape[2] != channels:
        raise ValueError("the base must have the shape of the samples")
    if samples.itemsize == 1:
        bytes_ = samples
        tile.samples = <void *>&bytes_[0, 0, 0]
    else:
        words = samples
        tile.samples = <void *>&words[0, 0, 0]
    row, pixel, sample = samples.strides
    if sample != samples.itemsize or pixel != channels * sample or row % sample or row < width * pixel:
        raise ValueError("samples of a tile must lie side by side")
    if base.strides[2] != 2 or base.strides[1] != 2 * channels or base.strides[0] < width * base.strides[1]:
        raise ValueError("samples of the base must lie side by side")
    tile.width, tile.height, tile.channels = <int32_t>width, <int32_t>height, <int32_t>channels
    tile.depth = 8 * <int32_t>samples.itemsize
    tile.row = row // sample
    tile.base = &base[0, 0, 0]
    tile.base_row = base.strides[0] // 2
    return 0


cdef int open_plan(const int32_t[:, ::1] steps, const ggc_tile *tile, bint cross, ggc_residual_plan *plan) except -1:
    """Without steps: lossless, with those of one, under which a coefficient is its level."""
    plan.width, plan.height, plan.planes = tile.width, tile.height, tile.channels
    plan.lossless = steps is None
    plan.cross = cross and not plan.lossless and tile.channels >= 3
    for plane in range(GGC_MAX_PLANES):
        for band in range(GGC_STEP_BANDS):
            plan.step[plane][band] = 1 << GGC_STEP_BITS
    if steps is None:
        return 0
    if steps.shape[0] != tile.channels or steps.shape[1] != GGC_STEP_BANDS:
        raise ValueError(f"steps must have shape ({tile.channels}, {GGC_STEP_BANDS})")
    for plane in range(tile.channels):
        for band in range(GGC_STEP_BANDS):
            if not 1 <= steps[plane, band] <= GGC_MAX_STEP:
                raise ValueError(f"steps must be from 1 to {GGC_MAX_STEP}, not {steps[plane, band]}")
            plan.step[plane][band] = steps[plane, band]
    return 0


def write_tile(samples, const uint16_t[:, :, :] base, const int32_t[:, ::1] steps, double cost, bint cross, decoded,
               int variant):
    """Encode a tile; `decoded` receives what a decoder makes of it. Returns the bytes and the squared error."""
    cdef ggc_tile tile, copy
    cdef ggc_residual_plan plan
    cdef ggc_residual_bytes out
    cdef int status
    cdef const ggc_reciprocal *table = reciprocals()
    open_tile(samples, base, &tile)
    open_tile(decoded, base, &copy)
    if copy.depth != tile.depth:
        raise ValueError("decoded must have the type of the samples")
    open_plan(steps, &tile, cross, &plan)
    with nogil:
        status = ggc_residual_write(&plan, variant, table, cost, &tile, &copy, &out)
    if status != GGC_RESIDUAL_OK:
        free(out.data)
        raise MemoryError("no memory for a tile of the residual")
    try:
        return out.data[:out.size], out.squared_error
    finally:
        free(out.data)


cdef int open_job(const uint8_t[::1] data, const uint16_t[:, :, :] base, out, const int32_t[:, ::1] steps,
                  ggc_residual_job *job) except -1:
    """The caller keeps the bytes and the arrays."""
    job.size = data.shape[0]
    job.data = &data[0] if job.size else NULL
    open_tile(out, base, &job.tile)
    return open_plan(steps, &job.tile, False, &job.plan)


def read_tiles(tiles, const int32_t[:, ::1] steps, int variant, int threads):
    """Decode tiles, each of its bytes, its base and its name into an array: (data, base, out, name)."""
    cdef int count = len(tiles), first, status
    cdef ggc_residual_job *jobs = <ggc_residual_job *>malloc((count + 1) * sizeof(ggc_residual_job))
    if jobs == NULL:
        raise MemoryError("no memory for the tiles of the residual")
    try:
        for i, (data, base, out, _) in enumerate(tiles):
            open_job(data, base, out, steps, &jobs[i])
        with nogil:
            first = ggc_residual_read(jobs, count, variant, threads)
        if first == count:
            return
        status = jobs[first].status
    finally:
        free(jobs)
    where = tiles[first][3]
    if status == GGC_RESIDUAL_MEMORY:
        raise MemoryError("no memory for a tile of the residual")
    if status == GGC_RESIDUAL_TRUNCATED:
        size = len(tiles[first][0])
        found = f"expected more than the {size} bytes that remain" if size else "expected a tile, found no bytes"
        raise TruncatedStream(f"{where}: {found}")
    part = {
        GGC_RESIDUAL_BAD_RANS: "symbols", GGC_RESIDUAL_BAD_RAW: "raw bits", GGC_RESIDUAL_BAD_TOOLS: "tools",
        GGC_RESIDUAL_BAD_SIZE: "a size",
    }[status]
    raise BitstreamError(f"{where}: expected a tile of the residual, found {part} that no encoder writes")
