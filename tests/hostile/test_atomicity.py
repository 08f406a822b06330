"""Ctrl-C, a full disk and a folder that vanishes: nothing is left half written, and one line says what went wrong."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pyggc
from pyggc import GaussianEncoder, Gaussians2D, cli
from pyggc.container import atomic_write

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(pyggc.__path__[0]).resolve().parent)}
OLD = b"what was there before"

GAUSSIANS = Gaussians2D(np.ones((50, 2)), np.ones((50, 3)), np.ones((50, 3)), width=9, height=9)


def encoder() -> GaussianEncoder:
    made = GaussianEncoder(num_gaussians=40, effort=1, threads=1)
    made.fit(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))
    return made


WRITERS: dict[str, Callable[[Path], object]] = {
    "atomic_write": lambda path: atomic_write(path, bytes(5000)),
    "Gaussians2D.save": GAUSSIANS.save,
    "GaussianEncoder.save": lambda path: encoder().save(path),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a photograph, a file of it, and what is to be replaced."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save("photo.png")
    Path("photo.ggc").write_bytes(pyggc.encode(pixels, num_gaussians=40, effort=1, threads=1))
    (tmp_path / "out").mkdir()
    for name in ("old.ggc", "old.png"):
        (tmp_path / "out" / name).write_bytes(OLD)
    return tmp_path


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: Python ignores the signal, and the write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def assert_untouched(folder: Path) -> None:
    assert sorted(os.listdir(folder / "out")) == ["old.ggc", "old.png"]
    assert {path.read_bytes() for path in (folder / "out").iterdir()} == {OLD}
    assert not [name for name in os.listdir(folder) if name.endswith("tmp")]


# ---------------------------------------------------------------------------------------------------- the library


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_old_file(name: str, folder: Path) -> None:
    for size in (0, 1, 100):
        for target in ("old.ggc", "new.ggc"):
            with disk_of(size), pytest.raises(OSError, match="File too large"):
                WRITERS[name](folder / "out" / target)
            assert_untouched(folder)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_folder_that_vanishes_under_the_write(
    name: str, step: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(os, step)

    def vanish_then(*arguments: object) -> None:
        shutil.rmtree(folder / "out")
        real(*arguments)

    monkeypatch.setattr(os, step, vanish_then)
    with pytest.raises(FileNotFoundError):
        WRITERS[name](folder / "out" / "new.ggc")
    monkeypatch.undo()
    assert sorted(os.listdir(folder)) == ["photo.ggc", "photo.png"]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), OSError(28, "No space left on device")])
def test_an_interruption_of_any_step(
    name: str, error: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    write = WRITERS[name]
    for step in ("fsync", "chmod", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, fail)
            with pytest.raises(type(error)):
                write(folder / "out" / "old.ggc")
        assert_untouched(folder)


def test_a_folder_that_may_be_written_but_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is complete, so that its folder cannot be synced is no failure."""
    real = os.open

    def refuse_folders(path: object, *arguments: int, **options: object) -> int:
        if path == str(folder / "out"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse_folders)
    atomic_write(folder / "out" / "old.ggc", b"new")
    assert (folder / "out" / "old.ggc").read_bytes() == b"new"


def test_saved_gaussians_have_the_permissions_of_any_new_file(folder: Path) -> None:
    GAUSSIANS.save(folder / "out" / "new.npz")
    (folder / "plain").touch()
    assert (folder / "out" / "new.npz").stat().st_mode == (folder / "plain").stat().st_mode


# ---------------------------------------------------------------------------------------------------- the command

COMMANDS = {
    "encode": ["encode", "photo.png", "-o", "out/old.ggc", "--num-gaussians", "40", "--effort", "1", "--quiet"],
    "decode": ["decode", "photo.ggc", "-o", "out/old.png"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_on_a_full_disk(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with disk_of(20):
        code = cli.main(COMMANDS[command])
    assert code == 5
    name = COMMANDS[command][3]
    assert capsys.readouterr().err == f"gaussian-codec: error: {name}: cannot be written: File too large\n"
    assert_untouched(folder)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_folder_vanishes_during_the_work(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was there when the output was chosen, and is not when the output is written."""
    real = cli.write_output

    def vanish_then(name: str, data: bytes) -> None:
        shutil.rmtree(folder / "out")
        real(name, data)

    monkeypatch.setattr(cli, "write_output", vanish_then)
    assert cli.main(COMMANDS[command]) == 5
    error = capsys.readouterr().err
    assert error.startswith(f"gaussian-codec: error: {COMMANDS[command][3]}: cannot be written: ")
    assert error.count("\n") == 1
    assert sorted(os.listdir(folder)) == ["photo.ggc", "photo.png"]


# A real process stops at a step, says so, and goes on when it is interrupted.
STOPPING = """
import os, sys, time
import pyggc.codec.decoder, pyggc.rate.search
from pyggc import cli

def stopping(real):
    def call(*arguments, **options):
        result = real(*arguments, **options)
        os.write(1, b"here\\n")
        time.sleep(60)
        return result
    return call

{step} = stopping({step})
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("command", "step"),
    [
        ("encode", "cli.GaussianEncoder.fit"),
        ("encode", "cli.GaussianEncoder.to_bytes"),
        ("encode", "os.fsync"),
        ("decode", "pyggc.codec.decoder.read_levels"),
        ("decode", "pyggc.codec.drawing.rasterize"),
        ("decode", "cli.format_image"),
        ("decode", "os.fsync"),
    ],
)
def test_ctrl_c_in_the_middle(command: str, step: str, folder: Path) -> None:
    script = [sys.executable, "-c", STOPPING.format(step=step), *COMMANDS[command]]
    with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"here\n"
        if step == "os.fsync":  # The whole content is there, under its temporary name.
            assert len(os.listdir(folder / "out")) == 3
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr.read() == b"gaussian-codec: error: interrupted: no file is left half written\n"
    assert_untouched(folder)


def test_ctrl_c_at_any_moment_of_a_real_encode(folder: Path) -> None:
    """Nothing is patched: the signal comes when it comes, once the fit has begun."""
    command = [sys.executable, "-m", "pyggc.cli", "encode", "photo.png", "-o", "out/old.ggc", "--progress"]
    command += ["--quality", "60", "--effort", "9", "--max-time", "60"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stderr is not None
        assert process.stderr.read(1) == b"\r"
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert rest.endswith(b"gaussian-codec: error: interrupted: no file is left half written\n")
    assert b"Traceback" not in rest
    assert_untouched(folder)
