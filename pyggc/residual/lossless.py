"""Tiles without any loss: by the way that takes the fewest bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyggc.residual.transform import Base, Coded, Samples, decode_tile, encode_exact_tile

if TYPE_CHECKING:
    from pyggc.cursor import BytesLike


def encode_lossless(samples: Samples, base: Base) -> Coded:
    """Code a tile; as `pyggc.residual.transform.encode_tile`."""
    return encode_exact_tile(samples, base)


def decode_lossless(data: BytesLike, base: Base, out: Samples, where: str) -> None:
    """Decode a tile; as `pyggc.residual.transform.decode_tile`."""
    decode_tile(data, base, None, out, where)
