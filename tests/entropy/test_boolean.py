"""The boolean coder: parity with the RFC's algorithm, golden streams, round trips, arguments."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from entropy_strategies import scripts
from hypothesis import given
from hypothesis import strategies as st
from test_tree import YMODE_PROBABILITIES, YMODE_TREE
from tree_strategies import tree_models

from pyggc.entropy import BoolDecoder, BoolEncoder, DyadicModel, HybridInteger, StaticModel, TreeModel, unary_tree
from pyggc.entropy.reference import ReferenceBoolDecoder, ReferenceBoolEncoder, ReferenceModel, half_probability


def draw_bools(seed: int, n: int, likely: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Bits and probabilities, some at the ends of the range; `likely` bits of 1 are what the probabilities say."""
    rng = np.random.default_rng(seed)
    p = np.where(rng.random(n) < 0.3, rng.choice([1, 2, 128, 254, 255], n), rng.integers(1, 256, n))
    bits = (rng.random(n) * 256 >= p).astype(np.uint8)
    return np.where(rng.random(n) < likely, bits, 1 - bits), p


def reference_of(bits: np.ndarray, probabilities: np.ndarray) -> bytes:
    encoder = ReferenceBoolEncoder()
    for bit, p in zip(bits.tolist(), probabilities.tolist(), strict=True):
        encoder.push_bool(bit, p)
    return encoder.finish()


@given(st.integers(0, 300), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 1.0]))
def test_bools_are_those_of_the_rfc_at_every_step(n, seed, likely):
    bits, p = draw_bools(seed, n, likely)
    encoder = BoolEncoder()
    encoder.push_bools(bits, p)
    data = encoder.finish()
    assert data == reference_of(bits, p)
    fast, slow, whole = BoolDecoder(data), ReferenceBoolDecoder(data), BoolDecoder(data)
    assert fast.state == slow.state
    for bit, probability in zip(bits.tolist(), p.tolist(), strict=True):
        assert fast.pop_bools(probability) == slow.pop_bool(probability) == bit
        assert fast.state == slow.state
    fast.finish()
    slow.finish()
    assert (whole.pop_bools(p) == bits).all()
    assert whole.state == slow.state
    whole.finish()


@given(scripts(max_batch=25), tree_models())
def test_models_are_coded_as_the_reference_does(script, tree):
    """The same bytes, the same registers after every batch, the same adapted CDFs; a tree comes between the batches."""
    arguments, batches = script
    models, slow_models = [DyadicModel(**a) for a in arguments], [ReferenceModel(**a) for a in arguments]
    fast, slow = BoolEncoder(), ReferenceBoolEncoder()
    nodes = tree.tree.tolist()
    for batch in batches:
        tokens = batch.values % tree.num_symbols
        contexts = batch.contexts % tree.num_contexts
        fast.push(tokens, tree, contexts)
        for token, context in zip(tokens.tolist(), contexts.tolist(), strict=True):
            slow.push_tree(token, nodes, tree.probabilities[context].tolist())
        if batch.model is None:
            fast.push_bits(batch.values, batch.contexts)
        else:
            fast.push(batch.values, models[batch.model], batch.contexts)
        for value, context in zip(batch.values.tolist(), batch.contexts.tolist(), strict=True):
            if batch.model is None:
                slow.push_bits(value, context)
            else:
                slow.push_cdf(value, slow_models[batch.model].cdf(context))
                slow_models[batch.model].adapt(value, context)
    data = fast.finish()
    assert data == slow.finish()

    twins, slow_twins = [DyadicModel(**a) for a in arguments], [ReferenceModel(**a) for a in arguments]
    decoder, scalar = BoolDecoder(data), ReferenceBoolDecoder(data)
    for batch in batches:
        tokens, contexts = batch.values % tree.num_symbols, batch.contexts % tree.num_contexts
        assert decoder.pop(tokens.size, tree, contexts).tolist() == tokens.tolist()
        assert [scalar.pop_tree(nodes, tree.probabilities[c].tolist()) for c in contexts] == tokens.tolist()
        assert decoder.state == scalar.state
        if batch.model is None:
            assert decoder.pop_bits(batch.contexts).tolist() == batch.values.tolist()
            assert [scalar.pop_bits(width) for width in batch.contexts.tolist()] == batch.values.tolist()
        else:
            found = decoder.pop(batch.values.size, twins[batch.model], batch.contexts)
            assert found.tolist() == batch.values.tolist()
            reference = slow_twins[batch.model]
            for value, context in zip(batch.values.tolist(), batch.contexts.tolist(), strict=True):
                assert scalar.pop_cdf(reference.cdf(context)) == value
                reference.adapt(value, context)
        assert decoder.state == scalar.state
    decoder.finish()
    scalar.finish()
    assert twins == models
    for model, reference in zip(models, slow_models, strict=True):
        assert model.cdf_q15.tolist() == [reference.cdf(c) for c in range(len(reference.counts))]


@pytest.mark.parametrize("m", [1, 2, 3, 16, 17, 256, 1000, 16384])
def test_static_models_of_any_size(m):
    rng = np.random.default_rng(m)
    model = StaticModel.from_counts(rng.integers(0, 3, (3, m)) * rng.integers(0, 100, (3, m)) + (np.arange(m) == 0))
    symbols, contexts = rng.integers(0, m, 400), rng.integers(0, 3, 400)
    encoder, slow = BoolEncoder(), ReferenceBoolEncoder()
    encoder.push(symbols, model, contexts)
    rows = model.cdf_q15.tolist()
    for symbol, context in zip(symbols.tolist(), contexts.tolist(), strict=True):
        slow.push_cdf(symbol, rows[context])
    data = encoder.finish()
    assert data == slow.finish()
    decoder = BoolDecoder(data)
    assert decoder.pop(400, model, contexts).tolist() == symbols.tolist()
    decoder.finish()


@pytest.mark.parametrize("n", [0, 1, 1023, 1024, 1025, 5000])
def test_every_way_to_split_a_stream_into_calls(n):
    symbols = np.random.default_rng(n).integers(0, 5, n)
    model = TreeModel(YMODE_TREE, YMODE_PROBABILITIES)
    encoder = BoolEncoder()
    encoder.push(symbols, model)
    encoder.push(symbols, DyadicModel(5))
    data = encoder.finish()
    for size in (7, 1024, max(n, 1)):
        adaptive, again = DyadicModel(5), DyadicModel(5)
        for start in range(0, n, size):
            encoder.push(symbols[start : start + size], model)
        for start in range(0, n, size):
            encoder.push(symbols[start : start + size], adaptive)
        assert encoder.finish() == data
        decoder = BoolDecoder(data)
        parts = [decoder.pop(min(size, n - start), model) for start in range(0, n, size)]
        parts += [decoder.pop(min(size, n - start), again) for start in range(0, n, size)]
        decoder.finish()
        assert np.concatenate([*parts, []]).tolist() == 2 * symbols.tolist()


def test_a_vector_by_hand():
    """Four literals of one: splits of 128, 64 of 127, ... whose lower ends add up to a number that one can write down.

    Range 255, split 1 + 127 = 128: bottom 128, range 127, doubled to 254 with one shift. Split 1 + 126 = 127: bottom
    256 + 127 = 383, range 127, again 254: bottom 766. Split 127: 893, then 1786; split 127: 1913, then 3826. So 12
    bits, 1110 1111 0010, and zeros.
    """
    encoder = BoolEncoder()
    encoder.push_bits(15, 4)
    assert encoder.state == (3826, 254, 4, 0)
    data = encoder.finish()
    assert data.hex() == "ef200000"
    assert BoolDecoder(data).pop_bits(4) == 15


GOLDEN = {
    "modes": "344c51582de64e91f4cf7e6880",
    "adaptive": "0aaf38672cf99d893d308c051ade190e50b8911a1a9def998eced8000006b000001410",
    "bools": "1031bee2181000",
}


def golden_stream(name: str) -> bytes:
    """Of a sequence that needs no random generator: the digits of the Weyl sequence of the golden ratio."""
    weyl = (np.arange(40, dtype=np.uint64) * np.uint64(2654435769) >> np.uint64(16)) & np.uint64(0xFFFF)
    encoder = BoolEncoder()
    if name == "modes":
        modes = (weyl * weyl >> np.uint64(16)) * np.uint64(5) >> np.uint64(16)
        encoder.push(modes, TreeModel(YMODE_TREE, YMODE_PROBABILITIES))
    elif name == "adaptive":
        encoder.push(weyl >> np.uint64(12), DyadicModel(16))
        encoder.push_exp_golomb([0, 1, 77, 2**32 - 1], 2)
    else:
        encoder.push_bools(weyl >> np.uint64(15), 1 + (weyl[::-1] * np.uint64(255) >> np.uint64(16)))
    return encoder.finish()


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_golden_streams(name):
    assert golden_stream(name).hex() == GOLDEN[name]


def test_nothing_is_four_zeros():
    encoder = BoolEncoder()
    encoder.push([], DyadicModel(4))
    encoder.push(np.zeros((3, 5), np.int8), DyadicModel(1))
    encoder.push_bits([0, 0], [0, 0])
    encoder.push_bools([], [])
    assert encoder.num_bits == 0
    assert encoder.finish() == bytes(4) == ReferenceBoolEncoder().finish()
    decoder = BoolDecoder(bytes(4))
    assert decoder.pop((3, 5), DyadicModel(1)).tolist() == [[0] * 5] * 3
    assert decoder.pop_bools([]).size == 0
    decoder.finish()


def below_a_boundary(seed: int, n: int) -> tuple[list[int], list[int], int]:
    """Bools that keep 0x80 00 00 ... inside the interval, so that bytes 7f ff ff ... go out; and its distance."""
    rng = np.random.default_rng(seed)
    bits, probabilities, width, distance = [], [], 255, 128
    while len(bits) < n:
        p = int(rng.integers(1, 256))
        split = 1 + ((width - 1) * p >> 8)
        if split == distance:
            continue
        bits.append(int(distance > split))
        probabilities.append(p)
        width, distance = (width - split, distance - split) if distance > split else (split, distance)
        while width < 128:
            width, distance = 2 * width, 2 * distance
    return bits, probabilities, 1 + ((width - 1) * 255 >> 8) - distance


@pytest.mark.parametrize("n", [47, 60, 500, 3000])
def test_a_carry_turns_a_run_of_ones_over(n):
    carried = 0
    for seed in range(20):
        bits, p, beyond = below_a_boundary(seed, n)
        for last in range(2):  # of a probability that puts the split beyond the boundary, or on it
            encoder = BoolEncoder()
            encoder.push_bools(bits, p)
            saved = pickle.loads(pickle.dumps(encoder))
            data = b""
            for coder in (encoder, saved):
                coder.push_bools([last, 0, 1, 0, 1], [255, 3, 77, 200, 8])
                data = coder.finish()
                assert data == reference_of(np.array([*bits, last, 0, 1, 0, 1]), np.array([*p, 255, 3, 77, 200, 8]))
            assert (BoolDecoder(data).pop_bools([*p, 255, 3, 77, 200, 8]) == [*bits, last, 0, 1, 0, 1]).all()
            assert data[0] == (0x80 if last and beyond >= 0 else 0x7F)
            carried += data[0] == 0x80 and data[1:-4] == bytes(len(data) - 5)
    assert carried > 0


def test_size_is_that_of_the_information():
    model = TreeModel(unary_tree(16), np.full(15, 128))
    symbols = np.minimum(np.random.default_rng(1).geometric(0.5, 10_000) - 1, 15)
    encoder = BoolEncoder()
    encoder.push(symbols, model)
    bits = encoder.num_bits
    assert bits == pytest.approx(model.cost(symbols), rel=0.01)
    data = encoder.finish()
    assert 8 <= 8 * len(data) - bits <= 17
    decoder = BoolDecoder(data)
    decoder.pop(10_000, model)
    assert decoder.num_bits == bits


def test_halves_are_within_what_a_bool_can_say():
    assert half_probability([0, 1, 32768], 0, 1, 2) == 1
    assert half_probability([0, 32767, 32768], 0, 1, 2) == 255
    assert half_probability([0, 16384, 32768], 0, 1, 2) == 128
    assert half_probability([0, 1, 2, 3], 0, 1, 3) == 85


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64, ">i4", bool])
def test_any_integer_type_and_layout(dtype):
    bits, p = np.arange(48).reshape(6, 8) % 3 % 2, np.arange(1, 9)
    expected = BoolEncoder()
    expected.push_bools(bits, np.broadcast_to(p, (6, 8)))
    data = expected.finish()
    for arranged in (bits.astype(dtype), np.asfortranarray(bits.astype(dtype)), bits.astype(dtype).tolist()):
        encoder = BoolEncoder()
        encoder.push_bools(arranged, p)
        assert encoder.finish() == data
    decoder = BoolDecoder(memoryview(bytearray(data)))
    assert (decoder.pop_bools(np.broadcast_to(p, (6, 8))) == bits).all()


def test_the_whole_surface_in_one_stream():
    tokens, model = HybridInteger(16, 4, 0), DyadicModel(16, 2)
    values = np.array([0, 5, 900, 3, 3, 70])
    tree = TreeModel(YMODE_TREE, [YMODE_PROBABILITIES, [1, 255, 7, 200]])
    encoder = BoolEncoder()
    encoder.push_integers(values, tokens, model, [0, 1, 0, 1, 0, 1])
    encoder.encode_symbol(4, tree, 1)
    encoder.push_exp_golomb([0, 9, 2**32 - 1], 3)
    encoder.push_bits([[1, 2], [3, 2**32 - 1]], [[1, 2], [9, 32]])
    encoder.push([1, 2], tree, 1)
    twin = pickle.loads(pickle.dumps(encoder))
    assert twin.num_bits == encoder.num_bits
    data = encoder.finish()
    assert twin.finish() == data
    decoder, model = BoolDecoder(data), DyadicModel(16, 2)
    assert decoder.pop_integers(6, tokens, model, [0, 1, 0, 1, 0, 1]).tolist() == values.tolist()
    assert decoder.decode_symbol(tree, 1) == 4
    assert decoder.pop_exp_golomb(3, 3).tolist() == [0, 9, 2**32 - 1]
    assert decoder.pop_bits([[1, 2], [9, 32]]).tolist() == [[1, 2], [3, 2**32 - 1]]
    out = np.zeros(2, np.int64)
    assert decoder.pop(2, tree, 1, out=out) is out
    assert out.tolist() == [1, 2]
    decoder.finish()
    encoder.push([1, 2], tree, 1)  # anew
    assert len(encoder.finish()) == 4


def test_a_failed_call_leaves_everything_as_it_was():
    encoder, model, tree = BoolEncoder(), DyadicModel(4, 2), TreeModel(YMODE_TREE, YMODE_PROBABILITIES)
    encoder.push([1, 2, 3], model, [0, 1, 0])
    before, state = model.copy(), encoder.state
    for symbols, contexts in [([0, 4], 0), ([0, -1], 0), ([0, 1], [0, 2]), ([0, 1], [0, 1, 1]), ([2**40], 0)]:
        with pytest.raises(ValueError, match=r"symbols|contexts"):
            encoder.push(symbols, model, contexts)
    with pytest.raises(ValueError, match="symbols"):
        encoder.push([1, 5], tree)
    with pytest.raises(ValueError, match="contexts"):
        encoder.push([1, 4], tree, 1)
    for bits, p in [([2], 128), ([-1], 128), ([0], 0), ([0], 256), ([0], -1), ([0, 1], [1, 2, 3]), ([0, 1], [])]:
        with pytest.raises(ValueError, match=r"bits|probabilities"):
            encoder.push_bools(bits, p)
    for values, widths in [([8], 3), ([1], 33), ([-1], 4), ([1, 1], [1] * 3)]:
        with pytest.raises(ValueError, match=r"values|widths"):
            encoder.push_bits(values, widths)
    with pytest.raises(ValueError, match="values"):
        encoder.push_exp_golomb([2**32])
    with pytest.raises(ValueError, match="order"):
        encoder.push_exp_golomb([1], 32)
    for call in (
        lambda: encoder.push([0.0], model),
        lambda: encoder.push_bools([0.5], 128),
        lambda: encoder.push_bools([1], 0.5),
        lambda: encoder.push([0], "model"),
    ):
        with pytest.raises(TypeError):
            call()
    assert (model, encoder.state) == (before, state)


def test_bad_arguments_of_the_decoder_leave_it_as_it_was():
    encoder, symbols = BoolEncoder(), np.arange(300) % 7
    encoder.push(symbols, DyadicModel(7, 2), symbols % 2)
    decoder, model = BoolDecoder(encoder.finish()), DyadicModel(7, 2)
    state = decoder.state
    for call, name in [
        (lambda: decoder.pop(300, model, symbols), "contexts"),
        (lambda: decoder.pop(299, model, symbols % 2), "contexts"),
        (lambda: decoder.pop(300, model, symbols % 2, out=np.zeros(299, np.uint8)), "out"),
        (lambda: decoder.pop_bits([33]), "widths"),
        (lambda: decoder.pop_bools([128, 0]), "probabilities"),
        (lambda: decoder.pop_bools([256]), "probabilities"),
    ]:
        with pytest.raises(ValueError, match=name):
            call()
    for call in (lambda: decoder.pop_bools([0.5]), lambda: decoder.pop_bits([0.5]), lambda: BoolDecoder("text")):
        with pytest.raises(TypeError):
            call()
    assert decoder.state == state
    assert (decoder.pop(300, model, symbols % 2) == symbols).all()
    decoder.finish()


@pytest.mark.parametrize(
    "state",
    [
        (b"", 0, 127, 0),
        (b"", 0, 256, 0),
        (b"", 0, 255, 48),
        (b"", 512, 255, 0),
        (b"", 256, 255, 0),
        (b"\xff\xff", 256, 255, 0),
    ],
)
def test_states_of_no_encoder(state):
    with pytest.raises(ValueError, match="no state of an encoder"):
        BoolEncoder().__setstate__(state)


def test_threads_code_side_by_side():
    symbols, tree = np.random.default_rng(4).integers(0, 5, 100_000), TreeModel(YMODE_TREE, YMODE_PROBABILITIES)

    def work(_: int) -> bytes:
        encoder = BoolEncoder()
        encoder.push(symbols, tree.copy())
        encoder.push(symbols, DyadicModel(5))
        data = encoder.finish()
        decoder = BoolDecoder(data)
        assert (decoder.pop(symbols.size, tree.copy()) == symbols).all()
        assert (decoder.pop(symbols.size, DyadicModel(5)) == symbols).all()
        return data

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(work, range(6)))) == 1
