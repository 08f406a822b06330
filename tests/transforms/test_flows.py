"""The flows: operations counted, bases and errors computed, steps parsed; the C made from them is up to date."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.fft import dct

from pyggc.transforms.flows import FLOWS, FRACTION_BITS, INTEGERS, Arithmetic, Flow, parse_step, run

ROOT = Path(__file__).parents[2]

#: Of the draft, sections 3.2 to 3.4: multiplications, additions, shifts.
DRAFT_COUNTS = {
    "dct4": (3, 9, 2),
    "dct8": (15, 31, 5),
    "dct16": (33, 83, 16),
    "dct32": (87, 215, 38),
    "wht4": (0, 7, 1),
}
#: Mean squared errors against the true DCT, as the draft prints them.
DRAFT_ERRORS = {4: 1.230e-6, 8: 1.592e-6, 16: 1.495e-5, 32: 8.006e-5}


class Counting:
    """An integer that counts what is done with it."""

    def __init__(self, value: int, counts: dict[str, int]) -> None:
        self.value = value
        self.counts = counts

    def counted(self, operation: str, value: int) -> Counting:
        self.counts[operation] += 1
        return Counting(value, self.counts)

    def __add__(self, other: Counting) -> Counting:
        return self.counted("additions", self.value + other.value)

    def __sub__(self, other: Counting) -> Counting:
        return self.counted("additions", self.value - other.value)


# A multiplication has its shift and rounding built in, says the draft.
COUNTING = Arithmetic(
    half=lambda q: q.counted("shifts", int(q.value / 2)),
    shift=lambda q, bits: q.counted("shifts", q.value >> bits),
    lift=lambda q, factor: q.counted("multiplications", q.value * factor + (1 << 14) >> FRACTION_BITS),
)


def counts_of(flow: Flow, *, inverse: bool) -> tuple[int, int, int]:
    counts = dict.fromkeys(("multiplications", "additions", "shifts"), 0)
    values = list(range(3, 3 + flow.size))
    found = run(flow, [Counting(value, counts) for value in values], COUNTING, inverse=inverse)
    assert [number.value for number in found] == run(flow, values, inverse=inverse)
    return counts["multiplications"], counts["additions"], counts["shifts"]


@pytest.mark.parametrize("name", DRAFT_COUNTS)
@pytest.mark.parametrize("inverse", [False, True])
def test_operations_are_the_draft_s(name: str, inverse: bool) -> None:
    assert counts_of(FLOWS[name], inverse=inverse) == DRAFT_COUNTS[name]


@pytest.mark.parametrize(("name", "twos"), [("wht8", 2), ("wht16", 8), ("wht32", 16)])
def test_larger_walsh_hadamard_flows_are_made_of_the_smallest(name: str, twos: int) -> None:
    assert counts_of(FLOWS[name], inverse=False) == (0, 7 * twos, twos)


def test_operations_of_colors() -> None:
    assert counts_of(FLOWS["ycocg_r"], inverse=False) == (0, 4, 2)
    assert counts_of(FLOWS["rct"], inverse=False) == (0, 4, 1)


def basis_of(flow: Flow, size: int) -> np.ndarray:
    """Coefficients of impulses of a size, divided by it."""
    return np.array(run(flow, list(size * np.eye(flow.size, dtype=np.int64)))) / size


def mean_squared_error(basis: np.ndarray) -> float:
    """Of an autoregressive source with rho = 0.95: section 3.2."""
    size = len(basis)
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    error = dct(np.eye(size), axis=0, norm="ortho") - basis
    return float(np.trace(error @ 0.95**distance @ error.T)) / size


@pytest.mark.parametrize("size", DRAFT_ERRORS)
def test_mean_squared_error_is_at_most_the_draft_s(size: int) -> None:
    # Impulses of 256. The draft prints four digits, of which the last is rounded.
    assert mean_squared_error(basis_of(FLOWS[f"dct{size}"], 256)) <= DRAFT_ERRORS[size] * 1.0005


@pytest.mark.parametrize("size", [8, 16, 32])
def test_factors_alone_leave_no_such_error(size: int) -> None:
    assert mean_squared_error(basis_of(FLOWS[f"dct{size}"], 1 << 40)) < 1e-9


def test_rounding_halves_down_is_ten_times_worse() -> None:
    floor = INTEGERS._replace(half=lambda q: q >> 1)
    basis = np.array(run(FLOWS["dct8"], list(256 * np.eye(8, dtype=np.int64)), floor)) / 256
    assert mean_squared_error(basis) > 10 * DRAFT_ERRORS[8]


@pytest.mark.parametrize(("size", "most"), [(4, 0.012), (8, 6e-5), (16, 1.2e-4), (32, 2e-4)])
def test_basis_is_that_of_the_cosine_transform(size: int, most: float) -> None:
    # Impulses so large that only the rounding of the factors shows; the draft's own are of six bits.
    error = dct(np.eye(size), axis=0, norm="ortho") - basis_of(FLOWS[f"dct{size}"], 1 << 40)
    assert np.abs(error).max() < most


def test_basis_of_the_draft_s_integer_transform() -> None:
    # Printed in section 3.2 as that of the true one.
    printed = [
        [0.5, 0.5, 0.5, 0.5],
        [0.65625, 0.26953, -0.26953, -0.65625],
        [0.5, -0.5, -0.5, 0.5],
        [0.27344, -0.65234, 0.65234, -0.27344],
    ]
    assert np.abs(basis_of(FLOWS["dct4"], 256) - printed).max() < 0.5 / 256


@pytest.mark.parametrize("name", [name for name in FLOWS if name.startswith("wht")])
def test_basis_of_walsh_hadamard_flows(name: str) -> None:
    size, bits = FLOWS[name].size, FLOWS[name].size.bit_length() - 1
    skipped = bits % 2  # the lowest bit, which is left to the neighbors
    basis = basis_of(FLOWS[name], 1 << 20) * 2 ** ((bits - skipped) / 2)
    i, k = np.indices((size, size))
    signs = np.vectorize(lambda bits: (-1.0) ** bits.bit_count())(((i & k) >> skipped).astype(object))
    assert np.abs(basis - np.where(skipped and (i ^ k) & 1, 0.0, signs)).max() < 1e-4


def test_the_draft_s_pseudo_code() -> None:
    x0, x1, x2, x3 = np.random.default_rng(0).integers(-256, 256, (4, 20_000))
    t3 = x0 - x3
    t0 = x0 - (t3 >> 1)
    t2 = x1 + x2
    t2h = t2 >> 1
    t1 = t2h - x2
    y0 = t0 + t2h
    y2 = y0 - t2
    t3 = t3 - (45 * t1 + 32 >> 6)
    y1 = t1 + (21 * t3 + 16 >> 5)
    y3 = t3 - (71 * y1 + 32 >> 6)
    assert (np.array(run(FLOWS["dct4"], [x0, x1, x2, x3])) == [y0, y1, y2, y3]).all()

    # The inverse as it is printed, and with its sign mended.
    t3 = y3 + (71 * y1 + 32 >> 6)
    t1 = y1 - (21 * t3 + 16 >> 5)
    t3 = t3 + (45 * t1 + 32 >> 6)
    t2 = y0 - y2
    t2h = t2 >> 1
    t0 = y0 - t2h
    assert (t2h - t1 == x2).all()
    assert (t0 + (t3 >> 1) == x0).all()
    assert (t0 - (t3 >> 1) != x0).mean() > 0.99
    assert (np.array(run(FLOWS["dct4"], [y0, y1, y2, y3], inverse=True)) == [x0, x1, x2, x3]).all()


@pytest.mark.parametrize(
    "text",
    [
        "r0 += r0",  # reads what it changes
        "r0 = r1 + r0",
        "r0 = r1",
        "r0 *= r1",
        "r0 += r1 / 2",
        "r0 += (45*r1 + 31) >> 6",  # rounds otherwise
        "r0 += (45*r1 + 32768) >> 16",  # more bits than a factor has
        "r0 += (r1 + r0) >> 1",
        "r2 = (r1 >> 1) - r1",
    ],
)
def test_steps_that_could_not_be_undone_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"r\d"):
        parse_step(text)


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_factors_are_below_one_and_a_half(flow: Flow) -> None:
    assert all(step.operand.factor < 3 << FRACTION_BITS - 1 for step in flow.steps)


def test_headers_are_up_to_date() -> None:
    path = ROOT / "tools" / "make_flows.py"
    spec = importlib.util.spec_from_file_location("make_flows", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, text in module.HEADERS.items():
        assert (ROOT / "pyggc/_native/include/ggc" / name).read_text() == text(), f"{path} must be run"
