from numpy import float32, generic
from numpy.typing import NDArray

def constants() -> dict[str, float]: ...
def sample_types() -> dict[str, int]: ...
def variants() -> list[str]: ...
def render(
    means: NDArray[float32],
    cholesky: NDArray[float32],
    colors: NDArray[float32],
    out: NDArray[generic],
    *,
    x: int,
    y: int,
    supersample: int,
    clip: bool,
    threads: int,
    variant: str,
    tile_width: int,
    tile_height: int,
) -> None: ...
def work(
    means: NDArray[float32],
    cholesky: NDArray[float32],
    *,
    x: int,
    y: int,
    width: int,
    height: int,
) -> float: ...
