from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8] | NDArray[np.uint16]

def constants() -> dict[str, int]: ...
def variants() -> list[str]: ...
def write_tile(
    samples: Samples,
    base: NDArray[np.uint16],
    steps: NDArray[np.int32] | None,
    cost: float,
    cross: bool,
    decoded: Samples,
    variant: int,
) -> tuple[bytes, float]: ...
def read_tiles(
    tiles: Sequence[tuple[memoryview, NDArray[np.uint16], Samples, str]],
    steps: NDArray[np.int32] | None,
    variant: int,
    threads: int,
) -> None: ...
