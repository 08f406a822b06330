"""The mutations of `hostile_files`, with Hypothesis and without: an image or a `GgcError`."""

from __future__ import annotations

import random

import bombs
import hostile_files
import pytest
from hostile_files import HostileFile, Parts, repaired
from hypothesis import given
from strategies import damaged_files

from pyggc import GaussianDecoder, Limits, decode
from pyggc.container import read_container, read_header
from pyggc.errors import GgcError, LimitExceeded

SMALL = Limits(max_pixels=2**16, max_gaussians=2**13, max_render_work=2**20)
SEEDS = hostile_files.seeds()
NAMES = [tag.decode() for tag in hostile_files.TAGS]


def outcome(data: bytes, limits: Limits = SMALL) -> str:
    """What all entries agree on: "decoded", or the error's name. Anything but a `GgcError` goes through."""
    try:
        gaussians, about = GaussianDecoder(limits).loads(data)
    except GgcError as error:
        with pytest.raises(type(error)):
            decode(data, limits=limits)
        return type(error).__name__
    assert len(gaussians) == about["num_gaussians"] == read_container(data, limits).header.num_gaussians
    try:
        image = decode(data, limits=limits)
    except LimitExceeded:
        return "LimitExceeded"
    except GgcError as error:
        if about["residual"] == "none":
            raise
        return type(error).__name__
    assert image.shape == read_header(data).shape
    return "decoded"


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_come_apart_and_together_again(name: str) -> None:
    assert repaired(Parts.of(SEEDS[name]).join()) == SEEDS[name]


def test_seeds_decode_or_are_containers_alone() -> None:
    for name, data in SEEDS.items():
        assert (outcome(data) == "decoded") is not name.startswith("container"), name


@pytest.mark.parametrize("name", SEEDS)
def test_every_truncation_is_refused(name: str) -> None:
    for size in range(len(SEEDS[name])):
        assert outcome(SEEDS[name][:size]) != "decoded"


@pytest.mark.parametrize("name", SEEDS)
def test_every_truncation_with_repaired_checksums_is_refused(name: str) -> None:
    for size in range(hostile_files.HEADER + hostile_files.FOOTER, len(SEEDS[name])):
        assert outcome(repaired(SEEDS[name][:size])) != "decoded"


@given(damaged_files(repair=False))
def test_damage_is_refused_unless_it_is_none(file: HostileFile) -> None:
    assert outcome(file.data) != "decoded" or file.data in SEEDS.values()


@given(damaged_files(repair=True))
def test_damage_with_repaired_checksums(file: HostileFile) -> None:
    assert outcome(file.data) != "ChecksumMismatch"


def test_every_mutation_reaches_beyond_the_checksums() -> None:
    """A battery is worth what its mutations reach: each refuses in some places, and together they do in all."""
    places: dict[str, set[str]] = {}
    for number in range(3000):
        file = hostile_files.make(random.Random(number), repair=True, bombs=False)
        try:
            decode(file.data, limits=SMALL)
        except GgcError as error:
            places.setdefault(file.mutation, set()).add(str(error).split(" at byte")[0])
    assert places.keys() == {*hostile_files.RAW, *hostile_files.STRUCTURED}
    assert {"header", "section table", "metadata", *(f"section {name}" for name in NAMES)} <= set().union(
        *places.values()
    )
    for name in ("edited_section", "random_section", "plan"):
        assert len([place for place in places[name] if place.startswith("section ")]) >= 2


@pytest.mark.parametrize("number", range(40))
def test_bombs_are_refused_or_small(number: int) -> None:
    rng = random.Random(number)
    for bomb in bombs.BOMBS.values():
        data = bomb(rng)
        assert len(data) < 2**14
        outcome(data)


def test_a_work_bomb_of_a_few_bytes() -> None:
    """Layer upon layer over the largest image: a few bytes more would be an hour more."""
    for count in (33, 200, 2000):
        data = bombs.layers(7680, 4320, 4, 16, count)
        assert len(data) < 3000
        with pytest.raises(LimitExceeded, match=r"pixel evaluations to render, found \d+"):
            decode(data)


def test_a_file_of_few_bytes_declares_few_gaussians() -> None:
    data = bombs.crowd(2**20)
    assert len(data) < 10_000
    with pytest.raises(LimitExceeded, match="at most 8 Gaussians for each byte of the file, found 1"):
        decode(data)
    assert len(GaussianDecoder(Limits(max_gaussians_a_byte=2**20)).loads(data)[0]) == 2**20
