"""Committed tiles: what one release writes, later ones read, and write too where no library decides the bytes."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from tile_strategies import Tile

from pyggc.residual import packed, predictive


def made(kind: str, channels: int, dtype: str) -> Tile:
    """Tiles of 40 x 48 that need no random generator: of integers from a Weyl sequence."""
    high = int(np.iinfo(dtype).max)
    rows, columns, planes = np.indices((40, 48, channels))
    noise = np.arange(rows.size, dtype=np.uint64).reshape(rows.shape) * np.uint64(2654435769) % np.uint64(2**32)
    noise = (noise >> np.uint64(16)).astype(np.int64)
    values = {
        "noise": noise & high,
        "smooth": (rows * 40 + columns * 50 + planes * 9) * high // 8192 + (noise * high >> 22),
        "repeats": ((rows // 3 * 7 + columns // 2 * 5) % 6) * (high // 5) // (1 + planes),
        "scaled": (rows + columns + (noise >> 13)) % 32 * (high // 31),
    }[kind]
    return np.clip(values, 0, high).astype(dtype)


TILES = {
    f"{kind} {channels} {dtype}": (made(kind, channels, dtype), None)
    for kind in ("noise", "smooth", "repeats", "scaled")
    for channels in (1, 3, 4)
    for dtype in ("uint8", "uint16")
}
TILES["over a base"] = (made("smooth", 3, "uint8"), made("smooth", 3, "uint8") // 8 * 8)

# Length and SHA-256, its first half, of each stream; make_lossless.py prints them.
GOLDEN: dict[str, tuple[int, str]] = {
    "noise 1 uint8": (1276, "6998c4222ab886b3fa36d140554bffd5"),
    "noise 1 uint16": (4480, "746a5a54ea1df753396a1facbddb2982"),
    "noise 3 uint8": (4146, "2beff0cc07172efb68c95b576dc1ca85"),
    "noise 3 uint16": (11515, "d545a133142179ebca34d97cad78a811"),
    "noise 4 uint8": (5400, "33e831f80f0130ecb8615d23ead28c66"),
    "noise 4 uint16": (16933, "8fff251dfb83afc8ac15ec18266afa1c"),
    "smooth 1 uint8": (326, "f5a071f1860eb8d6640a770aa520a714"),
    "smooth 1 uint16": (2742, "390bc8b07f960a623e79c92ad9c9d9e5"),
    "smooth 3 uint8": (652, "5b97a152a3649f2d0d314e4cc08f95ce"),
    "smooth 3 uint16": (7384, "ef038f4f7f7ab44b6715bb0d222c1725"),
    "smooth 4 uint8": (1354, "f573c78732959d9c17f88a245312c4ba"),
    "smooth 4 uint16": (10340, "6b9d3273df8dbd005b77579eaac66703"),
    "repeats 1 uint8": (73, "0097d8589c0d347c01f9d38db989f3df"),
    "repeats 1 uint16": (75, "00b6b617ff4eccb8c469f4058b4b875a"),
    "repeats 3 uint8": (170, "043c203748338d0c55f0aa4780d3f60f"),
    "repeats 3 uint16": (184, "ba34b120c04a1fd3cb375f7bfa2177df"),
    "repeats 4 uint8": (267, "253e59bda0685b56aa53c99ed06487e1"),
    "repeats 4 uint16": (288, "49d5e65b6ba29bb31fc18efe3096331b"),
    "scaled 1 uint8": (416, "a8dcbd8350235c4ef2fc86aaeb1f3ea6"),
    "scaled 1 uint16": (418, "6adb60bba4f0d3ea8761bc74900e4fa7"),
    "scaled 3 uint8": (725, "4d75a0db503636c84e5eb88e4adbd986"),
    "scaled 3 uint16": (727, "e17c6a346e694480200bf80cf83a5bc5"),
    "scaled 4 uint8": (2280, "ce3f57bc7d79f99901b0bc06971c5ea4"),
    "scaled 4 uint16": (2282, "1b84696df2bfd26445765b8be8c4de87"),
    "over a base": (656, "05f04a63387f6c45853f270669474cb1"),
}

PREDICTIVE = (
    "00001a01cf530a4ba664046eba9bbaae9b2cfc48e6ec018337b7c9c4394911847776e8f233b0084b1f23191c57a479a7b36c"
    "183397d5172005fd30d71497e646200870831e8680"
)
PACKED = (
    "04050000333366669999ccccffffe0077f00310300006114c45485abb90fdca8be0e268cb3256de5266d2f4cb285e081dfec"
    "5f303772d5ab82ecf661284fcf8674ec3e3d000000"
)
PALETTE = (
    "0405000000331911663322994c33cc6644ff7f55e0077f00310300006114c45485abb90fdca8be0e268cb3256de5266d2f4c"
    "b285e081dfec5f303772d5ab82ecf661284fcf8674ec3e3d000000"
)


@pytest.mark.parametrize("name", TILES)
def test_predicted_tiles_are_written_as_before(name: str) -> None:
    samples, base = TILES[name]
    data = predictive.encode_tile(samples, base)
    assert (len(data), hashlib.sha256(data).hexdigest()[:32]) == GOLDEN[name]


def test_a_predicted_tile_is_read_as_before() -> None:
    expected = made("smooth", 3, "uint8")[:8, :10]
    assert (predictive.decode_tile(bytes.fromhex(PREDICTIVE), expected.shape, "uint8") == expected).all()


@pytest.mark.parametrize(("data", "channels", "dtype"), [(PACKED, 1, "uint16"), (PALETTE, 3, "uint8")])
def test_packed_tiles_are_read_as_before(data: str, channels: int, dtype: str) -> None:
    expected = made("repeats", channels, dtype)
    assert (packed.decode_tile(bytes.fromhex(data), expected.shape, dtype) == expected).all()
