"""The sum blend and its gradient in PyTorch, as one would write them without kernels: what `gpu.py` compares with.

Gaussians of similar size share a batch of square windows, whose weights are added to the image by index. Autograd does
the rest. The weight is the exact renderer's, exp(-q / 2) less its value at the edge q = 9, in PyTorch's arithmetic.
"""

from __future__ import annotations

import math

import torch

Q_MAX = 9.0
EDGE = math.exp(-Q_MAX / 2.0)
#: Sides of windows, in pixels: each is twice the one before.
LEAST_SIDE = 8


def windows(means: torch.Tensor, cholesky: torch.Tensor) -> list[tuple[torch.Tensor, int]]:
    """For each side of windows that is needed: which Gaussians have it, and the side.

    Parameters
    ----------
    means : tensor of float32, shape (N, 2)
    cholesky : tensor of float32, shape (N, 3)
    """
    with torch.no_grad():
        l1, l2, l3 = cholesky.unbind(1)
        reach = math.sqrt(Q_MAX) * torch.maximum(l1.abs(), torch.hypot(l3, l2))
        # A window begins at a whole pixel, so it is up to two pixels wider than what it must hold.
        octaves = torch.ceil(torch.log2((2.0 * reach + 2.0) / LEAST_SIDE)).clamp(min=0.0).to(torch.int64)
        return [
            (torch.nonzero(octaves == octave).squeeze(1), LEAST_SIDE << octave) for octave in octaves.unique().tolist()
        ]


def render(
    means: torch.Tensor,
    cholesky: torch.Tensor,
    colors: torch.Tensor,
    height: int,
    width: int,
    batches: list[tuple[torch.Tensor, int]] | None = None,
) -> torch.Tensor:
    """Draw Gaussians.

    Parameters
    ----------
    means, cholesky, colors : tensors of float32, shapes (N, 2), (N, 3) and (N, C)
    height, width : int
    batches : list, optional
        What `windows` returns for these Gaussians, or for others that are nearly the same.

    Returns
    -------
    tensor of float32, shape (height, width, C)
        Not clipped.
    """
    image = torch.zeros((height * width, colors.shape[1]), dtype=colors.dtype, device=colors.device)
    for which, side in windows(means, cholesky) if batches is None else batches:
        mean, (l1, l2, l3) = means[which], cholesky[which].unbind(1)
        first = torch.floor(mean.detach()) - (side // 2 - 1)
        steps = torch.arange(side, device=mean.device)
        x, y = (first[:, axis, None] + steps for axis in range(2))
        u1 = (x - mean[:, :1]) / l1[:, None]
        u2 = ((y - mean[:, 1:])[:, :, None] - l3[:, None, None] * u1[:, None, :]) / l2[:, None, None]
        q = u1.square()[:, None, :] + u2.square()
        inside = (q < Q_MAX) & ((x >= 0) & (x < width))[:, None, :] & ((y >= 0) & (y < height))[:, :, None]
        weight = torch.where(inside, (torch.exp(-0.5 * q) - EDGE) / (1.0 - EDGE), torch.zeros_like(q))
        at = y.clamp(0, height - 1).to(torch.int64)[:, :, None] * width + x.clamp(0, width - 1).to(torch.int64)[:, None]
        part = weight[..., None] * colors[which][:, None, None, :]
        image = image.index_add(0, at.reshape(-1), part.reshape(-1, colors.shape[1]))
    return image.reshape(height, width, -1)
