from typing import Any

import numpy as np
from numpy.typing import NDArray

def squared_error(first: NDArray[Any], second: NDArray[Any], *, threads: int) -> float: ...
def ssim_sum(
    first: NDArray[Any],
    second: NDArray[Any],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    *,
    c1: float,
    c2: float,
    threads: int,
) -> float: ...
