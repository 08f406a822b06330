"""Types of the compiled module; see `_predict.pyx`."""

import numpy as np
import numpy.typing as npt

Tile = npt.NDArray[np.uint16]

NUM_KINDS: int

def choose_kind(samples: Tile) -> int: ...
def encode(samples: Tile, maximum: int, kind: int, base: Tile | None) -> bytes: ...
def decode(data: bytes, out: Tile, maximum: int, kind: int, base: Tile | None, section: str) -> None: ...
