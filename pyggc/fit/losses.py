"""What a fit makes small: a weighted sum of L2, L1 and SSIM."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss ``l2 mean(r²) + l1 mean(|r|) + ssim (1 - SSIM)``, r the residual.

    The means are over pixels and channels; SSIM is that of `pyggc.evaluate.ssim` for a range of 1.

    Parameters
    ----------
    l2, l1, ssim : float
        Not negative, not all zero.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or all are zero.

    Examples
    --------
    >>> from pyggc.fit import LossWeights
    >>> LossWeights(l2=0.5, l1=0.5)
    LossWeights(l2=0.5, l1=0.5, ssim=0.0)
    """

    l2: float = 1.0
    l1: float = 0.0
    ssim: float = 0.0

    def __post_init__(self) -> None:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            if not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"{name} must be finite and not negative, got {value}")
        if not any(values.values()):
            raise ValueError("l2, l1 and ssim must not all be zero")

    @property
    def is_plain_l2(self) -> bool:
        """Whether the residual itself is the half gradient of the loss, summed over pixels."""
        return self == LossWeights()


#: The weights of section 2.1 of the *Gaussian image codec framework*.
FRAMEWORK_LOSS = LossWeights(l2=0.8, l1=0.2, ssim=0.1)
