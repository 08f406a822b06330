"""The fit on a GPU: which kernels, over how many blocks, with what memory. Nothing here needs CuPy.

All that a search decides lies in the device's memory, so that no step waits for the host, and an iteration is the same
row of launches every time: it can be recorded once and played again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc.backends import cuda_layout as layout
from pyggc.backends.cuda_device import Array, Device
from pyggc.backends.cuda_kernels import KERNELS, TILE_HEIGHT, TILE_WIDTH
from pyggc.backends.cuda_relocate import Relocator
from pyggc.backends.fit_protocol import Bounds, Params, Relocation, SearchState, Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHAPE_COORDINATES = 5

# Entries of a tile's list: so many, and so many times the number of Gaussians by that of tiles, each of which touches
# four or five. A tile that more of them touch looks at all.
_ENTRIES, _ENTRIES_PER_SHARE = 256, 32

# Pixels of a tile of SSIM's kernels.
_WINDOW_TILE = 32, 8

# Parts of large Gaussians that are gathered by warps of their own: as many as cover the image so many times.
_SPARE_COVERS, _SPARE_MIN = 16, 256


class Search:
    """A `pyggc.backends.fit_protocol.Search` on a GPU.

    Parameters
    ----------
    device : Device
        Where to compute.
    targets : array of the device, float32, shape (B, H, C, S)
        The images as planes; S is the width in whole squares of 8, and more if need be, with zeros from the width on.
    width : int
        Their width.
    weights : Weights
        What to make small.
    bounds : Bounds
        What parameters are kept within.
    params : sequence of Params
        Where to start, B of them, of N Gaussians each; arrays of the host.
    step : float
        The first step.
    compared : array of the device, optional
        What SSIM compares with, where `targets` are images less what others draw of them.
    """

    def __init__(
        self,
        device: Device,
        targets: Array,
        width: int,
        weights: Weights,
        bounds: Bounds,
        params: Sequence[Params],
        step: float,
        compared: Array | None = None,
    ) -> None:
        images, height, channels, stride = targets.shape
        self.device, self.targets, self.width, self.weights, self.bounds = device, targets, width, weights, bounds
        self.images, self.channels, self.count = images, channels, len(params[0].means)
        self._compared = targets if compared is None else compared
        self.across = -(-width // TILE_WIDTH)
        self.tiles = self.across * -(-height // TILE_HEIGHT)
        self.capacity = min(_ENTRIES + _ENTRIES_PER_SHARE * self.count // self.tiles, max(self.count, 1))
        self.spare = _SPARE_MIN + _SPARE_COVERS * height * stride // layout.PART_PIXELS
        self._move_blocks = KERNELS["ggc_fit_retract"].by_warp(self.count)
        self._turn_blocks = KERNELS["ggc_fit_conjugate"].by_thread(self.count)
        self.problem = device.upload(
            layout.problem_of(
                bounds,
                weights,
                count=self.count,
                channels=channels,
                width=width,
                height=height,
                stride=stride,
                across=self.across,
                tiles=self.tiles,
                capacity=self.capacity,
                spare=self.spare,
            )
        )
        self._controls = device.upload(layout.as_bytes(_controls(images, step)))
        self._allocate()
        self._play: Callable[[], None] | None = None
        rows = np.stack([np.concatenate([array.ravel() for array in each]) for each in params])
        self.params = device.upload(np.repeat(rows[:, None], layout.SLOTS, axis=1))
        self.evaluate()

    def _allocate(self) -> None:
        device, images, count, spare = self.device, self.images, self.count, self.spare
        rows = images, count, self.channels + _SHAPE_COORDINATES
        self.residual = device.zeros(self.targets.shape, np.float32)
        self.gradient, self.natural, self.direction = (device.zeros(rows, np.float32) for _ in range(3))
        self._counts = device.zeros((images, self.tiles), np.uint32)
        self._lists = device.empty((images, self.tiles, self.capacity), np.uint32)
        self._spares = device.empty((images, spare, 2), np.uint32)
        self._shares = device.empty((images, count, 2), np.int32)
        self._partial = device.empty((images, spare, rows[2]), np.float32)
        self._arrivals = device.zeros((images, count), np.uint32)
        self._products = device.empty((images, count, 2), np.float64)
        self._slopes = device.empty((images, self._turn_blocks, 2), np.float64)
        self._residuals = device.empty((images, self.tiles, 2), np.float64)
        self._amplitudes = device.empty((images, self._move_blocks), np.float64)
        self._allocate_losses()
        self._relocator: Relocator | None = None

    def _allocate_losses(self) -> None:
        """What plain L2 does without: the image's gradient beside the residual, and sums of SSIM."""
        device, (images, height, channels, _) = self.device, self.targets.shape
        self.is_plain = self.weights == Weights()
        self._slope = self.residual if self.is_plain else device.zeros(self.targets.shape, np.float32)
        self._window_tiles = -(-self.width // _WINDOW_TILE[0]) * -(-height // _WINDOW_TILE[1])
        count = self._window_tiles * channels if self.weights.ssim > 0.0 else 1
        self._windows = device.empty((images, count), np.float64)

    # What is queued.

    def launch(self, name: str, grid: int, *args: Any, by_channels: bool = True) -> None:
        """Queue a kernel with a row of blocks for each image."""
        arguments = self.problem, self._controls, *args
        self.device.launch(name, (grid, self.images), arguments, self.channels if by_channels else 0)

    def evaluate(self) -> None:
        """Queue the evaluation of the current state, unless it is known."""
        self._evaluate(layout.PLACE)

    def _evaluate(self, phase: np.int32) -> None:
        bins = self._counts, self._lists
        self.launch(
            "ggc_fit_retract",
            self._move_blocks,
            phase,
            self.params,
            self.natural,
            self.direction,
            *bins,
            self._spares,
            self._shares,
            self._amplitudes,
        )
        self.launch(
            "ggc_fit_forward", self.tiles, phase, self.params, *bins, self.targets, self.residual, self._residuals
        )
        if self.weights.ssim > 0.0:
            planes = self.residual, self._compared
            self._launch_windows("ggc_fit_ssim", phase, *planes, self._windows)
        windows = self._windows, np.int32(self._windows.shape[1])
        sums = self._residuals, self._amplitudes, np.int32(self._move_blocks), *windows
        self.launch("ggc_fit_decide", 1, phase, *sums, by_channels=False)

    def _launch_windows(self, name: str, *args: Any) -> None:
        grid = self._window_tiles, self.images, self.channels
        self.device.launch(name, grid, (self.problem, self._controls, *args))

    def _gather(self, what: np.int32, image: Array, out: Array) -> None:
        grid = KERNELS["ggc_fit_gather"].by_warp(self.count + self.spare)
        parts = self._spares, self._shares, self._partial, self._arrivals
        self.launch("ggc_fit_gather", grid, what, self.params, image, *parts, out, self.natural, self._products)

    def _grade(self, what: np.int32) -> None:
        """The current state's gradient, unless it is known; with `STEP` the natural gradient, too."""
        if not self.is_plain:
            self._launch_windows("ggc_fit_slope", self.residual, self._compared, self._slope)
        self._gather(what, self._slope, self.gradient)

    def _queue_step(self) -> None:
        """An iteration: the direction, and as many trials as a search may need."""
        self._grade(layout.STEP)
        self.launch("ggc_fit_turn", 1, self._products, by_channels=False)
        rows = self.gradient, self.natural, self.direction
        self.launch("ggc_fit_conjugate", self._turn_blocks, self.params, *rows, self._slopes)
        arguments = self._controls, self._slopes, np.int32(self._turn_blocks)
        self.device.launch("ggc_fit_aim", (1, self.images), arguments)
        for _ in range(layout.MAX_TRIALS):
            self._evaluate(layout.TRY)

    def advance(self, steps: int) -> None:
        """Queue iterations of every image that has not converged."""
        for _ in range(steps if self.count else 0):
            if self._play is None:
                # The first one loads what is needed; from the second on it is played from a record.
                self._queue_step()
                self._play = self.device.record(self._queue_step)
            else:
                self._play()

    def begin(self) -> None:
        """Queue the begin of a run; see `Search.begin`."""
        self._manage(layout.RUN)

    def weigh(self, weight: float) -> None:
        """Queue another weight of the amplitudes; see `Search.weigh`."""
        self._manage(layout.WEIGH, weight)

    def finish(self) -> None:
        """Queue the return to the best state; see `Search.finish`."""
        self._manage(layout.REST)
        self.evaluate()

    def _manage(self, action: np.int32, weight: float = 0.0) -> None:
        self.launch("ggc_fit_manage", 1, action, np.float32(weight), by_channels=False)

    def relocate(self, how: Relocation) -> None:
        """Queue the move of the least needed Gaussians to where the error is, and the new state's evaluation."""
        self._relocator = self._relocator or Relocator(self)
        self.evaluate()
        self._grade(layout.GRADE)
        products = self.gradient
        if not self.is_plain:
            # Other losses count the error otherwise, but only the residual has the scale of a color.
            products = self._relocator.products
            self._gather(layout.OTHER, self.residual, products)
        self._relocator.queue(self, how, products)
        self._manage(layout.REPLACE)
        self.evaluate()

    # What the host reads.

    def controls(self) -> NDArray[Any]:
        """Wait for the device, and return what every search is at, of type `layout.CONTROL`, shape (B,)."""
        return self.device.download(self._controls).view(layout.CONTROL)[:, 0]

    def read(self) -> list[SearchState]:
        """Wait for the device, and return what is known of every image's current state."""
        names = SearchState._fields
        return [SearchState(*(control[name].item() for name in names)) for control in self.controls()]

    def download(self, image: int) -> Params:
        """Wait for the device, and return the current parameters of an image."""
        current = self.device.download(self.params[image, int(self.controls()["current"][image])])
        means, cholesky, colors = np.split(current, [2 * self.count, 5 * self.count])
        return Params(means.reshape(-1, 2), cholesky.reshape(-1, 3), colors.reshape(-1, self.channels))


def _controls(images: int, step: float) -> NDArray[Any]:
    """Searches that have not begun."""
    controls = np.zeros(images, layout.CONTROL)
    controls["step"] = step
    controls["trial"] = 1
    controls["least"] = np.inf
    return controls
