"""`pyggc.plot`: the data in what is drawn, the checks of arguments, and what is said without matplotlib."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

import pyggc
from pyggc import FitProgress, Gaussians2D, encode, plot
from pyggc.container import Header, Metadata, Section, read_container, write_container
from pyggc.errors import BitstreamError
from pyggc.evaluate import psnr, ssim


@pytest.fixture
def three() -> Gaussians2D:
    """Three Gaussians of rising amplitude."""
    return Gaussians2D(
        [[3.0, 4.0], [10.0, 6.0], [20.0, 9.0]],
        [[1.0, 2.0, 0.5], [2.0, 1.0, -1.0], [6.0, 3.0, 2.0]],
        [[0.2, 0.1, 0.0], [0.5, -0.5, 0.0], [1.0, 1.0, 1.0]],
        width=32,
        height=16,
    )


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (16, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def stream() -> bytes:
    y, x = np.mgrid[:32, :48]
    image = np.dstack([5 * x, 7 * y, 200 - x - y]).astype(np.uint8)
    return encode(image, num_gaussians=20, effort=1, timestamp=None, tags={"note": "x" * 30})


def step(iteration: int, psnr: float, seconds: float) -> FitProgress:
    return FitProgress(iteration, 100, seconds, 1.0, psnr, 10, "fit")


def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    # A None in this table is what makes an import fail.
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


# ------------------------------------------------------------------------------------------------------ ellipses


@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_ellipses_are_where_the_gaussians_have_that_many_standard_deviations(three: Gaussians2D, sigma: float) -> None:
    (lines,) = plot.ellipses(three, sigma=sigma).collections
    assert isinstance(lines, PolyCollection)
    assert len(lines.get_paths()) == len(three)
    for index, path in enumerate(lines.get_paths()):
        corners = path.vertices[:-1]
        height = three[index].evaluate_at(corners[:, 0], corners[:, 1])
        np.testing.assert_allclose(height, np.exp(-0.5 * sigma**2), rtol=1e-5)
        np.testing.assert_allclose(corners.mean(axis=0), three.means[index], atol=1e-5)


def test_the_greatest_ellipses_are_kept(three: Gaussians2D) -> None:
    def centers(gaussians: Gaussians2D, count: int) -> list[list[float]]:
        (lines,) = plot.ellipses(gaussians, max_count=count).collections
        return [path.vertices[:-1].mean(axis=0).round(3).tolist() for path in lines.get_paths()]

    assert centers(three, 2) == [[10.0, 6.0], [20.0, 9.0]]
    faint = Gaussians2D(three.means, three.cholesky, three.colors, [1.0, 1.0, 0.01])
    assert centers(faint, 2) == [[3.0, 4.0], [10.0, 6.0]]


def test_ellipses_over_an_image_share_its_pixels(three: Gaussians2D, photo: np.ndarray) -> None:
    for image in (photo, photo[::2, ::2], photo[:, :, 0], photo / 255.0, photo.astype(np.uint16) * 257):
        ax = plot.ellipses(three, image)
        (shown,) = ax.images
        # A pixel's center has whole coordinates, and a small image is stretched.
        assert tuple(shown.get_extent()) == (-0.5, 31.5, 15.5, -0.5)
        assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 31.5), (15.5, -0.5))
        red = np.asarray(shown.get_array())
        red = red if red.ndim == 2 else red[:, :, 0]
        expected = image if image.ndim == 2 else image[:, :, 0]
        white = 255 if image.dtype == np.uint8 else 1
        np.testing.assert_allclose(red / white, expected / (65535 if image.dtype == np.uint16 else white), atol=1e-6)
    assert ax.get_aspect() == 1.0


def test_ellipses_without_any_size(three: Gaussians2D, photo: np.ndarray) -> None:
    placeless = Gaussians2D(three.means, three.cholesky, three.colors)
    ax = plot.ellipses(placeless)
    assert ax.yaxis.get_inverted()
    left, right = ax.get_xlim()
    assert left < 2.0
    assert right > 26.0
    assert plot.ellipses(placeless, photo).get_xlim() == (-0.5, 31.5)


def test_no_ellipses_at_all() -> None:
    none = Gaussians2D(np.empty((0, 2)), np.empty((0, 3)), np.empty((0, 3)), width=8, height=8)
    ax = plot.ellipses(none)
    assert not ax.collections[0].get_paths()
    plot.format_figure(ax.figure)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sigma": 0.0}, "sigma must be a positive"),
        ({"sigma": "2"}, "sigma must be a number"),
        ({"linewidth": -1.0}, "linewidth must be"),
        ({"max_count": 0}, "max_count must be at least 1"),
        ({"max_count": 1.5}, "max_count must be an integer"),
        ({"image": np.zeros((4, 4, 2), np.uint8)}, "image must have shape"),
        ({"gaussians": [1.0]}, "gaussians must be Gaussians2D"),
    ],
)
def test_wrong_arguments_of_ellipses(three: Gaussians2D, changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        plot.ellipses(**{"gaussians": three, **changes})


# ---------------------------------------------------------------------------------------------------- error maps


def test_magnitude_is_what_the_psnr_sums(photo: np.ndarray) -> None:
    other = np.clip(photo.astype(int) + np.random.default_rng(4).integers(-9, 10, photo.shape), 0, 255)
    other = other.astype(np.uint8)
    errors = np.asarray(plot.error_map(photo, other).images[0].get_array(), np.float64)
    assert errors.shape == photo.shape[:2]
    assert 10 * np.log10(255**2 / np.mean(errors**2)) == pytest.approx(psnr(photo, other), abs=1e-4)


@pytest.mark.parametrize(("dtype", "level"), [(np.uint8, 1), (np.uint16, 257), (np.float32, 1 / 255)])
def test_errors_are_told_in_8_bit_levels(dtype: type, level: float) -> None:
    black, other = np.zeros((6, 8, 3), dtype), np.zeros((6, 8, 3), dtype)
    other[2, 3] = 7 * level
    ax = plot.error_map(black, other, mode="signed", limit=10)
    assert ax.images[0].get_array()[2, 3] == pytest.approx(7.0, abs=1e-5)
    assert ax.images[0].get_clim() == (-10.0, 10.0)
    assert plot.error_map(other, black, mode="signed").images[0].get_array()[2, 3] == pytest.approx(-7.0, abs=1e-5)


def test_the_color_bar_tells_what_lies_beyond_it() -> None:
    black = np.zeros((20, 20), np.uint8)
    other = black.copy()
    other[0, 0] = 200
    ax = plot.error_map(black, other)
    assert ax.images[0].get_clim() == (0.0, 1.0)
    bar = ax.images[0].colorbar
    assert bar.extend == "max"
    assert "8-bit levels" in bar.ax.get_ylabel()
    assert plot.error_map(black, black).images[0].colorbar.extend == "neither"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "squared"}, "mode must be one of magnitude, signed, not 'squared'"),
        ({"limit": 0}, "limit must be a positive"),
        ({"image": np.zeros((16, 31, 3), np.uint8)}, "image must have the shape of reference"),
        ({"image": np.zeros((16, 32, 3), np.uint16)}, "image must have the dtype of reference"),
    ],
)
def test_wrong_arguments_of_error_map(photo: np.ndarray, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot.error_map(**{"reference": photo, "image": photo, **changes})


# -------------------------------------------------------------------------------------------------------- curves


def test_rd_curves_are_sorted_and_named() -> None:
    ax = plot.rd_curves({"one": [(0.5, 31.0), (0.1, 27.0)], "two": [(0.2, 30.0)]})
    assert [line.get_label() for line in ax.lines] == ["one", "two"]
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0.1, 27.0], [0.5, 31.0]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert ax.get_xlim()[0] == 0.0


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "curves is empty"),
        ({"one": []}, "'one'.* must be pairs"),
        ({"one": [(1.0, 2.0, 3.0)]}, "'one'.* must be pairs"),
        ({"one": [(0.0, 30.0)]}, "'one'.* rates above zero"),
        ({"one": [(0.1, np.inf)]}, "'one'.* finite"),
        ([(0.1, 30.0)], "curves must be a mapping"),
    ],
)
def test_wrong_curves(curves: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        plot.rd_curves(curves)


def test_convergence_of_one_fit_and_of_several() -> None:
    first = [step(1, 20.0, 0.1), step(2, 22.0, 0.2), step(3, 23.0, 0.4)]
    ax = plot.convergence(first)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 20.0], [2, 22.0], [3, 23.0]])
    assert ax.get_legend() is None
    ax = plot.convergence({"a": first, "b": first[:1]}, by="seconds")
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0.1, 0.2, 0.4])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert ax.get_xlabel() == "seconds"


def test_phases_that_count_anew_go_on() -> None:
    steps = [step(1, 20.0, 0.5), step(2, 21.0, 1.0), step(1, 21.5, 0.25), step(2, 22.0, 0.5), step(1, 23.0, 0.1)]
    np.testing.assert_array_equal(plot.convergence(steps).lines[0].get_xdata(), [1, 2, 3, 4, 5])
    seconds = plot.convergence(steps, by="seconds").lines[0].get_xdata()
    np.testing.assert_allclose(seconds, [0.5, 1.0, 1.25, 1.5, 1.6])


@pytest.mark.parametrize(
    ("progress", "by", "message"),
    [
        ([], "iteration", "progress has no steps"),
        ({}, "iteration", "progress is empty"),
        ({"a": []}, "iteration", "progress of 'a' has no steps"),
        ([step(1, 20.0, 0.1)], "hours", "by must be one of iteration, seconds"),
    ],
)
def test_wrong_arguments_of_convergence(progress: Any, by: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot.convergence(progress, by=by)


# -------------------------------------------------------------------------------------------------------- streams


def test_every_byte_has_an_attribute(stream: bytes) -> None:
    parts = plot.attribute_bytes(stream)
    assert sum(parts.values()) == len(stream)
    container = read_container(stream)
    assert parts["colors"] == len(container.section("COLR").data)
    assert parts["positions"] == len(container.section("POSN").data)
    assert parts["shapes"] == len(container.section("CHOL").data)
    assert parts["metadata"] == container.header.metadata_size
    # 64 of the header, 8 a row of the table, the plan, and 4 of the footer.
    assert parts["header"] == 64 + 4 * 8 + len(container.section("PLAN").data) + 4


def test_a_residual_is_an_attribute() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 16), np.uint8)
    data = encode(noise, lossless=True, effort=1)
    parts = plot.attribute_bytes(data)
    assert parts["residual"] == len(read_container(data).section("RESI").data)
    assert sum(parts.values()) == len(data)


def test_unknown_sections_go_by_their_tags() -> None:
    data = write_container(Header(width=4, height=4, num_gaussians=0), [Section("extr", b"12345")], Metadata())
    assert plot.attribute_bytes(data)["extr"] == 5
    assert sum(plot.attribute_bytes(data).values()) == len(data)
    ax = plot.bits_by_attribute(data, unit="bytes")
    assert "extr" in [text.get_text() for text in ax.get_legend().get_texts()]
    with pytest.raises(ValueError, match="files has one without Gaussians"):
        plot.bits_by_attribute(data)


def test_bars_add_up_to_the_files(stream: bytes) -> None:
    count = read_container(stream).header.num_gaussians
    ax = plot.bits_by_attribute([stream, stream])
    assert len(ax.patches) == 2 * 5
    for row in (0, 1):
        bars = [bar for bar in ax.patches if round(bar.get_y() + bar.get_height() / 2) == row]
        assert sum(bar.get_width() for bar in bars) == pytest.approx(8 * len(stream) / count)
        assert max(bar.get_x() + bar.get_width() for bar in bars) == pytest.approx(8 * len(stream) / count)
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"{count} Gaussians"] * 2
    assert plot.bits_by_attribute({"mine": stream}).get_yticklabels()[0].get_text() == "mine"


@pytest.mark.parametrize(
    ("files", "unit", "message"), [([], "bits", "files is empty"), ([b""], "nats", "unit must be")]
)
def test_wrong_arguments_of_bits_by_attribute(files: Any, unit: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot.bits_by_attribute(files, unit=unit)


def test_a_damaged_file_is_said_to_be_one(stream: bytes) -> None:
    with pytest.raises(BitstreamError):
        plot.bits_by_attribute(stream[:-1])


# ----------------------------------------------------------------------------------------------------- comparison


def test_comparison_has_images_errors_and_numbers(photo: np.ndarray) -> None:
    other = photo ^ 3
    figure = plot.comparison(photo, other, names=("before", "a" * 60), captions=("", "12 bytes"))
    left, middle, right = figure.axes
    np.testing.assert_array_equal(left.images[0].get_array(), photo)
    np.testing.assert_array_equal(middle.images[0].get_array(), other)
    assert right.images[0].get_array().max() <= 3.0
    assert f"{psnr(photo, other):.2f} dB" in figure.get_suptitle()
    assert f"SSIM {ssim(photo, other):.4f}" in figure.get_suptitle()
    name, caption = middle.get_title().split("\n")
    assert len(name) < 60
    assert caption == "12 bytes"
    assert "infinite" in plot.comparison(photo, photo).get_suptitle()


def test_names_of_any_letters(photo: np.ndarray) -> None:
    figure = plot.comparison(photo, photo, names=("cost $1_$2", "照片\n\udc80"))
    assert figure.axes[1].get_title() == "照片??\n"
    assert plot.format_figure(figure).startswith(b"\x89PNG")


def test_figures_as_files(photo: np.ndarray) -> None:
    for extension, magic in ((".png", b"\x89PNG"), (".SVG", b"<?xml"), (".pdf", b"%PDF")):
        one, again = (plot.format_figure(plot.comparison(photo, photo ^ 1), extension, dpi=50) for _ in range(2))
        assert one.startswith(magic)
        assert one == again
    figure = plot.comparison(photo, photo)
    with pytest.raises(ValueError, match=r"extension must be one of \.png, \.svg, \.pdf, not '\.jpg'"):
        plot.format_figure(figure, ".jpg")


# ---------------------------------------------------------------------------------------------------- all of them


def test_matplotlib_is_imported_only_when_something_is_drawn() -> None:
    script = "import sys, pyggc.cli, pyggc.plot; sys.exit('matplotlib' in sys.modules)"
    # Another process, in the folder of another, must import the very package under test.
    environment = {**os.environ, "PYTHONPATH": str(Path(pyggc.__path__[0]).resolve().parent)}
    subprocess.run([sys.executable, "-P", "-c", script], check=True, env=environment)


def draw_all(three: Gaussians2D, photo: np.ndarray, stream: bytes, **ax: Any) -> list[Any]:
    return [
        plot.ellipses(three, photo, **ax),
        plot.error_map(photo, photo, **ax),
        plot.rd_curves({"a": [(0.1, 30.0)]}, **ax),
        plot.convergence([step(1, 20.0, 0.1)], **ax),
        plot.bits_by_attribute(stream, **ax),
    ]


def test_the_axes_given_are_drawn_into_and_returned(three: Gaussians2D, photo: np.ndarray, stream: bytes) -> None:
    figure = Figure()
    ax = figure.add_subplot()
    assert draw_all(three, photo, stream, ax=ax) == [ax] * 5
    given = Figure()
    assert plot.comparison(photo, photo, figure=given) is given


def test_no_figure_is_left_behind(three: Gaussians2D, photo: np.ndarray, stream: bytes) -> None:
    import matplotlib.pyplot as plt

    before, backend = plt.get_fignums(), mpl.get_backend()
    drawn = draw_all(three, photo, stream)
    figures = [weakref.ref(ax.figure) for ax in drawn]
    for ax in drawn:
        assert plot.format_figure(ax.figure).startswith(b"\x89PNG")
    del drawn, ax
    gc.collect()
    assert [figure() for figure in figures] == [None] * 5
    assert (plt.get_fignums(), mpl.get_backend()) == (before, backend)


def test_without_matplotlib_it_is_said_what_to_install(
    three: Gaussians2D, photo: np.ndarray, stream: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_matplotlib(monkeypatch)
    for draw in (
        lambda: plot.ellipses(three),
        lambda: plot.error_map(photo, photo),
        lambda: plot.rd_curves({"a": [(0.1, 30.0)]}),
        lambda: plot.convergence([step(1, 20.0, 0.1)]),
        lambda: plot.bits_by_attribute(stream),
        lambda: plot.comparison(photo, photo),
    ):
        with pytest.raises(ImportError, match=r"pyggc.plot needs matplotlib: pip install matplotlib") as caught:
            draw()
        assert caught.value.name == "matplotlib"
    assert sum(plot.attribute_bytes(stream).values()) == len(stream)
