"""Zigzag, hybrid integers and raw bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyggc.entropy import (
    BoolEncoder,
    HybridInteger,
    RangeEncoder,
    RansEncoder,
    RansStack,
    pack_bits,
    unpack_bits,
    zigzag_decode,
    zigzag_encode,
)
from pyggc.errors import BitstreamError, TruncatedStream

splits = st.builds(
    lambda m, d, t: HybridInteger(num_tokens=min(max(t, 1 << m + d), 16), direct=1 << m + d, mantissa_bits=m),
    st.integers(0, 3),
    st.integers(0, 1),
    st.integers(1, 16),
)


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_zigzag_round_trip(values):
    array = np.array(values, np.int64)
    coded = zigzag_encode(array)
    assert coded.dtype == np.uint64
    assert coded.tolist() == [2 * v if v >= 0 else -2 * v - 1 for v in values]
    assert (zigzag_decode(coded) == array).all()


def test_zigzag_takes_any_integer_type_and_shape():
    assert zigzag_encode(np.array([[-128, 127]], np.int8)).tolist() == [[255, 254]]
    assert zigzag_decode(np.array([[255, 254]], np.uint8)).tolist() == [[-128, 127]]
    assert zigzag_encode([]).size == zigzag_decode([]).size == 0
    with pytest.raises(ValueError, match="values"):
        zigzag_encode(np.array([2**63], np.uint64))
    for function in (zigzag_encode, zigzag_decode):
        with pytest.raises(TypeError, match="values"):
            function([0.5])


@given(splits)
def test_tokens_cover_every_value_once_in_order(split):
    values = np.arange(min(split.max_value + 1, 70_000))
    tokens, extra, widths = split.encode(values)
    assert (np.diff(tokens.astype(int)) >= 0).all()
    assert (widths == split.num_extra_bits(tokens)).all()
    assert (extra >> widths == 0).all()
    assert (split.decode(tokens, extra) == values).all()
    last = split.encode([split.max_value])
    assert last[0][0] == split.num_tokens - 1
    assert last[1][0] == (1 << int(last[2][0])) - 1
    assert (values[: split.direct] == tokens[: split.direct]).all()
    assert split.decode(last[0], last[1])[0] == split.max_value


def test_token_ranges():
    assert HybridInteger(16, 8, 0).max_value == 2047
    assert HybridInteger(16, 8, 1).max_value == 127
    assert HybridInteger(16, 4, 0).max_value == 16383
    assert HybridInteger(15, 8, 1).max_value == 95
    assert HybridInteger(4, 4, 0).max_value == 3
    assert HybridInteger(16, 1, 0).max_value == 32767


@pytest.mark.parametrize(
    "arguments", [(17, 8, 0), (7, 8, 0), (16, 6, 0), (16, 2, 2), (16, 8, 4), (16, 8, -1), (16, 0, 0)]
)
def test_bad_splits(arguments):
    with pytest.raises(ValueError, match=r"num_tokens|direct|mantissa_bits"):
        HybridInteger(*arguments)


def test_values_out_of_range_name_the_argument():
    split = HybridInteger(16, 8, 1)
    for bad in ([128], [-1]):
        with pytest.raises(ValueError, match="values"):
            split.encode(bad)
    with pytest.raises(ValueError, match="tokens"):
        split.decode([16], [0])
    with pytest.raises(ValueError, match="extra"):
        split.decode([8], [4])
    with pytest.raises(TypeError, match="values"):
        split.encode([1.5])


@given(st.lists(st.integers(0, 64).flatmap(lambda w: st.tuples(st.integers(0, (1 << w) - 1), st.just(w)))))
def test_bits_round_trip(pairs):
    values, widths = [v for v, _ in pairs], [w for _, w in pairs]
    text = "".join(f"{v:0{w}b}" if w else "" for v, w in pairs)
    data = pack_bits(np.array(values, np.uint64), widths)
    assert data == int((text + "0" * (-len(text) % 8)) or "0", 2).to_bytes((len(text) + 7) // 8, "big")
    assert unpack_bits(data, widths).tolist() == values
    for length in range(len(data)):
        with pytest.raises(TruncatedStream, match="raw bits at byte"):
            unpack_bits(data[:length], widths)
    with pytest.raises(BitstreamError, match="expected the end"):
        unpack_bits(data + b"\0", widths)


def test_bits_broadcast_and_shapes():
    values = np.arange(6).reshape(2, 3)
    data = pack_bits(values, 3)
    assert data == pack_bits(values.ravel(), [3] * 6)
    assert (unpack_bits(data, np.full((2, 3), 3)) == values).all()
    assert pack_bits([], []) == b""
    assert unpack_bits(b"", []).size == 0


@pytest.mark.parametrize("make", [RangeEncoder, RansEncoder, RansStack, BoolEncoder])
def test_widths_of_another_shape(make):
    encoder = make()
    with pytest.raises(ValueError, match="widths must be one for all, or broadcast"):
        encoder.push_bits(np.ones((2, 3), int), np.full((3, 2), 3))
    encoder.push_bits(1, [3])
    if make is BoolEncoder:
        with pytest.raises(ValueError, match="probabilities must be one a bit, or broadcast"):
            encoder.push_bools(np.ones((2, 3), int), np.full((3, 2), 3))


def test_bits_padding_must_be_zero():
    with pytest.raises(BitstreamError, match="5 zero bits of padding"):
        unpack_bits(b"\xa1", [3])


@pytest.mark.parametrize(("values", "widths"), [([8], [3]), ([-1], [3]), ([1], [65]), ([1], [-1]), ([1], [0])])
def test_bits_bad_arguments(values, widths):
    with pytest.raises(ValueError, match=r"values|widths"):
        pack_bits(values, widths)
    with pytest.raises(TypeError, match=r"values|widths"):
        pack_bits([0.5], widths)
