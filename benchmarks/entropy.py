"""The entropy coders: what streams and models cost, and what time they take, beside constriction in the same run.

    python benchmarks/entropy.py [--part stream learning priors speed call peers draft facts codec]
        [--symbols 10000000] [--rounds 5] [--runs 100] [--image FILE] [--count 4000] [--plot OUT]
        [--json OUT]

stream    bytes of a stream beyond the cost of its symbols.
learning  bits a symbol that adaptive models spend beyond the source, by schedule and rate.
priors    the same in bytes, with initial CDFs that are worth so many symbols.
speed     adaptive models, ns a symbol, with and without contexts.
call      what one call costs.
peers     --symbols symbols with each coder, and with constriction's, which is left out if it is not installed.
draft     section 2.6 of draft-terriberry-netvc-codingtools-01: binary against multi-symbol coding of VP8's trees.
facts     the figures of the draft and of the documentation beside what is computed here.
codec     the share of entropy decoding in the decoding of --image at --count Gaussians; left out without an image.

Times are medians of --rounds rounds in which all take turns. Averages are over --runs runs, or a multiple of it. With
``--json -`` the figures go to the standard output, and the tables to the standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import save_json
from entropy_codec import codec
from entropy_draft import draft
from entropy_facts import facts
from entropy_models import learning, priors, stream
from entropy_plot import plot
from entropy_speed import call, peers, speed

PARTS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "stream": stream,
    "learning": learning,
    "priors": priors,
    "speed": speed,
    "call": call,
    "peers": peers,
    "draft": draft,
    "facts": facts,
    "codec": codec,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--symbols", type=int, default=10_000_000, help="at most so many; some parts take fewer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=100, help="of which averages are taken")
    parser.add_argument("--image", type=Path)
    parser.add_argument("--count", type=int, default=4000, help="Gaussians in the file of --image")
    parser.add_argument("--plot", type=Path, help="where to draw the bars of peers")
    parser.add_argument("--json", type=Path, help="where to write all figures; - for the standard output")
    args = parser.parse_args()
    if min(args.symbols // 100, args.rounds, args.runs) < 1:
        parser.error("--symbols must be at least 100, --rounds and --runs at least 1")
    with contextlib.redirect_stdout(sys.stderr if args.json == Path("-") else sys.stdout):
        results = {name: PARTS[name](args) for name in args.part}
    save_json(args.json, results)
    if args.plot and "peers" in results:
        plot(args.plot, results["peers"]["rows"])


if __name__ == "__main__":
    main()
