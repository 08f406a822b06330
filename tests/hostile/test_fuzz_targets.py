"""The fuzz targets, without a fuzzer: each takes its first files and some mutations of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from targets import TARGETS, write_seeds


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_seeds_and_mutations_of_them(name: str) -> None:
    target, rng = TARGETS[name], random.Random(name)
    seeds = list(target.seeds())
    assert seeds
    for data in seeds:
        target.run(data)
    for _ in range(60):
        data = rng.choice(seeds)
        for _ in range(rng.choice((1, 1, 2))):
            data = target.mutate(data, 4096, rng.randrange(2**31)) if target.mutate else rng.randbytes(len(data))
        assert len(data) <= 4096
        target.run(data)


@pytest.mark.parametrize("name", TARGETS)
def test_the_same_mutation_comes_again(name: str) -> None:
    target = TARGETS[name]
    if target.mutate is not None:
        data = target.seeds()[0]
        assert target.mutate(data, 4096, 5) == target.mutate(data, 4096, 5)


def test_seeds_are_written(tmp_path: Path) -> None:
    write_seeds("header", tmp_path / "header")
    assert len(list((tmp_path / "header").iterdir())) == len(TARGETS["header"].seeds())
