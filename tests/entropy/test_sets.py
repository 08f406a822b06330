"""Sets on a stack: they come back sorted, their order is free, and any bytes can be popped as one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyggc.entropy import DyadicModel, RansStack, StaticModel, pop_set, push_set, set_savings
from pyggc.errors import BitstreamError

SKEWED = StaticModel.from_pmf([0.9, 0.06, 0.03, 0.01])

#: What a uniform value may take more or less than its share, in bits; over many different values it evens out.
UNEVEN = math.log2(1 + 2**-7)

columns = st.sampled_from([1, 2, 3, 7, 256, 1000, 65536, SKEWED])
stacks = st.binary(max_size=60).filter(lambda data: data[:1] != b"\0" and data != b"\x80\0") | st.just(b"\0")


def size_of(model: int | StaticModel) -> int:
    return model if isinstance(model, int) else model.num_symbols


@st.composite
def row_models(draw: st.DrawFn) -> list[int | StaticModel]:
    models = draw(st.lists(columns, min_size=1, max_size=8))
    while math.prod(map(size_of, models)) > 2**64:
        models.pop()
    return models


@st.composite
def sets(draw: st.DrawFn) -> tuple[np.ndarray, list[int | StaticModel]]:
    models = draw(row_models())
    n = draw(st.sampled_from([0, 1, 2, 5, 40, 700]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    # Few values make many equal rows.
    most = draw(st.sampled_from([1, 2, 2**16]))
    rows = np.stack([rng.integers(0, min(most, size_of(model)), n) for model in models], axis=1)
    return rows.astype(draw(st.sampled_from([np.int64, np.uint32, np.int32]))), models


def ordered(rows: np.ndarray) -> list[list[int]]:
    return sorted(rows.tolist())


def information(rows: np.ndarray, models: list[int | StaticModel]) -> float:
    """Bits of the rows as a sequence."""
    return sum(
        len(rows) * math.log2(model) if isinstance(model, int) else model.cost(rows[:, column])
        for column, model in enumerate(models)
    )


@given(sets(), stacks)
def test_round_trip_above_anything(case: tuple[np.ndarray, list[Any]], below: bytes) -> None:
    rows, models = case
    stack = RansStack(below)
    order = push_set(stack, rows, models)
    assert rows[order].tolist() == ordered(rows)
    stack = RansStack(stack.to_bytes())
    back = pop_set(stack, len(rows), models)
    assert back.dtype == np.int64
    assert back.shape == rows.shape
    assert back.tolist() == ordered(rows)
    assert stack.to_bytes() == below


@given(sets())
def test_the_order_is_free(case: tuple[np.ndarray, list[Any]]) -> None:
    rows, models = case
    rng = np.random.default_rng(0)
    full, empty, shuffled = RansStack(b"\1" + rng.bytes(2000)), RansStack(), RansStack()
    before = full.num_bits
    for stack in (full, empty):
        push_set(stack, rows, models)
    push_set(shuffled, rng.permutation(rows), models)
    assert shuffled.to_bytes() == empty.to_bytes()
    expected = information(rows, models) - set_savings(rows)
    slack = 1.0 + UNEVEN * len(rows) * (len(models) + 1)
    assert full.num_bits - before == pytest.approx(expected, abs=slack)
    assert -slack < empty.num_bits - expected < 20.0 + slack


@given(stacks, row_models(), st.integers(0, 300))
def test_any_bytes_are_a_set(data: bytes, models: list[Any], n: int) -> None:
    stack = RansStack(data)
    rows = pop_set(stack, n, models)
    assert rows.tolist() == ordered(rows)
    assert ((rows >= 0) & (rows < [size_of(model) for model in models])).all()
    assert len(stack.to_bytes()) <= len(data) + 8
    push_set(stack, rows, models)
    assert stack.to_bytes() == data


@pytest.mark.parametrize("models", [[2**32], [2**32, 2**32], [2**32 - 1, 3], [3 * 2**30, 2**30], [16] * 8])
def test_large_alphabets(models: list[int]) -> None:
    rng = np.random.default_rng(1)
    rows = np.stack([rng.integers(0, size, 400) for size in models], axis=1)
    rows[:2] = np.array(models) - 1
    rows[2] = 0
    stack = RansStack()
    push_set(stack, rows, models)
    # Near 2^32 there are too few slots for an even share.
    assert stack.num_bits == pytest.approx(information(rows, models) - set_savings(rows), abs=20 + 0.09 * 400)
    assert pop_set(stack, 400, models).tolist() == ordered(rows)
    stack.finish()


@pytest.mark.parametrize("kind", ["all different", "all equal", "few different", "sorted", "zeros below"])
def test_a_large_set(kind: str) -> None:
    n, models = 1 << 17, [7680, 4320]
    rng = np.random.default_rng(2)
    keys = {
        "all different": lambda: rng.choice(7680 * 4320, n, replace=False),
        "all equal": lambda: np.full(n, 12345678),
        "few different": lambda: rng.integers(0, 700, n) * 40_000,
        "sorted": lambda: np.arange(n),
        "zeros below": lambda: np.concatenate([np.zeros(n // 2, np.int64), rng.integers(0, 10**7, n // 2)]),
    }[kind]()
    rows = np.stack(np.divmod(keys, 4320), axis=1)
    stack = RansStack()
    push_set(stack, rows, models)
    expected = information(rows, models) - set_savings(rows)
    slack = 2 * UNEVEN * n if kind == "all equal" else max(200.0, 0.001 * set_savings(rows))
    assert stack.num_bits == pytest.approx(expected, abs=slack)
    assert (pop_set(stack, n, models) == np.sort(keys)[:, None] // [4320, 1] % [7680, 4320]).all()
    stack.finish()


def test_few_bytes_are_a_large_set_too() -> None:
    for data in (b"", b"\0", b"\xff" * 4, b"\1" + bytes(40)):
        stack = RansStack(data)
        rows = pop_set(stack, 1 << 17, [7680, 4320])
        if data:
            with pytest.raises(BitstreamError, match="expected the bottom"):
                stack.finish()
        push_set(stack, rows, [7680, 4320])
        assert stack.to_bytes() == data


def test_sets_above_one_another() -> None:
    stack, other = RansStack(), np.random.default_rng(3).integers(0, 1000, (300, 1))
    push_set(stack, other, [1000])
    alone = stack.num_bits
    stack.push([1, 2, 3], SKEWED)
    push_set(stack, other + 5, [1005])
    # The second set has bits to pop, and saves all that it can.
    costs = 300 * math.log2(1005) - set_savings(other)
    assert stack.num_bits == pytest.approx(alone + SKEWED.cost([1, 2, 3]) + costs, abs=1.0)
    assert pop_set(stack, 300, [1005]).tolist() == ordered(other + 5)
    assert stack.pop(3, SKEWED).tolist() == [1, 2, 3]
    assert pop_set(stack, 300, [1000]).tolist() == ordered(other)
    stack.finish()


def test_savings() -> None:
    assert set_savings(np.arange(10)) == pytest.approx(math.log2(math.factorial(10)))
    assert set_savings([[1, 2]] * 7) == 0.0
    assert set_savings([[1, 2], [1, 2], [0, 5], [0, 5], [0, 5]]) == pytest.approx(math.log2(10))
    assert set_savings([]) == set_savings(np.empty((0, 2))) == 0.0
    with pytest.raises(ValueError, match="rows must have shape"):
        set_savings(np.zeros((1, 1, 1)))


@pytest.mark.parametrize(
    ("rows", "models", "error", "message"),
    [
        ([[0, 8]], [9, 8], ValueError, r"column 1 of rows must lie in \[0, 7\]"),
        ([[-1, 0]], [9, 8], ValueError, "column 0 of rows must lie"),
        ([[1, 4]], [9, SKEWED], ValueError, r"column 1 of rows must lie in \[0, 3\]"),
        ([[0, 0, 0]], [9, 8], ValueError, r"rows must have shape \(N, 2\)"),
        ([0, 0], [9], ValueError, r"rows must have shape \(N, 1\)"),
        ([[0.5]], [9], TypeError, "rows must hold integers"),
        ([[0]], [], ValueError, "models must be 1 to 8, not 0"),
        ([[0] * 9], [2] * 9, ValueError, "models must be 1 to 8, not 9"),
        ([[0]], [0], ValueError, r"models\[0\] must be in \[1, 4294967296\]"),
        ([[0]], [2**32 + 1], ValueError, r"models\[0\] must be in"),
        ([[0]], [1.5], TypeError, r"models\[0\] must be an integer"),
        ([[0]], [DyadicModel(4)], TypeError, r"models\[0\] must be an integer"),
        ([[0]], [StaticModel.from_counts([[1, 2], [2, 1]])], ValueError, "must have one context, not 2"),
        ([[0] * 3], [2**32, 2**32, 2], ValueError, r"product of at most 2\^64"),
    ],
)
def test_arguments_of_no_use_leave_the_stack(rows: Any, models: Any, error: type[Exception], message: str) -> None:
    stack = RansStack(b"\7" * 30)
    with pytest.raises(error, match=message):
        push_set(stack, rows, models)
    assert stack.to_bytes() == b"\7" * 30


def test_stacks_of_no_use() -> None:
    for function in (lambda stack: push_set(stack, [[0]], [2]), lambda stack: pop_set(stack, 1, [2])):
        with pytest.raises(ValueError, match="stack must have one state, not 2"):
            function(RansStack(states=2))
        with pytest.raises(TypeError, match="stack must be a RansStack"):
            function(b"")
    for n, error in ((-1, ValueError), (2**32, ValueError), ("1", TypeError)):
        with pytest.raises(error, match="n must be"):
            pop_set(RansStack(), n, [2])  # type: ignore[arg-type]
