"""Write the C of the transforms' flows from their one definition, `pyggc.transforms.flows`.

    python tools/make_flows.py

It writes the headers of `HEADERS`; a test compares them with what it would write.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from pyggc.transforms.flows import FLOWS, Flow, Operand, Step, inverse_steps
from pyggc.transforms.ranges import growth

NATIVE = Path(__file__).parents[1] / "pyggc" / "_native" / "include" / "ggc"

HEAD = """\
/* The transforms' flows; made by tools/make_flows.py from pyggc/transforms/flows.py, which explains them.
 *
 * Included once for each type of registers, with these defined: GGC_REGISTER, an unsigned integer or a vector of such;
 * GGC_FLOW(name), its function for that type; and GGC_HALF(q), GGC_SHIFT(q, bits) and GGC_LIFT(q, factor), which take
 * what their argument holds for signed. Registers are passed in an array, samples and coefficients in their order.
 */
"""


def operand_of(operand: Operand) -> str:
    """The right side of a step in C."""
    value = f"r{operand.register}"
    if operand.other is not None:
        value = f"(GGC_REGISTER)({value} {'+' if operand.sign > 0 else '-'} r{operand.other})"
    return {
        "value": value,
        "half": f"GGC_HALF({value})",
        "shift": f"GGC_SHIFT({value}, {operand.bits})",
        "lift": f"GGC_LIFT({value}, {operand.factor})",
    }[operand.kind]


def step_of(step: Step) -> str:
    """A step in C."""
    target, right = f"r{step.target}", operand_of(step.operand)
    if step.operation == "=":
        return f"    {target} = {right} - {target};"
    return f"    {target} {step.operation} {right};"


def function_of(flow: Flow, direction: str) -> str:
    """One direction of a flow in C."""
    places = list(enumerate(flow.outputs))
    forward = direction == "forward"
    lines = [f"GGC_INLINE void GGC_FLOW({flow.name}_{direction})(GGC_REGISTER *v) {{"]
    for register in range(flow.size):
        place = register if forward else flow.outputs.index(register)
        lines.append(f"    GGC_REGISTER r{register} = v[{place}];")
    lines += [step_of(step) for step in (flow.steps if forward else inverse_steps(flow))]
    lines += [f"    v[{k}] = r{register};" for k, register in (places if forward else enumerate(range(flow.size)))]
    return "\n".join([*lines, "}\n"])


def flows() -> str:
    """The steps as C."""
    functions = [function_of(flow, direction) for flow in FLOWS.values() for direction in ("forward", "inverse")]
    return "\n".join([HEAD, *functions])


GROWTH_HEAD = """\
/* How the flows grow; made by tools/make_flows.py from what pyggc/transforms/ranges.py derives.
 *
 * If no sample exceeds L, no number within a flow exceeds inner * L + inner_error, and no coefficient
 * outer * L + outer_error. Rounded up to 2^-20.
 */
#ifndef GGC_FLOW_GROWTH_H
#define GGC_FLOW_GROWTH_H

typedef struct {
    double inner, inner_error, outer, outer_error;
} ggc_growth;

/* clang-format off */
"""


def growths() -> str:
    """What `pyggc.transforms.ranges` derives, as constants."""

    def upward(value: Fraction) -> str:
        return repr(math.ceil(value * 2**20) / 2**20)

    lines = [
        f"static const ggc_growth ggc_growth_{name} = {{{', '.join(map(upward, growth(flow)))}}};"
        for name, flow in FLOWS.items()
    ]
    return "\n".join([GROWTH_HEAD + lines[0], *lines[1:], "/* clang-format on */", "", "#endif", ""])


HEADERS: dict[str, Callable[[], str]] = {"flows.h": flows, "flow_growth.h": growths}

if __name__ == "__main__":
    for name, text in HEADERS.items():
        (NATIVE / name).write_text(text())
