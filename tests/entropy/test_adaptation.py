"""Defaults from counts, models carried on, updates of CDFs in the stream, forward adaptation."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyggc.entropy import (
    DyadicModel,
    ParametricModel,
    RansDecoder,
    RansEncoder,
    RansStack,
    StaticModel,
    cdf_from_counts,
    count_symbols,
    pop_adapted,
    pop_cdfs,
    push_adapted,
    push_cdfs,
)
from pyggc.entropy.models import CDF_TOTAL
from pyggc.errors import BitstreamError

GEOMETRIC = 0.6 ** np.arange(16)
TWO_SIDED = 0.7 ** np.abs(np.arange(16) - 8)


def draw(seed: int, n: int, weights: np.ndarray = GEOMETRIC) -> np.ndarray:
    return np.random.default_rng(seed).choice(16, size=n, p=weights / weights.sum())


def valid(cdfs: np.ndarray, m: int) -> bool:
    rows = cdfs.astype(int)
    return rows.shape[1] == m + 1 and (rows[:, [0, -1]] == [0, CDF_TOTAL]).all() and (np.diff(rows, axis=1) > 0).all()


# Counts


@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 50), st.integers(0, 2**32 - 1))
def test_counts(m, contexts, n, seed):
    rng = np.random.default_rng(seed)
    symbols, ids = rng.integers(0, m, n), rng.integers(0, contexts, n)
    counts = count_symbols(symbols, m, ids, contexts)
    assert counts.dtype == np.int64
    assert counts.shape == (contexts, m)
    assert all(counts[c, s] == ((symbols == s) & (ids == c)).sum() for c in range(contexts) for s in range(m))


def test_counts_broadcast_contexts_and_take_any_integers():
    symbols = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    assert count_symbols(symbols, 3, [0, 1, 0, 1], 2).sum(axis=1).tolist() == [6, 6]
    assert count_symbols(symbols, 3, 1, 2).tolist() == [[0, 0, 0], [4, 4, 4]]
    assert count_symbols([], 2).tolist() == [[0, 0]]
    for arguments, match in [
        (([3], 3), "symbols"),
        (([-1], 3), "symbols"),
        (([0], 3, [2], 2), "contexts"),
        (([0, 1, 2], 3, [0, 1], 2), "contexts"),
        (([0], 0), "num_symbols"),
        (([0], 3, None, 0), "num_contexts"),
    ]:
        with pytest.raises(ValueError, match=match):
            count_symbols(*arguments)
    with pytest.raises(TypeError, match="symbols"):
        count_symbols([0.5], 3)


def test_a_trained_default_saves_bits():
    """Implicit adaptation: defaults of one set of inputs, used for another of the same kind."""
    training, ids = draw(1, 20_000), np.arange(20_000) % 2
    counts = count_symbols(np.where(ids, 15 - training, training), 16, ids, 2)
    cdfs = cdf_from_counts(2 * counts + 1)
    symbols, contexts = draw(2, 200), np.arange(200) % 2
    symbols = np.where(contexts, 15 - symbols, symbols)
    flat = DyadicModel(16, 2).cost(symbols, contexts)
    trained = DyadicModel(16, 2, initial_cdfs=cdfs, initial_count=32).cost(symbols, contexts)
    assert trained < 0.93 * flat
    assert StaticModel(cdfs).cost(symbols, contexts) < 0.93 * flat


# Backward adaptation


def test_a_model_carried_on_stays_in_step_and_saves_bits():
    segments = [draw(seed, 60) for seed in range(12)]
    ours, carried, fresh = DyadicModel(16), [], 0
    first = ours.copy()
    for segment in segments:
        encoder = RansEncoder()
        encoder.push(segment, ours)
        carried.append(encoder.finish())
        encoder.push(segment, first.copy())
        fresh += len(encoder.finish())
    assert sum(map(len, carried)) < 0.93 * fresh

    theirs = DyadicModel(16)
    for segment, stream in zip(segments, carried, strict=True):
        decoder = RansDecoder(stream)
        assert (decoder.pop(60, theirs) == segment).all()
        decoder.finish()
    assert theirs == ours != first

    # The state before a segment is what it takes to decode that one again, or to give it up.
    before = theirs.copy()
    with contextlib.suppress(BitstreamError):
        RansDecoder(b"\xff" * 9).pop(60, theirs)
    theirs = before.copy()
    assert theirs == before == ours


# Explicit adaptation


@st.composite
def cdf_rows(draw: st.DrawFn, m: int, rows: int) -> np.ndarray:
    row = st.lists(st.sampled_from([0, 0, 1, 3, 100, 65535]), min_size=m, max_size=m).filter(any)
    return cdf_from_counts(draw(st.lists(row, min_size=rows, max_size=rows)))


@given(st.data())
def test_updates_round_trip(data):
    m, rows = data.draw(st.sampled_from([1, 2, 5, 16, 40])), data.draw(st.integers(1, 4))
    cdfs = data.draw(cdf_rows(m, rows))
    previous = data.draw(st.none() | cdf_rows(m, rows))
    for states in (1, 2, 4):
        encoder = RansEncoder(states)
        sent = push_cdfs(encoder, cdfs, previous=previous)
        encoder.push_bits(77, 8)
        decoder = RansDecoder(encoder.finish(), states)
        got = pop_cdfs(decoder, m, rows, previous=previous)
        assert decoder.pop_bits(8) == 77
        decoder.finish()
        assert sent.dtype == got.dtype == np.uint16
        assert (got == sent).all()
        assert valid(got, m)
    stack = RansStack()
    assert (push_cdfs(stack, cdfs, previous=previous) == sent).all()
    assert (pop_cdfs(stack, m, rows, previous=previous) == sent).all()
    assert stack.is_empty
    # What was sent once is sent exactly.
    assert (push_cdfs(RansEncoder(), sent) == sent).all()
    StaticModel(sent)


@pytest.mark.parametrize(("weights", "percent"), [(GEOMETRIC, 1.0), (TWO_SIDED, 1.0), (np.ones(16), 0.01)])
def test_what_quantization_costs(weights, percent):
    exact = cdf_from_counts((weights * 2**20).astype(int))
    sent = push_cdfs(RansEncoder(), exact)
    p = np.diff(exact.astype(int)) / CDF_TOTAL
    entropy = -(p * np.log2(p)).sum()
    assert -(p * np.log2(np.diff(sent[0].astype(int)) / CDF_TOTAL)).sum() < entropy * (1 + percent / 100) + 1e-9


def test_what_an_update_costs():
    one, other = (cdf_from_counts((w * 2**20).astype(int)) for w in (GEOMETRIC, TWO_SIDED))

    def bits(cdfs, previous=None) -> float:
        encoder = RansEncoder()
        push_cdfs(encoder, cdfs, previous=previous)
        return encoder.num_bits

    assert bits(one) < 45
    assert bits([one] * 32) / 32 < 20
    assert bits(one, one) < 30 < bits(one, other)
    assert bits([one] * 32, [one] * 32) / 32 < 11
    assert bits([0, CDF_TOTAL]) == 0


def test_golden_update():
    encoder = RansEncoder()
    cdfs = cdf_from_counts((np.stack([GEOMETRIC, TWO_SIDED]) * 2**20).astype(int))
    push_cdfs(encoder, cdfs)
    push_cdfs(encoder, cdfs[::-1], previous=cdfs)
    assert encoder.finish().hex() == "c851301b1a10cdd6278beb0182c2c8602b50770d9f7a5b9e0a75f4fc00d8a18518"


@pytest.mark.parametrize(
    ("cdfs", "previous", "match"),
    [
        ([0, 5, 32767], None, "cdfs"),
        ([1, 5, 32768], None, "cdfs"),
        ([0, 5, 5, 32768], None, "cdfs"),
        ([[[0, 32768]]], None, "cdfs"),
        ([0], None, "cdfs"),
        (np.zeros((0, 3), int), None, "cdfs"),
        ([0, 5, 32768], [0, 5, 6, 32768], "previous"),
        ([0, 5, 32768], [[0, 5, 32768]] * 2, "previous"),
        ([0, 5, 32768], [0, 5, 32767], "previous"),
    ],
)
def test_bad_cdfs_are_refused(cdfs, previous, match):
    encoder = RansEncoder()
    with pytest.raises(ValueError, match=match):
        push_cdfs(encoder, cdfs, previous=previous)
    assert encoder.finish() == b""


def test_bad_types_are_refused():
    with pytest.raises(TypeError, match="cdfs"):
        push_cdfs(RansEncoder(), [0.0, 1.0])
    with pytest.raises(TypeError, match="previous"):
        push_cdfs(RansEncoder(), [0, 32768], previous=[0.0, 32768.0])
    with pytest.raises(TypeError, match="encoder"):
        push_cdfs(RansDecoder(b""), [0, 32768])
    with pytest.raises(TypeError, match="decoder"):
        pop_cdfs(RansEncoder(), 2)
    with pytest.raises(TypeError, match="encoder"):
        push_adapted(b"", [0], DyadicModel(2))
    with pytest.raises(TypeError, match="decoder"):
        pop_adapted(b"", 1, DyadicModel(2))
    for model in (ParametricModel("laplace", 2), "model"):
        with pytest.raises(TypeError, match="model"):
            push_adapted(RansEncoder(), [0], model)
        with pytest.raises(TypeError, match="model"):
            pop_adapted(RansDecoder(b""), 1, model)


# Forward adaptation


def starts(kind: str, contexts: int):
    """A model that suits the geometric source in all its contexts, and factories of equals."""
    cdf = [cdf_from_counts((GEOMETRIC * 2**20).astype(int)).tolist()] * contexts
    if kind == "static":
        return StaticModel(cdf)
    rate = (5, 8) if kind == "two rates" else 7
    return DyadicModel(16, contexts, rate=rate, initial_cdfs=cdf, initial_count=CDF_TOTAL)


@pytest.mark.parametrize("kind", ["static", "dyadic", "two rates"])
@pytest.mark.parametrize("n", [0, 1, 20, 3000])
def test_round_trip_and_bound(kind, n):
    """Over every coder: the symbols, the number of updates, the state of the models, and never more than the flags."""
    contexts = np.arange(n) % 5 * 2
    symbols = np.where(contexts < 6, draw(n, n), draw(n, n, TWO_SIDED))
    symbols = symbols.reshape(-1, 20) if n > 1 else symbols
    contexts = contexts.reshape(symbols.shape)
    plain = starts(kind, 10).cost(symbols, contexts)
    flags = DyadicModel(2).cost(np.zeros(np.unique(contexts).size, int))
    for encoder in (RansEncoder(1), RansEncoder(2), RansEncoder(4), RansStack(), RansStack(states=2)):
        ours, theirs = starts(kind, 10), starts(kind, 10)
        updated = push_adapted(encoder, symbols, ours, contexts)
        slack = 1 if isinstance(encoder, RansStack) else 0.01  # a small state rounds
        assert encoder.num_bits <= plain + flags + slack
        assert (updated == 2) == (n == 3000)
        decoder = encoder if isinstance(encoder, RansStack) else RansDecoder(encoder.finish(), encoder.states)
        out = np.empty(symbols.shape, np.int32)
        assert pop_adapted(decoder, symbols.shape, theirs, contexts, out=out) is out
        decoder.finish()
        assert (out == symbols).all()
        assert theirs == ours
        if kind == "static":
            changed = (ours.cdf_q15 != starts(kind, 10).cdf_q15).any(axis=1)
            assert np.flatnonzero(changed).tolist() == ([6, 8] if updated else [])


@given(st.integers(0, 2**32 - 1), st.integers(1, 16), st.integers(1, 6), st.booleans())
def test_round_trip_of_any_counts(seed, m, contexts, static):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 400))
    table = rng.dirichlet(np.full(m, 0.3), contexts)
    ids = rng.integers(0, contexts, n)
    symbols = np.minimum((table[ids].cumsum(axis=1) < rng.random((n, 1))).sum(axis=1), m - 1)
    start = cdf_from_counts(rng.integers(1, 100, (contexts, m)))
    make = (lambda: StaticModel(start)) if static else (lambda: DyadicModel(m, contexts, initial_cdfs=start))
    ours, theirs, encoder = make(), make(), RansEncoder()
    plain = ours.cost(symbols, ids)
    push_adapted(encoder, symbols, ours, ids)
    encoder.push_bits(5, 3)
    assert encoder.num_bits <= plain + DyadicModel(2).cost(np.zeros(np.unique(ids).size, int)) + 3.01
    decoder = RansDecoder(encoder.finish())
    assert (pop_adapted(decoder, n, theirs, ids) == symbols).all()
    assert decoder.pop_bits(3) == 5
    decoder.finish()
    assert theirs == ours


def test_it_saves_what_it_should():
    """A static start of the wrong shape: nearly all that it costs is saved."""
    symbols = draw(5, 2000, TWO_SIDED)
    p = TWO_SIDED / TWO_SIDED.sum()
    encoder = RansEncoder()
    assert push_adapted(encoder, symbols, starts("static", 1)) == 1
    entropy = -np.log2(p[symbols]).sum()
    assert encoder.num_bits < entropy + 110
    assert starts("static", 1).cost(symbols) > entropy + 2000
    # A model that learns quickly is not worth an update.
    assert push_adapted(RansEncoder(), symbols, DyadicModel(16)) == 0


def test_a_failed_call_leaves_everything_as_it_was():
    for kind in ("static", "dyadic"):
        model, encoder = starts(kind, 2), RansEncoder()
        before = model.copy()
        for symbols, contexts in [([16], [0]), ([-1], [0]), ([1], [2]), ([1, 2, 3], [0, 1]), ([1], [-1])]:
            with pytest.raises(ValueError, match=r"symbols|contexts"):
                push_adapted(encoder, symbols, model, contexts)
        with pytest.raises(TypeError, match="symbols"):
            push_adapted(encoder, [0.5], model)
        assert model == before
        assert encoder.finish() == b""
        push_adapted(encoder, [1, 2, 3], before.copy())
        decoder = RansDecoder(encoder.finish())
        for call in (
            lambda d, m: pop_adapted(d, 3, m, [0, 1]),
            lambda d, m: pop_adapted(d, 3, m, [0, 1, 2]),
            lambda d, m: pop_adapted(d, 3, m, out=np.zeros(2, np.uint8)),
            lambda d, m: pop_adapted(d, -1, m),
            lambda d, m: pop_adapted(d, 3, m, out=np.zeros(6, np.uint8)[::2]),
        ):
            with pytest.raises(ValueError, match=r"contexts|out|n must"):
                call(decoder, model)
        with pytest.raises(TypeError, match="out"):
            pop_adapted(decoder, 3, model, out=np.zeros(3))
        assert model == before
        assert pop_adapted(decoder, 3, model).tolist() == [1, 2, 3]
        decoder.finish()


# Hostile bytes


@given(st.binary(max_size=50), st.integers(1, 17), st.integers(1, 5), st.booleans())
def test_random_bytes_give_valid_cdfs_or_a_bitstream_error(data, m, rows, with_previous):
    previous = cdf_from_counts([[1 + k * k for k in range(m)]] * rows) if with_previous else None
    for make in (RansDecoder, lambda stream: RansStack(stream.lstrip(b"\0"))):
        with contextlib.suppress(BitstreamError):
            assert valid(pop_cdfs(make(data), m, rows, previous=previous), m)


@given(st.binary(max_size=50), st.sampled_from(["static", "dyadic", "two rates"]), st.integers(0, 60))
def test_random_bytes_give_symbols_in_range_or_a_bitstream_error(data, kind, n):
    for make in (RansDecoder, lambda stream: RansStack(stream.lstrip(b"\0"))):
        model = starts(kind, 3)
        with contextlib.suppress(BitstreamError):
            found = pop_adapted(make(data), n, model, np.arange(n) % 3)
            assert found.size == 0 or found.max() < 16
        assert valid(model.cdf_q15, 16)


def test_every_truncation_of_an_update_is_found():
    encoder, symbols = RansEncoder(), draw(3, 500, TWO_SIDED)
    push_adapted(encoder, symbols, starts("static", 1))
    stream = encoder.finish()
    for length in range(len(stream)):
        with pytest.raises(BitstreamError):  # noqa: PT012
            decoder = RansDecoder(stream[:length])
            pop_adapted(decoder, 500, starts("static", 1))
            decoder.finish()


def test_levels_without_a_largest_are_refused():
    """Most of the levels that random bytes spell have no symbol at the top, which an encoder's always have."""
    rng, messages = np.random.default_rng(1), []
    for _ in range(30):
        try:
            pop_cdfs(RansDecoder(rng.bytes(40)), 2)
        except BitstreamError as error:
            messages.append(str(error))
    assert any("update of CDF 0: expected a symbol of level 15, found at most" in message for message in messages)
