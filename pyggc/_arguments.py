"""The arguments of ``gaussian-codec`` and their checks."""

from __future__ import annotations

import argparse
import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import pyggc
from pyggc._terminal import CommandError, Exit
from pyggc.backends import DEVICES
from pyggc.imagefile import OUTPUT_FORMATS

PROGRAM = "gaussian-codec"

# The tag that keeps the original's color profile.
ICC_TAG = "icc"

# The limits of the decoder that an option can raise.
LIMITS = {
    "max_pixels": "pixels of the original image",
    "max_image_bytes": "bytes of the decoded image",
    "max_gaussians": "Gaussians",
    "max_gaussians_a_byte": "Gaussians for each byte of the file",
    "max_render_work": "pixel evaluations to render",
}

DEPTHS = (8, 16, 32)


class Parser(argparse.ArgumentParser):
    """Errors are one line, and a misspelt option is answered with the nearest one."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print with a page of usage."""
        raise CommandError(Exit.USAGE, f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse what is left over here, where the options of this command are known."""
        found, left = super().parse_known_args(args, namespace)
        if left:
            near = difflib.get_close_matches(left[0].split("=")[0], self._option_string_actions, 1)
            self.error(f"unknown argument {left[0]}" + (f": did you mean {near[0]}?" if near else ""))
        return found, left


def _number(kind: type[int] | type[float], low: float, high: float = math.inf) -> Callable[[str], float]:
    """A converter of one argument that must lie in a range."""
    what = "a whole number" if kind is int else "a number"

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}") from None
        if not low <= value <= high or not math.isfinite(value):
            bounds = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
            raise argparse.ArgumentTypeError(f"must be {bounds}, not {text}")
        return value

    return convert


def _positive(text: str) -> float:
    """A number above zero."""
    value = _number(float, 0)(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return value


def _size(text: str) -> Callable[[int, int], tuple[int, int]]:
    """Turn WxH, W, xH or P% into a function from the original's width and height to those of the output."""
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)%", text):
        scale = float(match[1]) / 100
        if scale == 0.0:
            raise argparse.ArgumentTypeError("must be above 0%")
        return lambda width, height: (max(1, round(width * scale)), max(1, round(height * scale)))
    match = re.fullmatch(r"(\d+)?(?:x(\d+)?)?", text)
    if not match or not (match[1] or match[2]) or 0 in (int(match[1] or 1), int(match[2] or 1)):
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, WIDTH, xHEIGHT or PERCENT%, such as 640x480")
    if not match[2]:
        wide = int(match[1])
        return lambda width, height: (wide, max(1, round(height * wide / width)))
    high = int(match[2])
    if not match[1]:
        return lambda width, height: (max(1, round(width * high / height)), high)
    both = int(match[1]), high
    return lambda width, height: both


def _region(text: str) -> tuple[int, int, int, int]:
    match = re.fullmatch(r"(\d+),(\d+),(\d+),(\d+)", text)
    if not match or not int(match[3]) or not int(match[4]):
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y,WIDTH,HEIGHT, such as 0,0,256,256")
    return int(match[1]), int(match[2]), int(match[3]), int(match[4])


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as author=Ada")
    if key == ICC_TAG:
        raise argparse.ArgumentTypeError(f"the tag {ICC_TAG!r} is taken: it keeps the color profile")
    return key, value


def parse_arguments(argv: Sequence[str], commands: Mapping[str, Callable[[argparse.Namespace], int]]) -> Any:
    """Parse the arguments after the program's name.

    Parameters
    ----------
    argv : sequence of str
        The arguments.
    commands : mapping of str to function
        What runs each of encode, decode, compare and info; it becomes the attribute ``run`` of the result.

    Returns
    -------
    argparse.Namespace

    Raises
    ------
    CommandError
        If they are wrong.
    SystemExit
        After ``--help`` and ``--version``.
    """
    parser = Parser(
        prog=PROGRAM,
        description="Store images as Gaussians, in .ggc files.",
        epilog="Exit codes: 0 done, 1 written but not with the quality or size asked for, 2 wrong arguments, 3 input "
        "of no use, 4 malformed .ggc file, 5 output that cannot be written, 130 interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {pyggc.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (summary, add_arguments) in COMMANDS.items():
        sentence = f"{summary[0].upper()}{summary[1:]}."
        command = subparsers.add_parser(name, help=summary, description=sentence, allow_abbrev=False)
        command.set_defaults(run=commands[name])
        add_arguments(command)
    return parser.parse_args(argv)


def _add_encode(parser: Parser) -> None:
    add = parser.add_argument
    add("input", metavar="IMAGE", help='whatever Pillow reads, or .npy; "-" is standard input')
    add("-o", "--output", metavar="FILE", help='by default IMAGE with the extension .ggc; "-" is standard output')
    goal = parser.add_mutually_exclusive_group().add_argument
    goal("--quality", metavar="DB", type=_positive, help="PSNR that the file must reach (default 30)")
    goal("--bpp", metavar="BITS", type=_positive, help="bits a pixel that the file may take")
    goal("--lossless", action="store_true", help="keep every bit of the image")
    add("--num-gaussians", metavar="N", type=_number(int, 1), help="number of Gaussians; alone: nothing but them")
    add("--layers", choices=("auto", "gaussian", "residual"), default="auto", help="what the file holds (default auto)")
    add("--effort", metavar="1..9", type=_number(int, 1, 9), default=5, help="9 is slowest and best (default 5)")
    add("--max-time", metavar="SECONDS", type=_positive, help="stop fitting by then")
    add("--seed", metavar="N", type=_number(int, 0), default=0, help="one seed gives the same file again (default 0)")
    add("--bits-back", action="store_true", help="code the Gaussians' pixels as a set; larger nearly always")
    add("--tag", metavar="KEY=VALUE", type=_tag, action="append", default=[], help="text to keep; may come repeatedly")
    add("--no-timestamp", action="store_true", help="leave the time out, so that equal input gives equal files")
    add("--progress", action="store_true", help="show the progress even where standard error is no terminal")
    add("--quiet", action="store_true", help="print errors and warnings only")
    _add_shared(add)


def _add_decode(parser: Parser) -> None:
    add = parser.add_argument
    add("input", metavar="FILE", help='a .ggc file; "-" is standard input')
    add("-o", "--output", metavar="IMAGE", help='by default FILE with the extension .png; "-" is standard output')
    formats = [extension[1:] for extension in OUTPUT_FORMATS]
    add("--format", choices=formats, help="image format, by default that of the output's name, or png")
    add("--size", metavar="WxH", type=_size, help="size in pixels; W or xH keeps the shape, as does 50%%")
    add("--region", metavar="X,Y,W,H", type=_region, help="only this part of the output, in its pixels")
    add("--supersample", type=int, choices=(1, 2, 4), default=1, help="samples a pixel along each side (default 1)")
    add("--depth", type=int, choices=DEPTHS, help="bits a sample; 32 is floating point")
    add("--layers", choices=("all", "gaussian"), default="all", help="gaussian leaves the residual out (default all)")
    add("--partial", action="store_true", help="of a file that is cut off in its residual, take the Gaussians")
    _add_shared(add)
    _add_limits(add)


def _add_compare(parser: Parser) -> None:
    add = parser.add_argument
    add("a", metavar="A", help="an image or a .ggc file: the reference")
    add("b", metavar="B", help="the other one")
    add("--plot", metavar="FILE", help="draw both and their differences to a .png, .svg or .pdf (needs matplotlib)")
    add("--json", action="store_true", help="print JSON")
    _add_limits(add)


def _add_info(parser: Parser) -> None:
    add = parser.add_argument
    add("file", metavar="FILE", help='a .ggc file; "-" is standard input')
    add("--json", action="store_true", help="print JSON")


def _add_shared(add: Callable[..., Any]) -> None:
    add("--threads", metavar="N", type=_number(int, 1), help="by default as many as there are cores")
    add("--device", choices=DEVICES, default="cpu", help="auto is a GPU where one can be used (default cpu)")
    add("--force", action="store_true", help="replace the default output file if it is there")


def _add_limits(add: Callable[..., Any]) -> None:
    for name, what in LIMITS.items():
        add(f"--{name.replace('_', '-')}", metavar="N", type=_number(int, 1), help=f"limit on the {what}")


COMMANDS: dict[str, tuple[str, Callable[[Parser], None]]] = {
    "encode": ("make a .ggc file of an image", _add_encode),
    "decode": ("make an image of a .ggc file", _add_decode),
    "compare": ("tell how far two images are apart", _add_compare),
    "info": ("tell what a .ggc file holds", _add_info),
}
