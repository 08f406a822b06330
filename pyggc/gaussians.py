"""`Gaussians2D`: the arrays of one image representation, their shapes, units and checks."""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pyggc._npy import parse_npy
from pyggc.atomic import atomic_write
from pyggc.errors import BitstreamError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

Index: TypeAlias = "int | slice | NDArray[Any] | Sequence[int] | Sequence[bool]"

MAX_CHANNELS = 4
#: The least diagonal entry of a Cholesky factor, in pixels.
MIN_SCALE = 2.0**-10
#: The largest magnitude of a mean or an entry of a Cholesky factor, in pixels, and the largest side of an image.
#: With these bounds no parameter, however scaled, can lead the renderer's arithmetic to a NaN.
MAX_COORDINATE = 2.0**20
#: The largest magnitude of a color: its fixed-point contribution to a pixel, 11 bits and 20 of fraction, fits int32.
MAX_COLOR = 1024.0

_FIELDS = ("means", "cholesky", "colors", "opacities", "size")


@dataclass(frozen=True, eq=False, repr=False)
class Gaussians2D:
    """N anisotropic Gaussians in the plane of an image.

    Coordinates are pixels of the source image, x right and y down, the origin at the center of the top-left pixel.
    All arrays are copied, stored as C-contiguous float32 and made read-only.

    Parameters
    ----------
    means : array_like, shape (N, 2)
        Centers (x, y), in pixels, of magnitude at most 2^20.
    cholesky : array_like, shape (N, 3)
        l1, l2, l3 of the lower triangular factor L = [[l1, 0], [l3, l2]] of the covariance L Lᵀ, in pixels: l1 and
        l2 within [2^-10, 2^20], l3 of magnitude at most 2^20.
    colors : array_like, shape (N, C)
        Amplitude in each of C channels, 1 to 4, of magnitude at most 1024; an image's white is 1. They are
        coefficients of a sum: negative values and values above 1 are usual.
    opacities : array_like, shape (N,), optional
        Factors within [0, 1]. Absent, every Gaussian is opaque.
    width, height : int, optional
        Size of the source image, in pixels, 1 to 2^20; both or neither.

    Raises
    ------
    ValueError
        If a shape, a value or the size is not as said above; the message names the argument.

    Notes
    -----
    The representation is that of section 1.1 of the *Gaussian image codec framework*.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.gaussians import Gaussians2D
    >>> one = Gaussians2D([[4.0, 2.0]], [[2.0, 1.0, 0.0]], [[1.0, 0.5, 0.0]], width=9, height=5)
    >>> one
    Gaussians2D(1 Gaussian, 3 channels, 9x5)
    >>> one.evaluate_at(4.0, [2.0, 3.0]).round(4)
    array([[1.    , 0.6065]])
    """

    means: NDArray[np.float32]
    cholesky: NDArray[np.float32]
    colors: NDArray[np.float32]
    opacities: NDArray[np.float32] | None = None
    width: int | None = None
    height: int | None = None

    if TYPE_CHECKING:
        # What a caller may pass is wider than what the attributes hold.
        def __init__(
            self,
            means: ArrayLike,
            cholesky: ArrayLike,
            colors: ArrayLike,
            opacities: ArrayLike | None = None,
            width: int | None = None,
            height: int | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        means = _array("means", self.means, (None, 2), MAX_COORDINATE)
        count = len(means)
        cholesky = _array("cholesky", self.cholesky, (count, 3), MAX_COORDINATE)
        colors = _array("colors", self.colors, (count, None), MAX_COLOR)
        if not 1 <= colors.shape[1] <= MAX_CHANNELS:
            raise ValueError(f"colors must have 1 to {MAX_CHANNELS} channels, got {colors.shape[1]}")
        if count and cholesky[:, :2].min() < MIN_SCALE:
            raise ValueError(f"cholesky: l1 and l2 must be at least {MIN_SCALE}, got {cholesky[:, :2].min()}")
        opacities = None
        if self.opacities is not None:
            opacities = _array("opacities", self.opacities, (count,), 1.0)
            if count and opacities.min() < 0.0:
                raise ValueError(f"opacities must be within [0, 1], got {opacities.min()}")
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height must be given together")
        for name, value in (("means", means), ("cholesky", cholesky), ("colors", colors), ("opacities", opacities)):
            object.__setattr__(self, name, value)
        for name in ("width", "height"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _side(name, getattr(self, name)))

    @property
    def num_channels(self) -> int:
        """Number of channels C."""
        return int(self.colors.shape[1])

    def __len__(self) -> int:
        return len(self.means)

    def __repr__(self) -> str:
        size = "" if self.width is None else f", {self.width}x{self.height}"
        opacities = "" if self.opacities is None else ", with opacities"
        return (
            f"Gaussians2D({len(self)} Gaussian{'s' * (len(self) != 1)}, "
            f"{self.num_channels} channel{'s' * (self.num_channels != 1)}{opacities}{size})"
        )

    def __eq__(self, other: object) -> bool:
        """Whether all arrays and the size are the same."""
        if not isinstance(other, Gaussians2D):
            return NotImplemented
        if (self.opacities is None) != (other.opacities is None):
            return False
        return (self.width, self.height) == (other.width, other.height) and all(
            np.array_equal(mine, theirs) for mine, theirs in zip(self._arrays(), other._arrays(), strict=True)
        )

    # The arrays are not hashable, and equal objects must have equal hashes.
    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, index: Index) -> Gaussians2D:
        """Return the Gaussians of an integer (one of them), a slice, a mask or an array of indices.

        Raises
        ------
        IndexError
            If an index is out of range.
        """
        if isinstance(index, (int, np.integer)):
            index = [int(index)]
        return self._like([array[index] for array in self._arrays()])

    def _arrays(self) -> list[NDArray[np.float32]]:
        arrays = [self.means, self.cholesky, self.colors]
        return arrays if self.opacities is None else [*arrays, self.opacities]

    def _like(self, arrays: Sequence[NDArray[Any]]) -> Gaussians2D:
        """The same image made of other Gaussians, given as `_arrays` gives them."""
        means, cholesky, colors, *opacities = arrays
        return Gaussians2D(means, cholesky, colors, opacities[0] if opacities else None, self.width, self.height)

    @staticmethod
    def concatenate(parts: Sequence[Gaussians2D]) -> Gaussians2D:
        """Join representations of the same image.

        Parameters
        ----------
        parts : sequence of Gaussians2D
            At least one; all with the same number of channels and the same size, all or none with opacities.

        Raises
        ------
        ValueError
            If `parts` is empty or its members do not agree.

        Examples
        --------
        >>> from pyggc.gaussians import Gaussians2D
        >>> one = Gaussians2D([[4.0, 2.0]], [[2.0, 1.0, 0.0]], [[1.0]])
        >>> len(Gaussians2D.concatenate([one, one]))
        2
        """
        if not parts:
            raise ValueError("parts must have at least one member")
        kinds = {(p.num_channels, p.opacities is None, p.width, p.height) for p in parts}
        if len(kinds) > 1:
            raise ValueError("parts must agree in channels, opacities and size")
        arrays = [np.concatenate(group) for group in zip(*(p._arrays() for p in parts), strict=True)]
        return parts[0]._like(arrays)

    def covariance(self) -> NDArray[np.float64]:
        """Return the covariance matrices L Lᵀ, shape (N, 2, 2), in square pixels."""
        l1, l2, l3 = self.cholesky.astype(np.float64).T
        return _symmetric(l1 * l1, l1 * l3, l2 * l2 + l3 * l3)

    @property
    def conics(self) -> NDArray[np.float64]:
        """Entries (xx, xy, yy) of the inverse covariance matrices, shape (N, 3), in 1 / square pixels."""
        l1, l2, l3 = self.cholesky.astype(np.float64).T
        # From L⁻¹ = [[1/l1, 0], [-l3/(l1 l2), 1/l2]]; inverting the covariance itself would cancel digits.
        slope = l3 / (l1 * l2)
        return np.stack([1.0 / (l1 * l1) + slope * slope, -slope / l2, 1.0 / (l2 * l2)], axis=-1)

    def inverse_covariance(self) -> NDArray[np.float64]:
        """Return the inverse covariance matrices, shape (N, 2, 2), in 1 / square pixels."""
        return _symmetric(*self.conics.T)

    def evaluate_at(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Return opacity times exp(-½ dᵀ Σ⁻¹ d) of every Gaussian at points.

        This is the untruncated Gaussian of section 1.1 of the framework, not the renderer's compact kernel.

        Parameters
        ----------
        x, y : array_like
            Coordinates in pixels, broadcast against each other.

        Returns
        -------
        ndarray of float64, shape (N, ...)
            One row a Gaussian, the shape of the points behind it; values within [0, 1].
        """
        points_x, points_y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        shape = (len(self),) + (1,) * points_x.ndim
        (mx, my), (l1, l2, l3) = self.means.astype(np.float64).T, self.cholesky.astype(np.float64).T
        u1 = (points_x - mx.reshape(shape)) / l1.reshape(shape)
        u2 = (points_y - my.reshape(shape) - l3.reshape(shape) * u1) / l2.reshape(shape)
        value: NDArray[np.float64] = np.exp(-0.5 * (u1 * u1 + u2 * u2))
        return value if self.opacities is None else value * self.opacities.reshape(shape)

    def scaled(self, sx: float, sy: float | None = None) -> Gaussians2D:
        """Return the representation stretched about the image's top-left corner.

        Nothing is filtered: to draw an image smaller than it is, `render` it smaller.

        Parameters
        ----------
        sx, sy : float
            Positive factors; `sy` defaults to `sx`. A known size is rounded to whole pixels, at least one.

        Raises
        ------
        ValueError
            If a factor is not positive and finite, or the result exceeds the bounds of the class.
        """
        factors = (float(sx), float(sx if sy is None else sy))
        for name, factor in zip(("sx", "sy"), factors, strict=True):
            if not (math.isfinite(factor) and factor > 0.0):
                raise ValueError(f"{name} must be positive and finite, got {factor}")
        fx, fy = factors
        # A pixel's center is half a pixel from the corner that stays in place: (m + 1/2) s - 1/2.
        means = self.means * np.array([fx, fy]) + (np.array([fx, fy]) - 1.0) * 0.5
        cholesky = self.cholesky * np.array([fx, fy, fy])
        width = None if self.width is None else max(1, math.floor(self.width * fx + 0.5))
        height = None if self.height is None else max(1, math.floor(self.height * fy + 0.5))
        return Gaussians2D(means, cholesky, self.colors, self.opacities, width, height)

    def render(
        self,
        width: int | None = None,
        height: int | None = None,
        *,
        region: tuple[int, int, int, int] | None = None,
        supersample: int = 1,
        dtype: DTypeLike = np.uint8,
        threads: int | None = None,
        device: str = "cpu",
    ) -> NDArray[Any]:
        """Draw the image; see `pyggc.render.rasterize`, whose arguments these are, the backend by its device."""
        # Upward imports, here and in the two methods below: where users look for them, without a cycle at import time.
        from pyggc.render import rasterize

        return rasterize(
            self,
            width,
            height,
            region=region,
            supersample=supersample,
            dtype=dtype,
            threads=threads,
            backend=device,
        )

    # Notebooks look for these two names.

    def _repr_png_(self) -> bytes | None:
        """Return a picture of the image as a PNG file; None if its size is not known, or drawing would take long."""
        from pyggc.render.display import preview

        return preview(self)

    def _repr_html_(self) -> str:
        """Return the same picture, if there is one, over a line that tells what this is."""
        from pyggc.render.display import preview_html

        return preview_html(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` file, uncompressed; nothing is left behind if writing fails.

        Parameters
        ----------
        path : str or path-like
            Name of the file, taken as it is.

        Raises
        ------
        OSError
            If the file cannot be written: see `pyggc.container.atomic_write`.
        """
        fields: dict[str, NDArray[Any]] = dict(zip(_FIELDS, self._arrays(), strict=False))
        if self.width is not None and self.height is not None:
            fields["size"] = np.array([self.width, self.height], np.int64)
        file = io.BytesIO()
        np.savez(file, **fields)  # type: ignore[arg-type]
        atomic_write(path, file.getbuffer())

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Gaussians2D:
        """Read a file that `save` wrote.

        Raises
        ------
        OSError
            If the file cannot be read.
        BitstreamError
            If it is damaged or not such a file.
        """
        data = Path(path).read_bytes()
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = archive.namelist()
                means, cholesky, colors = (_member(archive, name) for name in _FIELDS[:3])
                opacities = _member(archive, "opacities") if "opacities.npy" in names else None
                width, height = _member(archive, "size").tolist() if "size.npy" in names else (None, None)
            return Gaussians2D(means, cholesky, colors, opacities, width, height)
        except Exception as error:  # Damage can make zipfile and NumPy raise almost anything.
            raise BitstreamError(f"{os.fspath(path)}: not a file of Gaussians: {error}") from error


def _array(name: str, value: object, shape: tuple[int | None, ...], limit: float) -> NDArray[np.float32]:
    """A read-only float32 copy, checked for shape (None: any) and magnitude."""
    given = np.asarray(value)
    if given.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be numbers, got {given.dtype}")
    if given.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, given.shape, strict=True)):
        expected = ", ".join("N" if want is None else str(want) for want in shape) + "," * (len(shape) == 1)
        raise ValueError(f"{name} must have shape ({expected}), got {given.shape}")
    with np.errstate(over="ignore"):
        array = np.array(given, np.float32, order="C", copy=True)
    # Written so that a NaN fails, too.
    if not np.all(np.abs(array) <= limit):
        raise ValueError(f"{name} must be finite and of magnitude at most {limit:g}")
    array.flags.writeable = False
    return array


def _side(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} must be an integer, got {value!r}")
    if not 1 <= value <= MAX_COORDINATE:
        raise ValueError(f"{name} must be within 1 to {int(MAX_COORDINATE)}, got {value}")
    return int(value)


def _symmetric(xx: NDArray[np.float64], xy: NDArray[np.float64], yy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.stack([xx, xy], axis=-1), np.stack([xy, yy], axis=-1)], axis=-2)


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One array of an uncompressed archive: neither it nor the array can be larger than the file."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    try:
        return parse_npy(archive.read(info))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
