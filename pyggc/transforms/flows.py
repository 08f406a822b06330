"""Transforms as lists of lifting steps: one definition, from which C is generated, operations counted, ranges derived.

A flow works on registers ``r0``, ``r1``, ..., which hold its input. A step changes one register by what the others
hold, so that the opposite step undoes it, however the right side was rounded and whether or not anything wrapped
around: the inverse is the list backwards, with the signs exchanged. There are three kinds of steps, ``r1 += x``,
``r1 -= x`` and ``r1 = x - r1``, the last being its own inverse, and five kinds of ``x``:

============================  =======================================================================
``r0``                        a register
``h(r0)``                     its half, rounded toward zero
``r0 >> 1``                   its half, rounded down; by any number of bits
``(r0 + r2) >> 1``            the same of a sum or a difference
``(45*r0 + 32) >> 6``         a product with a fraction below 1.5, rounded to the nearest; of a tie, up
============================  =======================================================================

All of it wraps around at the width of the registers, but for the product, which is exact before it is rounded. See
draft-terriberry-netvc-codingtools-01, section 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pyggc.transforms.dct_steps import DCT_STEPS

#: Every factor of a lifting step is below 1.5 and has at most so many bits after the point.
FRACTION_BITS = 15


class Operand(NamedTuple):
    """The right side of a step: ``kind`` is one of "value", "half", "shift" and "lift".

    ``register`` is read, and ``other``, unless it is None, added to it with ``sign``. ``bits`` are those that a shift
    takes off, and ``factor``, in units of 2^-15, is what a lift multiplies by.
    """

    kind: str
    register: int
    other: int | None = None
    sign: int = 1
    bits: int = 0
    factor: int = 0

    def reads(self, register: int) -> bool:
        """Whether its value depends on a register."""
        return register in (self.register, self.other)


class Step(NamedTuple):
    """``target += operand``, ``target -= operand`` or, as "=", ``target = operand - target``."""

    target: int
    operation: str
    operand: Operand

    @property
    def inverse(self) -> Step:
        """What undoes the step."""
        return self._replace(operation={"+=": "-=", "-=": "+=", "=": "="}[self.operation])


class Flow(NamedTuple):
    """A transform of ``size`` registers; ``outputs`` names the register of each coefficient."""

    name: str
    size: int
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]


class Arithmetic(NamedTuple):
    """The three operations of a flow that are no additions; see `run`."""

    half: Callable[[Any], Any]
    shift: Callable[[Any, int], Any]
    lift: Callable[[Any, int], Any]


#: That of Python's integers and of NumPy's, whose int64 is wide enough for any flow on int32.
INTEGERS = Arithmetic(
    half=lambda q: (q + (q < 0)) >> 1,
    shift=lambda q, bits: q >> bits,
    lift=lambda q, factor: (q * factor + (1 << FRACTION_BITS - 1)) >> FRACTION_BITS,
)

_STEP = re.compile(r"r(?P<target>\d+) (?P<operation>[+-]?=) (?P<operand>.*)")
_OPERANDS = {
    "value": re.compile(r"r(?P<register>\d+)"),
    "half": re.compile(r"h\(r(?P<register>\d+)\)"),
    "shift": re.compile(r"\(?r(?P<register>\d+)(?: (?P<sign>[+-]) r(?P<other>\d+)\))? >> (?P<bits>\d+)"),
    "lift": re.compile(r"\((?P<factor>\d+)\*r(?P<register>\d+) \+ (?P<rounding>\d+)\) >> (?P<bits>\d+)"),
}


def parse_operand(text: str) -> Operand:
    """Parse the right side of a step.

    Raises
    ------
    ValueError
        If it is none of the five kinds.
    """
    for kind, pattern in _OPERANDS.items():
        match = pattern.fullmatch(text)
        if match is None:
            continue
        found = {name: value for name, value in match.groupdict().items() if value is not None}
        operand = Operand(kind, int(found["register"]))
        if kind == "shift":
            other = int(found["other"]) if "other" in found else None
            return operand._replace(other=other, sign=-1 if found.get("sign") == "-" else 1, bits=int(found["bits"]))
        if kind == "lift":
            bits = int(found["bits"])
            if bits > FRACTION_BITS or 2 * int(found["rounding"]) != 1 << bits:
                raise ValueError(f"{text!r} does not round to the nearest")
            return operand._replace(factor=int(found["factor"]) << FRACTION_BITS - bits)
        return operand
    raise ValueError(f"{text!r} is not the right side of a step")


def parse_step(text: str) -> Step:
    """Parse one step.

    Raises
    ------
    ValueError
        If it is none.
    """
    match = _STEP.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a step")
    target, operation, right = int(match["target"]), match["operation"], match["operand"]
    if operation == "=":
        right, minus, last = right.rpartition(" - ")
        if not minus or last != f"r{target}":
            raise ValueError(f"{text!r} could not be undone")
        # Parentheses that only keep a shift from the subtraction.
        right = re.sub(r"^\((r\d+ >> \d+)\)$", r"\1", right)
    operand = parse_operand(right)
    if operand.reads(target):
        raise ValueError(f"{text!r} could not be undone")
    return Step(target, operation, operand)


def parse_flow(name: str, size: int, steps: str, outputs: Iterable[int]) -> Flow:
    """Parse steps that semicolons separate."""
    texts = (text.strip() for text in steps.replace("\n", " ").split(";"))
    return Flow(name, size, tuple(parse_step(text) for text in texts), tuple(outputs))


def walsh_hadamard(name: str, size: int, first_bit: int) -> Flow:
    """Make the flow of a Walsh-Hadamard transform over the bits of the register's number from `first_bit` on.

    Two bits at a time, the lowest first, with the 7 additions and the shift of the draft's section 3.4.
    """
    steps = []
    for bit in range(first_bit, size.bit_length() - 1, 2):
        near, far = 1 << bit, 2 << bit
        for a in range(size):
            if a & (near | far):
                continue
            b, c, d = a + near, a + far, a + near + far
            steps += [
                *(f"r{b} = r{a} - r{b}", f"r{c} += r{d}"),
                *(f"r{a} += (r{c} - r{b}) >> 1", f"r{d} -= (r{c} - r{b}) >> 1"),
                *(f"r{c} = r{a} - r{c}", f"r{b} -= r{d}"),
            ]
    return parse_flow(name, size, "; ".join(steps), range(size))


#: Of one direction. Where the side of a block has an odd number of bits, the lowest is left to the 2 x 2 transform.
FLOWS = {
    flow.name: flow
    for flow in (
        *(
            parse_flow(f"dct{size}", size, steps, map(int, registers.split()))
            for size, (steps, registers) in DCT_STEPS.items()
        ),
        walsh_hadamard("wht4", 4, 0),
        walsh_hadamard("wht8", 8, 1),
        walsh_hadamard("wht16", 16, 0),
        walsh_hadamard("wht32", 32, 1),
        # From red, green and blue to luma and two chromas: Y, Co, Cg and Y, U, V.
        parse_flow("ycocg_r", 3, "r0 -= r2; r2 += r0 >> 1; r1 -= r2; r2 += r1 >> 1", (2, 0, 1)),
        parse_flow("rct", 3, "r2 -= r1; r0 -= r1; r1 += (r0 + r2) >> 2", (1, 2, 0)),
    )
}


def inverse_steps(flow: Flow) -> list[Step]:
    """The steps that undo a flow."""
    return [step.inverse for step in reversed(flow.steps)]


def run(flow: Flow, values: Sequence[Any], arithmetic: Arithmetic = INTEGERS, *, inverse: bool = False) -> list[Any]:
    """Run a flow on anything that can be added and subtracted.

    Parameters
    ----------
    flow : Flow
        The transform.
    values : sequence
        As many as it has registers: integers, arrays of them, or whatever `arithmetic` is made for. Nothing wraps.
    arithmetic : Arithmetic
        How to halve, shift and multiply. What is halved or shifted is so once, as long as its registers do not change.
    inverse : bool
        From coefficients back to samples.

    Returns
    -------
    list
        The coefficients, or samples.

    Examples
    --------
    >>> from pyggc.transforms.flows import FLOWS, run
    >>> run(FLOWS["dct4"], [10, 20, 30, 40])
    [50, -22, 0, -2]
    >>> run(FLOWS["dct4"], [50, -22, 0, -2], inverse=True)
    [10, 20, 30, 40]
    """
    if inverse:
        registers = list(values)
        for value, register in zip(values, flow.outputs, strict=True):
            registers[register] = value
    else:
        registers = list(values)
    shifted: dict[Operand, Any] = {}
    for step in inverse_steps(flow) if inverse else flow.steps:
        right = _evaluate(step.operand, registers, arithmetic, shifted)
        left = registers[step.target]
        registers[step.target] = (
            left + right if step.operation == "+=" else left - right if step.operation == "-=" else right - left
        )
        shifted = {operand: value for operand, value in shifted.items() if not operand.reads(step.target)}
    return registers if inverse else [registers[register] for register in flow.outputs]


def _evaluate(operand: Operand, registers: list[Any], arithmetic: Arithmetic, shifted: dict[Operand, Any]) -> Any:
    value = registers[operand.register]
    if operand.kind == "value":
        return value
    if operand.kind == "lift":
        return arithmetic.lift(value, operand.factor)
    if operand not in shifted:
        if operand.other is not None:
            other = registers[operand.other]
            value = value + other if operand.sign > 0 else value - other
        halved = operand.kind == "half"
        shifted[operand] = arithmetic.half(value) if halved else arithmetic.shift(value, operand.bits)
    return shifted[operand]
