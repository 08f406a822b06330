"""Decode many hostile files, half of them with repaired checksums, and report what became of them.

    python tests/fuzz/battery.py --count 200000

Each file is read to Gaussians and, if that succeeds, decoded to an image with one thread, under the default limits. It
may give an image or a `GgcError`, within a second of the processor's time and 256 MB of memory. An image adds what its
own bytes take: that much memory, and a second for 256 MiB, which a slow machine needs to set them aside and write them;
and a file of megabytes may take a second more for each four of them. Anything else fails: the file is kept in
build/hostile, and the exit code is 1. Which file has which number follows from the seed and the number alone. Before
them come a few files that take as much as the limits let them.

The files are decoded in child processes, so that a crash is one more way to fail. With --small-limits, for builds that
are slow and large by themselves, the limits keep each file short, and neither time nor memory is checked.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import pickle
import random
import re
import resource
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import bombs
import hostile_files

from pyggc import GaussianDecoder, Limits, decode
from pyggc.errors import GgcError

MAX_SECONDS = 1.0
MAX_BYTES = 256 * 10**6
IMAGE_BYTES_A_SECOND = 2**28
FILE_BYTES_A_SECOND = 2**22

SMALL_LIMITS = Limits(max_pixels=2**16, max_gaussians=2**13, max_render_work=2**20)

#: A file that has taken so many seconds will not end; the kernel ends the process.
HANG_SECONDS = 60

#: Files that one child decodes.
CHUNK = 5000

KEPT = Path("build/hostile")
SECTIONS = {f"section {tag.decode()}" for tag in hostile_files.TAGS}
NUMBER = struct.Struct("q")


class Cost(NamedTuple):
    """What a step took."""

    seconds: float = 0.0
    bytes: int = 0


class Trial(NamedTuple):
    """What became of a file: the outcome, the place that a refusal names, what the steps took, and the sizes."""

    outcome: str
    place: str
    reading: Cost
    decoding: Cost
    image_bytes: int
    file_bytes: int

    def within_bounds(self) -> bool:
        """Whether both steps stay within what they may take."""
        to_read = MAX_SECONDS + self.file_bytes / FILE_BYTES_A_SECOND
        allowed = Cost(to_read + self.image_bytes / IMAGE_BYTES_A_SECOND, MAX_BYTES + self.image_bytes)
        return (
            self.reading.seconds <= to_read
            and self.reading.bytes <= MAX_BYTES
            and self.decoding.seconds <= allowed.seconds
            and self.decoding.bytes <= allowed.bytes
        )

    def within_flat_bounds(self) -> bool:
        """The same with nothing granted."""
        costs = self.reading, self.decoding
        return all(cost.seconds <= MAX_SECONDS and cost.bytes <= MAX_BYTES for cost in costs)


#: The extremes that are kept: by which number of a trial.
EXTREMES: dict[str, Callable[[Trial], float]] = {
    "slowest to read": lambda trial: trial.reading.seconds,
    "slowest": lambda trial: max(trial.reading.seconds, trial.decoding.seconds),
    "largest to read": lambda trial: trial.reading.bytes,
    "largest": lambda trial: max(trial.reading.bytes, trial.decoding.bytes),
    "largest beside its image": lambda trial: max(trial.reading.bytes, trial.decoding.bytes - trial.image_bytes),
}


@dataclass
class Tally:
    """What became of files, and the extremes of what they took."""

    outcomes: Counter[tuple[bool, str]] = field(default_factory=Counter)
    places: Counter[tuple[bool, str]] = field(default_factory=Counter)
    mutations: Counter[tuple[bool, str]] = field(default_factory=Counter)
    extremes: dict[str, tuple[float, int, str, Trial]] = field(default_factory=dict)
    failures: list[dict[str, object]] = field(default_factory=list)
    beyond_flat_bounds: int = 0
    seconds: float = 0.0

    def count(self, number: int, mutation: str, repaired: bool, trial: Trial) -> None:
        """Add one file."""
        self.outcomes[repaired, trial.outcome] += 1
        self.mutations[repaired, mutation] += 1
        if trial.place:
            self.places[repaired, trial.place] += 1
        for name, key in EXTREMES.items():
            self._keep_extreme(name, (key(trial), number, mutation, trial))
        self.beyond_flat_bounds += not trial.within_flat_bounds()
        self.seconds += trial.reading.seconds + trial.decoding.seconds

    def add(self, other: Tally) -> None:
        """Join another tally to this one."""
        self.outcomes += other.outcomes
        self.places += other.places
        self.mutations += other.mutations
        for name, extreme in other.extremes.items():
            self._keep_extreme(name, extreme)
        self.failures += other.failures
        self.beyond_flat_bounds += other.beyond_flat_bounds
        self.seconds += other.seconds

    def _keep_extreme(self, name: str, extreme: tuple[float, int, str, Trial]) -> None:
        if name not in self.extremes or extreme[0] > self.extremes[name][0]:
            self.extremes[name] = extreme


class Memory:
    """The most memory that a step takes beyond what the process had before it."""

    def __init__(self) -> None:
        self.reset = os.open("/proc/self/clear_refs", os.O_WRONLY)

    def start(self) -> None:
        os.write(self.reset, b"5")  # the high-water mark is now what is resident
        self.before = self.high_water_mark()

    def peak(self) -> int:
        return self.high_water_mark() - self.before

    @staticmethod
    def high_water_mark() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def place_of(message: str) -> str:
    """The part of the file that a message names."""
    label = re.split(r" at byte |:", message)[0]
    return label if not label.startswith("section ") or label in SECTIONS | {"section table"} else "another section"


def hostile_file(seed: int, number: int) -> hostile_files.HostileFile:
    """The file of a number."""
    return hostile_files.make(random.Random(f"{seed}:{number}"), repair=number % 2 == 1)


def try_file(data: bytes, limits: Limits, memory: Memory) -> Trial:
    """Read and decode a file. Raises whatever is no `GgcError`."""
    costs = [Cost(), Cost()]

    def measured(step: int, call: Callable[[], int]) -> int:
        memory.start()
        start = time.process_time()
        try:
            return call()
        finally:
            costs[step] = Cost(time.process_time() - start, memory.peak())

    try:
        measured(0, lambda: len(GaussianDecoder(limits).loads(data)[0]))
        image_bytes = measured(1, lambda: decode(data, limits=limits, threads=1).nbytes)
    except GgcError as error:
        return Trial(type(error).__name__, place_of(str(error)), *costs, 0, len(data))
    return Trial("decoded", "", *costs, image_bytes, len(data))


def run_chunk(numbers: range, seed: int, limits: Limits, bounded: bool, current: mmap.mmap) -> Tally:
    """Try files, noting in `current` which one is at hand."""
    tally, memory = Tally(), Memory()
    for number in numbers:
        current[: NUMBER.size] = NUMBER.pack(number)
        data, mutation, repaired = hostile_file(seed, number)
        signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
        try:
            trial = try_file(data, limits, memory)
        except Exception as error:
            tally.failures.append(keep(seed, number, f"{type(error).__name__}: {error}"))
            continue
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        tally.count(number, mutation, repaired, trial)
        if bounded and not trial.within_bounds():
            tally.failures.append(keep(seed, number, f"took too much: {trial}"))
    return tally


def keep(seed: int, number: int, what: str) -> dict[str, object]:
    """Write a file that failed to where it can be looked at."""
    data, mutation, repaired = hostile_file(seed, number)
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{seed}-{number}.ggc"
    path.write_bytes(data)
    return {"number": number, "mutation": mutation, "repaired": repaired, "what": what, "file": str(path)}


def in_child(numbers: range, seed: int, limits: Limits, bounded: bool, current: mmap.mmap) -> Tally:
    """Try files in a process of their own; if one kills it, that is what became of the file, and the rest goes on."""
    total, first = Tally(), numbers.start
    while first < numbers.stop:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(run_chunk(range(first, numbers.stop), seed, limits, bounded, current), pipe)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            result = pipe.read()
        _, status = os.waitpid(child, 0)
        if status == 0:
            total.add(pickle.loads(result))
            return total
        (number,) = NUMBER.unpack(current[: NUMBER.size])
        code = os.waitstatus_to_exitcode(status)
        what = f"killed by {signal.Signals(-code).name}" if code < 0 else f"the process ended with {code}"
        total.failures.append(keep(seed, number, what))
        # What the child had counted so far is lost with it.
        first = number + 1
    return total


def costs_of(trial: Trial) -> dict[str, object]:
    """What a trial took, as JSON can hold it."""
    return {
        "seconds to read": round(trial.reading.seconds, 3),
        "MB to read": round(trial.reading.bytes / 1e6, 1),
        "seconds to decode": round(trial.decoding.seconds, 3),
        "MB to decode": round(trial.decoding.bytes / 1e6, 1),
        "MB of the image": round(trial.image_bytes / 1e6, 1),
    }


def try_limits(failures: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    """The files that take as much as the limits let them."""
    memory, figures = Memory(), {}
    for name, make in bombs.AT_THE_LIMITS.items():
        data = make()
        trial = try_file(data, Limits(), memory)
        figures[name] = {"bytes": len(data), "outcome": trial.outcome, **costs_of(trial)}
        if not trial.within_bounds() or trial.outcome != "decoded":
            failures.append({"file": name, "what": f"expected it to decode within the bounds: {trial}"})
    return figures


def summary(tally: Tally, count: int, seed: int) -> dict[str, object]:
    """The figures, as JSON can hold them."""

    def by_repair(counter: Counter[tuple[bool, str]]) -> dict[str, dict[str, int]]:
        names = sorted({name for _, name in counter}, key=lambda name: -sum(counter[r, name] for r in (False, True)))
        return {name: {"as they are": counter[False, name], "repaired": counter[True, name]} for name in names}

    return {
        "count": count,
        "seed": seed,
        "outcomes": by_repair(tally.outcomes),
        "refused in": by_repair(tally.places),
        "mutations": by_repair(tally.mutations),
        "extremes": {
            name: {"number": number, "mutation": mutation, **costs_of(trial)}
            for name, (_, number, mutation, trial) in tally.extremes.items()
        },
        "over 1 s or 256 MB with nothing granted": tally.beyond_flat_bounds,
        "mean milliseconds": round(1000 * tally.seconds / max(1, count), 3),
        "failures": tally.failures,
    }


def show(figures: dict[str, Any]) -> None:
    """The figures for people."""
    print(f"{figures['count']} hostile files of seed {figures['seed']}")
    for title in ("outcomes", "refused in", "mutations"):
        print(f"\n{title:24}{'as they are':>12}{'repaired':>12}")
        for name, row in figures[title].items():
            print(f"  {name:22}{row['as they are']:12}{row['repaired']:12}")
    for title in ("at the limits", "extremes"):
        print(f"\n{title}")
        for name, row in figures.get(title, {}).items():
            print(f"  {name:26}" + ", ".join(f"{key} {value}" for key, value in row.items()))
    print()
    for title in ("over 1 s or 256 MB with nothing granted", "mean milliseconds"):
        print(f"{title}: {figures[title]}")
    print(f"failures: {len(figures['failures'])}")
    for failure in figures["failures"]:
        print(f"  {failure}")


def main() -> int:
    """Run the battery."""
    parser = argparse.ArgumentParser(description="Decode hostile files and report what became of them.")
    parser.add_argument("--count", type=int, default=20_000, help="number of files")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other files")
    parser.add_argument("--small-limits", action="store_true", help="limits that keep each file short; no bounds")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    args = parser.parse_args()
    bounded = not args.small_limits
    limits = Limits() if bounded else SMALL_LIMITS
    hostile_files.seeds()  # once, before the children need it
    tally = Tally()
    at_the_limits = try_limits(tally.failures) if bounded else {}
    end = args.first + args.count
    with mmap.mmap(-1, mmap.PAGESIZE) as current:
        for first in range(args.first, end, CHUNK):
            numbers = range(first, min(end, first + CHUNK))
            tally.add(in_child(numbers, args.seed, limits, bounded, current))
            print(f"{numbers.stop - args.first} files, {len(tally.failures)} failures", file=sys.stderr)
    figures = summary(tally, args.count, args.seed) | {"at the limits": at_the_limits}
    if args.json:
        print(json.dumps(figures, indent=2))
    else:
        show(figures)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
