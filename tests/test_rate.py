"""Rate control: budgets, the search for a goal from above and below, and what it says when it fails."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyggc import FitProgress, evaluate
from pyggc.fit import Fitter
from pyggc.fit.pyramid import halve
from pyggc.gaussians import Gaussians2D
from pyggc.quantize import finest_color_steps, split_bright
from pyggc.rate import EFFORTS, Budget, Goal, Outcome, Quantized, Search
from pyggc.rate.search import SPARSE, _better, _middle
from pyggc.render import rasterize

Image = NDArray[np.float32]


def picture(height: int = 40, width: int = 56, channels: int = 3, noise: float = 0.03) -> Image:
    y, x, c = np.mgrid[:height, :width, :channels]
    smooth = 0.5 + 0.3 * np.sin(x / 6.0 + c) * np.cos(y / 5.0) + 0.15 * ((x + y) % 37 > 18)
    rough = np.random.default_rng(1).normal(0.0, noise, smooth.shape)
    return np.clip(smooth + rough, 0.0, 1.0).astype(np.float32)


def decibels_of(image: Image) -> Callable[[Gaussians2D], float]:
    def measure(gaussians: Gaussians2D) -> float:
        render = rasterize(gaussians, dtype=np.float32)
        return evaluate.psnr(image, render.reshape(image.shape))

    return measure


def search(image: Image, effort: int = 1, budget: Budget | None = None, overhead: int = 100) -> Search:
    return Search([Fitter(image)], EFFORTS[effort], decibels_of(image), budget or Budget(), 0, overhead)


# ------------------------------------------------------------------------------------------------------------- budgets


def test_a_budget_of_iterations() -> None:
    fitter = Fitter(picture())
    fitter.initialize(10)
    budget = Budget(max_iterations=12)
    for _ in range(3):
        budget.run(fitter, 5)
    assert fitter.iterations == 12
    assert budget.spent
    assert not budget.urgent
    assert budget.shortfall == "the iterations allowed were too few"


def test_a_budget_of_time() -> None:
    fitter = Fitter(picture())
    fitter.initialize(10)
    budget = Budget(max_time_seconds=1e-9)
    budget.run(fitter, 5)
    assert fitter.iterations == 0
    assert budget.spent
    assert budget.urgent
    assert budget.shortfall == "the time allowed was too short"


def test_a_budget_without_limits_is_never_spent() -> None:
    fitter = Fitter(picture())
    fitter.initialize(10)
    budget = Budget()
    budget.run(fitter, 5)
    assert fitter.iterations == 5
    assert not budget.spent
    assert not budget.urgent


def test_a_callback_ends_all_that_would_follow() -> None:
    fitter = Fitter(picture())
    fitter.initialize(10)
    seen: list[FitProgress] = []

    def callback(progress: FitProgress) -> bool:
        seen.append(progress)
        return len(seen) == 7

    budget = Budget(callback=callback)
    budget.expected = 20
    for _ in range(4):
        budget.run(fitter, 5)
    assert [progress.iteration for progress in seen] == list(range(1, 8))
    assert {progress.max_iterations for progress in seen} == {20}
    assert budget.spent
    assert budget.urgent
    assert budget.shortfall == "the callback stopped the fit"


# --------------------------------------------------------------------------------------------------------------- goals


@pytest.mark.parametrize("effort", [1, 3])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("quality", [14.0, 20.0, 26.0])
def test_a_quality_is_reached_and_little_more(quality: float, channels: int, effort: int) -> None:
    image = picture(channels=channels)
    outcome = search(image, effort).run(Goal(quality=quality))
    assert outcome.shortfall == ""
    assert outcome.chosen.psnr == decibels_of(image)(outcome.chosen.gaussians) >= quality
    # A Gaussian more or less is a large step where there are few.
    assert outcome.chosen.psnr < quality + (4.0 if len(outcome.chosen.levels) < 20 else 0.5)


def steps_of(numbers: list[int], monkeypatch: pytest.MonkeyPatch, image: Image, quality: float) -> Outcome:
    """Run with the numbers of Gaussians kept for the test to look at."""
    one = search(image, 2)
    fit = one._fit

    def counted(iterations: int) -> None:
        numbers.append(one.fitter.num_gaussians)
        fit(iterations)

    monkeypatch.setattr(one, "_fit", counted)
    return one.run(Goal(quality=quality))


@pytest.mark.parametrize("guess", [1, 300])
def test_a_bad_guess_is_made_good(guess: int, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture()
    monkeypatch.setattr(Search, "_start", lambda self, _: (self._set_count(guess), self._fit(30)))
    numbers: list[int] = []
    outcome = steps_of(numbers, monkeypatch, image, 23.0)
    assert outcome.chosen.psnr >= 23.0
    assert numbers[0] == guess
    # One way first, and never beyond what was found to be too few or enough.
    assert all(later <= 2 * sooner for sooner, later in pairwise(numbers))
    assert len(set(numbers)) > 2


def test_what_was_reached_is_not_lost_by_pruning(monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture()
    one = search(image, 2)
    one._set_count(120)
    one._fit(60)
    aim = one.fitter.psnr - 1.0
    prune = one.fitter.prune
    # Each time more is lost than the slope of photographs promises.
    monkeypatch.setattr(one.fitter, "prune", lambda count: prune(min(3 * count, one.fitter.num_gaussians - 1)))
    assert one._fit_to(aim)
    assert one.fitter.psnr >= aim


@pytest.mark.parametrize("bpp", [0.8, 2.0, 6.0])
def test_a_size_is_kept(bpp: float) -> None:
    image = picture()
    one = search(image, 2)
    outcome = one.run(Goal(bpp=bpp))
    size = bpp * image.shape[0] * image.shape[1] / 8 - 100
    assert 0.9 * size < outcome.chosen.num_bytes <= size
    assert outcome.shortfall == ""


def test_the_bytes_counted_are_those_of_the_sections() -> None:
    chosen = search(picture()).run(Goal(num_gaussians=20)).chosen
    assert chosen.num_bytes == sum(len(section.data) + 8 for section in chosen.sections)


@pytest.mark.parametrize("image", [np.zeros((50, 60, 1), np.float32), np.zeros((1, 1, 3), np.float32)])
@pytest.mark.parametrize("goal", [Goal(quality=30.0), Goal(bpp=2000.0), Goal(num_gaussians=7)])
def test_a_fit_without_error(image: Image, goal: Goal) -> None:
    outcome = search(image).run(goal)
    assert outcome.chosen.psnr == math.inf
    assert outcome.shortfall == ""
    assert len(outcome.chosen.levels) == 1


def test_bright_gaussians_are_split_into_equals() -> None:
    bright = Gaussians2D(
        [[5.0, 5.0], [7.0, 2.0]], [[64.0, 64.0, 0.0], [1.0, 1.0, 0.0]], [[1.0], [-0.5]], width=20, height=10
    )
    assert split_bright(bright, 1.0) is bright
    split = split_bright(bright, 0.03)
    assert len(split) == 4
    assert (finest_color_steps(split) <= 0.03).all()
    np.testing.assert_allclose(rasterize(split, dtype=np.float32), rasterize(bright, dtype=np.float32), atol=1e-5)
    assert (split.width, split.height) == (20, 10)
    nothing = bright[:0]
    assert split_bright(nothing, 0.1) is nothing


def test_gaussians_without_color_are_left_out() -> None:
    one = search(picture())
    one._set_count(40)
    one._fit(10)
    levels = one._quantize(3.0).levels
    assert 0 < len(levels) < 40
    assert levels[:, :3].any(axis=1).all()
    assert len(one._quantize(1e3).levels) == 1


@pytest.mark.parametrize(
    ("goal", "budget", "reason"),
    [
        (Goal(quality=90.0), {}, "Gaussians are not enough, and this effort tries no more"),
        (Goal(quality=90.0), {"max_iterations": 20}, "the iterations allowed were too few"),
        (Goal(quality=90.0), {"max_time_seconds": 1e-9}, "the time allowed was too short"),
        (Goal(quality=90.0), {"callback": lambda progress: True}, "the callback stopped the fit"),
        (Goal(bpp=0.01), {}, "a file of this image cannot be so small"),
    ],
)
def test_reasons(goal: Goal, budget: dict[str, Any], reason: str) -> None:
    image = np.random.default_rng(0).random((20, 36, 3)).astype(np.float32)
    outcome = search(image, budget=Budget(**budget)).run(goal)
    assert reason in outcome.shortfall
    assert math.isfinite(outcome.float_psnr)


def test_all_gaussians_that_an_image_may_have() -> None:
    one = search(np.random.default_rng(0).random((6, 8, 3)).astype(np.float32))
    outcome = one.run(Goal(quality=90.0))
    assert outcome.shortfall == "28 Gaussians, the most for this image, are not enough"


def test_a_bright_background_does_not_limit_the_quality() -> None:
    # The color levels of one wide Gaussian end where its step is too coarse for the others.
    y, x = np.mgrid[:80, :90]
    image = (0.9 + 0.02 * np.sin(x / 5.0) * np.cos(y / 6.0))[:, :, None].astype(np.float32)
    outcome = search(image, 2).run(Goal(quality=46.0))
    assert outcome.chosen.psnr >= 46.0


def test_a_loss_that_no_step_avoids_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    one = search(picture())
    monkeypatch.setattr(one, "measure", lambda _: 15.0)
    shortfall = one.run(Goal(quality=20.0)).shortfall
    assert re.fullmatch(r"the fit has \d\d\.\d dB, but what a file can hold of it has less", shortfall)


def test_the_number_of_gaussians_has_a_bound_that_decoders_share() -> None:
    assert search(np.zeros((10, 10, 1), np.float32)).most == 54
    assert search(np.zeros((2500, 2000, 1), np.float32)).most == 2**20


def test_efforts_only_grow() -> None:
    efforts = [EFFORTS[number] for number in sorted(EFFORTS)]
    assert sorted(EFFORTS) == list(range(1, 10))
    for name in ("iterations", "correction", "corrections", "sweeps"):
        values = [getattr(effort, name) for effort in efforts]
        assert values == sorted(values)


# --------------------------------------------------------------------------------------------------------------- parts


def made(psnr: float, num_bytes: int) -> Quantized:
    class Fake(Quantized):
        num_bytes = 0  # type: ignore[assignment]

    fake = Fake(np.zeros((1, 6), np.int32), None, None, [], psnr)  # type: ignore[arg-type]
    Fake.num_bytes = num_bytes  # type: ignore[assignment]
    return fake


@pytest.mark.parametrize(
    ("one", "other", "better"),
    [
        ((30.0, 100), (31.0, 110), True),
        ((31.0, 110), (30.0, 100), False),
        ((30.0, 100), (29.9, 50), True),
        ((29.9, 50), (30.0, 100), False),
        ((29.9, 50), (29.8, 10), True),
        ((29.8, 10), (29.9, 50), False),
    ],
)
def test_which_of_two_files_suits_30_decibels(one: Any, other: Any, better: bool) -> None:
    assert _better(made(*one), made(*other), 30.0) is better


def test_a_middle_lies_within_its_bracket() -> None:
    for few in range(40):
        for many in range(few + 2, 60):
            for count in {few, many} - {0}:
                middle = _middle(few, many, count)
                assert few < middle < many
                assert middle <= 2 * count


def test_the_steps_chosen_come_close_to_the_goal() -> None:
    one = search(picture(noise=0.1), 4)
    one._set_count(60)
    one._fit(60)
    goal = one.fitter.psnr - 0.7
    chosen = one._to_psnr(goal)
    assert 0.0 <= chosen.psnr - goal <= 0.2


# ---------------------------------------------------------------------------------------------------------- the halves


def search_halves(image: Image, effort: int = 1) -> Search:
    fitters = [Fitter(halve(halve(image))), Fitter(halve(image)), Fitter(image)]
    return Search(fitters, EFFORTS[effort], decibels_of(image), Budget(), 0, 100)


@pytest.mark.parametrize("goal", [Goal(quality=22.0), Goal(bpp=0.8), Goal(num_gaussians=9)])
def test_goals_are_met_by_way_of_halves(goal: Goal) -> None:
    found = search_halves(picture(96, 120))
    outcome = found.run(goal)
    assert outcome.shortfall == ""
    assert found.fitter.shape == (96, 120, 3)
    assert not found.finer
    assert outcome.chosen.gaussians.width == 120


def test_halves_are_passed_over_where_gaussians_are_many() -> None:
    few, many = search_halves(picture(96, 120)), search_halves(picture(96, 120))
    few._skip_halves(10, SPARSE)
    assert few.fitter.shape == (24, 30, 3)
    many._skip_halves(30, SPARSE)
    assert many.fitter.shape == (48, 60, 3)
    many._skip_halves(3000, SPARSE)
    assert many.fitter.shape == (96, 120, 3)
