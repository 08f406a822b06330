"""Committed bytes: what an old release wrote, every later one reads, and writes again in the same way."""

import importlib.util
import re
from pathlib import Path

import pytest

from pyggc.container import Container, Header, Limits, Section, read_container

GOLDEN = Path(__file__).parents[1] / "golden"
SPECIFICATION = Path(__file__).parents[2] / "docs" / "spec_container.rst"
NO_LIMITS = Limits(max_pixels=2**64, max_image_bytes=2**70, max_gaussians=2**32)


def load_maker():
    spec = importlib.util.spec_from_file_location("make_container", GOLDEN / "make_container.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = load_maker()


def test_every_case_has_its_file_and_every_file_its_case():
    assert {path.stem.removeprefix("container_") for path in GOLDEN.glob("container_*.hex")} == set(MAKER.CASES)


@pytest.mark.parametrize("name", MAKER.CASES)
def test_golden_bytes_read_as_the_case_and_the_case_writes_them(name):
    golden = bytes.fromhex((GOLDEN / f"container_{name}.hex").read_text())
    case = MAKER.CASES[name]
    assert read_container(golden, NO_LIMITS) == case
    assert MAKER.serialize(case) == golden


def test_the_example_of_the_specification():
    lines = re.findall(r"^   [0-9a-f]{2}  ((?:[0-9a-f]{2} ?)+)$", SPECIFICATION.read_text(), re.MULTILINE)
    example = Container(
        Header(width=2, height=1, num_gaussians=1, channels=1), None, (Section("COLR", b"\xde\xad\xbe\xef"),)
    )
    assert bytes.fromhex("".join(lines)) == MAKER.serialize(example)
