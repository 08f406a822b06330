"""One Gaussian for each superpixel (SLIC: Achanta et al., 2012): the framework's content-aware initialization."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyggc.backends.fit_protocol import Params
from pyggc.fit.placement import SCALE_PER_SPACING, background, share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.fit.objective import Objective

    Doubles = NDArray[np.float64]
    Labels = NDArray[np.int64]

#: How much nearness counts beside likeness, for samples within [0, 1].
COMPACTNESS = 0.1
#: Variance of the places within one pixel.
PIXEL_VARIANCE = 1.0 / 12.0
#: A Gaussian's standard deviations in units of its superpixel's. A square superpixel gets what `content` gives a
#: Gaussian that has as much room.
SCALE_PER_DEVIATION = SCALE_PER_SPACING / math.sqrt(PIXEL_VARIANCE)


def superpixel(objective: Objective, count: int, rng: np.random.Generator, fit_coarse: object = None) -> Params:
    """Place one Gaussian of the mean color behind all, and another on each superpixel; parameters as for `content`.

    Raises
    ------
    ImportError
        If scikit-image is missing.
    """
    bounds, back, wanted = objective.bounds, background(objective), count - 1
    if wanted <= 0:
        return Params(*(array[:count] for array in back))
    image = objective.target[:, :, : objective.width].transpose(0, 2, 1)
    labels = _superpixels(image, wanted)
    # Where there are more Gaussians than pixels, the rest lies on pixels that have one.
    again = rng.integers(labels.size, size=max(wanted - labels.size, 0))
    means, cholesky, colors = (
        np.concatenate([table, table[labels.flat[again]]]) for table in _describe(image, labels, wanted)
    )
    cholesky[:, :2] = np.clip(cholesky[:, :2], 1.5 * bounds.min_scale, bounds.max_scale)
    x, y = np.rint(means).astype(np.int64).T
    others = share(objective, means, cholesky, x, y, colors - back.colors)
    return Params(*(np.concatenate(pair) for pair in zip(back, others, strict=True)))


def _superpixels(image: NDArray[np.float32], wanted: int) -> Labels:
    """Labels below `wanted`, shape (H, W), each used if there are pixels enough; -1 on superpixels too many."""
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise ImportError("init 'superpixel' needs scikit-image: pip install scikit-image", name="skimage") from error
    # Samples as they are, for any number of channels, gray and alpha among them.
    found = slic(
        image,
        wanted,
        compactness=COMPACTNESS,
        convert2lab=False,
        channel_axis=-1,
        start_label=0,
        enforce_connectivity=True,
    )
    _, labels, sizes = np.unique(found, return_inverse=True, return_counts=True)
    # SLIC comes near the number only.
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    labels = rank[labels.reshape(image.shape[:2])]
    labels[labels >= wanted] = -1
    missing = min(wanted, labels.size) - len(sizes)
    while missing > 0:
        missing -= _split(labels, missing)
    return labels


def _split(labels: Labels, most: int) -> int:
    """Cut superpixels in two across their longer axis, the largest first, at most so many; return how many."""
    sizes, means, covariance = _moments(labels, int(labels.max()) + 1)
    largest = np.argsort(-sizes, kind="stable")[:most]
    largest = largest[sizes[largest] > 1]
    angle = 0.5 * np.arctan2(2.0 * covariance[:, 2], covariance[:, 0] - covariance[:, 1])
    new = np.full(len(sizes), -1)
    new[largest] = len(sizes) + np.arange(len(largest))
    y, x = np.indices(labels.shape)
    across = (x - means[labels, 0]) * np.cos(angle)[labels] + (y - means[labels, 1]) * np.sin(angle)[labels]
    cut = (labels >= 0) & (new[labels] >= 0) & (across > 0.0)
    labels[cut] = new[labels[cut]]
    return len(largest)


def _moments(labels: Labels, count: int) -> tuple[Doubles, Doubles, Doubles]:
    """Pixels, mean (x, y) and covariance (xx, yy, xy) of the places of each of `count` labels; none is empty."""
    y, x = np.mgrid[: labels.shape[0], : labels.shape[1]]
    sizes = _sums(labels, np.ones(labels.shape), count)
    means = np.stack([_sums(labels, place, count) / sizes for place in (x, y)], axis=1)
    dx, dy = x - means[labels, 0], y - means[labels, 1]
    products = [_sums(labels, product, count) / sizes for product in (dx * dx, dy * dy, dx * dy)]
    return sizes, means, np.stack(products, axis=1)


def _describe(image: NDArray[np.float32], labels: Labels, wanted: int) -> tuple[NDArray[np.float32], ...]:
    """Mean place, factor of the Gaussian's covariance and mean color of each superpixel."""
    count = min(wanted, labels.size)
    sizes, means, covariance = _moments(labels, count)
    xx, yy, xy = covariance.T
    l1 = np.sqrt(xx + PIXEL_VARIANCE)
    l3 = xy / l1
    l2 = np.sqrt(yy + PIXEL_VARIANCE - l3 * l3)
    cholesky = SCALE_PER_DEVIATION * np.stack([l1, l2, l3], axis=1)
    colors = np.stack([_sums(labels, plane, count) / sizes for plane in np.moveaxis(image, 2, 0)], axis=1)
    return tuple(array.astype(np.float32) for array in (means, cholesky, colors))


def _sums(labels: Labels, values: NDArray[np.generic], count: int) -> Doubles:
    """The sum of the values, shape (H, W), over the pixels of each label."""
    inside = labels >= 0
    return np.asarray(np.bincount(labels[inside], values[inside].astype(np.float64), count), np.float64)
