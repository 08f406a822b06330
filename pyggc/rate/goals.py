"""What may be asked of an encoding, and how hard it may try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pyggc.arguments import as_integer, check_positive
from pyggc.container import Limits

#: Decibels to aim at when nothing is asked for.
DEFAULT_QUALITY = 30.0

#: As many as a decoder takes by default.
MAX_GAUSSIANS = Limits().max_gaussians


class Goal(NamedTuple):
    """What is asked for: decibels, bits a pixel of the whole file, or no loss at all; or, without these, a number."""

    quality: float | None = None
    bpp: float | None = None
    num_gaussians: int | None = None
    lossless: bool = False


@dataclass(frozen=True)
class Effort:
    """How hard to try.

    Iterations of the first fit and of each correction, corrections, sweeps over the integers, and decibels above the
    goal that a file may have without another try to make it smaller.
    """

    iterations: int
    correction: int
    corrections: int
    sweeps: int
    close: float = 0.02


EFFORTS = {
    1: Effort(20, 10, 3, 2, 0.05),
    2: Effort(50, 20, 3, 4, 0.03),
    3: Effort(80, 30, 4, 5, 0.03),
    4: Effort(120, 40, 4, 6),
    5: Effort(180, 50, 5, 8),
    6: Effort(280, 70, 5, 8),
    7: Effort(400, 100, 6, 10),
    8: Effort(700, 150, 6, 12),
    9: Effort(1200, 250, 8, 16),
}


def make_goal(
    num_gaussians: int | None,
    quality: float | None,
    bpp: float | None,
    *,
    lossless: bool = False,
    residual: bool = False,
) -> Goal:
    """Check what a caller asks for; nothing at all means `DEFAULT_QUALITY`.

    With a residual, the number of Gaussians may be given besides.

    Raises
    ------
    ValueError, TypeError
        If it is more than one thing, or out of range.
    """
    if not isinstance(lossless, bool):
        raise TypeError(f"lossless must be True or False, not {lossless!r}")
    asked = {"num_gaussians": num_gaussians, "quality": quality, "bpp": bpp, "lossless": lossless or None}
    given = [name for name, value in asked.items() if value is not None and not (residual and name == "num_gaussians")]
    if len(given) > 1:
        *first, last = (name for name in asked if not (residual and name == "num_gaussians"))
        raise ValueError(f"give only one of {', '.join(first)} and {last}, not {' and '.join(given)}")
    if num_gaussians is not None:
        num_gaussians = as_integer("num_gaussians", num_gaussians, 1, MAX_GAUSSIANS)
    if quality is not None:
        check_positive("quality", quality, "number of decibels")
    if bpp is not None:
        check_positive("bpp", bpp, "number of bits a pixel")
    if num_gaussians is quality is bpp is None and not lossless:
        quality = DEFAULT_QUALITY
    return Goal(quality, bpp, num_gaussians, lossless)
