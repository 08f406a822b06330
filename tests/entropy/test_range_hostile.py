"""The range decoder over streams cut short, lengthened, damaged or made up: refused, in bounded time."""

from __future__ import annotations

import numpy as np
import pytest

from pyggc.entropy import DyadicModel, RangeDecoder, RangeEncoder, StaticModel
from pyggc.errors import BitstreamError, TruncatedStream

PARTITIONS = ["multiply", "division", "simple", "reduced"]


def sample_stream(partition: str, n: int = 400) -> tuple[bytes, np.ndarray]:
    symbols = np.minimum(np.random.default_rng(2).geometric(0.35, n) - 1, 15)
    encoder = RangeEncoder(partition)
    encoder.push(symbols, DyadicModel(16))
    encoder.push_bits([0x12345678], [32])
    return encoder.finish(), symbols


def decode_sample(data: bytes, partition: str, n: int = 400) -> np.ndarray:
    decoder = RangeDecoder(data, partition, section="test section")
    symbols = decoder.pop(n, DyadicModel(16))
    decoder.pop_bits([32])
    decoder.finish()
    return symbols


def undetected(streams: list[bytes], partition: str) -> int:
    """How many corrupt streams decode without a BitstreamError; any other error is raised."""
    messages = []
    for data in streams:
        try:
            decode_sample(data, partition)
        except BitstreamError as error:
            messages.append(str(error))
    assert all(message.startswith("test section at byte") for message in messages)
    return len(streams) - len(messages)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_truncation_at_every_byte(partition):
    data, symbols = sample_stream(partition)
    assert (decode_sample(data, partition) == symbols).all()
    assert undetected([data[:length] for length in range(len(data))], partition) == 0


@pytest.mark.parametrize("partition", PARTITIONS)
def test_bytes_too_many(partition):
    data, _ = sample_stream(partition)
    assert undetected([data + tail for tail in (b"\0", b"\0\0\0\0", b"tail!", data)], partition) == 0
    assert undetected([data[:10] + b"\0" + data[10:], data[:10] + data[11:]], partition) == 0


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_single_bit_flip(partition):
    """What is not found spells another valid stream of the same length: not few, since nothing is redundant."""
    data, _ = sample_stream(partition)
    number = int.from_bytes(data, "big")
    flips = [(number ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data))]
    assert undetected(flips, partition) <= len(flips) // 8


@pytest.mark.parametrize("partition", PARTITIONS)
def test_symbols_too_many_are_found_when_the_bits_run_out(partition):
    data, symbols = sample_stream(partition)
    for extra in (50, 10**7):
        decoder, model = RangeDecoder(data, partition), DyadicModel(16)
        assert (decoder.pop(symbols.size, model) == symbols).all()
        decoder.pop_bits([32])
        with pytest.raises(TruncatedStream, match="expected more bits, found the end of the stream"):
            decoder.pop(extra, model)  # one of the first of them fails, so many take no time
    with pytest.raises(TruncatedStream):
        RangeDecoder(b"", partition).pop(1, DyadicModel(2))
    with pytest.raises(TruncatedStream):
        RangeDecoder(b"", partition).pop_bits([1])


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("fl", [[0, 1, 32768], [0, 32767, 32768]])
def test_the_most_symbols_that_a_byte_can_hold(fl, partition):
    """The bound that the documentation gives, at the least cost there is."""
    for data in (b"\0", b"\xff", bytes(3), b"\xff\xff"):
        decoder, model = RangeDecoder(data, partition), StaticModel(fl)
        with pytest.raises(TruncatedStream):
            decoder.pop(len(data) << 19, model)


def test_an_exp_golomb_code_that_is_too_long():
    with pytest.raises(BitstreamError, match=r"POSN at byte 4 of 9: expected an Exp-Golomb code of at most 32 bits"):
        RangeDecoder(bytes(9), section="POSN").pop_exp_golomb(1)
    with pytest.raises(TruncatedStream, match=r"POSN at byte 2 of 2: expected more bits"):
        RangeDecoder(bytes(2), section="POSN").pop_exp_golomb(1)
