"""Coefficients that every release must give; ``tests/golden/make_transforms.py`` has made them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyggc._native import _transforms
from pyggc.transforms import DCT, samples

FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN: dict[str, Any] = json.loads((FOLDER / "transforms.json").read_text())

#: Other orders of operations differ by rounding only: by so much on 9 bits.
TOLERANCES = {4: 3, 8: 4, 16: 6, 32: 7}


def maker() -> Any:
    spec = importlib.util.spec_from_file_location("make_transforms", FOLDER / "make_transforms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("size", TOLERANCES)
@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_vectors(size: int, dtype: str) -> None:
    rows = {name: np.array(values, dtype) for name, values in GOLDEN["vectors"][str(size)].items()}
    y = DCT(size).forward(rows["in"])
    assert (y == rows["out"]).all()
    assert (DCT(size).inverse(y) == rows["in"]).all()
    assert np.abs(y - rows["daala"]).max() <= TOLERANCES[size]


@pytest.mark.parametrize("variant", _transforms.variants())
def test_digests(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "VARIANT", variant)
    assert maker().digests() == GOLDEN["digests"]
