"""Bool streams that no encoder wrote: truncated, longer, flipped, random."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from entropy_strategies import scripts
from hypothesis import given
from hypothesis import strategies as st
from test_tree import YMODE_PROBABILITIES, YMODE_TREE
from tree_strategies import tree_models

from pyggc.entropy import BoolDecoder, BoolEncoder, DyadicModel, TreeModel
from pyggc.errors import BitstreamError, TruncatedStream


def sample_stream() -> tuple[bytes, np.ndarray]:
    symbols = np.minimum(np.random.default_rng(2).geometric(0.35, 200) - 1, 15)
    encoder = BoolEncoder()
    encoder.push(symbols, DyadicModel(16))
    encoder.push(symbols % 5, TreeModel(YMODE_TREE, YMODE_PROBABILITIES))
    encoder.push_bits([0x12345678], [32])
    return encoder.finish(), symbols


def decode_sample(data: bytes) -> np.ndarray:
    decoder = BoolDecoder(data, section="test section")
    symbols = decoder.pop(200, DyadicModel(16))
    decoder.pop(200, TreeModel(YMODE_TREE, YMODE_PROBABILITIES))
    decoder.pop_bits([32])
    decoder.finish()
    return symbols


def undetected(streams: list[bytes]) -> int:
    """How many corrupt streams decode without a BitstreamError; any other error is raised."""
    messages = []
    for data in streams:
        try:
            decode_sample(data)
        except BitstreamError as error:
            messages.append(str(error))
    assert all(message.startswith("test section at byte") for message in messages)
    return len(streams) - len(messages)


def test_truncation_at_every_byte():
    data, symbols = sample_stream()
    assert (decode_sample(data) == symbols).all()
    assert undetected([data[:length] for length in range(len(data))]) == 0


def test_bytes_too_many():
    data, _ = sample_stream()
    assert undetected([data + tail for tail in (b"\0", b"\1", b"\0\0\0\0", b"tail!", data)]) == 0


def test_every_single_bit_flip():
    """What is not found spells another message of the same length, mostly in the raw bits at its end."""
    data, _ = sample_stream()
    number = int.from_bytes(data, "big")
    flips = [(number ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data))]
    assert undetected(flips) <= len(flips) // 25


def test_what_passes_is_what_the_encoder_writes():
    """All streams of four bytes with two random ones in front."""
    model, passed = TreeModel(YMODE_TREE, YMODE_PROBABILITIES), 0
    for head in range(0, 65536, 17):
        data = head.to_bytes(2, "big") + bytes(2)
        decoder = BoolDecoder(data)
        symbols = decoder.pop(4, model)
        with contextlib.suppress(BitstreamError):
            decoder.finish()
            encoder = BoolEncoder()
            encoder.push(symbols, model)
            assert encoder.finish() == data
            passed += 1
    assert passed > 0


def test_an_end_is_seen_as_soon_as_the_rfc_would_read_past_it():
    data, _ = sample_stream()
    decoder = BoolDecoder(data)
    decoder.pop(200, DyadicModel(16))
    decoder.pop(200, TreeModel(YMODE_TREE, YMODE_PROBABILITIES))
    decoder.pop_bits([32])
    room = 8 - decoder.state[2]
    with pytest.raises(TruncatedStream, match=f"bool stream at byte {len(data)} of {len(data)}: expected another byte"):
        decoder.pop_bits(np.full(room, 1))
    for n in (10**4, 10**7):  # as many as one likes take no time
        decoder = BoolDecoder(data)
        with pytest.raises(TruncatedStream):
            decoder.pop(n, TreeModel(YMODE_TREE, YMODE_PROBABILITIES))
        with pytest.raises(TruncatedStream):
            decoder.pop(n, DyadicModel(16))


@pytest.mark.parametrize("n", range(4))
def test_fewer_bytes_than_a_stream_has(n):
    with pytest.raises(TruncatedStream, match=rf"MODE at byte 0: expected at least 4 bytes, found {n}"):
        BoolDecoder(bytes(n), section="MODE")


def test_the_most_bools_that_a_byte_can_hold():
    n = 127 * 8 * 100
    encoder = BoolEncoder()
    encoder.push_bools(np.zeros(n, np.uint8), 255)
    data = encoder.finish()
    assert n <= 1016 * len(data)
    assert not BoolDecoder(data).pop_bools(np.full(n, 255)).any()
    with pytest.raises(TruncatedStream):
        BoolDecoder(data).pop_bools(np.full(1016 * len(data), 255))


def test_long_exp_golomb_codes():
    with pytest.raises(BitstreamError, match="expected an Exp-Golomb code of at most 32 bits, found a longer one"):
        BoolDecoder(bytes(30)).pop_exp_golomb(1)
    with pytest.raises(TruncatedStream):
        BoolDecoder(bytes(4)).pop_exp_golomb(1)


@given(st.binary(max_size=60), scripts(), tree_models())
def test_random_bytes_decode_to_symbols_in_range_or_a_bitstream_error(data, script, tree):
    arguments, batches = script
    with contextlib.suppress(BitstreamError):
        decoder = BoolDecoder(data)
        models = [DyadicModel(**a) for a in arguments]
        for batch in batches:
            assert (decoder.pop(9, tree) < tree.num_symbols).all()
            if batch.model is not None:
                values = decoder.pop(batch.values.size, models[batch.model], batch.contexts)
                assert (values < arguments[batch.model]["num_symbols"]).all()
            else:
                values = decoder.pop_bits(batch.contexts).astype(np.uint64)
                assert not (values >> batch.contexts.astype(np.uint64)).any()
        decoder.finish()
