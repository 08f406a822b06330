"""Checks of callers' arguments that several rooms need; their messages name the argument."""

from __future__ import annotations

import math
import operator


def as_integer(name: str, value: object, low: int, high: float = math.inf) -> int:
    """Return an integer within [low, high], or raise a TypeError or ValueError."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if not low <= number <= high:
        bounds = f"at least {low}" if math.isinf(high) else f"from {low} to {high}"
        raise ValueError(f"{name} must be {bounds}, not {number}")
    return number


def check_positive(name: str, value: float, what: str) -> None:
    """Raise a TypeError or ValueError unless the value is a positive, finite number."""
    # Text that looks like a number is none.
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} must be a {what}, not {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a {what}, not {value!r}") from None
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name} must be a positive {what}, not {value}")


def as_pair(name: str, value: object) -> tuple[int, int]:
    """Return two integers, or raise a TypeError."""
    try:
        first, second = map(operator.index, value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be two integers, not {value!r}") from None
    return first, second
