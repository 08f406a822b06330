"""Committed sections decode to committed hashes, in the library and in the decoder of the specification's text."""

import importlib.util
import json
from pathlib import Path

import pytest
from residual_reference import decode_section

GOLDEN = Path(__file__).parents[1] / "golden"


def load_maker():
    spec = importlib.util.spec_from_file_location("make_residual", GOLDEN / "make_residual.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = load_maker()
ABOUT = json.loads((GOLDEN / "residual.json").read_text())


def test_every_case_has_its_section():
    assert ABOUT.keys() == MAKER.CASES.keys()


@pytest.mark.parametrize("name", MAKER.CASES)
def test_golden_sections_decode_to_golden_hashes(name):
    case, data = MAKER.CASES[name], bytes.fromhex(ABOUT[name]["section"])
    samples, base = MAKER.arrays_of(case)
    height, width, _ = case.shape
    decoded = case.reader(data).decode(base, (0, 0, width, height), case.dtype)
    assert MAKER.digest(decoded) == ABOUT[name]["sha256"]
    slow = decode_section(data, base, case.side, case.depth, lossless=case.plan is None)
    assert (slow == decoded).all()
    if case.plan is None:
        assert (decoded == samples).all()
