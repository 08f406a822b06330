"""What the fit's kernels read by name: the structures of ``fit_search.h``, field by field, as NumPy has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc._native import _fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.backends.fit_protocol import Bounds, Weights

#: `ggc_fit_problem`: what does not change during a fit.
PROBLEM = np.dtype(
    [
        *(
            (f"bounds_{name}", np.float32)
            for name in ("width", "height", "min_scale", "max_scale", "max_color", "x", "y")
        ),
        *((name, np.float32) for name in ("l2", "l1", "ssim")),
        *((name, np.int32) for name in ("count", "channels", "width", "height", "stride")),
        *((name, np.int32) for name in ("across", "tiles", "capacity", "spare")),
    ]
)

#: `ggc_fit_control`: what the search of one image is at.
CONTROL = np.dtype(
    [
        *((name, np.float64) for name in ("loss", "value", "squared", "amplitude", "penalty", "least")),
        *((name, np.float64) for name in ("step", "slope", "product")),
        *((name, np.float32) for name in ("beta", "reach")),
        *((name, np.int32) for name in ("current", "trial", "best", "trials", "searching", "remembers")),
        *((name, np.int32) for name in ("restarts", "evaluated", "graded", "stalls")),
        ("spares", np.uint32),
        ("steps", np.int32),
    ]
)

_CONSTANTS = _fit.search_constants()

#: Copies of the parameters: the accepted ones, those on trial, the best ones.
SLOTS = _CONSTANTS["SLOTS"]
#: Planes' rows are in whole squares of so many samples.
SQUARE_WIDTH = _CONSTANTS["SQUARE_WIDTH"]
#: Pixels of a part of a Gaussian that a warp gathers.
PART_PIXELS = _CONSTANTS["PART_PIXELS"]
#: Evaluations that a line search has.
MAX_TRIALS = _CONSTANTS["MAX_TRIALS"]
#: Searches in a row that must fail for a fit to count as converged.
MAX_STALLS = _CONSTANTS["MAX_STALLS"]

#: What a kernel is launched for: the current state, or one on trial.
PLACE, TRY = np.int32(_CONSTANTS["PLACE"]), np.int32(_CONSTANTS["TRY"])
#: What is gathered (``fit_gather.cu``).
STEP, GRADE, OTHER = np.int32(0), np.int32(1), np.int32(2)
#: What is asked of a search (``fit_step.cu``).
REPLACE, WEIGH, RUN, REST = np.int32(0), np.int32(1), np.int32(2), np.int32(3)


def problem_of(bounds: Bounds, weights: Weights, **fields: int) -> NDArray[np.uint8]:
    """Return the bytes of a `PROBLEM`, shape (1, size); fields that are not given are zero."""
    problem = np.zeros(1, PROBLEM)
    values: dict[str, Any] = {f"bounds_{name}": value for name, value in bounds._asdict().items()}
    for name, value in (values | weights._asdict() | fields).items():
        problem[name] = value
    return as_bytes(problem)


def as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return structures, shape (B,), as bytes, shape (B, size)."""
    return array.view(np.uint8).reshape(len(array), array.dtype.itemsize)
