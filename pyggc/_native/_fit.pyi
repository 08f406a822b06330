from numpy import float32, float64, int32, int64
from numpy.typing import NDArray

def constants() -> dict[str, float]: ...
def search_constants() -> dict[str, int]: ...
def search_factors() -> dict[str, float]: ...
def grid(width: float, height: float, count: int) -> tuple[int, int]: ...
def variants() -> list[str]: ...
def forward(
    means: NDArray[float32],
    cholesky: NDArray[float32],
    colors: NDArray[float32],
    target: NDArray[float32],
    residual: NDArray[float32],
    width: int,
    *,
    threads: int,
    variant: str,
) -> tuple[float, float]: ...
def backward(
    means: NDArray[float32],
    cholesky: NDArray[float32],
    colors: NDArray[float32],
    image: NDArray[float32],
    out: NDArray[float32],
    width: int,
    *,
    threads: int,
    variant: str,
) -> None: ...
def natural(
    means: NDArray[float32],
    cholesky: NDArray[float32],
    colors: NDArray[float32],
    gradient: NDArray[float32],
    out: NDArray[float32],
    previous: NDArray[float32],
    penalty: float,
) -> tuple[float, float]: ...
def conjugate(
    means: NDArray[float32],
    cholesky: NDArray[float32],
    colors: NDArray[float32],
    gradient: NDArray[float32],
    natural_gradient: NDArray[float32],
    direction: NDArray[float32],
    *,
    beta: float,
    reach: float,
    min_scale: float,
) -> float: ...
def retract(
    means: NDArray[float32],
    cholesky: NDArray[float32],
    colors: NDArray[float32],
    direction: NDArray[float32],
    step: float,
    new_means: NDArray[float32],
    new_cholesky: NDArray[float32],
    new_colors: NDArray[float32],
    *,
    width: float,
    height: float,
    min_scale: float,
    max_scale: float,
    max_color: float,
    x: float,
    y: float,
) -> float: ...
def removal(
    means: NDArray[float32],
    cholesky: NDArray[float32],
    colors: NDArray[float32],
    gradient: NDArray[float32],
    cost: NDArray[float32],
    *,
    neighbors: int,
    threads: int,
) -> None: ...
def blur(
    image: NDArray[float32], out: NDArray[float32], width: int, sigma: float, *, threads: int, variant: str
) -> None: ...
def mix(
    residual: NDArray[float32], gradient: NDArray[float32], width: int, *, l2: float, l1: float, threads: int
) -> None: ...
def ssim(
    residual: NDArray[float32],
    target: NDArray[float32],
    gradient: NDArray[float32],
    width: int,
    *,
    scale: float,
    threads: int,
    variant: str,
) -> float: ...
def energy(image: NDArray[float32], out: NDArray[float32], width: int, *, threads: int) -> None: ...
def sample(weights: NDArray[float32], width: int, quantiles: NDArray[float64]) -> NDArray[int64]: ...
def refine(
    plan: int,
    levels: NDArray[int32],
    order: NDArray[int64],
    residual: NDArray[float32],
    width: int,
    *,
    min_log_scale: float,
    limit: int,
    variant: str,
) -> int: ...
