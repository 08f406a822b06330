from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NUM_CLASSES: int
MIN_POSITION_EXPONENT: int
MAX_COLOR_AREA: float

class Plan:
    def __init__(
        self,
        steps: Sequence[float],
        channels: int,
        chroma: int,
        scale_step: int,
        shear_step: int,
        position_step: int,
        width: int,
        height: int,
    ) -> None: ...
    @property
    def channels(self) -> int: ...
    def to_bytes(self) -> bytes: ...
    def address(self) -> int: ...

def classes(plan: Plan, colors: NDArray[np.int32]) -> NDArray[np.int32]: ...
def position_exponents(plan: Plan, levels: NDArray[np.int32]) -> NDArray[np.int32]: ...
def first_invalid(plan: Plan, levels: NDArray[np.int32]) -> int: ...
def dequantize(
    plan: Plan,
    levels: NDArray[np.int32],
    means: NDArray[np.float32],
    cholesky: NDArray[np.float32],
    colors: NDArray[np.float32],
) -> None: ...
def quantize(
    plan: Plan,
    means: NDArray[np.float32],
    cholesky: NDArray[np.float32],
    colors: NDArray[np.float32],
    min_log_scale: float,
    limit: int,
) -> NDArray[np.int32]: ...
