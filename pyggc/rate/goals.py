"""What may be asked of an encoding, and how hard it may try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Goal(NamedTuple):
    """What is asked for; exactly one is set. Decibels, bits a pixel of the whole file, or a number."""

    quality: float | None = None
    bpp: float | None = None
    num_gaussians: int | None = None


@dataclass(frozen=True)
class Effort:
    """How hard to try: iterations of the first fit and of each correction, corrections, sweeps over the integers."""

    iterations: int
    correction: int
    corrections: int
    sweeps: int


EFFORTS = {
    1: Effort(30, 15, 3, 3),
    2: Effort(50, 20, 3, 4),
    3: Effort(80, 30, 4, 5),
    4: Effort(120, 40, 4, 6),
    5: Effort(180, 50, 5, 8),
    6: Effort(280, 70, 5, 8),
    7: Effort(400, 100, 6, 10),
    8: Effort(700, 150, 6, 12),
    9: Effort(1200, 250, 8, 16),
}
