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
def read_tile(
    data: bytes | bytearray | memoryview,
    base: NDArray[np.uint16],
    steps: NDArray[np.int32] | None,
    out: Samples,
    variant: int,
    where: str,
) -> None: ...
