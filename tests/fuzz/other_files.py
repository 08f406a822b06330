"""Hostile files of the other kinds with code of our own: Gaussians in ``.npz``, images in ``.npy`` and PNG."""

from __future__ import annotations

import io
import random
import struct
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path

import hostile_files
import numpy as np
from PIL import Image

from pyggc import Gaussians2D
from pyggc.imagefile import format_image

PNG = b"\x89PNG\r\n\x1a\n"


@cache
def npz_seeds() -> dict[str, bytes]:
    """Files that `Gaussians2D.save` writes: with and without opacities and size, and of none."""
    one = ([[1.0, 2.0]], [[1.0, 1.0, 0.0]], [[0.5, 0.25, 1.0]])
    kinds = {
        "plain": Gaussians2D(*one),
        "sized": Gaussians2D(*one, opacities=[0.5], width=4, height=3),
        "empty": Gaussians2D(np.zeros((0, 2)), np.zeros((0, 3)), np.zeros((0, 1)), width=1, height=1),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gaussians.npz")
        files = {}
        for name, gaussians in kinds.items():
            gaussians.save(path)
            files[name] = path.read_bytes()
    return files


@cache
def image_seeds() -> dict[str, bytes]:
    """Small images of the formats and depths with code of their own."""
    rng = np.random.default_rng(0)
    arrays = {"gray8": rng.integers(0, 256, (5, 7), np.uint8), "color16": rng.integers(0, 65536, (4, 5, 3), np.uint16)}
    arrays["alpha16"] = rng.integers(0, 65536, (3, 4, 4), np.uint16)
    files = {f"png_{name}": format_image(pixels, ".png") for name, pixels in arrays.items()}
    files |= {f"npy_{name}": format_image(pixels, ".npy") for name, pixels in arrays.items()}
    files["npy_float"] = format_image(np.ones((2, 3, 3), np.float32), ".npy")
    # Gray of 16 bits with alpha, which Pillow does not write: the samples of the PNG above under another color type.
    files["png_gray_alpha16"] = _png_chunks_changed(files["png_alpha16"], {b"IHDR": _as_gray_alpha})
    palette = Image.fromarray(arrays["gray8"]).convert("P")
    output = io.BytesIO()
    palette.save(output, "PNG", transparency=3)
    files["png_palette"] = output.getvalue()
    return files


def _as_gray_alpha(header: bytes) -> bytes:
    width, *rest = struct.unpack(">IIBBBBB", header)
    rest[2] = 4
    return struct.pack(">IIBBBBB", 2 * width, *rest)


def _png_chunks_changed(data: bytes, changes: dict[bytes, object]) -> bytes:
    """The same PNG file with the contents of chunks changed, and right checksums."""
    out, at = bytearray(PNG), len(PNG)
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + size]
        change = changes.get(name)
        if callable(change):
            content = change(content)
        out += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        at += 12 + size
    return bytes(out)


def remade_npz(data: bytes, max_size: int, seed: int) -> bytes:
    """Damage to a member of an archive, with checksums that say it is well; else to the bytes as they are."""
    rng = random.Random(seed)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
        name = rng.choice(list(members))
        members[name] = _damaged(rng, members[name])
        if rng.randrange(8) == 0:
            members[rng.choice(("size.npy", "opacities.npy", "means.npy"))] = members.pop(name)
        output = io.BytesIO()
        with zipfile.ZipFile(output, "w", rng.choice((zipfile.ZIP_STORED,) * 7 + (zipfile.ZIP_DEFLATED,))) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return output.getvalue()[:max_size]
    except Exception:  # what the fuzzer made of an archive need not be one
        return _damaged(rng, data)[:max_size]


def remade_image(data: bytes, max_size: int, seed: int) -> bytes:
    """Damage to a chunk of a PNG file, with checksums that say it is well; of other files, to their bytes."""
    rng = random.Random(seed)
    if not data.startswith(PNG) or rng.randrange(4) == 0:
        return _damaged(rng, data)[:max_size]
    name = rng.choice((b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"iCCP"))
    return _png_chunks_changed(data, {name: lambda content: _damaged(rng, content)})[:max_size]


def _damaged(rng: random.Random, data: bytes) -> bytes:
    # The header of an array is text: a digit for a digit reaches further than another bit.
    digits = [i for i, byte in enumerate(data[:200]) if 48 <= byte < 58]
    if digits and rng.randrange(3) == 0:
        damaged = bytearray(data)
        damaged[rng.choice(digits)] = rng.choice(b"0123456789-")
        return bytes(damaged)
    mutations = ("truncate", "flip_bits", "set_bytes", "insert", "delete")
    return hostile_files.RAW[rng.choice(mutations)](rng, data)
