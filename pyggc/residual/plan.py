"""What the residual layer of a file does: lossy with a step, or lossless."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyggc._native import _residual

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from pyggc.cursor import ByteReader, ByteWriter

_SIZES = _residual.constants()

#: Steps of a channel, one for each of so many bands of frequencies.
BANDS = _SIZES["STEP_BANDS"]
MAX_CHANNELS = _SIZES["MAX_CHANNELS"]

#: A weight that leaves the step as it is.
FLAT = 16
#: The largest step, in units of a plan.
MAX_STEP = _SIZES["MAX_STEP"]


def step_unit(dtype: DTypeLike) -> int:
    """How many units of a plan's step are one unit of a sample of uint8 or uint16."""
    return 1 << (_SIZES["STEP_BITS"] + (_SIZES["FRACTION_BITS"] if np.dtype(dtype) == np.uint8 else 0))


@dataclass(frozen=True)
class LossyPlan:
    """Quantization of transform coefficients.

    Parameters
    ----------
    step : int
        Of the quantizer, in 2^-6 of a sample's unit for 8 bits, in 2^-3 for 16 bits; 1 to 2^24 - 1.
    weights : tuple of (tuple of int) or None, optional
        For each channel, None or `BANDS` numbers from 1 to 255: what the step is multiplied by in each band of
        frequencies, in sixteenths. Channels are luma, two of chroma and alpha; luma and alpha; or luma.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    step: int
    weights: tuple[tuple[int, ...] | None, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.step <= MAX_STEP:
            raise ValueError(f"step must be from 1 to {MAX_STEP}, not {self.step}")
        if len(self.weights) > MAX_CHANNELS:
            raise ValueError(f"weights must be of at most {MAX_CHANNELS} channels, not {len(self.weights)}")
        for row in self.weights:
            if row is not None and (len(row) != BANDS or not all(1 <= weight <= 255 for weight in row)):
                raise ValueError(f"weights must be {BANDS} numbers from 1 to 255, not {row}")

    def steps(self, channels: int) -> NDArray[np.int32]:
        """Return the steps of so many channels, shape (channels, `BANDS`)."""
        steps = np.full((channels, BANDS), self.step, np.int64)
        for channel, row in enumerate(self.weights[:channels]):
            if row is not None:
                steps[channel] = self.step * np.array(row) // FLAT
        return np.clip(steps, 1, MAX_STEP).astype(np.int32)

    def write(self, writer: ByteWriter) -> None:
        """Append the plan's bytes."""
        writer.u32(self.step)
        writer.u8(sum(1 << channel for channel, row in enumerate(self.weights) if row is not None))
        for row in self.weights:
            writer.put(bytes(row or ()))

    @classmethod
    def read(cls, reader: ByteReader) -> LossyPlan:
        """Take the plan's bytes.

        Raises
        ------
        BitstreamError
            If they are none.
        """
        at = reader.offset
        step, given = reader.u32(), reader.u8()
        if given >> MAX_CHANNELS:
            raise reader.error(f"expected weights of {MAX_CHANNELS} channels at most, found {given:#x}", at + 4)
        rows = [tuple(reader.take(BANDS)) if given >> channel & 1 else None for channel in range(given.bit_length())]
        try:
            return cls(step, tuple(rows))
        except ValueError as error:
            raise reader.error(str(error), at) from None
