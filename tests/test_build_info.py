"""`pyggc.build_info`."""

from __future__ import annotations

import numpy as np
import pytest

import pyggc
from pyggc._build_info import BuildInfo, build_info


def test_tells_what_was_built() -> None:
    info = build_info()
    assert set(info) == set(BuildInfo.__annotations__)
    assert info["version"] == pyggc.__version__
    assert info["numpy"] == np.__version__
    assert info["simd_variants"][0] == "baseline"
    assert info["simd"] in info["simd_variants"]
    assert info["openmp"] or info["max_threads"] == 1
    assert int(info["cython"].split(".")[0]) >= 3
    assert info["compiler"] != "unknown"


def test_variant_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variant in build_info()["simd_variants"]:
        monkeypatch.setenv("PYGGC_SIMD", variant)
        assert build_info()["simd"] == variant
    monkeypatch.setenv("PYGGC_SIMD", "mmx")
    with pytest.raises(ValueError, match="PYGGC_SIMD=mmx"):
        build_info()
