"""What all tests share: the Hypothesis profiles and a line that tells what is tested."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

import pyggc

# A program for Atheris, which only "make fuzz" installs; pytest would import it to look for doctests.
collect_ignore = ["fuzz/fuzz.py"]

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


def pytest_report_header() -> str:
    """Name the folder under test, so that a log shows whether it was the installed package."""
    return f"pyggc: {pyggc.__path__[0]}"
