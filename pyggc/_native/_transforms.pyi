from typing import Any

from numpy.typing import NDArray

FLOWS: dict[str, int]
COLORS: dict[str, int]

def variants() -> list[str]: ...
def transform(
    source: NDArray[Any],
    target: NDArray[Any],
    flows: tuple[str | None, str | None],
    *,
    quads: bool,
    inverse: bool,
    variant: str,
    threads: int,
) -> None: ...
def color(
    source: NDArray[Any], target: NDArray[Any], flow: str, *, inverse: bool, variant: str, threads: int
) -> None: ...
def within(samples: NDArray[Any], limit: int, *, variant: str, threads: int) -> bool: ...
