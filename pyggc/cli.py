"""The command ``gaussian-codec``: encode, decode, compare and info.

Exit codes: 0 done; 1 the quality or the size that was asked for was not reached, but the file is written; 2 wrong
arguments; 3 an input that cannot be read or is of another kind; 4 a malformed `.ggc` file, or one above the limits;
5 an output that cannot be written; 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc._arguments import ICC_TAG, LIMITS, PROGRAM, parse_arguments
from pyggc._figures import check_figure, write_comparison
from pyggc._terminal import (
    STANDARD,
    CommandError,
    Exit,
    ProgressBar,
    choose_output,
    read_input,
    say,
    shown,
    write_output,
)
from pyggc.backends import get_backend
from pyggc.codec import EncodeReport, GaussianEncoder, decode
from pyggc.container import Container, Header, Limits, read_container, read_header, read_start
from pyggc.errors import BitstreamError, GgcError, PartialImageWarning
from pyggc.evaluate import psnr, ssim
from pyggc.imagefile import (
    OUTPUT_FORMATS,
    ImageFile,
    UnreadableImage,
    UnwritableImage,
    check_format,
    describe_bytes,
    format_image,
    parse_image,
)

MAGIC = b"GGC\x00"

DTYPES = {8: np.uint8, 16: np.uint16, 32: np.float32}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; never raises but for errors of its own.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; by default those of the process.

    Returns
    -------
    int
        See the head of this module.
    """
    try:
        args = parse_arguments(sys.argv[1:] if argv is None else argv, COMMANDS)
        code: Exit = args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
    except CommandError as error:
        return _fail(error.code, str(error))
    except (GgcError, ValueError, TypeError) as error:
        return _fail(Exit.USAGE, str(error))
    except MemoryError:
        return _fail(Exit.BAD_INPUT, "not enough memory for this image")
    except BrokenPipeError:
        # The reader of the output has gone, and that is its right. The interpreter would flush once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return Exit.CANNOT_WRITE
    except OSError as error:
        # Files are written elsewhere, so it is what was printed. The interpreter would flush once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _fail(Exit.CANNOT_WRITE, f"standard output cannot be written: {error.strerror}")
    except KeyboardInterrupt:
        return _fail(Exit.INTERRUPTED, "interrupted: no file is left half written")
    except SystemExit as leave:  # argparse, after --help and --version
        return int(leave.code or 0)
    return code


def _fail(code: Exit, message: str) -> Exit:
    say(f"{PROGRAM}: error: {' '.join(message.split())}")
    return code


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what is wrong with a `.ggc` file into a message that names it."""
    try:
        yield
    except BitstreamError as error:
        # The library's advice names an argument, the command's an option.
        message = re.sub(r"pass limits=Limits\((\w+)=(\d+)\)", _limit_option, str(error))
        raise CommandError(Exit.BAD_STREAM, f"{shown(name)}: {message}") from error


def _limit_option(match: re.Match[str]) -> str:
    return f"add --{match[1].replace('_', '-')} {match[2]}"


# ---------------------------------------------------------------------------------------------------- the commands


def _encode(args: argparse.Namespace) -> Exit:
    data = read_input(args.input)
    image = _parse_image(args.input, data)
    output = choose_output(args.input, args.output, ".ggc", args.force)
    if args.output and Path(args.output).suffix.lower() in OUTPUT_FORMATS:
        raise CommandError(Exit.USAGE, f"{args.output}: what is written is a .ggc file, so name it .ggc")
    tags: dict[str, str | bytes] = dict(args.tag)
    if image.icc_profile is not None:
        tags[ICC_TAG] = image.icc_profile
    if not args.quiet:
        for note in image.notes:
            say(f"{PROGRAM}: note: {shown(args.input)}: {note}")

    encoder = GaussianEncoder(
        num_gaussians=args.num_gaussians,
        quality=args.quality,
        bpp=args.bpp,
        lossless=args.lossless,
        layers=args.layers,
        effort=args.effort,
        seed=args.seed,
        threads=args.threads,
        bits_back=args.bits_back,
        timestamp=None if args.no_timestamp else "now",
        tags=tags,
        device=args.device,
    )
    with ProgressBar(sys.stderr, not args.quiet and (args.progress or sys.stderr.isatty())) as progress:
        encoder.fit(image.pixels, max_time_seconds=args.max_time, callback=progress)
    stream = encoder.to_bytes()
    write_output(output, stream)

    report = encoder.report
    name = "standard output" if output == STANDARD else output
    if not args.quiet:
        say(
            f"{name}: {report.num_bytes} bytes, {report.bpp:.3f} bpp, {_decibels(report.psnr)}, "
            f"SSIM {report.ssim:.4f}, {_layers(report)}, {report.seconds:.1f} s"
        )
    if report.reached:
        return Exit.OK
    goal = f"{args.bpp:g} bpp" if args.bpp is not None else f"{30 if args.quality is None else args.quality:g} dB"
    say(
        f"{PROGRAM}: warning: {name} is written, but not as asked: {goal} was asked for and {report.psnr:.2f} dB at "
        f"{report.bpp:.3f} bpp was reached: {report.reason}"
    )
    return Exit.NOT_REACHED


def _decibels(psnr: float) -> str:
    return "lossless" if math.isinf(psnr) else f"{psnr:.2f} dB"


def _layers(report: EncodeReport) -> str:
    gaussians = f"{report.num_gaussians} Gaussians"
    if not report.residual_bytes:
        return gaussians
    return f"{gaussians} in {report.gaussian_bytes} bytes, residual in {report.residual_bytes} bytes"


def _decode(args: argparse.Namespace) -> Exit:
    data = _read_ggc(args.input)
    extension = f".{args.format}" if args.format else _extension(args.input, args.output)
    output = choose_output(args.input, args.output, extension, args.force)
    limits = _limits(args)
    with _reading(args.input), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PartialImageWarning)
        header = read_header(data)
        dtype = _output_dtype(header, extension, args.depth)
        pixels = decode(
            data,
            size=None if args.size is None else args.size(header.width, header.height),
            region=args.region,
            supersample=args.supersample,
            dtype=dtype,
            threads=args.threads,
            limits=limits,
            layers=args.layers,
            strict=not args.partial,
            device=args.device,
        )
        pixels = get_backend(args.device).download(pixels)
        container = read_start(data, limits) if args.partial else None
        metadata = (container or read_container(data, limits)).metadata
    for warning in caught:
        say(f"{PROGRAM}: warning: {shown(args.input)}: {warning.message}")
    profile = metadata.tags.get(ICC_TAG) if metadata is not None else None
    write_output(output, format_image(pixels, extension, profile if isinstance(profile, bytes) else None))
    return Exit.OK


def _compare(args: argparse.Namespace) -> Exit:
    if args.plot is not None:
        check_figure(args.plot, (args.a, args.b))
    first, second = (_load_side(name, args) for name in (args.a, args.b))
    a, b = _comparable(first, second)
    if args.plot is not None:
        write_comparison(args.plot, a, b, [(os.path.basename(s.name), _spent(s.summary())) for s in (first, second)])
    quality, similarity = psnr(a, b), ssim(a, b)
    if args.json:
        sides = {"a": first.summary(), "b": second.summary()}
        # JSON has no infinity.
        finite = quality if math.isfinite(quality) else None
        print(json.dumps({"psnr": finite, "ssim": similarity, "equal": finite is None, **sides}, indent=2))
        return Exit.OK
    print(f"PSNR  {'infinite: the images are equal' if math.isinf(quality) else f'{quality:.2f} dB'}")
    print(f"SSIM  {similarity:.4f}")
    for label, side in (("A", first), ("B", second)):
        about = side.summary()
        kind = {1: "gray", 3: "RGB", 4: "RGBA"}[about["channels"]]
        print(
            f"{label}     {about['file']}: {about['width']}x{about['height']} {kind} {about['dtype']}, {_spent(about)}"
        )
    return Exit.OK


def _info(args: argparse.Namespace) -> Exit:
    data = _read_ggc(args.file)
    # Nothing is rendered here, so no size is too large to tell.
    no_limit = dict.fromkeys(("max_pixels", "max_image_bytes", "max_gaussians"), 2**80)
    with _reading(args.file):
        container = read_container(data, Limits(**no_limit))
    about = _describe_container(shown(args.file), data, container)
    if args.json:
        print(json.dumps(about, indent=2))
        return Exit.OK
    for key, value in about.items():
        if isinstance(value, dict):
            for name, part in value.items():
                print(f"{key[:-1] + ' ' + name:20} {part}")
        else:
            print(f"{key.replace('_', ' '):20} {value}")
    return Exit.OK


# ------------------------------------------------------------------------------------------- parts of the commands


@dataclass(frozen=True)
class Side:
    """One of two files to compare."""

    name: str
    pixels: npt.NDArray[Any]
    num_bytes: int

    def summary(self) -> dict[str, Any]:
        """Name, size and format of the image, and what its file spends on a pixel."""
        height, width = self.pixels.shape[:2]
        return {
            "file": shown(self.name),
            "width": width,
            "height": height,
            "channels": 1 if self.pixels.ndim == 2 else self.pixels.shape[2],
            "dtype": self.pixels.dtype.name,
            "bytes": self.num_bytes,
            "bpp": 8 * self.num_bytes / (width * height),
        }


def _load_side(name: str, args: argparse.Namespace) -> Side:
    data = read_input(name)
    if not data.startswith(MAGIC):
        return Side(name, _parse_image(name, data).pixels, len(data))
    with _reading(name):
        return Side(name, decode(data, limits=_limits(args)), len(data))


def _comparable(first: Side, second: Side) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Both images with as many channels and the same dtype, where that loses nothing."""
    a, b = first.pixels, second.pixels
    if a.shape[:2] != b.shape[:2]:
        sizes = [f"{shown(side.name)} has {side.pixels.shape[1]}x{side.pixels.shape[0]}" for side in (first, second)]
        raise CommandError(Exit.BAD_INPUT, f"the sizes differ: {sizes[0]} and {sizes[1]} pixels")
    if a.ndim != b.ndim or a.shape != b.shape:
        a, b = _as_rgba(a), _as_rgba(b)
    if a.dtype != b.dtype:
        a, b = _as_float(a), _as_float(b)
    return a, b


def _spent(about: dict[str, Any]) -> str:
    return f"{about['bytes']} bytes, {about['bpp']:.3f} bpp"


def _as_float(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return pixels if pixels.dtype.kind == "f" else pixels / float(np.iinfo(pixels.dtype).max)


def _as_rgba(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if pixels.ndim == 2:
        pixels = np.dstack([pixels] * 3)
    if pixels.shape[2] == 4:
        return pixels
    opaque = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    return np.dstack([pixels, np.full(pixels.shape[:2], opaque, pixels.dtype)])


def _parse_image(name: str, data: bytes) -> ImageFile:
    if data.startswith(MAGIC):
        raise CommandError(Exit.BAD_INPUT, f"{shown(name)} is a .ggc file already: decode it first")
    try:
        return parse_image(data)
    except UnreadableImage as error:
        raise CommandError(Exit.BAD_INPUT, f"{shown(name)}: {error}") from error


def _read_ggc(name: str) -> bytes:
    data = read_input(name)
    if not data.startswith(MAGIC[: len(data)]):
        raise CommandError(Exit.BAD_INPUT, f"{shown(name)} is not a .ggc file: it is {describe_bytes(data)}")
    return data


def _extension(source: str, output: str | None) -> str:
    """The extension of the image to write: PNG where nothing names another."""
    if output is None or output == STANDARD:
        return ".png"
    extension = Path(output).suffix
    if extension.lower() in OUTPUT_FORMATS:
        return extension
    known = ", ".join(OUTPUT_FORMATS)
    problem = f"the image format {extension} is unknown" if extension else "its name says no image format"
    raise CommandError(Exit.USAGE, f"{output}: {problem}: use one of {known}, or add --format")


def _output_dtype(header: Header, extension: str, depth: int | None) -> npt.DTypeLike:
    """The samples to decode to: as asked for, as in the original, or for floats the deepest that the format holds."""
    candidates = [DTYPES[depth]] if depth else [header.dtype.type]
    if not depth and header.dtype == np.float32:
        candidates += [np.uint16, np.uint8]
    problem = None
    for dtype in candidates:
        try:
            check_format(extension, dtype, header.channels)
        except UnwritableImage as error:
            problem = problem or error
        else:
            return np.dtype(dtype)
    advice = ": add --depth 8, or write a .png" if candidates[0] is np.uint16 and header.channels < 4 else ""
    raise CommandError(Exit.USAGE, f"{problem}{advice}")


def _limits(args: argparse.Namespace) -> Limits:
    given = {name: getattr(args, name) for name in LIMITS if getattr(args, name) is not None}
    return Limits(**given)


def _describe_container(name: str, data: bytes, container: Container) -> dict[str, Any]:
    """What `info` tells, in the order of its lines; values that JSON can hold."""
    header, metadata = container.header, container.metadata
    about: dict[str, Any] = {
        "file": name,
        "bytes": len(data),
        "bpp": round(8 * len(data) / (header.width * header.height), 4),
        "width": header.width,
        "height": header.height,
        "channels": header.channels,
        "alpha": header.alpha,
        "bit_depth": header.bit_depth,
        "gaussians": header.num_gaussians,
        "blend": header.blend.name.lower(),
        "plan": header.plan.name.lower(),
        "compression": header.compression.name.lower(),
        "residual": header.residual.name.lower(),
    }
    if metadata is not None:
        if metadata.timestamp is not None:
            about["made"] = metadata.timestamp.isoformat()
        if metadata.psnr is not None:
            about["psnr"] = round(metadata.psnr, 4) if math.isfinite(metadata.psnr) else "infinite"
        if metadata.ssim is not None:
            about["ssim"] = round(metadata.ssim, 6)
        if metadata.image_hash:
            about["image_hash"] = f"{metadata.image_hash:08x}"
        about["tags"] = {
            key: value if isinstance(value, str) else f"{len(value)} bytes" for key, value in metadata.tags.items()
        }
    residual = sum(len(section.data) for section in container.sections if section.tag == "RESI")
    everything = sum(len(section.data) for section in container.sections)
    about["layers"] = {"gaussian": f"{everything - residual} bytes", "residual": f"{residual} bytes"}
    about["sections"] = {section.tag: f"{len(section.data)} bytes" for section in container.sections}
    return about


COMMANDS = {"encode": _encode, "decode": _decode, "compare": _compare, "info": _info}

if __name__ == "__main__":
    sys.exit(main())
