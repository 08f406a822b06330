"""Image files to arrays and back: whatever Pillow reads, and 16 bits a channel in color as well.

Arrays have shape (height, width), (height, width, 3) or (height, width, 4) with alpha last, and dtype uint8, uint16 or
float32 (within [0, 1]): the images that `pyggc.encode` takes.
"""

from __future__ import annotations

import contextlib
import io
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from pyggc._npy import parse_npy
from pyggc._png16 import format_png16
from pyggc.errors import GgcError

__all__ = [
    "OUTPUT_FORMATS",
    "ImageFile",
    "UnreadableImage",
    "UnwritableImage",
    "check_format",
    "describe_bytes",
    "format_image",
    "parse_image",
]

Array = npt.NDArray[Any]

# What a mode becomes when it is none of those that map to an array directly.
CONVERSIONS = {
    "1": "L",
    "LA": "RGBA",
    "La": "RGBA",
    "PA": "RGBA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}

# Pillow unpacks 16-bit color to its upper bytes. The raw mode of the other byte order unpacks the lower ones.
LITTLE = sys.byteorder == "little"
LOWER_BYTES = {"B": "L", "L": "B", "N": "B" if LITTLE else "L"}


class UnreadableImage(GgcError):
    """The bytes are no image that can be read."""


class UnwritableImage(GgcError):
    """The image format cannot hold this array."""


@dataclass(frozen=True)
class ImageFile:
    """What was read from an image file.

    Attributes
    ----------
    pixels : ndarray
        The image, upright, shape and dtype as told at the head of this module.
    icc_profile : bytes or None
        The color profile, where it fits the channels of `pixels`.
    notes : tuple of str
        What of the file is not in `pixels`, one sentence each.
    """

    pixels: Array
    icc_profile: bytes | None = None
    notes: tuple[str, ...] = ()


class OutputFormat(NamedTuple):
    """What a format of image files can hold."""

    name: str
    dtypes: tuple[str, ...]
    alpha: bool


PNG = OutputFormat("PNG", ("uint8", "uint16"), True)
JPEG = OutputFormat("JPEG", ("uint8",), False)
WEBP = OutputFormat("WebP", ("uint8",), True)
TIFF = OutputFormat("TIFF", ("uint8",), True)
NPY = OutputFormat("NPY", ("uint8", "uint16", "float32"), True)

# By the extension of the file's name.
OUTPUT_FORMATS = {
    ".png": PNG,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".webp": WEBP,
    ".tif": TIFF,
    ".tiff": TIFF,
    ".npy": NPY,
}

# TIFF holds these of the deeper kinds only in gray; Pillow writes no 16-bit color.
TIFF_GRAY_DTYPES = ("uint16", "float32")


def parse_image(data: bytes) -> ImageFile:
    """Decode the bytes of an image file, or of a NumPy ``.npy`` file.

    The EXIF orientation is applied, palettes and unusual color models become RGB, gray with alpha becomes RGBA.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    ImageFile

    Raises
    ------
    UnreadableImage
        If the bytes are no image, a broken one, or one too large or of a kind that has no array here.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.imagefile import format_image, parse_image
    >>> data = format_image(np.full((2, 3), 1000, np.uint16), ".png")
    >>> parse_image(data).pixels.tolist()
    [[1000, 1000, 1000], [1000, 1000, 1000]]
    """
    if data.startswith(b"\x93NUMPY"):
        return ImageFile(_parse_npy(data))
    with _pillow_errors(data), Image.open(io.BytesIO(data)) as image:
        notes = []
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            notes.append(f"only the first of {frames} frames is used")
        profile = image.info.get("icc_profile")
        pixels = _color16(data, image)
        if pixels is None:
            if _bits_lost(image):
                notes.append("the 16 bits a channel of this file are read as 8")
            upright = ImageOps.exif_transpose(image)
            if upright.mode == "CMYK":
                upright, profile = _cmyk_to_rgb(upright, profile), None
            if "transparency" in upright.info and upright.mode not in ("P", "L", "RGB", "1"):
                notes.append("the transparent color is ignored")
            pixels = _pixels_of(upright)
        return ImageFile(pixels, _fitting_profile(profile, pixels), tuple(notes))


def check_format(extension: str, dtype: npt.DTypeLike, channels: int) -> OutputFormat:
    """Check that a format can hold an image, before the work of making one.

    Parameters
    ----------
    extension : str
        A key of `OUTPUT_FORMATS`: ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff" or ".npy".
    dtype : dtype
        Of the samples.
    channels : int
        1, 3 or 4.

    Returns
    -------
    OutputFormat

    Raises
    ------
    UnwritableImage
        If the extension is unknown, or the format cannot hold the dtype or the alpha channel.
    """
    try:
        target = OUTPUT_FORMATS[extension.lower()]
    except KeyError:
        known = ", ".join(OUTPUT_FORMATS)
        raise UnwritableImage(f"unknown image format {extension!r}: use one of {known}") from None
    gray, name = channels == 1, np.dtype(dtype).name
    dtypes = (*target.dtypes, *TIFF_GRAY_DTYPES) if target is TIFF and gray else target.dtypes
    if name not in dtypes:
        color = "gray" if gray else "color"
        raise UnwritableImage(f"{target.name} cannot hold {name} samples in {color}, only {', '.join(dtypes)}")
    if channels == 4 and not target.alpha:
        raise UnwritableImage(f"{target.name} cannot hold an alpha channel: use .png, .webp or .tif")
    return target


def format_image(pixels: Array, extension: str, icc_profile: bytes | None = None) -> bytes:
    """Encode an array as the bytes of an image file.

    JPEG is written at quality 95, the other formats without loss.

    Parameters
    ----------
    pixels : ndarray
        The image, shape and dtype as told at the head of this module.
    extension : str
        A key of `OUTPUT_FORMATS`: ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff" or ".npy".
    icc_profile : bytes, optional
        The color profile to store. ``.npy`` has no place for it.

    Returns
    -------
    bytes

    Raises
    ------
    UnwritableImage
        If the extension is unknown, or the format cannot hold the dtype, the alpha channel or the size.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    target = check_format(extension, pixels.dtype, channels)
    output = io.BytesIO()
    if target is NPY:
        np.save(output, pixels, allow_pickle=False)
        return output.getvalue()
    if target is PNG and channels > 1 and pixels.dtype == np.uint16:
        return format_png16(pixels, icc_profile)
    options: dict[str, Any] = {"icc_profile": icc_profile} if icc_profile else {}
    if target is JPEG:
        options["quality"] = 95
    elif target is WEBP:
        options.update(lossless=True, exact=True)
    elif target is TIFF:
        options["compression"] = "tiff_lzw"
    try:
        Image.fromarray(np.ascontiguousarray(pixels)).save(output, target.name, **options)
    except (OSError, ValueError) as error:
        # The libraries' limits on width and height, such as WebP's 16383.
        height, width = pixels.shape[:2]
        raise UnwritableImage(f"{target.name} cannot hold this image of {width}x{height} pixels: {error}") from error
    return output.getvalue()


def describe_bytes(data: bytes) -> str:
    """Say what the first bytes of a file look like, for a message: "a PNG image", "text", ...

    Parameters
    ----------
    data : bytes
        The file or its head.

    Returns
    -------
    str
    """
    if not data:
        return "an empty file"
    for magic, name in (
        (b"GGC\x00", "a .ggc file"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip file"),
        (b"\x7fELF", "a program"),
    ):
        if data.startswith(magic):
            return name
    with contextlib.suppress(Exception), Image.open(io.BytesIO(data)) as image:
        return f"a {image.format} image"
    head = data[:512]
    try:
        # The cut may fall inside a character, so its last bytes don't count.
        text = head.decode() if len(data) <= 512 else head.decode(errors="ignore")
    except UnicodeDecodeError:
        return "data of an unknown kind"
    return "text" if all(c.isprintable() or c.isspace() for c in text) else "data of an unknown kind"


def _parse_npy(data: bytes) -> Array:
    try:
        pixels = parse_npy(data).copy()
    except ValueError as error:
        raise UnreadableImage(f"a broken NumPy file: {error}") from error
    if pixels.dtype.name not in NPY.dtypes:
        raise UnreadableImage(f"the NumPy array must be one of {', '.join(NPY.dtypes)}, not {pixels.dtype.name}")
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4)):
        return pixels
    raise UnreadableImage(f"the NumPy array must have shape (height, width[, 3 or 4]), not {pixels.shape}")


@contextlib.contextmanager
def _pillow_errors(data: bytes) -> Iterator[None]:
    """Turn what Pillow raises on bad input into `UnreadableImage`, and keep its warnings out of the way."""
    with warnings.catch_warnings():
        # Of sizes that it still reads, and of broken metadata that no pixel depends on.
        warnings.simplefilter("ignore")
        try:
            yield
        except UnreadableImage:
            raise
        except UnidentifiedImageError:
            raise UnreadableImage(f"not an image: it is {describe_bytes(data)}") from None
        except Image.DecompressionBombError as error:
            limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
            raise UnreadableImage(f"the image has more than {limit} pixels, too many to read safely") from error
        except (OSError, ValueError, SyntaxError, struct.error, zlib.error, EOFError, IndexError, TypeError) as error:
            # Its plugins raise all of these on truncated or broken files.
            raise UnreadableImage(f"a broken image: {error}") from error


def _rawmode(tile: Any) -> str:
    """The raw mode in one entry of Pillow's `tile` list."""
    args = tile[3]
    rawmode = args[0] if isinstance(args, tuple) and args else args
    return rawmode if isinstance(rawmode, str) else ""


def _bits_lost(image: Image.Image) -> bool:
    """Whether Pillow cuts 16-bit samples of this image to 8 (planar TIFF files)."""
    return image.mode in ("RGB", "RGBA") and 16 in getattr(image, "tag_v2", {}).get(258, ())


def _color16(data: bytes, image: Image.Image) -> Array | None:
    """Decode 16-bit color in two passes of Pillow's decoder, the upper and the lower bytes; None if it is not that."""
    rawmodes = {_rawmode(tile) for tile in getattr(image, "tile", [])}
    rawmode = rawmodes.pop() if len(rawmodes) == 1 else ""
    if rawmode == "LA;16B":
        # Unpacked as if it were RGBA, a pixel is its four bytes as they come.
        gray_upper, gray_lower, alpha_upper, alpha_lower = np.moveaxis(_upright(_with_rawmode(image, "RGBA")), 2, 0)
        gray, alpha = _joined(gray_upper, gray_lower), _joined(alpha_upper, alpha_lower)
        return np.dstack([gray, gray, gray, alpha])
    if rawmode[:-1] not in ("RGB;16", "RGBA;16"):
        return None
    transparent = image.info.get("transparency")
    upper = _upright(image)
    with Image.open(io.BytesIO(data)) as second:
        lower = _upright(_with_rawmode(second, rawmode[:-1] + LOWER_BYTES[rawmode[-1]]))
    pixels = _joined(upper, lower)
    if transparent is not None:
        alpha = np.where((pixels == np.asarray(transparent)).all(axis=2), 0, 65535).astype(np.uint16)
        pixels = np.dstack([pixels, alpha])
    return pixels


def _upright(image: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(ImageOps.exif_transpose(image), np.uint8)


def _joined(upper: npt.NDArray[np.uint8], lower: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    return np.asarray(upper.astype(np.uint16) << 8 | lower, np.uint16)


def _with_rawmode(image: Image.Image, rawmode: str) -> Image.Image:
    """The same image, still to be loaded, with another raw mode."""
    tiles = []
    for tile in image.tile:  # type: ignore[attr-defined]
        args = (rawmode, *tile[3][1:]) if isinstance(tile[3], tuple) else rawmode
        # A named tuple since Pillow 11, a plain one before.
        tiles.append(tile._replace(args=args) if hasattr(tile, "_replace") else (*tile[:3], args))
    image.tile = tiles  # type: ignore[attr-defined]
    return image


def _cmyk_to_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert through the file's profile where it has one that works, else by the plain formula."""
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")


def _pixels_of(image: Image.Image) -> Array:
    """The array of an upright image of any mode that has one."""
    mode = image.mode
    if mode in ("P", "L", "RGB", "1") and "transparency" in image.info:
        image = image.convert("RGBA")
    elif mode == "P":
        image = image.convert("RGBA" if image.palette is not None and image.palette.mode == "RGBA" else "RGB")
    elif mode in CONVERSIONS:
        image = image.convert(CONVERSIONS[mode])
    pixels = np.asarray(image)
    if image.mode in ("L", "RGB", "RGBA"):
        return pixels
    if image.mode.startswith("I;16"):
        return pixels.astype(np.uint16)
    if image.mode == "I":
        if pixels.min() < 0 or pixels.max() > 65535:
            raise UnreadableImage(
                f"its 32-bit samples reach from {pixels.min()} to {pixels.max()}: scale them to 0 to 65535"
            )
        return pixels.astype(np.uint16)
    if image.mode == "F":
        if not (pixels.min() >= 0 and pixels.max() <= 1):
            raise UnreadableImage(f"its samples reach from {pixels.min():g} to {pixels.max():g}: scale them to 0 to 1")
        return pixels
    raise UnreadableImage(f"images of the color mode {mode} are not supported: convert it to RGB first")


def _fitting_profile(profile: object, pixels: Array) -> bytes | None:
    """Keep a profile only if it is one for these channels: a gray one says nothing about RGB."""
    if not isinstance(profile, bytes) or len(profile) < 128:
        return None
    return profile if profile[16:20] == (b"GRAY" if pixels.ndim == 2 else b"RGB ") else None
