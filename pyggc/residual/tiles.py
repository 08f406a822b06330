"""Tiles: the squares of an image that are coded each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Sides of tiles are multiples of the first, and at most the second.
SIDE_UNIT, MAX_SIDE = 32, 1024


@dataclass(frozen=True)
class Tile:
    """A rectangle of an image: number in the order of the file, left, top, width and height in pixels."""

    number: int
    left: int
    top: int
    width: int
    height: int

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True)
class Grid:
    """The tiles of an image, from left to right and from top to bottom.

    Parameters
    ----------
    width, height : int
        Of the image in pixels.
    side : int
        Of a tile: a multiple of 32 up to 1024. Tiles at the right and lower edges may be smaller.

    Raises
    ------
    ValueError
        If the side is none of these.
    """

    width: int
    height: int
    side: int

    def __post_init__(self) -> None:
        if self.side not in range(SIDE_UNIT, MAX_SIDE + 1, SIDE_UNIT):
            raise ValueError(f"side must be a multiple of {SIDE_UNIT} up to {MAX_SIDE}, not {self.side}")

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return -(-self.width // self.side)

    @property
    def rows(self) -> int:
        """Tiles in a column."""
        return -(-self.height // self.side)

    def __len__(self) -> int:
        return self.columns * self.rows

    def __iter__(self) -> Iterator[Tile]:
        return self.within((0, 0, self.width, self.height))

    def within(self, region: tuple[int, int, int, int]) -> Iterator[Tile]:
        """Those that have pixels in a region: left, top, width and height."""
        left, top, width, height = region
        side = self.side
        for row in range(top // side, -(-(top + height) // side)):
            for column in range(left // side, -(-(left + width) // side)):
                x, y = column * side, row * side
                number = row * self.columns + column
                yield Tile(number, x, y, min(side, self.width - x), min(side, self.height - y))
