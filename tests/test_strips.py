"""Decoding strip by strip: the same pixels as all at once, in the memory of one strip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyggc import Limits, decode, decode_strips, encode
from pyggc.errors import LimitExceeded, TruncatedStream

STRIPS: list[dict[str, Any]] = [
    {},
    {"size": (31, 57)},
    {"size": (190, 130), "region": (11, 7, 90, 101)},
    {"size": (9, 7), "supersample": 2, "dtype": "uint16"},
    {"region": (5, 3, 20, 17), "dtype": "float32"},
]


@pytest.mark.parametrize("arguments", STRIPS)
@pytest.mark.parametrize("name", ["photo_gray8", "photo_rgb8", "photo_rgba16"])
def test_strips_make_up_the_image(name: str, arguments: dict[str, Any]) -> None:
    stream = (Path(__file__).parent / "golden" / f"{name}.ggc").read_bytes()
    whole = decode(stream, **arguments)
    for rows in (1, 16, 1000):
        strips = list(decode_strips(stream, rows=rows, **arguments))
        assert all(len(strip) == rows for strip in strips[:-1])
        np.testing.assert_array_equal(np.concatenate(strips), whole)


def test_strips_are_checked_before_the_first_one() -> None:
    stream = encode(np.zeros((30, 40), np.uint8), num_gaussians=1, effort=1)
    with pytest.raises(ValueError, match="rows must be at least 1, not 0"):
        decode_strips(stream, rows=0)
    with pytest.raises(TruncatedStream):
        decode_strips(stream[:-1])
    with pytest.raises(ValueError, match="region"):
        decode_strips(stream, region=(0, 0, 41, 30))
    # An image may be larger than its strips may be.
    small = Limits(max_image_bytes=40 * 8)
    assert len(list(decode_strips(stream, rows=8, limits=small))) == 4
    with pytest.raises(LimitExceeded, match=r"9 rows of the output at 40x30.*bytes of decoded image"):
        decode_strips(stream, rows=9, limits=small)
    with pytest.raises(LimitExceeded):
        decode(stream, limits=small)


def test_it_is_the_output_that_must_not_be_too_large() -> None:
    stream = encode(np.zeros((30, 40), np.uint8), num_gaussians=1, effort=1)
    with pytest.raises(LimitExceeded, match=r"the output at 30000x30000.*found 900000000"):
        decode(stream, size=(30000, 30000))
    assert decode(stream, size=(30000, 30000), region=(5, 6, 7, 8)).shape == (8, 7)
    assert decode(stream, size=(4, 3), limits=Limits(max_image_bytes=12)).shape == (3, 4)
