from typing import Any

from numpy.typing import NDArray

FLOWS: dict[str, int]
COLORS: dict[str, int]
VARIANTS: dict[str, int]

def variants() -> list[str]: ...
def limit(rows: int, columns: int, flows: tuple[str | None, str | None, str | None], bits: int) -> int: ...
def color_limit(flow: str, bits: int) -> int: ...
def transform(
    source: NDArray[Any],
    target: NDArray[Any],
    flows: tuple[str | None, str | None, str | None],
    *,
    inverse: bool,
    check: bool,
    variant: str,
    threads: int,
) -> bool: ...
def color(
    source: NDArray[Any],
    target: NDArray[Any],
    flow: str,
    *,
    inverse: bool,
    limit: int,
    variant: str,
    threads: int,
) -> bool: ...
