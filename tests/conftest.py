"""What all tests share: the Hypothesis profiles and a line that tells what is tested."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

import pyggc
from pyggc.backends import get_backend
from pyggc.errors import DeviceError

# Pytest would import them to look for doctests: a program for Atheris, which only "make fuzz" installs, and modules of
# one name, of which it could import but one.
collect_ignore = ["fuzz/fuzz.py", "conftest.py", "backends/conftest.py", "fit/conftest.py"]

# No deadline: a machine that is busy elsewhere must not fail a test.
settings.register_profile("default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=50,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def gpu() -> str:
    """The name of a CUDA device, or why there is none."""
    try:
        get_backend("cuda")
    except DeviceError as error:
        return f"none: {error}"
    import cupy

    return str(cupy.cuda.runtime.getDeviceProperties(0)["name"].decode())


GPU = gpu()


def pytest_report_header() -> str:
    """Name the folder under test, so that a log shows whether it was the installed package; and the GPU."""
    return f"pyggc: {pyggc.__path__[0]}\nGPU: {GPU}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a GPU where there is none; its twin on the simulator stays."""
    if GPU.startswith("none"):
        marked = [item for item in items if item.get_closest_marker("gpu")]
        items[:] = [item for item in items if item not in marked]
        config.hook.pytest_deselected(items=marked)
