"""A CUDA backend for the tests: on the simulator always, and on a GPU where one is."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from cuda_cases import Pretend
from fake_cupy import Cupy

from pyggc import backends


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretend]:
    """A function that puts another CuPy in place, and returns it; None is one that cannot be imported."""

    def replace(cupy: Cupy | None) -> Cupy | None:
        _forget()
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        return cupy

    yield replace
    _forget()


def _forget() -> None:
    sys.modules.pop("pyggc.backends.cuda", None)
    vars(backends).pop("cuda", None)
    for make in backends._BACKENDS.values():
        make.cache_clear()


@pytest.fixture(params=["simulated", pytest.param("gpu", marks=pytest.mark.gpu)])
def cuda(request: pytest.FixtureRequest) -> backends.Backend:
    """The backend of ``"cuda"``; a GPU's is kept from test to test, with the kernels that it has compiled."""
    if request.param == "simulated":
        request.getfixturevalue("pretend")(Cupy())
    return backends.get_backend("cuda")
