"""The scripts of benchmarks/ run: on a tiny image, with the least settings. What they measure is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

SCRIPTS = {
    "rd.py": [
        "--counts",
        "5",
        "40",
        "--effort",
        "1",
        "--points",
        "4",
        "--peers",
        "jpeg,jpeg444,jpeg2000,webp,avif,jxl",
    ],
    "speed.py": [
        *("--rounds", "1", "--count", "20", "--iterations", "2", "--quality", "20", "--efforts", "1", "--effort", "1"),
        *("--megapixels", "0.01", "--memory-quality", "20"),
    ],
    "fit.py": [
        *("--count", "20", "--marks", "2", "--quality", "20", "--most-iterations", "20", "--efforts", "1"),
        *("--part", "optimizers", "inits", "target", "files", "efforts"),
    ],
    "entropy.py": ["--symbols", "2000", "--rounds", "1", "--runs", "1", "--count", "10"],
    "sets.py": ["--counts", "20", "40"],
    "transforms.py": ["--samples", "1024", "--rounds", "1", "--part", "speed", "small", "color", "facts"],
    "lossless.py": ["--tile", "32"],
    "residual.py": ["--effort", "1", "--rounds", "1", "--quality", "24"],
}
IMAGE_OPTION = {"entropy.py"}
NO_IMAGE = {"transforms.py"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "waves.png"
    y, x, c = np.mgrid[:48, :64, :3]
    waves = 127.5 + 90.0 * np.sin(x / 6.0 + c) * np.cos(y / 5.0) + 30.0 * ((x + y) % 37 > 18)
    Image.fromarray(np.clip(waves, 0, 255).astype(np.uint8)).save(path)
    return path


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script: str, image: Path, tmp_path: Path) -> None:
    found = tmp_path / "out.json"
    images = [] if script in NO_IMAGE else ["--image", str(image)] if script in IMAGE_OPTION else [str(image)]
    run(script, *images, "--json", str(found), *SCRIPTS[script])
    results: dict[str, Any] = json.loads(found.read_text())
    assert results.pop("command")
    assert results.pop("circumstances")["versions"]["pyggc"]
    assert all(results.values())


def test_figures_on_the_standard_output() -> None:
    results = json.loads(run("entropy.py", "--part", "stream", "--symbols", "2000", "--runs", "1", "--json", "-"))
    assert [row["symbols"] for row in results["stream"]] == [100, 1000, 10_000]


def test_curves_made_before(image: Path, tmp_path: Path) -> None:
    curve = [[0.5, 12.0], [4.0, 45.0]]
    one, many = tmp_path / "one.json", tmp_path / "many.json"
    one.write_text(json.dumps({"images": {"waves.png": curve}}))
    many.write_text(json.dumps({"images": {"waves.png": {"theirs": curve, "lossless": {"png": 9.0}}}}))
    out = tmp_path / "out.json"
    printed = run(
        *("rd.py", str(image.parent), "--peers", "", "--counts", "5", "20", "--effort", "1", "--json", str(out)),
        *("--most-bpp", "4"),
        *(
            "--peers-json",
            str(one),
            "Published",
            "--peers-json",
            str(many),
            "theirs",
            "--plot",
            str(tmp_path / "a.png"),
        ),
    )
    rates = json.loads(out.read_text())["bd_rates"]["waves.png"]
    assert rates["Published"] == rates["theirs"] is not None
    assert (tmp_path / "a.png").exists() or "matplotlib is not installed" in printed


def test_memory_of_a_child_is_its_own(image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    run(
        "speed.py", str(image), "--part", "memory", "--megapixels", "0.01", "--memory-quality", "20", "--json", str(out)
    )
    for row in json.loads(out.read_text())["memory"]:
        assert row["peak MB"] >= row["MB before"] > 10.0
