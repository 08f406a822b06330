"""Segments side by side: the same streams for any number of threads, models untouched, exceptions of one call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pyggc.entropy import (
    DyadicModel,
    ParametricModel,
    RansDecoder,
    RansEncoder,
    RansStack,
    StaticModel,
    cdf_from_counts,
    decode_segments,
    encode_segments,
)
from pyggc.errors import BitstreamError

RNG = np.random.default_rng(7)
SEGMENTS = [np.minimum(RNG.geometric(0.3, shape) - 1, 15) for shape in [(40, 50), 1, 0, (3, 4, 5), 5000, 5000, 7, 900]]
CONTEXTS = [np.arange(s.size).reshape(s.shape) % 3 for s in SEGMENTS]
SHAPES = [s.shape for s in SEGMENTS]
MODELS = [
    DyadicModel(16, 3),
    StaticModel(cdf_from_counts([[20 - k for k in range(16)]] * 3)),
    ParametricModel("exponential", 16, 3),
    ParametricModel("laplace", 16, 3, rate=None),
]


@pytest.mark.parametrize("model", MODELS, ids=["dyadic", "static", "parametric", "given"])
@pytest.mark.parametrize("with_contexts", [False, True])
def test_streams_do_not_depend_on_threads(model, with_contexts):
    contexts = CONTEXTS if with_contexts else None
    before, expected = model.copy(), []
    for k, segment in enumerate(SEGMENTS):
        encoder = RansEncoder()
        encoder.push(segment, model.copy(), CONTEXTS[k] if with_contexts else None)
        expected.append(encoder.finish())
    for threads in (None, 1, 2, 8):
        assert encode_segments(SEGMENTS, model, contexts, threads=threads) == expected
        decoded = decode_segments(expected, SHAPES, model, contexts, threads=threads)
        assert all((a == b).all() and a.shape == b.shape for a, b in zip(decoded, SEGMENTS, strict=True))
    assert model == before
    # Any one of them by itself.
    one = decode_segments(expected[3:4], SHAPES[3:4], model, contexts and contexts[3:4])
    assert (one[0] == SEGMENTS[3]).all()


@pytest.mark.parametrize("states", [1, 2, 4])
def test_any_coder(states):
    streams = encode_segments(SEGMENTS, MODELS[0], coder=lambda: RansEncoder(states))
    decoded = decode_segments(streams, SHAPES, MODELS[0], decoder=lambda data: RansDecoder(data, states))
    assert all((a == b).all() for a, b in zip(decoded, SEGMENTS, strict=True))


def test_nothing_and_generators():
    assert encode_segments([], MODELS[0]) == []
    assert decode_segments([], [], MODELS[0]) == []
    streams = encode_segments(SEGMENTS, MODELS[0], [None] * len(SEGMENTS))
    assert streams == encode_segments(SEGMENTS, MODELS[0])


def test_a_static_model_is_shared_by_threads():
    """It never changes, so nothing speaks against it; one that adapts refuses to be used by two at a time."""
    model = MODELS[1]
    symbols = np.tile(SEGMENTS[4], 20)

    def work(_: int) -> bytes:
        encoder = RansEncoder()
        encoder.push(symbols, model)
        return encoder.finish()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(work, range(12)))) == 1


@pytest.mark.parametrize("threads", [1, 4])
def test_the_first_error_is_raised_as_from_one_call(threads):
    bad = [*SEGMENTS[:2], np.array([16]), np.array([0.5]), *SEGMENTS[4:]]
    with pytest.raises(ValueError, match="symbols"):
        encode_segments(bad, MODELS[0], threads=threads)
    streams = encode_segments(SEGMENTS, MODELS[0])
    for wrong in (streams[0][:-1], b"\0", streams[0] + b"\0\0\0\0"):
        with pytest.raises(BitstreamError):
            decode_segments(
                [streams[1], wrong, *streams[2:]], [SHAPES[1], SHAPES[0], *SHAPES[2:]], MODELS[0], threads=threads
            )
    with pytest.raises(ValueError, match="contexts"):
        encode_segments(SEGMENTS, MODELS[0], [np.full(s.shape, 3) for s in SEGMENTS], threads=threads)


def test_bad_arguments():
    streams = encode_segments(SEGMENTS, MODELS[0])
    with pytest.raises(ValueError, match="contexts"):
        encode_segments(SEGMENTS, MODELS[0], CONTEXTS[1:])
    with pytest.raises(ValueError, match="shapes"):
        decode_segments(streams, SHAPES[1:], MODELS[0])
    with pytest.raises(ValueError, match="contexts"):
        decode_segments(streams, SHAPES, MODELS[0], CONTEXTS[1:])
    for threads in (0, -1):
        with pytest.raises(ValueError, match="threads"):
            encode_segments(SEGMENTS, MODELS[0], threads=threads)
    with pytest.raises(TypeError, match="threads"):
        encode_segments(SEGMENTS, MODELS[0], threads=1.5)
    with pytest.raises(TypeError, match="model"):
        encode_segments(SEGMENTS, "model")
    with pytest.raises(TypeError, match="model"):
        decode_segments(streams, SHAPES, None)
    with pytest.raises(TypeError, match="coder"):
        encode_segments(SEGMENTS, MODELS[0], coder=RansStack)
