"""Committed streams: what one release writes, every later one reads and writes too."""

from __future__ import annotations

import numpy as np
import pytest

from pyggc.entropy import DyadicModel, RansDecoder, RansEncoder, StaticModel
from pyggc.entropy.reference import ReferenceDecoder, ReferenceModel

# A sequence that needs no random generator: the digits of the Weyl sequence of the golden ratio, skewed.
WEYL = (np.arange(200, dtype=np.uint64) * np.uint64(2654435769) >> np.uint64(16)) & np.uint64(0xFFFF)
SKEWED = (WEYL * WEYL * WEYL >> np.uint64(44)).astype(np.uint8)  # 0 to 15, small ones first
CONTEXTS = (np.arange(200) // 7) % 3

GOLDEN = {
    "one": ({"num_symbols": 16}, 1, "4c001beef58756"),
    "single state": ({"num_symbols": 16}, 12, "d5578c37ceac5885f0b572adb0"),
    "steady": (
        {"num_symbols": 16, "rate": 5, "schedule": "steady"},
        200,
        (
            "283d11f85f4275c0e1c5ec1f0d2f44803f0389961c39f0c95f8bc4e9690514296482a6fffcba1340"
            "9548ca4cc278cd7ceeb236973aef0618d852f394f01ebe1f63497e00cd4edc9710dabda4f238bfa5"
            "97e8d1a7fd725ede0b1bce8b2d5bd1dc9e"
        ),
    ),
    "early": (
        {"num_symbols": 16, "rate": 5, "schedule": "early"},
        200,
        (
            "1fdf5879799ae08de8eff4a1e7c801078f167f122200484e7754246a74d926b207d5397ef06f4744"
            "0eb92d6f47c4307cd5f1f483fe38c60b779cc094756233235ecd0ca6fff44594c5c31c8368336c02"
            "0f02e210b3cae1dfd299be164fbbbf5c3b"
        ),
    ),
    "fast": (
        {"num_symbols": 16},
        200,
        (
            "015979d9c376920107a85531b0c633ae079ab4d0def7b1d9250ca57bd489ac25e3510522b62cf679"
            "d647530b614b62b3645d1c3e756b83f597155b4b40c7460e96c9acec3e31a329720aeb56e30156d1"
            "11e6bdc07202cc22a3ef01dc175e"
        ),
    ),
    "two rates": (
        {"num_symbols": 16, "num_contexts": 3, "rate": (4, 7)},
        200,
        (
            "02ff0e372d10549db6b202b0fd7b33725a4763a53914d7166d954080e8cf7ddc70f0c9abf95e9806"
            "7a2c7cd63ec2e68eaf8ac41f2be7ed2e6a57edd02d499323917b73987841fd11a11202db4c6a6990"
            "0667a82ed4c175128e19defbd13da86c618d606354"
        ),
    ),
}


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_streams(name):
    arguments, n, text = GOLDEN[name]
    symbols, contexts = SKEWED[:n], CONTEXTS[:n] % arguments.get("num_contexts", 1)
    encoder = RansEncoder()
    encoder.push(symbols, DyadicModel(**arguments), contexts)
    encoder.push_bits([5, 0xDEADBEEF], [3, 32])
    assert encoder.finish().hex() == text.replace(" ", "")

    decoder = RansDecoder(bytes.fromhex(text))
    assert (decoder.pop(n, DyadicModel(**arguments), contexts) == symbols).all()
    assert decoder.pop_bits([3, 32]).tolist() == [5, 0xDEADBEEF]
    decoder.finish()

    slow, model = ReferenceDecoder(bytes.fromhex(text)), ReferenceModel(**arguments)
    assert [slow.pop(model, c) for c in contexts.tolist()] == symbols.tolist()
    assert [slow.pop_bits(3), slow.pop_bits(32)] == [5, 0xDEADBEEF]
    slow.finish()


def test_adapted_cdf():
    """The CDF after ten symbols, in the three schedules; the draft's formulas by hand give the same."""
    expected = {
        "steady": [0, 12226, 19433, 27083, 32768],
        "early": [0, 12348, 19597, 27208, 32768],
        "fast": [0, 15641, 22344, 29046, 32768],
    }
    for schedule, cdf in expected.items():
        model = DyadicModel(4, rate=4, schedule=schedule)
        RansEncoder().push([0, 1, 2, 3, 0, 0, 1, 0, 0, 2], model)
        assert model.cdf_q15[0].tolist() == cdf


STATIC = [
    [0, 9000, 17000, 22000, 25000, 27000, 28500, 29500, 30300, 30900, 31400, 31800, 32100, 32300, 32500, 32700, 32768]
]

#: Streams of 60 symbols under a static model, and of the raw values and Exp-Golomb codes after them.
GOLDEN_STATES = {
    1: "7a8abb861b00002b1e422d9f9dc7c9491bfc6b6b9af1e4035e837ccd524c2f1bc24e",
    2: "0a7561247ba5ebdef9d8c596de6e64b66e89891ceef936e4122a192dbcdb26aa31202c",
    4: "9f31c4e27dc35d95fe20d78648c55cf404fd8c3a68f3fa5fdb3c0ba430872a02e02908e5",
}


@pytest.mark.parametrize("states", GOLDEN_STATES)
def test_streams_of_a_static_model(states):
    model = StaticModel(STATIC)
    encoder = RansEncoder(states)
    encoder.push(SKEWED[:60], model)
    encoder.push_bits(0xABCDE, 20)
    encoder.push_exp_golomb([0, 9, 1000], 2)
    data = encoder.finish()
    assert data.hex() == GOLDEN_STATES[states]
    decoder = RansDecoder(data, states)
    assert (decoder.pop(60, model) == SKEWED[:60]).all()
    assert decoder.pop_bits(20) == 0xABCDE
    assert decoder.pop_exp_golomb(3, 2).tolist() == [0, 9, 1000]
    decoder.finish()
