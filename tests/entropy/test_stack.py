"""`RansStack`: what is pushed comes back, and with one state whatever is popped can be pushed back."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from entropy_strategies import model_arguments
from hypothesis import given
from hypothesis import strategies as st

from pyggc.entropy import (
    DyadicModel,
    EscapedInteger,
    FrequencyModel,
    HybridInteger,
    Model,
    RansDecoder,
    RansStack,
    StackPosition,
    StaticModel,
)
from pyggc.errors import BitstreamError, TruncatedStream

STATES = (1, 2, 4)
SKEWED = StaticModel.from_pmf([0.9, 0.06, 0.03, 0.01])
WIDE = StaticModel.from_counts(np.arange(1, 301))
CONTEXTS = StaticModel.from_counts([[1, 2, 3], [3, 2, 1]])

#: Any bytes that are a stack of one state, but the two that stand for an empty one.
stacks = st.binary(max_size=40).filter(lambda data: data[:1] != b"\0" and data != b"\x80\0") | st.just(b"\0")


def adaptive(arguments: dict[str, Any]) -> DyadicModel:
    return DyadicModel(arguments["num_symbols"], **{k: v for k, v in arguments.items() if k != "num_symbols"})


models = st.sampled_from([SKEWED, WIDE, CONTEXTS]) | model_arguments().map(adaptive)


def drawn(model: Model, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    symbols = np.minimum(rng.geometric(0.3, n) - 1, rng.integers(0, model.num_symbols, n))
    return symbols, rng.integers(0, model.num_contexts, n)


@pytest.mark.parametrize("states", STATES)
@given(models, st.integers(0, 3000), st.integers(0, 9))
def test_what_was_pushed_is_popped(states: int, model: Model, n: int, seed: int) -> None:
    symbols, contexts = drawn(model, n, seed)
    stack, learned = RansStack(states=states), model.copy()
    stack.push(symbols, learned, contexts)
    again = model.copy()
    assert (stack.pop(n, again, contexts) == symbols).all()
    assert again == learned
    assert stack.is_empty
    stack.finish()


@pytest.mark.parametrize("states", STATES)
@given(st.lists(st.tuples(models, st.integers(0, 200), st.booleans()), max_size=8))
def test_pushes_and_pops_in_any_order(states: int, script: list[tuple[Model, int, bool]]) -> None:
    stack, batches = RansStack(states=states), []
    for seed, (model, n, take) in enumerate(script):
        symbols, contexts = drawn(model, n, seed)
        before = model.copy()
        stack.push(symbols, model.copy(), contexts)
        batches.append((symbols, before, contexts))
        if take:
            symbols, before, contexts = batches.pop()
            assert (stack.pop(len(symbols), before, contexts) == symbols).all()
    for symbols, before, contexts in reversed(batches):
        assert (stack.pop(len(symbols), before, contexts) == symbols).all()
    stack.finish()


@given(stacks, st.lists(st.tuples(models, st.integers(0, 60)), max_size=4))
def test_whatever_is_popped_can_be_pushed_back(data: bytes, script: list[tuple[Model, int]]) -> None:
    stack, popped = RansStack(data), []
    for seed, (model, n) in enumerate(script):
        contexts = drawn(model, n, seed)[1]
        before = model.copy()
        popped.append((stack.pop(n, model.copy(), contexts), before, contexts))
    for symbols, before, contexts in reversed(popped):
        stack.push(symbols, before, contexts)
    assert stack.to_bytes() == data


@given(stacks, st.lists(st.integers(0, 32), max_size=30))
def test_raw_bits_are_a_bijection_too(data: bytes, widths: list[int]) -> None:
    stack = RansStack(data)
    values = stack.pop_bits(widths)
    assert not (values.astype(np.uint64) >> np.array(widths, np.uint64)).any()
    stack.push_bits(values, widths)
    assert stack.to_bytes() == data


@pytest.mark.parametrize("states", STATES)
@given(
    st.lists(st.integers(0, 2**32 - 1), max_size=40),
    st.integers(0, 32),
    st.lists(st.integers(0, 2**31), max_size=40),
    st.integers(0, 8),
)
def test_raw_bits_and_exp_golomb_codes(
    states: int, values: list[int], width: int, codes: list[int], order: int
) -> None:
    stack = RansStack(states=states)
    values = [value >> (32 - width) for value in values]
    stack.push_bits(values, width)
    stack.push_exp_golomb(codes, order)
    assert stack.pop_exp_golomb(len(codes), order).tolist() == codes
    assert stack.pop_bits([width] * len(values)).tolist() == values
    stack.finish()


@pytest.mark.parametrize("states", STATES)
@pytest.mark.parametrize("tokens", [HybridInteger(16, 8, 0), EscapedInteger(16)])
def test_integers(states: int, tokens: HybridInteger | EscapedInteger) -> None:
    values = np.minimum(np.random.default_rng(0).geometric(0.02, 500), 2000)
    stack, model = RansStack(states=states), DyadicModel(16, 3)
    contexts = np.arange(500) % 3
    stack.push_integers(values, tokens, model.copy(), contexts)
    assert (stack.pop_integers(500, tokens, model, contexts) == values).all()
    stack.finish()


@pytest.mark.parametrize("states", STATES)
def test_integers_that_a_model_refuses_leave_nothing_behind(states: int) -> None:
    stack, model = RansStack(states=states), DyadicModel(16)
    for tokens in (HybridInteger(16, 8, 0), EscapedInteger(16)):
        with pytest.raises(ValueError, match="contexts"):
            stack.push_integers([1, 500], tokens, model, 1)
    assert stack.is_empty
    assert model == DyadicModel(16)


@pytest.mark.parametrize("states", STATES)
@given(st.integers(0, 500), st.integers(0, 9))
def test_bytes_and_pickles(states: int, n: int, seed: int) -> None:
    symbols, _ = drawn(WIDE, n, seed)
    stack = RansStack(states=states)
    stack.push(symbols, WIDE)
    data = stack.to_bytes()
    assert len(data) <= WIDE.cost(symbols) / 8 + 8 * states + 2
    copies = [RansStack(data, states), RansStack(memoryview(data), states), pickle.loads(pickle.dumps(stack))]
    for twin in [*copies, copy.deepcopy(stack)]:
        assert (twin.position, twin.states, twin.to_bytes()) == (stack.position, states, data)
        assert (twin.pop(n, WIDE) == symbols).all()
        twin.finish()
    assert stack.to_bytes() == data


@pytest.mark.parametrize("states", STATES)
def test_seek(states: int) -> None:
    stack = RansStack(states=states)
    symbols, _ = drawn(WIDE, 3000, 0)
    places = [stack.position]
    for batch in np.split(symbols, 3):
        stack.push(batch, WIDE)
        places.append(stack.position)
    # Deeper, higher again, and back to the bottom.
    for last in (1, 3, 2, 3, 1):
        stack.seek(places[last])
        assert (stack.pop(1000, WIDE) == symbols[1000 * (last - 1) : 1000 * last]).all()
        assert stack.position == places[last - 1]
    stack.seek(places[3])
    assert stack.to_bytes() == RansStack(stack.to_bytes(), states).to_bytes()
    # A push makes what lay above unreachable.
    stack.seek(places[0])
    stack.push([1, 2, 3], WIDE)
    with pytest.raises(ValueError, match="position must have at most"):
        stack.seek(places[3])
    assert stack.pop(3, WIDE).tolist() == [1, 2, 3]


@pytest.mark.parametrize("states", STATES)
def test_integers_that_fail_change_nothing(states: int) -> None:
    stack, tokens = RansStack(states=states), EscapedInteger(4)
    stack.push(np.full(20, 3), DyadicModel(4))
    before = stack.position
    wide = FrequencyModel(4, limit=65535)  # whose totals a stack has no room for: seen when the rest is pushed
    with pytest.raises(ValueError, match="totals of at most 32768"):
        stack.push_integers([9, 1, 8], tokens, wide)
    assert stack.position == before
    if states > 1:
        model = DyadicModel(4)
        with pytest.raises(TruncatedStream):
            stack.pop_integers(20, tokens, model)  # the escapes are there, what follows them is not
        assert stack.position == before
        assert model == DyadicModel(4)


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ((-1, (5,)), ValueError),
        ((0, (-1,)), ValueError),
        ((0, (1 << 64,)), ValueError),
        ((1 << 70, (1 << 40,)), ValueError),
        ((0, (1.5,)), TypeError),
        ((0.5, (5,)), TypeError),
    ],
)
def test_positions_are_integers(place: tuple, error: type[Exception]) -> None:
    stack = RansStack()
    with pytest.raises(error, match="position"):
        stack.seek(StackPosition(*place))
    assert stack.is_empty


@pytest.mark.parametrize("states", STATES)
def test_positions_of_no_use_change_nothing(states: int) -> None:
    stack = RansStack(states=states)
    stack.push(drawn(WIDE, 100, 0)[0], WIDE)
    before = stack.position
    for place in (StackPosition(0, ()), StackPosition(10**6, before.states), StackPosition(0, (1,) * 3)):
        with pytest.raises(ValueError, match="position"):
            stack.seek(place)
    for x in (-1, 1 << 64):
        with pytest.raises((ValueError, OverflowError)):
            stack.seek(StackPosition(0, (*before.states[:-1], x)))
    assert stack.position == before


@pytest.mark.parametrize("states", [2, 4])
def test_a_stack_of_several_states_that_runs_dry_stays_as_it_was(states: int) -> None:
    stack, model = RansStack(states=states), DyadicModel(16)
    stack.push(drawn(model, 40, 0)[0], model.copy())
    data, place, fresh = stack.to_bytes(), stack.position, model.copy()
    with pytest.raises(TruncatedStream, match=f"rANS stack of {states} states: expected more words"):
        stack.pop(4000, model)
    assert model == fresh
    with pytest.raises(TruncatedStream):
        stack.pop(4000, WIDE)
    with pytest.raises(TruncatedStream):
        stack.pop_bits([32] * 400)
    with pytest.raises(TruncatedStream):
        stack.pop_exp_golomb(4000, 3)
    assert (stack.to_bytes(), stack.position) == (data, place)
    assert (stack.pop(40, model) == drawn(model, 40, 0)[0]).all()
    stack.finish()


def test_a_code_that_is_too_long_stays_on_the_stack() -> None:
    stack = RansStack()
    stack.push_bits([0] * 20, 32)
    place = stack.position
    with pytest.raises(BitstreamError, match="at most 32 bits"):
        stack.pop_exp_golomb(1, 0)
    assert stack.position == place


@pytest.mark.parametrize(
    ("data", "states", "message"),
    [
        (b"\0\1", 1, "without leading zeros"),
        (bytes(9), 1, "without leading zeros"),
        (b"\1" * 15, 2, "expected 16 bytes of states"),
        (b"\1" * 18, 2, "whole words"),
        (bytes(16), 2, "states of at least"),
        (bytes(32), 4, "states of at least"),
    ],
)
def test_bytes_that_are_no_stack(data: bytes, states: int, message: str) -> None:
    with pytest.raises(BitstreamError, match=message):
        RansStack(data, states)


def test_what_is_left_is_told() -> None:
    stack = RansStack()
    stack.push([5] * 100, WIDE)
    assert stack.num_bits == pytest.approx(WIDE.cost([5] * 100), abs=0.1)
    with pytest.raises(BitstreamError, match=r"expected the bottom, found \d+ bits"):
        stack.finish()
    for states in (0, 3, 8):
        with pytest.raises(ValueError, match="states"):
            RansStack(states=states)
    with pytest.raises(TypeError):
        stack.push([1], "model")  # type: ignore[arg-type]


def test_copies_of_stacks_go_their_own_way() -> None:
    stack, model = RansStack(), DyadicModel(4)
    stack.push([1, 2, 3], model)
    twin, data = copy.copy(stack), stack.to_bytes()
    twin.push([0], model)
    assert stack.to_bytes() == data
    stack.clear()
    assert stack.is_empty
    assert twin.to_bytes() != b""
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="RansDecoder cannot be copied or pickled"):
            attempt(RansDecoder(data, 1))
