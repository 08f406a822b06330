"""From a goal to a file's sections: how many Gaussians, and how coarse their steps.

The float fit aims a little above the goal, because quantization costs about `QUANTIZATION_LOSS` where bits are spent
best: fewer Gaussians with finer steps, and more with coarser ones, both cost more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pyggc.container import Section
from pyggc.container.compact import write_levels
from pyggc.fit.halves import enlarge
from pyggc.quantize import CompactPlan, CompactQuantizer, finest_color_steps, split_bright
from pyggc.rate.goals import MAX_GAUSSIANS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pyggc.fit.pyramid import AnyFitter
    from pyggc.gaussians import Gaussians2D
    from pyggc.rate.budget import Budget
    from pyggc.rate.goals import Effort, Goal

#: Decibels between the float fit and the file where a bit buys most.
QUANTIZATION_LOSS = 0.5
#: Where the float fit itself is below the goal, a loss that is not worth the bits to avoid it.
LEAST_LOSS = 0.1
#: Decibels that a step larger by a factor of e costs at least, for a measurement of it to be believed.
LEAST_NOISE_SLOPE = -0.3

#: A file without any error has an infinite PSNR, through which no line can be drawn: it counts as so many decibels.
MOST_PSNR = 200.0
#: Bits of a Gaussian at that loss, for the first guess.
TYPICAL_BITS = 36.0
#: Decibels that twice the Gaussians give, for the first guess, and the range in which a measurement is believed.
TYPICAL_SLOPE, LEAST_SLOPE, MOST_SLOPE = 2.3, 1.0, 4.0
#: Decibels by which a float fit may miss its aim, because how they are shared with quantization matters little.
NEAR_AIM = 0.1
#: The most parts into which a Gaussian is split that is too bright for the range of the color levels.
MOST_COPIES = 64
#: Pixels a Gaussian from which on the half of an image is worth a fit of its own, and those of an image that is halved
#: however many Gaussians it takes, because there iterations are dear.
SPARSE = 60
DEAR = 1 << 20
#: The energy of the squared kernel in units of l1 l2, times the share of the rounding noise that refinement leaves.
_NOISE = 3.07 * 0.35


@dataclass(frozen=True)
class Quantized:
    """One way to write the fit: its integers, what they are in floats, their bytes, and their fidelity in dB."""

    levels: NDArray[np.int32]
    quantizer: CompactQuantizer
    gaussians: Gaussians2D
    sections: list[Section]
    psnr: float

    @property
    def num_bytes(self) -> int:
        """Bytes of the sections with their rows of the section table."""
        return sum(len(section.data) + 8 for section in self.sections)


@dataclass(frozen=True)
class Outcome:
    """What came of a goal: the chosen file, the float fit's dB, iterations, and if it fell short, why."""

    chosen: Quantized
    float_psnr: float
    iterations: int
    shortfall: str = ""


class Search:
    """Looks for the file that meets a goal with the fewest bytes.

    Parameters
    ----------
    fitters : sequence of Fitter or WindowedFitter
        Of the image, last, and before it of its halves, from the smallest on; none initialized.
    effort : Effort
        How hard to try.
    measure : callable
        Gaussians to the dB of the image that a decoder makes of them.
    budget : Budget
        What it may take.
    seed : int
        Seed of the order in which integers are refined.
    overhead : int
        Bytes of a file beyond its sections.
    bits_back : bool
        Code the Gaussians' pixels as a set instead of a tree.
    """

    def __init__(
        self,
        fitters: Sequence[AnyFitter],
        effort: Effort,
        measure: Callable[[Gaussians2D], float],
        budget: Budget,
        seed: int,
        overhead: int,
        bits_back: bool = False,
    ) -> None:
        self.fitter, *self.finer = fitters
        self.effort = effort
        self.measure = measure
        self.budget = budget
        self.height, self.width, self.channels = fitters[-1].shape
        self.pixels = self.width * self.height
        # On a large image most of the work is done on its halves.
        dear = self.pixels > DEAR
        self.finishing = effort.iterations // 4
        self.correction = max(effort.correction // 3, 8) if dear else effort.correction
        self.sweeps = max(effort.sweeps // 2, 2) if dear else effort.sweeps
        budget.expected = effort.iterations + len(self.finer) * self.finishing + self.correction
        self.seed = seed
        self.overhead = overhead
        self._write = partial(write_levels, bits_back=bits_back)
        #: More Gaussians have more parameters than the image has samples, or are above what decoders take by default.
        self.most = min(self.pixels // 2 + 4, MAX_GAUSSIANS)

    def run(self, goal: Goal) -> Outcome:
        """Fit, quantize and correct until the goal is met or nothing is left to try."""
        if goal.num_gaussians is not None:
            outcome = self._for_count(goal.num_gaussians)
        elif goal.bpp is not None:
            outcome = self._for_bytes(goal.bpp * self.pixels / 8.0 - self.overhead)
        else:
            assert goal.quality is not None
            outcome = self._for_quality(goal.quality)
        return outcome

    # One number of Gaussians.

    def _for_count(self, count: int) -> Outcome:
        self._skip_halves(count, 4 * SPARSE)
        self._set_count(count)
        # A quality is reached in several rounds; a number should get as many.
        self._fit_up(self.effort.iterations + self.effort.correction * self.effort.corrections)
        return self._outcome(self._to_psnr(self.fitter.psnr - QUANTIZATION_LOSS))

    # A quality.

    def _for_quality(self, quality: float) -> Outcome:
        aim = quality + QUANTIZATION_LOSS
        self._start(aim)
        best: Quantized | None = None
        for done in range(self.effort.corrections):
            reached = self._fit_to(aim)
            tried = self._to_psnr(quality)
            if best is None or _better(tried, best, quality):
                best = tried
            if best.psnr >= quality or not reached or self.budget.spent:
                break
            # A shortfall stays where finer steps no longer help, so the margin grows.
            aim += quality - tried.psnr + 0.1 * 2.0**done
        assert best is not None
        return self._outcome(best, "" if best.psnr >= quality else self._why_not(quality))

    def _why_not(self, quality: float) -> str:
        if self.budget.spent:
            return self.budget.shortfall
        if self.fitter.psnr >= quality:
            return f"the fit has {self.fitter.psnr:.1f} dB, but what a file can hold of it has less"
        count = self.fitter.num_gaussians
        if count >= self.most:
            return f"{count} Gaussians, the most for this image, are not enough"
        return f"{count} Gaussians are not enough, and this effort tries no more"

    def _start(self, aim: float) -> None:
        """Guess the number of Gaussians from a short fit."""
        height, width, _ = self.fitter.shape
        self._set_count(height * width // 400)
        self._fit(min(15, self.effort.iterations))
        # A whole fit ends about so much above a short one.
        gap = 0.0 if self.budget.spent else aim - (self.fitter.psnr + 1.5)
        count = int(self.fitter.num_gaussians * 2.0 ** min(max(gap / TYPICAL_SLOPE, -4.0), 4.0))
        if self._skip_halves(count, SPARSE):
            # Halves are smoother, and the guess was a low one.
            self._start(aim)
        else:
            self._set_count(count)
            self._fit_up(self.effort.iterations, aim)

    def _fit_to(self, aim: float) -> bool:
        """Look for the fewest Gaussians with which the float fit has `aim` dB, and end there; whether it has them.

        Steps in the number follow the slope, within the bracket of what was too few and what was enough.
        """
        slope, rounds = TYPICAL_SLOPE, self.effort.corrections
        few, many = 0, self.most + 1
        enough: Gaussians2D | None = None
        # Where only too few are known, twice the rounds may pass until there are enough.
        for done in range(2 * rounds + 1):
            count, psnr = self.fitter.num_gaussians, self.fitter.psnr
            gap = aim - psnr
            if gap > NEAR_AIM:
                few = max(few, count)
            elif count < many:
                many, enough = count, self.fitter.gaussians
            # Of a fit without any error there is no slope; the integers show what it needs.
            close = -2.0 * NEAR_AIM <= gap <= NEAR_AIM or math.isinf(gap) or many - few <= 1
            if close or self.budget.spent or done >= (2 * rounds if enough is None else rounds):
                break
            wanted = round(count * 2.0 ** min(max((gap + 0.05) / slope, -1.5), 1.0))
            self._set_count(wanted if few < wanted < many else _middle(few, many, count))
            self._fit(self.effort.correction if self.finer else self.correction)
            if self.fitter.num_gaussians > count:
                # Part of the gain is that of more iterations, so after pruning it tells nothing of the slope.
                measured = (self.fitter.psnr - psnr) / math.log2(self.fitter.num_gaussians / count)
                slope = min(max(measured, LEAST_SLOPE), MOST_SLOPE)
        if self.fitter.psnr < aim - NEAR_AIM and enough is not None:
            self.fitter.gaussians = enough
        return self.fitter.psnr >= aim - NEAR_AIM

    # A size.

    def _for_bytes(self, size: float) -> Outcome:
        count = int(8.0 * size / TYPICAL_BITS)
        self._skip_halves(count, 4 * SPARSE)
        self._set_count(count)
        self._fit_up(self.effort.iterations)
        for _ in range(2):
            tried = self._to_psnr(self.fitter.psnr - QUANTIZATION_LOSS)
            ratio = size / tried.num_bytes
            if 0.95 < ratio < 1.08 or math.isinf(tried.psnr) or self.budget.spent:
                break
            self._set_count(int(self.fitter.num_gaussians * ratio))
            self._fit(self.correction)
        best = self._to_bytes(size)
        return self._outcome(best, "" if best.num_bytes <= size else "a file of this image cannot be so small")

    # The parts that they share.

    def _fit(self, iterations: int) -> None:
        self.budget.run(self.fitter, iterations)

    def _fit_up(self, iterations: int, aim: float | None = None) -> None:
        """Fit the smallest image, and what comes of it to the larger ones; on the way, come close to `aim` dB."""
        self._fit(iterations)
        while self.finer:
            if aim is not None:
                self._fit_to(aim)
            gaussians, self.fitter = self.fitter.gaussians, self.finer.pop(0)
            height, width, _ = self.fitter.shape
            self.fitter.initialize(len(gaussians), enlarge(gaussians, width, height))
            self._fit(self.finishing)

    def _skip_halves(self, count: int, least: int) -> bool:
        """Go on with a larger image where the present one has fewer pixels a Gaussian than `least`, and that is cheap.

        Returns whether it did so.
        """
        skipped = False
        while self.finer:
            pixels, larger = (f.shape[0] * f.shape[1] for f in (self.fitter, self.finer[0]))
            if pixels >= least * count or larger > DEAR:
                break
            self.fitter, skipped = self.finer.pop(0), True
        return skipped

    def _set_count(self, count: int) -> None:
        count = min(max(count, 1), self.most)
        present = self.fitter.num_gaussians
        if present == 0:
            self.budget.initialize(self.fitter, count)
        elif count > present:
            self.fitter.grow(count - present)
        elif count < present:
            self.fitter.prune(present - count)

    def _outcome(self, chosen: Quantized, shortfall: str = "") -> Outcome:
        return Outcome(chosen, self.fitter.psnr, self.budget.iterations, shortfall)

    def _quantize(self, color_step: float) -> Quantized:
        fitter = self.fitter
        gaussians = split_bright(fitter.gaussians, color_step)
        quantizer = CompactQuantizer(CompactPlan(color_step), self.width, self.height, self.channels)
        sweeps = min(self.sweeps, 2) if self.budget.urgent else self.sweeps
        levels = fitter.refine(quantizer.quantize(gaussians), quantizer, sweeps, self.seed)
        # A Gaussian of no color is not worth its bits; one stays, because a file of none is black.
        visible = levels[:, : self.channels].any(axis=1)
        levels = np.ascontiguousarray(levels[visible] if visible.any() else levels[:1])
        gaussians = quantizer.dequantize(levels)
        return Quantized(levels, quantizer, gaussians, self._write(levels, quantizer), self.measure(gaussians))

    def _step_for(self, psnr: float) -> float:
        """A step whose noise takes the float fit down to `psnr`."""
        gaussians = self.fitter.gaussians
        noise = (_mse(psnr) - _mse(self.fitter.psnr)) * self.pixels * self.channels
        parameters = max(len(gaussians), 1) * (self.channels + 5)
        return max(math.sqrt(max(noise, 0.0) * 12.0 / (_NOISE * parameters)), _least_step(gaussians))

    def _to_psnr(self, goal: float) -> Quantized:
        """The coarsest steps with which the present fit keeps `goal` dB, or comes close to its own."""
        goal = min(goal, self.fitter.psnr - LEAST_LOSS)
        least, step = _least_step(self.fitter.gaussians), self._step_for(goal)
        best: Quantized | None = None
        tries: list[tuple[float, float]] = []
        for attempt in range(7):
            tried = self._quantize(step)
            if best is None or _better(tried, best, goal):
                best = tried
            if 0.0 <= tried.psnr - goal <= self.effort.close or (tried.psnr < goal and step <= least):
                break
            if self.budget.urgent and (tried.psnr >= goal or attempt > 0):
                break
            tries.append((math.log(step), min(tried.psnr, MOST_PSNR)))
            step = max(self._next_step(tries, goal), least)
        assert best is not None
        return best

    def _next_step(self, tries: Sequence[tuple[float, float]], goal: float) -> float:
        """A step for `goal` dB, from what steps (their logarithms) gave so far."""
        at, psnr = tries[-1]
        # Refinement is no smooth function of the step: the more tries fell short, the farther from the goal is safe.
        aim = goal + self.effort.close * (0.5 + 0.25 * sum(p < goal for _, p in tries))
        if len(tries) == 1:
            made, allowed = (_mse(p) - _mse(self.fitter.psnr) for p in (psnr, aim))
            change = 0.5 * math.log(allowed / made) if allowed > 0.0 and made > 0.0 else math.log(0.5)
            # Of few Gaussians the noise is not what the formula says.
            return math.exp(at + min(max(change, math.log(0.25)), math.log(3.0) if psnr >= goal else math.log(0.97)))
        # Through the last try and the nearest one beyond the goal, or the one before.
        beyond = [t for t in tries[:-1] if (t[1] >= goal) != (psnr >= goal)]
        other = min(beyond, key=lambda t: abs(t[0] - at)) if beyond else tries[-2]
        slope = (psnr - other[1]) / (at - other[0]) if at != other[0] else 0.0
        change = (aim - psnr) / slope if slope < LEAST_NOISE_SLOPE else math.copysign(0.2, psnr - goal)
        if not beyond:
            return math.exp(at + min(max(change, -0.7), 0.7))
        low, high = sorted((at, other[0]))
        return math.exp(min(max(at + change, low + 0.1 * (high - low)), high - 0.1 * (high - low)))

    def _to_bytes(self, size: float) -> Quantized:
        """The finest steps with which the present fit takes at most `size` bytes, or the coarsest if none does."""
        step = self._step_for(self.fitter.psnr - QUANTIZATION_LOSS)
        best: Quantized | None = None
        for _ in range(8):
            tried = self._quantize(step)
            fits, best_fits = tried.num_bytes <= size, best is not None and best.num_bytes <= size
            if (
                best is None
                or (fits and (not best_fits or tried.psnr > best.psnr))
                or (not best_fits and tried.num_bytes < best.num_bytes)
            ):
                best = tried
            if fits and (tried.num_bytes > 0.995 * size or math.isinf(tried.psnr) or self.budget.urgent):
                break
            # A step twice as coarse saves about a bit a parameter.
            excess = 8.0 * (tried.num_bytes - 0.998 * size) / (len(tried.levels) * (self.channels + 4))
            step = max(step * 2.0 ** min(max(excess, -2.0), 2.0), _least_step(self.fitter.gaussians))
        assert best is not None
        return best


def _mse(psnr: float) -> float:
    return float(10.0 ** (-psnr / 10.0))


def _least_step(gaussians: Gaussians2D) -> float:
    """The finest color step worth a try: with it, the brightest Gaussian is written as `MOST_COPIES`."""
    return float(finest_color_steps(gaussians).max(initial=1e-6)) / MOST_COPIES


def _middle(few: int, many: int, count: int) -> int:
    """A number within a bracket, at most twice as large as the present one and at least half as large."""
    middle = round(math.sqrt(max(few, 1) * many))
    return min(max(middle, few + 1, count // 2), many - 1, 2 * count)


def _better(one: Quantized, other: Quantized, goal: float) -> bool:
    """Whether `one` suits a goal in dB better: reach it with fewer bytes, or come closer."""
    if one.psnr >= goal and other.psnr >= goal:
        return one.num_bytes < other.num_bytes
    return one.psnr > other.psnr
