"""What the commands share: exit codes, errors of one line, input and output, the progress bar."""

from __future__ import annotations

import enum
import math
import os
import shutil
import sys
import time
from pathlib import Path
from typing import IO, Protocol

from pyggc.container import atomic_write

STANDARD = "-"


class Exit(enum.IntEnum):
    """The exit codes of ``gaussian-codec``."""

    OK = 0
    NOT_REACHED = 1
    USAGE = 2
    BAD_INPUT = 3
    BAD_STREAM = 4
    CANNOT_WRITE = 5
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends a command with an exit code and one line that says what to do."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


def say(message: str) -> None:
    """Write a line to standard error, which may be closed."""
    print(message, file=sys.stderr, flush=True)


def read_input(name: str) -> bytes:
    """Read a whole file, or standard input for "-"."""
    if not name:
        raise CommandError(Exit.BAD_INPUT, "the input's name is empty")
    if name == STANDARD and sys.stdin is None:
        raise CommandError(Exit.BAD_INPUT, "standard input is closed")
    try:
        data = sys.stdin.buffer.read() if name == STANDARD else Path(name).read_bytes()
    except FileNotFoundError:
        raise CommandError(Exit.BAD_INPUT, f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise CommandError(Exit.BAD_INPUT, f"{name} is a folder: name a file in it") from None
    except OSError as error:
        raise CommandError(Exit.BAD_INPUT, f"{name}: cannot be read: {error.strerror}") from error
    if not data:
        raise CommandError(Exit.BAD_INPUT, f"{shown(name)} is empty")
    return data


def shown(name: str) -> str:
    """A file's name for a message."""
    return "standard input" if name == STANDARD else name


def choose_output(source: str, output: str | None, extension: str, force: bool, option: str = "-o") -> str:
    """Name the output file and make sure, before any long work, that it can be written.

    A name that the user gave, with `option`, may replace a file, but never the input; one made up here replaces nothing
    unless forced.
    """
    if output is None and source == STANDARD:
        output = STANDARD
    if output == "":
        raise CommandError(Exit.USAGE, f"the name after {option} is empty")
    if output == STANDARD:
        if sys.stdout is None:
            raise CommandError(Exit.CANNOT_WRITE, "standard output is closed")
        if sys.stdout.isatty():
            raise CommandError(Exit.USAGE, "an image is not written to a terminal: name a file with -o, or redirect")
        return output
    path = Path(output) if output is not None else Path(source).with_suffix(extension)
    if path.is_dir():
        raise CommandError(Exit.CANNOT_WRITE, f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise CommandError(Exit.CANNOT_WRITE, f"{path}: the folder {path.parent} does not exist: make it first")
    if path.exists():
        if source != STANDARD and path.samefile(source):
            raise CommandError(Exit.CANNOT_WRITE, f"{path} is the input itself: name another file with {option}")
        if output is None and not force:
            message = f"{path} is there already: name the output with {option}, or replace it with --force"
            raise CommandError(Exit.CANNOT_WRITE, message)
        if not os.access(path, os.W_OK):
            raise CommandError(Exit.CANNOT_WRITE, f"{path} is read-only: name another file with {option}")
    elif not os.access(path.parent, os.W_OK):
        message = f"{path}: nothing may be written in {path.parent}: name another with {option}"
        raise CommandError(Exit.CANNOT_WRITE, message)
    return str(path)


def write_output(name: str, data: bytes) -> None:
    """Write a whole file or none, or standard output for "-"."""
    try:
        if name == STANDARD:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            atomic_write(name, data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(Exit.CANNOT_WRITE, f"{name}: cannot be written: {error.strerror}") from error


class FitState(Protocol):
    """What a progress bar needs of `pyggc.FitProgress`."""

    @property
    def iteration(self) -> int: ...
    @property
    def max_iterations(self) -> int | None: ...
    @property
    def elapsed_seconds(self) -> float: ...
    @property
    def remaining_seconds(self) -> float | None: ...
    @property
    def psnr(self) -> float: ...
    @property
    def num_gaussians(self) -> int: ...
    @property
    def phase(self) -> str: ...


class ProgressBar:
    """A line on standard error that is drawn over and over, and gone at the end."""

    SECONDS_BETWEEN = 0.1
    CELLS = 24

    def __init__(self, stream: IO[str], enabled: bool) -> None:
        self.stream = stream
        self.enabled = enabled
        self.drawn = -math.inf

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.enabled and self.drawn > -math.inf:
            self._draw("")
            self.stream.write("\r")
            self.stream.flush()

    def __call__(self, state: FitState) -> bool:
        """Show how far the fit is; never asks it to stop."""
        now = time.monotonic()
        if self.enabled and now - self.drawn >= self.SECONDS_BETWEEN:
            self.drawn = now
            self._draw(progress_line(state, self.CELLS))
        return False

    def _draw(self, line: str) -> None:
        # One column stays free: a terminal that wraps at the last one would scroll.
        width = shutil.get_terminal_size().columns - 1
        self.stream.write("\r" + line[:width].ljust(width))
        self.stream.flush()


def progress_line(state: FitState, cells: int) -> str:
    """One line: phase, share done, PSNR, number of Gaussians and time left."""
    remaining = state.remaining_seconds
    known = remaining is not None and math.isfinite(remaining)
    total = state.elapsed_seconds + remaining if remaining is not None and known else 0.0
    done = min(1.0, state.elapsed_seconds / total) if total > 0 else 0.0
    if not known and state.max_iterations:
        done = min(1.0, state.iteration / state.max_iterations)
    bar = ("#" * round(done * cells)).ljust(cells, ".")
    left = f"{clock(remaining)} left" if remaining is not None and known else f"{clock(state.elapsed_seconds)} so far"
    return f"{state.phase} [{bar}] {done:4.0%}  {state.psnr:.2f} dB  {state.num_gaussians} Gaussians  {left}"


def clock(seconds: float) -> str:
    """Write a duration as m:ss or h:mm:ss."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
