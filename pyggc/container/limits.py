"""What a reader is willing to allocate and to compute before it trusts a file."""

from __future__ import annotations

import operator
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from pyggc.errors import LimitExceeded

LimitName: TypeAlias = Literal[
    "max_pixels",
    "max_image_bytes",
    "max_gaussians",
    "max_gaussians_a_byte",
    "max_render_work",
    "max_metadata",
    "max_metadata_records",
    "max_sections",
]

# What a message calls the thing that each limit counts.
_UNITS: dict[LimitName, str] = {
    "max_pixels": "pixels",
    "max_image_bytes": "bytes of decoded image",
    "max_gaussians": "Gaussians",
    "max_gaussians_a_byte": "Gaussians for each byte of the file",
    "max_render_work": "pixel evaluations to render",
    "max_metadata": "bytes of metadata",
    "max_metadata_records": "metadata records",
    "max_sections": "sections",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Upper bounds on what a file may declare, each inclusive.

    A `.ggc` file of a hundred bytes can legally describe a very large image: one wide Gaussian covers any
    number of pixels. So the bytes of a file bound neither the memory nor the time of its decoding, and these
    limits do. The defaults admit every 8- and 16-bit image of 8K (7680 x 4320) with four channels, and keep
    the decoded image within 254 MiB, all other memory within as much again, and the work within about a second
    of one core, besides what it takes to write the image and to decode a residual, whose time the pixels bound: at
    most some 20 ns a sample of a lossy one, and 200 of a lossless one. A larger image, such as one of 100 megapixels,
    needs an argument.

    Parameters
    ----------
    max_pixels : int
        Width times height. Default 2**26, 67 megapixels: twice an 8K frame.
    max_image_bytes : int
        Width * height * channels * bytes a sample: of the original where only the container is read, of the
        output where an image is decoded. Default 254 MiB: a little more than an 8K image of four 16-bit channels,
        and with what decoding a small file takes less than 256 MiB.
    max_gaussians : int
        Number of Gaussians. Default 2**20: one for each 32 pixels of an 8K frame. From the file to the
        pixels each takes up to some 200 bytes in memory.
    max_gaussians_a_byte : int
        Number of Gaussians for each byte of the file. Default 8: an encoder's Gaussians take 20 bits or
        more, but a million that are all the same fit in a few kilobytes.
    max_render_work : int
        Sum over the Gaussians of the pixels that each covers, in pixel evaluations. Default 2**30, which
        is 32 layers over an 8K frame and about a second of one core.
    max_metadata : int
        Bytes of the metadata block. Default 2**24, 16 MiB: the largest ICC profiles are a fifth of it.
    max_metadata_records : int
        Records in the metadata block, known or not. Default 1024: a record takes two bytes in a file, but
        hundreds in memory.
    max_sections : int
        Sections in the table. Default 1024.

    Raises
    ------
    ValueError
        If a limit is negative.
    TypeError
        If a limit is not an integer.

    Examples
    --------
    >>> Limits(max_pixels=100_000_000, max_image_bytes=2**30).max_pixels
    100000000
    """

    max_pixels: int = 2**26
    max_image_bytes: int = 254 * 2**20
    max_gaussians: int = 2**20
    max_gaussians_a_byte: int = 8
    max_render_work: int = 2**30
    max_metadata: int = 2**24
    max_metadata_records: int = 1024
    max_sections: int = 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            try:
                value = operator.index(value)
            except TypeError:
                raise TypeError(f"{field.name}: expected an integer, got {type(value).__name__}") from None
            if value < 0:
                raise ValueError(f"{field.name}: expected 0 or more, got {value}")

    def check(self, name: LimitName, found: int, where: str) -> None:
        """Refuse a declared amount that is above a limit.

        Parameters
        ----------
        name : str
            The limit's name, for example ``"max_render_work"``.
        found : int
            The amount that the file declares.
        where : str
            The section and the byte that declare it, for example ``"header at byte 16"``.

        Raises
        ------
        LimitExceeded
            If `found` is above the limit.

        Examples
        --------
        >>> Limits(max_gaussians=10).check("max_gaussians", 11, "header at byte 16")
        Traceback (most recent call last):
        ...
        pyggc.errors.LimitExceeded: header at byte 16: expected at most 10 Gaussians, found 11; \
to allow it, pass limits=Limits(max_gaussians=11) or more
        """
        allowed = getattr(self, name)
        if found > allowed:
            raise LimitExceeded(
                f"{where}: expected at most {allowed} {_UNITS[name]}, found {found}; "
                f"to allow it, pass limits=Limits({name}={found}) or more"
            )
