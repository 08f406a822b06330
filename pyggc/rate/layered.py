"""From a goal to both layers of a file: how many Gaussians, and the step of the residual over them.

More Gaussians leave less to the residual, and pay while they take fewer bits than they save there. That is measured:
the number is doubled, each time the residual is coded with the same step, and the search ends when error and bits
together no longer fall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc.quantize import CompactPlan, CompactQuantizer
from pyggc.rate.search import MOST_PSNR, QUANTIZATION_LOSS, Quantized, Search
from pyggc.residual import (
    BIT_COST,
    MAX_STEP,
    Layer,
    LossyPlan,
    encode_lossless_tile,
    render_base,
    step_unit,
    write_layer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pyggc.rate.goals import Goal

#: Pixels a Gaussian of the first and of the last number that is tried.
SPARSEST, DENSEST = 3000, 60
#: The first number, however small the image is.
FEWEST = 16
#: Iterations of the fit of the first number and of each other one, as shares of those of a whole fit.
FIRST_FIT, NEXT_FIT = 0.6, 0.6
#: Bytes of a lossless residual for each Gaussian under it: they give a preview, and next to nothing else.
PREVIEW = 1600
#: What the cost must fall by for more Gaussians to be worth their time, and how often in a row it may not.
WORTH, PATIENCE = 0.002, 2
#: Decibels by which twice the step is worse, before it is measured; bytes that it takes, as a power of two.
STEP_SLOPE, BYTES_SLOPE = -5.0, -1.1
#: What the cost must fall by without Gaussians for a file to have none: it then has no image but the whole one.
BETTER_WITHOUT = 0.93
#: From this share of a file's bytes on, Gaussians are tried alone.
NEARLY_ALL = 0.85
#: Bytes of a tile from which on its models have learnt enough, and the sides there are.
TILE_BYTES = 8000
TILE_SIDES = (256, 384, 512, 768, 1024)
#: The most steps that are tried for a goal.
MOST_TRIES = 14
#: Bytes of the residual's row in the section table.
_ROW = 8


@dataclass(frozen=True)
class Layered:
    """One way to write an image: its Gaussians, and the residual, if there is one, in tiles of so many pixels."""

    quantized: Quantized
    layer: Layer | None
    side: int
    psnr: float

    @classmethod
    def alone(cls, quantized: Quantized) -> Layered:
        """Gaussians, and nothing else."""
        return cls(quantized, None, 0, quantized.psnr)

    @property
    def num_bytes(self) -> int:
        """Bytes of all sections with their rows of the section table."""
        return self.quantized.num_bytes + (0 if self.layer is None else len(self.layer.data) + _ROW)


@dataclass(frozen=True)
class LayeredOutcome:
    """What came of a goal: the chosen file, the float fit's dB, iterations, and if it fell short, why."""

    chosen: Layered
    float_psnr: float
    iterations: int
    shortfall: str = ""


class LayeredSearch(Search):
    """Looks for the file of both layers that meets a goal with the fewest bytes.

    Parameters
    ----------
    samples : ndarray of uint8 or uint16, shape (H, W, C)
        The image.
    *args, **kwargs
        As for `Search`.
    """

    def __init__(self, samples: NDArray[Any], *args: Any, threads: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.samples = samples
        self.threads = threads
        self.white = float(np.iinfo(samples.dtype).max)
        self.unit = step_unit(samples.dtype)
        self.side = 512
        self._thorough = False

    def run_layers(self, goal: Goal, gaussians: bool = True) -> LayeredOutcome:
        """Fit and code until the goal is met or nothing is left to try; the file need not have `gaussians`."""
        self._gaussians = gaussians
        if goal.lossless:
            return self._outcome_of(self._lossless(goal.num_gaussians))
        if goal.bpp is not None:
            size = goal.bpp * self.pixels / 8.0 - self.overhead
            chosen = self._grow(goal.num_gaussians, lambda quantized, step: self._to_size(quantized, size, step))
            if self._worth_alone(goal, chosen, chosen.num_bytes <= size):
                alone = Layered.alone(self._for_bytes(size).chosen)
                chosen = max(chosen, alone, key=lambda one: (one.num_bytes <= size, one.psnr, -one.num_bytes))
            return self._outcome_of(
                chosen, "" if chosen.num_bytes <= size else "a file of this image cannot be so small"
            )
        quality = goal.quality
        assert quality is not None
        chosen = self._grow(goal.num_gaussians, lambda quantized, step: self._to_quality(quantized, quality, step))
        if self._worth_alone(goal, chosen, chosen.psnr >= quality):
            alone = Layered.alone(self._for_quality(quality).chosen)
            chosen = max(chosen, alone, key=lambda one: (one.psnr >= quality, -one.num_bytes))
        return self._outcome_of(chosen, "" if chosen.psnr >= quality else self._why_not(quality))

    def _worth_alone(self, goal: Goal, chosen: Layered, reached: bool) -> bool:
        """Whether Gaussians alone may do better: where a residual hardly has room, or does not fit in at all."""
        if not self._gaussians or goal.num_gaussians is not None or self.budget.spent:
            return False
        return not reached or chosen.quantized.num_bytes > NEARLY_ALL * chosen.num_bytes

    # The number of Gaussians.

    def _lossless(self, count: int | None) -> Layered:
        if not self._gaussians:
            return self._code(self._none(), None)
        self._set_count(self._preview() if count is None else count)
        self._fit_up(max(self.effort.iterations // 3, 1))
        return self._code(self._quantize_now(), None)

    def _preview(self) -> int:
        """How many Gaussians the file has bytes for, by what its middle takes without them."""
        top, left = (max(0, (side - self.side) // 2) for side in self.samples.shape[:2])
        middle = self.samples[top : top + self.side, left : left + self.side]
        density = len(encode_lossless_tile(middle)) / (middle.shape[0] * middle.shape[1])
        return max(FEWEST, int(density * self.pixels / PREVIEW))

    def _grow(self, count: int | None, meet: Callable[[Quantized, float | None], Layered]) -> Layered:
        """Double the Gaussians while that pays; `meet` codes the residual so that the file meets the goal."""
        if not self._gaussians:
            return meet(self._none(), None)
        first, last = (max(self.pixels // SPARSEST, FEWEST), self.pixels // DENSEST)
        if count is not None:
            first = last = count
        best = none = meet(self._none(), None)
        assert none.layer is not None
        step, cost = none.layer.step, math.inf
        self._skip_halves(first, 120)
        self._set_count(first)
        self._fit_up(max(round(self.effort.iterations * FIRST_FIT), 1))
        patience = PATIENCE
        while True:
            tried = self._code(self._quantize_now(), step)
            tried_cost = self._cost(tried, step)
            if tried_cost < cost * (1.0 - WORTH):
                best, cost, patience = tried, tried_cost, PATIENCE
            else:
                patience -= 1
            if 2 * self.fitter.num_gaussians > last or not patience or self.budget.spent:
                break
            self._set_count(2 * self.fitter.num_gaussians)
            self._fit(max(round(self.effort.iterations * NEXT_FIT), 1))
        if count is None and self._cost(none, step) < BETTER_WITHOUT * cost:
            best = none
        self._thorough = True
        return meet(best.quantized, step / self.unit)

    def _cost(self, layered: Layered, step: int) -> float:
        """Squared error and bits in one sum."""
        assert layered.layer is not None
        a_bit = BIT_COST * (step / self.unit) ** 2
        return layered.layer.squared_error + 8.0 * a_bit * layered.num_bytes

    def _none(self) -> Quantized:
        """No Gaussians."""
        quantizer = CompactQuantizer(CompactPlan(1.0), self.width, self.height, self.channels)
        levels = np.empty((0, self.channels + 5), np.int32)
        return Quantized(levels, quantizer, quantizer.dequantize(levels), self._write(levels, quantizer), 0.0)

    def _quantize_now(self) -> Quantized:
        return self._quantize(self._step_for(self.fitter.psnr - QUANTIZATION_LOSS))

    # The step of the residual.

    def _code(self, quantized: Quantized, step: int | None) -> Layered:
        base = render_base(quantized.gaussians, (self.width, self.height), threads=self.threads)
        plan = None if step is None else LossyPlan(step)
        layer = write_layer(self.samples, base, plan, self.side, thorough=self._thorough, threads=self.threads)
        mse = layer.squared_error / self.samples.size
        psnr = 10.0 * math.log10(self.white**2 / mse) if mse > 0.0 else math.inf
        return Layered(quantized, layer, self.side, psnr)

    def _choose_side(self, layered: Layered) -> None:
        """Take the smallest tiles that have bytes enough to learn from."""
        assert layered.layer is not None
        density = len(layered.layer.data) / self.pixels
        self.side = next((side for side in TILE_SIDES if density * side * side >= TILE_BYTES), TILE_SIDES[-1])

    def _to_quality(self, quantized: Quantized, quality: float, step: float | None) -> Layered:
        """The coarsest step with which a file has so many dB; no residual, if the Gaussians have them."""
        if quantized.psnr >= quality:
            return Layered.alone(quantized)
        close = self.effort.close
        # Uniform errors would be a step's square over 12; the many levels of zero err more and the rest less.
        step = step or self.white * 10.0 ** (-quality / 20.0) * 3.0

        def fits(tried: Layered) -> bool:
            return tried.psnr >= quality

        def short(tried: Layered) -> float:
            return min(tried.psnr, MOST_PSNR) - (quality + 0.5 * close)

        return self._search(quantized, step, fits, short, 0.5 * close, STEP_SLOPE, -0.02)

    def _to_size(self, quantized: Quantized, size: float, step: float | None) -> Layered:
        """The finest step with which the file takes at most so many bytes."""
        step = step or self.white / 20.0

        def fits(tried: Layered) -> bool:
            return tried.num_bytes <= size

        def short(tried: Layered) -> float:
            return (
                math.log2(
                    max(len(tried.layer.data) if tried.layer else 0, 1) / max(size - quantized.num_bytes - _ROW, 1.0)
                )
                + 0.002
            )

        return self._search(quantized, step, fits, short, 0.002, BYTES_SLOPE, 0.02)

    def _search(
        self,
        quantized: Quantized,
        step: float,
        fits: Callable[[Layered], bool],
        short: Callable[[Layered], float],
        close: float,
        slope: float,
        safe: float,
    ) -> Layered:
        """The step where `short`, which falls with the logarithm of the step, is nearly zero.

        Where that ends in what does not fit, steps toward `safe`, finer or coarser ones, go on until one does.
        """
        best: Layered | None = None
        at = math.log2(step * self.unit)
        points: list[tuple[float, float]] = []
        for attempt in range(MOST_TRIES):
            units = min(max(round(2.0**at), 1), MAX_STEP)
            tried = self._code(quantized, units)
            if attempt == 0:
                self._choose_side(tried)
            gap = short(tried)
            if best is None or (fits(tried), -abs(gap)) > (fits(best), -abs(short(best))):
                best = tried
            done = fits(tried) and abs(gap) <= close
            if done or self.budget.urgent or (units in (1, MAX_STEP) and attempt > 2):
                break
            points.append((math.log2(units), gap))
            at = _next_root(points, slope) if attempt < 7 else points[-1][0] + safe * 2.0 ** (attempt - 7)
            if attempt >= 7 and fits(best):
                break
        assert best is not None
        return best

    def _outcome_of(self, chosen: Layered, shortfall: str = "") -> LayeredOutcome:
        return LayeredOutcome(chosen, self.fitter.psnr, self.budget.iterations, shortfall)


def _next_root(points: Sequence[tuple[float, float]], slope: float) -> float:
    """Where a falling function is zero, by what its last points tell, within those that bracket the zero."""
    at, gap = points[-1]
    if len(points) > 1 and points[-2][0] != at:
        measured = (gap - points[-2][1]) / (at - points[-2][0])
        slope = min(max(measured, 2.5 * slope), 0.3 * slope) if measured < 0.0 else slope
    root = at - min(max(gap / slope, -3.0), 3.0)
    low = max((x for x, y in points if y > 0.0), default=-math.inf)
    high = min((x for x, y in points if y <= 0.0 and x > low), default=math.inf)
    if math.isinf(low) or math.isinf(high):
        return root
    return min(max(root, low + 0.1 * (high - low)), high - 0.1 * (high - low))
