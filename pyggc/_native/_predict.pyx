"""The predictive lossless coder of tiles. Python checks the arguments; public names: `pyggc.residual`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free

from pyggc.errors import BitstreamError, TruncatedStream


cdef extern from "ggc/predict.h" nogil:
    enum:
        GGC_NUM_PLANE_KINDS
    ctypedef enum ggc_plane_kind:
        pass
    ctypedef struct ggc_predict_tile:
        uint32_t height
        uint32_t width
        int channels
        uint32_t max
        ggc_plane_kind kind
        const uint16_t *base
    ctypedef enum ggc_predict_status:
        GGC_PREDICT_OK
        GGC_PREDICT_NO_MEMORY
        GGC_PREDICT_TRUNCATED
        GGC_PREDICT_BAD_VALUE
    ggc_predict_status ggc_predict_encode(const ggc_predict_tile *tile, const uint16_t *samples, uint8_t **data,
                                          size_t *size)
    ggc_predict_status ggc_predict_decode(const ggc_predict_tile *tile, const uint8_t *data, size_t size,
                                          uint16_t *samples)
    ggc_plane_kind ggc_predict_kind(const ggc_predict_tile *tile, const uint16_t *samples)


NUM_KINDS = GGC_NUM_PLANE_KINDS


cdef ggc_predict_tile tile_of(const uint16_t[:, :, ::1] samples, uint32_t maximum, int kind,
                              const uint16_t[:, :, ::1] base):
    cdef ggc_predict_tile tile
    tile.height, tile.width = <uint32_t>samples.shape[0], <uint32_t>samples.shape[1]
    tile.channels = <int>samples.shape[2]
    tile.max, tile.kind = maximum, <ggc_plane_kind>kind
    tile.base = NULL if base is None else &base[0, 0, 0]
    return tile


def choose_kind(const uint16_t[:, :, ::1] samples) -> int:
    """The color transform that promises most for a tile of three channels or more."""
    cdef ggc_predict_tile tile = tile_of(samples, 0xFFFF, 0, None)
    cdef int kind
    with nogil:
        kind = <int>ggc_predict_kind(&tile, &samples[0, 0, 0])
    return kind


def encode(const uint16_t[:, :, ::1] samples, uint32_t maximum, int kind, const uint16_t[:, :, ::1] base) -> bytes:
    """Code a tile that is not empty, of at most 4 channels and samples of at most `maximum`."""
    cdef ggc_predict_tile tile = tile_of(samples, maximum, kind, base)
    cdef ggc_predict_status status
    cdef uint8_t *data = NULL
    cdef size_t size = 0
    with nogil:
        status = ggc_predict_encode(&tile, &samples[0, 0, 0], &data, &size)
    if status != GGC_PREDICT_OK:
        raise MemoryError
    try:
        return PyBytes_FromStringAndSize(<char *>data, <Py_ssize_t>size)
    finally:
        free(data)


def decode(bytes data not None, uint16_t[:, :, ::1] out, uint32_t maximum, int kind,
           const uint16_t[:, :, ::1] base, str section not None) -> None:
    """Decode into a tile."""
    cdef ggc_predict_tile tile = tile_of(out, maximum, kind, base)
    cdef const uint8_t *start = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef size_t size = <size_t>len(data)
    cdef ggc_predict_status status
    with nogil:
        status = ggc_predict_decode(&tile, start, size, &out[0, 0, 0])
    if status == GGC_PREDICT_NO_MEMORY:
        raise MemoryError
    if status == GGC_PREDICT_TRUNCATED:
        raise TruncatedStream(f"{section}: expected more bits, found the end of the stream at byte {size}")
    if status == GGC_PREDICT_BAD_VALUE:
        raise BitstreamError(f"{section}: expected samples of at most {maximum}, found one out of range")
    if status != GGC_PREDICT_OK:
        raise BitstreamError(f"{section}: expected the encoder's last bits at byte {size}, found others")
