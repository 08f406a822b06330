"""Run Atheris, Python's libFuzzer, on one target: ``python tests/fuzz/fuzz.py pixels -max_total_time=60``.

It needs the extra ``fuzz``. The name is one of `targets.TARGETS`; what follows are libFuzzer's own arguments. What it
finds and what it learns lie in build/fuzz.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "entropy")]

import atheris  # noqa: E402

with atheris.instrument_imports(include=["pyggc"]):
    import targets


def main() -> None:
    """Fuzz until the arguments say enough."""
    if len(sys.argv) < 2 or sys.argv[1] not in targets.TARGETS:
        sys.exit(f"usage: fuzz.py {'|'.join(targets.TARGETS)} [libFuzzer's arguments]")
    name = sys.argv.pop(1)
    target = targets.TARGETS[name]
    corpus = Path("build/fuzz", name)
    targets.write_seeds(name, corpus)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        # Two ways in turn: ours, which knows the format, and libFuzzer's, which knows what new code a byte opened.
        if target.mutate is not None and seed % 2:
            return target.mutate(data, max_size, seed)
        return atheris.Mutate(data, max_size)

    arguments = [sys.argv[0], f"-artifact_prefix={corpus}-", "-max_len=4096", "-timeout=10", *sys.argv[1:], str(corpus)]
    if target.mutate is None:
        atheris.Setup(arguments, target.run)
    else:
        atheris.Setup(arguments, target.run, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
