"""Types of the compiled module; see `_entropy.pyx`."""

from typing import Any

import numpy as np
import numpy.typing as npt

MAX_BITS: int

class Integers: ...

class Bank:
    @property
    def num_symbols(self) -> int: ...
    @property
    def num_contexts(self) -> int: ...
    def arrays(self) -> tuple[npt.NDArray[Any], ...]: ...
    def same_state(self, other: Bank) -> bool: ...
    def copy(self) -> Bank: ...
    def costs(
        self, symbols: npt.ArrayLike, contexts: npt.ArrayLike | None, out: npt.NDArray[np.float64] | None
    ) -> float: ...

class DyadicBank(Bank):
    def __init__(
        self,
        num_symbols: int,
        rates: tuple[int, ...],
        gains: list[npt.NDArray[np.uint16]],
        lanes: npt.NDArray[np.uint16],
        counts: npt.NDArray[np.uint16],
    ) -> None: ...
    def copy(self) -> DyadicBank: ...

class StaticBank(Bank):
    cdfs: npt.NDArray[np.uint16]
    def __init__(self, cdfs: npt.NDArray[np.uint16], lookup_bits: int) -> None: ...
    def copy(self) -> StaticBank: ...

class ParametricBank(Bank):
    def __init__(
        self,
        num_symbols: int,
        table: npt.NDArray[np.uint16],
        center: int,
        rate: int,
        fraction_bits: int,
        expected: npt.NDArray[np.uint32],
        counts: npt.NDArray[np.uint16],
    ) -> None: ...
    def copy(self) -> ParametricBank: ...

def parametric_table(lanes: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]: ...

class FrequencyBank(Bank):
    def __init__(self, num_symbols: int, increment: int, limit: int, lanes: npt.NDArray[np.uint16]) -> None: ...
    def copy(self) -> FrequencyBank: ...

def pack_bits(values: npt.NDArray[np.uint64], widths: npt.NDArray[np.uint8], num_bytes: int) -> bytes: ...
def unpack_bits(data: bytes, widths: npt.NDArray[np.uint8], out: npt.NDArray[np.uint64]) -> None: ...
