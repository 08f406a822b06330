"""What the tests of transforms share: an oracle of plain NumPy that wraps around, and sizes to try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyggc.transforms import DCT, WHT, BlockTransform
from pyggc.transforms.flows import FLOWS, Arithmetic, run

DCT_SIDES = (4, 8, 16, 32)
WHT_SIDES = (1, 2, 4, 8, 16, 32)

ALL: list[BlockTransform] = [
    *(DCT(side) for side in DCT_SIDES),
    *(DCT(rows, columns) for rows in DCT_SIDES for columns in DCT_SIDES),
    *(WHT(side) for side in (4, 16)),
    *(WHT(rows, columns) for rows in WHT_SIDES for columns in WHT_SIDES if rows * columns in (4, 16, 64, 256, 1024)),
]


def wrapping(dtype: Any) -> Arithmetic:
    """The arithmetic of arrays of a dtype, which wraps around; the product is exact before it is rounded."""
    return Arithmetic(
        half=lambda q: (q + (q < 0).astype(dtype)) >> 1,
        shift=lambda q, bits: q >> bits,
        lift=lambda q, factor: (q.astype(np.int64) * factor + (1 << 14) >> 15).astype(dtype),
    )


def along(flow: str, x: np.ndarray, axis: int, *, inverse: bool) -> np.ndarray:
    """A flow along an axis that has just as many samples."""
    moved = list(np.moveaxis(x, axis, 0)[..., None])  # arrays wrap around silently, scalars do not
    return np.moveaxis(np.array(run(FLOWS[flow], moved, wrapping(x.dtype), inverse=inverse))[..., 0], 0, axis)


def in_quads(x: np.ndarray, *, inverse: bool) -> np.ndarray:
    """The 2 x 2 transform of the neighbors of the last two axes."""
    shape = (*x.shape[:-2], x.shape[-2] // 2, 2, x.shape[-1] // 2, 2)
    quads = np.moveaxis(x.reshape(shape), -3, -2).reshape(*shape[:-3], shape[-2], 4)
    done = along("wht4", quads, -1, inverse=inverse).reshape(*shape[:-3], shape[-2], 2, 2)
    return np.moveaxis(done, -2, -3).reshape(x.shape)


def stages_of(transform: BlockTransform) -> list[Any]:
    """The stages of the definition, on blocks in the last two axes."""
    name = type(transform).__name__.lower()
    rows, columns = transform.shape if len(transform.shape) == 2 else (1, *transform.shape)
    least = 4 if name == "dct" else 3
    stages: list[Any] = []
    if name == "wht" and rows.bit_length() % 2 == 0:
        stages.append(in_quads)
    for side, axis in ((rows, -2), (columns, -1)):
        if side >= least:
            stages.append(lambda x, inverse, side=side, axis=axis: along(f"{name}{side}", x, axis, inverse=inverse))
    return stages


def oracle(transform: BlockTransform, blocks: np.ndarray, *, inverse: bool = False) -> np.ndarray:
    """The transform of an array of blocks, in as many last axes as a block has."""
    x = blocks if len(transform.shape) == 2 else blocks[..., None, :]
    stages = stages_of(transform)
    for stage in reversed(stages) if inverse else stages:
        x = stage(x, inverse=inverse)
    return x.reshape(blocks.shape)


def split(transform: BlockTransform, image: np.ndarray) -> np.ndarray:
    """The blocks of the last axes of an array, in axes of their own at the end."""
    if len(transform.shape) == 1:
        return image.reshape(*image.shape[:-1], -1, *transform.shape)
    rows, columns = transform.shape
    *outer, height, width = image.shape
    return np.swapaxes(image.reshape(*outer, height // rows, rows, width // columns, columns), -3, -2)


def shape_for(transform: BlockTransform, outer: Sequence[int], counts: Sequence[int]) -> tuple[int, ...]:
    """The shape of an array with so many blocks along each of its last axes."""
    sides = (count * side for count, side in zip(counts, transform.shape, strict=False))
    return (*outer, *sides)
