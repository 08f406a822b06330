"""What is fuzzed: one function for each entry to a decoder, which takes bytes and may raise nothing.

Where an entry takes more than bytes, the bytes steer the Hypothesis strategies of the tests.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import hostile_files
import numpy as np
import other_files
from compact_strategies import plans
from entropy_strategies import Batch, Script, any_models, range_scripts, scripts
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tree_strategies import tree_models

from pyggc import GaussianDecoder, Gaussians2D, Limits, decode, decode_strips
from pyggc._native import _residual
from pyggc.container import ByteReader, Header, Section, read_container, read_header, write_container
from pyggc.container.compact import read_levels
from pyggc.container.metadata import read_metadata, write_metadata
from pyggc.entropy import (
    BoolDecoder,
    DyadicModel,
    EscapedInteger,
    HybridInteger,
    RangeDecoder,
    RansDecoder,
    RansStack,
    StaticModel,
    TreeModel,
    pop_adapted,
    pop_cdfs,
    pop_set,
    push_set,
    unpack_bits,
)
from pyggc.entropy.coders.base import Decoder
from pyggc.entropy.models import Model
from pyggc.errors import BitstreamError, GgcError, PartialImageWarning
from pyggc.imagefile import UnreadableImage, parse_image
from pyggc.residual import GRAY, LayerReader, decode_lossless_tile, encode_lossless_tile, packed
from pyggc.residual.transform import encode_tile

#: Of a tile that `transformed` reads.
TILE_STEPS = np.full((4, 8), 300, np.int32)

#: What `lossless` reads before a tile: of 16 x 16 pixels of 3 channels of 16 bits.
LOSSLESS_FORM = bytes([15, 15, 2, 1])

#: A fuzzer tries more of what is short.
LIMITS = Limits(max_pixels=2**16, max_gaussians=2**13, max_render_work=2**20)


# ------------------------------------------------------------------------------------------- entries that take bytes


def header(data: bytes) -> None:
    """`read_header`."""
    with contextlib.suppress(GgcError):
        read_header(data)


def container(data: bytes) -> None:
    """`read_container`; what it takes can be written, and reads as the same."""
    try:
        found = read_container(data, LIMITS)
    except GgcError:
        return
    again = write_container(found.header, found.sections, found.metadata)
    assert read_container(again, LIMITS) == found


def metadata(data: bytes) -> None:
    """The metadata block; what it takes can be written, and reads as the same."""
    try:
        found = read_metadata(ByteReader(data, "metadata"), LIMITS)
    except GgcError:
        return
    assert read_metadata(ByteReader(write_metadata(found), "metadata"), LIMITS) == found


def lossless(data: bytes) -> None:
    """`decode_lossless_tile`: the first bytes choose the shape and type of the tile."""
    if len(data) < len(LOSSLESS_FORM):
        return
    height, width, channels, depth = data[: len(LOSSLESS_FORM)]
    shape, dtype = (1 + height % 64, 1 + width % 64, 1 + channels % 4), ("uint8", "uint16")[depth % 2]
    with contextlib.suppress(BitstreamError):
        found = decode_lossless_tile(data[len(LOSSLESS_FORM) :], shape, dtype)
        assert found.shape == shape
        assert found.dtype == dtype


def loads(data: bytes) -> None:
    """`GaussianDecoder.loads`; what it gives lies within the image."""
    try:
        gaussians, about = GaussianDecoder(LIMITS).loads(data)
    except GgcError:
        return
    size = np.array([about["width"], about["height"]])
    assert ((gaussians.means >= -0.5) & (gaussians.means <= size - 0.5)).all()


def pixels(data: bytes) -> None:
    """`decode`; the image has the shape and the samples that the header declares."""
    try:
        image = decode(data, limits=LIMITS, threads=1)
    except GgcError:
        return
    declared = read_header(data)
    assert image.shape == declared.shape
    assert image.dtype == declared.dtype


def partial_pixels(data: bytes) -> None:
    """`decode` of what may be cut off: the image, or its Gaussians and a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PartialImageWarning)
        try:
            image = decode(data, limits=LIMITS, threads=1, strict=False)
        except GgcError:
            return
    assert image.shape == read_header(data).shape


def scaled_pixels(data: bytes) -> None:
    """`decode` at another size, in strips."""
    with contextlib.suppress(GgcError):
        strips = list(decode_strips(data, rows=2, size=(5, 7), limits=LIMITS, threads=1))
        assert sum(map(len, strips)) == 7


def gaussians(data: bytes) -> None:
    """`Gaussians2D.load`; what it takes can be drawn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gaussians.npz")
        path.write_bytes(data)
        try:
            found = Gaussians2D.load(path)
        except BitstreamError:
            return
    found.render(3, 2)


def image(data: bytes) -> None:
    """`parse_image`, our own part of it: Pillow's are fuzzed elsewhere, but whatever they raise is ours to catch."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, 2**16
    try:
        found = parse_image(data).pixels
    except UnreadableImage:
        return
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    assert found.ndim == 2 or found.shape[2] in (3, 4)
    assert found.dtype.name in ("uint8", "uint16", "float32")


# ------------------------------------------------------------------------------ entries that take more: of strategies


def _model(arguments: dict[str, Any]) -> DyadicModel:
    return DyadicModel(arguments["num_symbols"], **{k: v for k, v in arguments.items() if k != "num_symbols"})


@given(st.binary(max_size=400), scripts(), st.sampled_from([1, 2, 4]))
def rans(data: bytes, script: tuple[list[dict[str, Any]], list[Batch]], states: int) -> None:
    """`RansDecoder` over any bytes: symbols in range, or a refusal."""
    models = [_model(arguments) for arguments in script[0]]
    try:
        decoder = RansDecoder(data, states)
        for batch in script[1]:
            if batch.model is None:
                values = decoder.pop_bits(batch.contexts)
                assert not (values.astype(np.uint64) >> batch.contexts.astype(np.uint64)).any()
            else:
                model = models[batch.model]
                assert (decoder.pop(len(batch.values), model, batch.contexts) < model.num_symbols).all()
        decoder.finish()
    except BitstreamError:
        return


@given(st.binary(max_size=400), scripts(), tree_models())
def boolean(data: bytes, script: tuple[list[dict[str, Any]], list[Batch]], tree: TreeModel) -> None:
    """`BoolDecoder` over any bytes: symbols in range, or a refusal."""
    models = [_model(arguments) for arguments in script[0]]
    try:
        decoder = BoolDecoder(data)
        for batch in script[1]:
            assert (decoder.pop(len(batch.values), tree, batch.contexts % tree.num_contexts) < tree.num_symbols).all()
            assert (decoder.pop_bools(1 + batch.contexts) <= 1).all()
            if batch.model is None:
                values = decoder.pop_bits(batch.contexts)
                assert not (values.astype(np.uint64) >> batch.contexts.astype(np.uint64)).any()
            else:
                model = models[batch.model]
                assert (decoder.pop(len(batch.values), model, batch.contexts) < model.num_symbols).all()
        decoder.pop_exp_golomb(len(data) % 4)
        decoder.finish()
    except BitstreamError:
        return


@given(st.binary(max_size=400), range_scripts())
def range_coder(data: bytes, script: Script) -> None:
    """`RangeDecoder` over any bytes, with models of any kind: symbols in range, or a refusal."""
    models = script.make()
    try:
        decoder = RangeDecoder(data, script.partition)
        for what, index, values, extra in script.calls:
            if what == "symbols":
                assert (decoder.pop(values.size, models[index], extra) < models[index].num_symbols).all()
            elif what == "bits":
                found = decoder.pop_bits(extra)
                assert not (found.astype(np.uint64) >> extra.astype(np.uint64)).any()
            else:
                decoder.pop_exp_golomb(values.size, index)
        decoder.finish()
    except BitstreamError:
        return


decoders = st.sampled_from(
    [BoolDecoder, RangeDecoder, *(partial(coder, states=s) for coder in (RansDecoder, RansStack) for s in (1, 2, 4))]
)


@given(st.binary(max_size=400), decoders, any_models(), st.integers(0, 200), st.data())
def models(
    data: bytes, open_stream: Callable[[bytes], Decoder], make: Callable[[], Model], count: int, draw: st.DataObject
) -> None:
    """Any coder with a model of any kind: symbols, adapted ones, CDFs and escaped integers out of any bytes."""
    model = make()
    m, contexts = model.num_symbols, model.num_contexts
    try:
        decoder = open_stream(data)
        for what in draw.draw(st.lists(st.sampled_from(["plain", "adapted", "cdfs", "escaped"]), max_size=4)):
            if what == "cdfs":
                assert (np.diff(pop_cdfs(decoder, m, contexts).astype(int)) > 0).all()
            elif what == "escaped":
                decoder.pop_integers(count, EscapedInteger(m, draw.draw(st.integers(0, 31))), model)
            elif what == "adapted" and isinstance(model, DyadicModel | StaticModel):
                assert (pop_adapted(decoder, count, model, np.arange(count) % contexts) < m).all()
            else:
                assert (decoder.pop(count, model, np.arange(count) % contexts) < m).all()
    except BitstreamError:
        return


splits = st.builds(
    lambda mantissa, exponent, more: HybridInteger(min(16, (1 << exponent) + more), 1 << exponent, mantissa),
    st.integers(0, 2),
    st.integers(2, 4),
    st.integers(0, 12),
)


@given(st.binary(max_size=400), splits, st.integers(0, 300))
def tokens(data: bytes, split: HybridInteger, count: int) -> None:
    """Hybrid integers out of any bytes."""
    try:
        decoder = RansDecoder(data)
        found = decoder.pop(count, DyadicModel(split.num_tokens))
        values = split.decode(found, decoder.pop_bits(split.num_extra_bits(found)))
    except BitstreamError:
        return
    assert (values <= split.max_value).all()


@given(st.binary(max_size=100), st.lists(st.integers(0, 64), max_size=40))
def bits(data: bytes, widths: list[int]) -> None:
    """`unpack_bits`: as many bits as there are bytes for."""
    try:
        values = unpack_bits(data, widths)
    except BitstreamError:
        return
    assert all(int(value) >> width == 0 for value, width in zip(values, widths, strict=True))


@given(st.binary(max_size=300), st.lists(st.integers(1, 300), min_size=1, max_size=4), st.integers(0, 2000))
def sets(data: bytes, sizes: list[int], count: int) -> None:
    """`pop_set` out of any bytes: rows in range and in order, which can be pushed back."""
    try:
        stack = RansStack(data)
    except BitstreamError:
        return
    before = stack.position
    rows = pop_set(stack, count, sizes)
    assert ((rows >= 0) & (rows < sizes)).all()
    assert (push_set(stack, rows, sizes) == np.arange(count)).all()
    assert stack.position == before


sides = st.one_of(st.integers(1, 40), st.sampled_from([64, 4096, 2**20 - 1]))


@given(
    plans(),
    sides,
    sides,
    st.sampled_from([1, 3, 4]),
    st.integers(0, 300),
    st.tuples(*[st.binary(max_size=300)] * 3),
    st.none() | st.binary(max_size=300),
)
def levels(
    plan: Any, width: int, height: int, channels: int, count: int, streams: tuple[bytes, ...], pixel_set: bytes | None
) -> None:
    """`read_levels` over any sections."""
    sections = [Section("PLAN", plan.to_bytes())]
    sections += [] if pixel_set is None else [Section("BITB", pixel_set)]
    sections += [Section(tag, data) for tag, data in zip(("POSN", "COLR", "CHOL"), streams, strict=True)]
    data = write_container(Header(width=width, height=height, num_gaussians=count, channels=channels), sections)
    unlimited = Limits(max_pixels=2**40, max_image_bytes=2**44)
    with contextlib.suppress(BitstreamError):
        found, quantizer = read_levels(read_container(data, unlimited))
        quantizer.position_exponents(found)


@given(
    st.binary(max_size=400),
    st.tuples(st.integers(1, 80), st.integers(1, 80), st.integers(1, 4)),
    st.sampled_from([np.uint8, np.uint16]),
    st.booleans(),
)
def residual(data: bytes, shape: tuple[int, int, int], dtype: Any, lossless: bool) -> None:
    """`LayerReader` over any bytes: an image, or a refusal."""
    height, width, channels = shape
    base = np.full(shape, GRAY, np.uint16)
    with contextlib.suppress(BitstreamError):
        reader = LayerReader(data, 0, (width, height), channels, 32, lossless=lossless)
        reader.decode(base, (0, 0, width, height), np.dtype(dtype), threads=1)


def transformed(data: bytes) -> None:
    """A tile of the transform, after a byte for its channels: all variants give the same, or refuse it alike."""
    shape = 40, 33, 1 + (data[0] & 3 if data else 0)
    base, found = np.full(shape, GRAY, np.uint16), set()
    for variant in range(len(_residual.variants())):
        out, message = np.zeros(shape, np.uint8), ""
        try:
            _residual.read_tiles([(data[1:], base, out, "tile")], TILE_STEPS[: shape[2]], variant, 1)
        except BitstreamError as error:
            message = str(error)
        found.add((out.tobytes(), message))
    assert len(found) == 1


# ------------------------------------------------------------------------------------------------------------ the table


class Target(NamedTuple):
    """The function, the bytes to begin with, and a mutation that a fuzzer would not come upon by itself."""

    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    mutate: Callable[[bytes, int, int], bytes] | None = None


def _files() -> Sequence[bytes]:
    return list(hostile_files.seeds().values())


def _metadata_blocks() -> Sequence[bytes]:
    return [parts.metadata for parts in map(hostile_files.Parts.of, _files()) if parts.metadata]


def _tiles() -> Sequence[bytes]:
    noise = np.random.default_rng(0).integers(0, 2**16, (16, 16, 3), dtype=np.uint16)
    tiles = [noise, noise >> 12, noise >> 8 << 8, np.full_like(noise, 9)]
    coded = [encode_lossless_tile(tile) for tile in tiles] + [b"\1" + packed.encode_tile(tile) for tile in tiles]
    return [LOSSLESS_FORM + data for data in coded]


def _noise() -> Sequence[bytes]:
    """For a strategy any bytes are as good: a few zeros and a few of every kind."""
    return [bytes(64), np.random.default_rng(0).bytes(400)]


def _transformed() -> Sequence[bytes]:
    y, x, c = np.mgrid[:40, :33, :4]
    samples = (x * 5 + y * 3 + c * 40 + (x * y) % 31 * (y // 16)).astype(np.uint8)
    found = []
    for channels in range(1, 5):
        part = np.ascontiguousarray(samples[..., :channels])
        coded, _, _ = encode_tile(part, np.full(part.shape, GRAY, np.uint16), TILE_STEPS[:channels], thorough=True)
        found.append(bytes([channels - 1]) + coded)
    return found


TARGETS = {
    "header": Target(header, _files, hostile_files.remade),
    "container": Target(container, _files, hostile_files.remade),
    "metadata": Target(metadata, _metadata_blocks),
    "loads": Target(loads, _files, hostile_files.remade),
    "pixels": Target(pixels, _files, hostile_files.remade),
    "partial_pixels": Target(partial_pixels, _files, hostile_files.remade),
    "scaled_pixels": Target(scaled_pixels, _files, hostile_files.remade),
    "lossless": Target(lossless, _tiles),
    "rans": Target(rans.hypothesis.fuzz_one_input, _noise),
    "boolean": Target(boolean.hypothesis.fuzz_one_input, _noise),
    "range": Target(range_coder.hypothesis.fuzz_one_input, _noise),
    "models": Target(models.hypothesis.fuzz_one_input, _noise),
    "tokens": Target(tokens.hypothesis.fuzz_one_input, _noise),
    "sets": Target(sets.hypothesis.fuzz_one_input, _noise),
    "bits": Target(bits.hypothesis.fuzz_one_input, _noise),
    "levels": Target(levels.hypothesis.fuzz_one_input, _noise),
    "residual": Target(residual.hypothesis.fuzz_one_input, _noise),
    "transformed": Target(transformed, _transformed),
    "gaussians": Target(gaussians, lambda: list(other_files.npz_seeds().values()), other_files.remade_npz),
    "image": Target(image, lambda: list(other_files.image_seeds().values()), other_files.remade_image),
}


def write_seeds(name: str, folder: str | os.PathLike[str]) -> None:
    """Write a target's first files into a folder."""
    os.makedirs(folder, exist_ok=True)
    for number, data in enumerate(TARGETS[name].seeds()):
        Path(folder, f"seed-{number}").write_bytes(data)
