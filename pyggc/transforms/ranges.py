"""How large the numbers of a flow become: what keeps all of them within the width of a sample.

A register of a flow is a linear form of the input, but for the roundings: its coefficients are followed exactly, and so
is every rounding, as an unknown of at most half a unit that later steps scale like anything else. If no input is larger
than L, a register is at most the sum of its coefficients' magnitudes times L, which some input attains, plus half the
sum of those of the roundings.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from pyggc.transforms.flows import FRACTION_BITS, Arithmetic, Flow, run


class Growth(NamedTuple):
    """Of a flow: no register exceeds ``inner * L + inner_error``, no coefficient ``outer * L + outer_error``."""

    inner: Fraction
    inner_error: Fraction
    outer: Fraction
    outer_error: Fraction


class _Form:
    """A linear form of inputs and roundings; every one that is made counts among the extremes."""

    def __init__(self, terms: dict[object, Fraction], made: list[_Form]) -> None:
        self.terms = terms
        self.made = made
        made.append(self)

    def scaled(self, factor: Fraction) -> dict[object, Fraction]:
        return {name: factor * value for name, value in self.terms.items()}

    def added(self, other: _Form, sign: int) -> _Form:
        terms = dict(self.terms)
        for name, value in other.terms.items():
            terms[name] = terms.get(name, Fraction(0)) + sign * value
        return _Form(terms, self.made)

    def __add__(self, other: _Form) -> _Form:
        return self.added(other, 1)

    def __sub__(self, other: _Form) -> _Form:
        return self.added(other, -1)

    def rounded(self, factor: Fraction, most: Fraction) -> _Form:
        """Its product with a factor, rounded by at most so much: unknowns are in halves."""
        return _Form({**self.scaled(factor), object(): 2 * most}, self.made)

    def size(self, inputs: bool) -> Fraction:
        """The sum of the magnitudes of the inputs' coefficients, or of what all roundings amount to."""
        total = sum((abs(value) for name, value in self.terms.items() if isinstance(name, int) is inputs), Fraction(0))
        return total if inputs else total / 2


def growth(flow: Flow) -> Growth:
    """Derive the growth of a flow, forward."""
    made: list[_Form] = []
    arithmetic = Arithmetic(
        half=lambda q: q.rounded(Fraction(1, 2), Fraction(1, 2)),
        # A shift by n bits rounds down by less than a unit: (2^n - 1) / 2^n at most.
        shift=lambda q, bits: q.rounded(Fraction(1, 1 << bits), 1 - Fraction(1, 1 << bits)),
        lift=lambda q, factor: q.rounded(Fraction(factor, 1 << FRACTION_BITS), Fraction(1, 2)),
    )
    outputs = run(flow, [_Form({i: Fraction(1)}, made) for i in range(flow.size)], arithmetic)
    return Growth(
        max(form.size(True) for form in made),
        max(form.size(False) for form in made),
        max(form.size(True) for form in outputs),
        max(form.size(False) for form in outputs),
    )
