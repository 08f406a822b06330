"""Committed streams of the range coder: what one release writes, every later one reads and writes too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from entropy_strategies import KINDS

from pyggc.entropy import RangeDecoder, RangeEncoder, cdf_from_counts
from pyggc.entropy.reference import ReferenceRangeDecoder

# A sequence that needs no random generator: the digits of the Weyl sequence of the golden ratio, skewed.
WEYL = (np.arange(200, dtype=np.uint64) * np.uint64(2654435769) >> np.uint64(16)) & np.uint64(0xFFFF)
SKEWED = (WEYL * WEYL * WEYL >> np.uint64(44)).astype(np.uint8)  # 0 to 15, small ones first
CONTEXTS = (np.arange(200) // 7) % 3

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "dyadic": ("dyadic", {"num_symbols": 16, "num_contexts": 3}),
    "two rates": ("dyadic", {"num_symbols": 16, "num_contexts": 3, "rate": (4, 7)}),
    "frequency": ("frequency", {"num_symbols": 16, "num_contexts": 3, "limit": 100}),
    "wide": ("frequency", {"num_symbols": 200, "num_contexts": 3, "increment": 24, "limit": 65535}),
    "static": ("static", {"cdfs": cdf_from_counts([np.arange(32, 0, -1) ** 2] * 3).tolist()}),
}

GOLDEN = {
    ("multiply", "dyadic"): (
        "05b9af20f1632cf62e02122062585330fe44f819bbe5707ab20f430e494fbc8ca8689db11cf4beb2"
        "c9d8677f2b0990f4d520e0c93907b7e48054d807f32cb39b549f564755fd240e898e887be2c243a0"
        "04a62d1113d124279de1833cdf86c98b62d375f8"
    ),
    ("multiply", "two rates"): (
        "05b9af20f1632cf62e02122062585330fe44f819bc47874366d2cf62f962df36b9a5c2e31a9608de"
        "69023c17e8e51b986c1da8b96a555d75e07ae482a12edfda78d66b2b378718cf57ec24672534ff9b"
        "54d9a19e0fdf4e8f7771b3374f4180b6b8d6c7ae883b"
    ),
    ("multiply", "static"): (
        "05dd5ce55cf0947d1df2e1a93bea33c0cad8459461dff4e5187025cfa4b4b29f4582a2ec984b0a1c"
        "1fa0f601a838384e78853efe5a22c283b256559b49d64b26f22e52c0468f0fc88f57ed7bced9f0c9"
        "3c0768835181eb8c5695b199ad57b636f26b43dfbd844acbc3c0"
    ),
    ("multiply", "frequency"): (
        "048957b64163ba5c44161e8d39c93d77a4ba75c682dc3e972cf9187bdb7b7e430f8da727850c9dad"
        "3de020bea0986ae453894a06635994ab0f999d6b46bea252c0a6d2e0f3f1b4b19c4362ace7486dba"
        "043ab53fd42cc4510b16971f2b4d6efb33f8"
    ),
    ("division", "wide"): (
        "00278a85dcf73bbe132548fb74cc9640b4d0901393b1ae6f14f7c9ee1ee8aaf52bb4585bb0a2f545"
        "16d86b56a1b38c3ad1cf3337052216d2d638c8b33afba75d11574529f9b4fca8d605b23fb43f0f93"
        "4b7a427817bc5ef1a3a4a6973b7b6ee923f9fbb52e61ff0726f5d76a2c4c82133568c62b4c8c7ba1"
        "3f147e80"
    ),
    ("division", "static"): (
        "05dd6ce9e1ec61120a36fbb9352b5b7488f4b9dac63ef248688492558a214f8336885bb76cbdf1d3"
        "612788f68db3f42b9e48457849bf7d862d5aec63a01db5017158956a770aabcbadbf1434d898dc67"
        "0c0f3d09de60734ea37db04afc82d1933fbf1c7db1e7cb25df00"
    ),
    ("simple", "frequency"): (
        "0522a6c3a839460da0e44bb8af932e19824c828267cce58399a97675d68bd238cd07043f2ce49cd4"
        "c7726dd3227c3cc1bf100191a0adeb9e319ae7364983ce98a89288819de5caa6f69c851f83029734"
        "c14ad63d16605db2bd2bc36716e07edc3780"
    ),
    ("reduced", "frequency"): (
        "05227ad2a82aa206385532dfe328c8a4c49314a00db5f952e1ce2bb5f5a2f48e1b360f0eeb2fdd5a"
        "94a1ac5f892bef7a5638006ad0dd56d4d2973908dc814e96a924fcc13bc9154ae3d570c12bcf1a9d"
        "717363c62cbf78cffd82451acb01fb68de"
    ),
    ("reduced", "dyadic"): (
        "05c2aeb962ea20fe0110656ca897fd00129456545d70cbf8897d84a939d23b92570288f4b8f3fa54"
        "8f29ba823e0bbbba3a7ff4ee8658670032321dffdb028073f0a6507c8fe4b78737587703b4e72bd1"
        "a791229d12c0293e779836f1e64cf9a3b87596e8"
    ),
}


@pytest.mark.parametrize(("partition", "name"), sorted(GOLDEN))
def test_streams(partition, name):
    data = bytes.fromhex(GOLDEN[partition, name])
    kind, arguments = MODELS[name]
    fast, slow = KINDS[kind]

    encoder, model = RangeEncoder(partition), fast(**arguments)
    encoder.push(SKEWED[:100], model, CONTEXTS[:100])
    encoder.push_bits([5, 0xDEADBEEF], [3, 32])
    encoder.push_exp_golomb([0, 70000], 1)
    encoder.push(SKEWED[100:], model, CONTEXTS[100:])
    assert encoder.finish() == data

    decoder, model = RangeDecoder(data, partition), fast(**arguments)
    assert (decoder.pop(100, model, CONTEXTS[:100]) == SKEWED[:100]).all()
    assert decoder.pop_bits([3, 32]).tolist() == [5, 0xDEADBEEF]
    assert decoder.pop_exp_golomb(2, 1).tolist() == [0, 70000]
    assert (decoder.pop(100, model, CONTEXTS[100:]) == SKEWED[100:]).all()
    decoder.finish()

    reference_decoder, reference = ReferenceRangeDecoder(data, partition), slow(**arguments)
    assert [reference_decoder.pop(reference, c) for c in CONTEXTS[:100].tolist()] == SKEWED[:100].tolist()
    assert [reference_decoder.pop_bits(3), reference_decoder.pop_bits(32)] == [5, 0xDEADBEEF]
    assert [reference_decoder.pop_exp_golomb(1) for _ in range(2)] == [0, 70000]
    assert [reference_decoder.pop(reference, c) for c in CONTEXTS[100:].tolist()] == SKEWED[100:].tolist()
    reference_decoder.finish()


def test_counts():
    """The frequencies after a few symbols, which are halved three times."""
    model = KINDS["frequency"][0](4, limit=12)
    RangeEncoder("simple").push([0, 1, 2, 3, 0, 0, 1, 0, 0, 2], model)
    assert model.frequencies.tolist() == [[4, 2, 3, 1]]
