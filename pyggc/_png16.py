"""PNG with 16 bits a channel in color, which Pillow reads in two passes (see `pyggc.imagefile`) but does not write."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Rows filtered at once: the temporary arrays take some thirty bytes a byte.
STRIP_ROWS = 64


def format_png16(pixels: npt.NDArray[np.uint16], icc_profile: bytes | None) -> bytes:
    """Encode a PNG file of 16-bit color, each row with the filter that suits it (PNG specification, section 9).

    Parameters
    ----------
    pixels : ndarray of uint16
        Shape (height, width, 3) or (height, width, 4) with alpha last.
    icc_profile : bytes, optional
        The color profile to store.

    Returns
    -------
    bytes
    """
    height, width, channels = pixels.shape
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0))]
    if icc_profile:
        chunks.append((b"iCCP", b"ICC profile\x00\x00" + zlib.compress(icc_profile)))
    samples = np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(height, -1)
    compressor = zlib.compressobj()
    body = b""
    above = np.zeros_like(samples[:1])
    for start in range(0, height, STRIP_ROWS):
        rows = samples[start : start + STRIP_ROWS]
        body += compressor.compress(_filter_rows(rows, above, 2 * channels).tobytes())
        above = rows[-1:]
    chunks += [(b"IDAT", body + compressor.flush()), (b"IEND", b"")]
    return SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _filter_rows(rows: Bytes, above: Bytes, step: int) -> Bytes:
    """Filter rows of bytes, each after the byte that names its filter; `step` is the bytes of a pixel."""
    samples = rows.astype(np.int16)
    left = np.pad(samples, ((0, 0), (step, 0)))[:, :-step]
    up = np.vstack([above, rows[:-1]]).astype(np.int16)
    corner = np.pad(up, ((0, 0), (step, 0)))[:, :-step]
    estimate = left + up - corner
    to_left, to_up, to_corner = (abs(estimate - other) for other in (left, up, corner))
    paeth = np.where((to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner))
    filtered = [(samples - guess).astype(np.uint8) for guess in (np.int16(0), left, up, (left + up) >> 1, paeth)]
    # The usual heuristic: the filter whose output, taken as signed, is smallest.
    costs = [np.abs(output.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64) for output in filtered]
    best = np.argmin(costs, axis=0)
    return np.column_stack([best.astype(np.uint8), np.stack(filtered)[best, np.arange(len(rows))]])
