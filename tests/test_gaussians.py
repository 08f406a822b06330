"""Gaussians2D: shapes, checks, geometry and files."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from PIL import Image
from strategies import gaussians

from pyggc.errors import BitstreamError
from pyggc.gaussians import Gaussians2D

GOOD: dict[str, Any] = {
    "means": [[1.0, 2.0], [3.0, 4.0]],
    "cholesky": [[1.0, 2.0, 0.5], [0.5, 0.5, -3.0]],
    "colors": [[0.1, 0.2, 0.3], [-1.0, 2.0, 0.0]],
    "opacities": [1.0, 0.5],
    "width": 8,
    "height": 6,
}


def make(**changes: Any) -> Gaussians2D:
    return Gaussians2D(**{**GOOD, **changes})


def test_arrays_are_float32_contiguous_copies_that_cannot_be_written() -> None:
    means = np.array(GOOD["means"], np.float32)
    made = make(means=means)
    means[:] = 7.0
    for array in (made.means, made.cholesky, made.colors, made.opacities):
        assert array is not None
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert not array.flags.writeable
    assert made.means.tolist() == GOOD["means"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("means", [[1.0, 2.0, 3.0]] * 2),
        ("means", [1.0, 2.0]),
        ("means", [["a", "b"]] * 2),
        ("means", [[np.nan, 0.0]] * 2),
        ("means", [[np.inf, 0.0]] * 2),
        ("means", [[1e300, 0.0]] * 2),
        ("means", [[2.0**20 + 1, 0.0]] * 2),
        ("cholesky", [[1.0, 1.0, 0.0]]),
        ("cholesky", [[0.0, 1.0, 0.0]] * 2),
        ("cholesky", [[1.0, -1.0, 0.0]] * 2),
        ("cholesky", [[1.0, 2.0**-11, 0.0]] * 2),
        ("cholesky", [[1.0, 1.0, np.nan]] * 2),
        ("colors", [[]] * 2),
        ("colors", [[0.0] * 5] * 2),
        ("colors", [[1025.0]] * 2),
        ("colors", [[1.0]]),
        ("opacities", [1.0]),
        ("opacities", [1.5, 0.0]),
        ("opacities", [-0.5, 0.0]),
        ("width", 0),
        ("width", 2.0),
        ("width", True),
        ("width", None),
        ("height", 2**20 + 1),
    ],
)
def test_bad_argument_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        make(**{name: value})


def test_no_gaussians_at_all() -> None:
    none = Gaussians2D(np.empty((0, 2)), np.empty((0, 3)), np.empty((0, 3)))
    assert len(none) == 0
    assert none.covariance().shape == (0, 2, 2)
    assert none.evaluate_at([1.0, 2.0], 0.0).shape == (0, 2)
    assert repr(none) == "Gaussians2D(0 Gaussians, 3 channels)"


def test_repr() -> None:
    assert repr(make()) == "Gaussians2D(2 Gaussians, 3 channels, with opacities, 8x6)"


def test_equality() -> None:
    assert make() == make()
    assert make() != make(opacities=None)
    assert make() != make(width=9)
    assert make() != make(means=[[1.0, 2.0], [3.0, 4.5]])
    assert make() != 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(make())


@given(gaussians())
def test_covariance_is_the_product_of_the_factors(case: Gaussians2D) -> None:
    factors = np.zeros((len(case), 2, 2))
    factors[:, 0, 0], factors[:, 1, 1], factors[:, 1, 0] = case.cholesky.T
    np.testing.assert_allclose(case.covariance(), factors @ factors.transpose(0, 2, 1), rtol=1e-12)
    # L⁻¹ Σ L⁻ᵀ must be the identity; comparing with Σ⁻¹ would lose digits where Gaussians are thin.
    inverse = case.inverse_covariance()
    np.testing.assert_allclose(
        factors.transpose(0, 2, 1) @ inverse @ factors,
        np.broadcast_to(np.eye(2), inverse.shape),
        atol=1e-12 * max(1.0, float(np.abs(inverse).max(initial=0) * np.square(case.cholesky).max(initial=0))),
    )
    assert np.array_equal(case.conics, np.stack([inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 1]], axis=1))


def test_evaluate_at_is_the_quadratic_form() -> None:
    case = make()
    x, y = np.array([[0.0, 1.5, 3.0]]), np.array([[2.0], [4.0]])
    value = case.evaluate_at(x, y)
    assert value.shape == (2, 2, 3)
    offsets = np.stack(np.broadcast_arrays(x, y), axis=-1)[None] - case.means[:, None, None]
    q = np.einsum("nhwi,nij,nhwj->nhw", offsets, case.inverse_covariance(), offsets)
    assert case.opacities is not None
    np.testing.assert_allclose(value, np.exp(-0.5 * q) * case.opacities[:, None, None], rtol=1e-9)
    assert case.evaluate_at(1.0, 2.0)[0] == 1.0


@pytest.mark.parametrize("index", [1, -1, np.int64(0), slice(None, None, -1), [True, False], [1, 1, 0], []])
def test_indexing(index: Any) -> None:
    case = make()
    part = case[index]
    want = np.atleast_2d(case.means[index if not isinstance(index, list) or index else np.array([], int)])
    assert np.array_equal(part.means, want.reshape(-1, 2))
    assert (part.width, part.height) == (8, 6)


def test_index_out_of_range() -> None:
    with pytest.raises(IndexError):
        make()[2]


def test_iteration_ends() -> None:
    assert Gaussians2D.concatenate(list(make())) == make()


@given(gaussians(min_count=2))
def test_concatenate_undoes_slicing(case: Gaussians2D) -> None:
    assert Gaussians2D.concatenate([case[:1], case[1:]]) == case


@pytest.mark.parametrize("other", [make(opacities=None), make(width=9), make(colors=[[1.0], [2.0]])])
def test_concatenate_refuses_what_does_not_agree(other: Gaussians2D) -> None:
    with pytest.raises(ValueError, match="parts"):
        Gaussians2D.concatenate([make(), other])
    with pytest.raises(ValueError, match="parts"):
        Gaussians2D.concatenate([])


def test_scaled_keeps_corners_in_place() -> None:
    case = make().scaled(2.0, 3.0)
    assert (case.width, case.height) == (16, 18)
    np.testing.assert_array_equal(case.means[0], [(1 + 0.5) * 2 - 0.5, (2 + 0.5) * 3 - 0.5])
    np.testing.assert_array_equal(case.cholesky[1], [1.0, 1.5, -9.0])
    # A point and its image have the same value.
    np.testing.assert_allclose(
        case.evaluate_at(2 * 1.25 + 0.5, 3 * 2.5 + 1.0), make().evaluate_at(1.25, 2.5), rtol=1e-6
    )
    assert make().scaled(1.0) == make()
    assert make().scaled(0.01).width == 1


@pytest.mark.parametrize("factor", [0.0, -1.0, np.inf, np.nan])
def test_scaled_refuses(factor: float) -> None:
    with pytest.raises(ValueError, match="sx"):
        make().scaled(factor)
    with pytest.raises(ValueError, match="sy"):
        make().scaled(1.0, factor)


@pytest.mark.parametrize("case", [make(), make(opacities=None), make(width=None, height=None), make()[:0]])
def test_saved_is_loaded(case: Gaussians2D, tmp_path: Path) -> None:
    case.save(tmp_path / "a.dat")
    assert Gaussians2D.load(tmp_path / "a.dat") == case
    assert [p.name for p in tmp_path.iterdir()] == ["a.dat"]


def test_failed_save_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_fields: object) -> None:
        raise OSError("full")

    make().save(tmp_path / "a.npz")
    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="full"):
        make(width=9).save(tmp_path / "a.npz")
    assert Gaussians2D.load(tmp_path / "a.npz") == make()
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_load_of_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Gaussians2D.load(tmp_path / "none.npz")


def test_every_truncated_file_is_refused(tmp_path: Path) -> None:
    make().save(tmp_path / "a.npz")
    data = (tmp_path / "a.npz").read_bytes()
    for length in range(len(data)):
        (tmp_path / "b.npz").write_bytes(data[:length])
        with pytest.raises(BitstreamError):
            Gaussians2D.load(tmp_path / "b.npz")


def test_damaged_files_are_refused_or_equal(tmp_path: Path) -> None:
    make().save(tmp_path / "a.npz")
    data = (tmp_path / "a.npz").read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(300):
        bad = bytearray(data)
        bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
        (tmp_path / "b.npz").write_bytes(bad)
        try:
            loaded = Gaussians2D.load(tmp_path / "b.npz")
        except BitstreamError:
            continue
        assert len(loaded) == 2  # a flip in what does not matter, a date for one, or a missing optional member


def test_header_that_declares_too_much_is_refused(tmp_path: Path) -> None:
    """A small file must not make the reader set aside 16 TB."""
    member = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**41, 2)}
    np.lib.format.write_array_header_1_0(member, header)
    make().save(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as old, zipfile.ZipFile(tmp_path / "b.npz", "w") as new:
        for name in old.namelist():
            new.writestr(name, member.getvalue() if name == "means.npy" else old.read(name))
    with pytest.raises(BitstreamError, match="means: the header declares"):
        Gaussians2D.load(tmp_path / "b.npz")


def test_pickles_and_compressed_members_are_refused(tmp_path: Path) -> None:
    fields = {name: GOOD[name] for name in ("means", "cholesky", "colors")}
    np.savez(tmp_path / "a.npz", **{**fields, "means": np.array([{}, {}])})
    np.savez_compressed(tmp_path / "b.npz", **fields)
    for name in ("a.npz", "b.npz"):
        with pytest.raises(BitstreamError, match="means"):
            Gaussians2D.load(tmp_path / name)


def picture(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


def test_a_notebook_shows_the_image() -> None:
    small = make(opacities=None)
    np.testing.assert_array_equal(np.asarray(picture(small._repr_png_())), small.render())
    large = make(width=2000, height=100)
    assert picture(large._repr_png_()).size == (640, 32)
    thin = make(width=5, height=100_000)
    assert picture(thin._repr_png_()).size == (1, 640)
    shown = small._repr_html_()
    assert "Gaussians2D(2 Gaussians, 3 channels, 8x6)" in shown
    encoded = re.search('src="data:image/png;base64,([^"]+)"', shown)
    assert encoded is not None
    assert base64.b64decode(encoded[1]) == small._repr_png_()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_notebook_shows_gray_and_transparent_images(channels: int, mode: str) -> None:
    case = make(colors=[[0.5] * channels] * 2)
    assert picture(case._repr_png_()).mode == mode
    assert ("repeating-conic-gradient" in case._repr_html_()) is (channels == 4)


@given(gaussians())
def test_a_notebook_is_never_disturbed(case: Gaussians2D) -> None:
    for size in ((case.width, case.height), (2**20, 2**20), (2**20, 1)):
        sized = Gaussians2D(case.means, case.cholesky, case.colors, case.opacities, *size)
        data = sized._repr_png_()
        assert data is None or max(picture(data).size) <= 640
        assert f"<figcaption>{sized!r}</figcaption>" in sized._repr_html_()


def test_a_notebook_shows_text_where_there_is_no_picture() -> None:
    many = np.ones((3000, 3), np.float32)
    for case in (
        make(width=None, height=None),
        make(colors=[[0.5, 0.5]] * 2),
        # Each covers all of the preview, which would take many seconds.
        Gaussians2D(300 * many[:, :2], 1e5 * many, 0.001 * many, width=640, height=640),
    ):
        assert case._repr_png_() is None
        assert case._repr_html_().count("<") == 4
        assert "<figcaption>Gaussians2D(" in case._repr_html_()
    none = Gaussians2D(np.empty((0, 2)), np.empty((0, 3)), np.empty((0, 3)), width=8, height=8)
    assert picture(none._repr_png_()).size == (8, 8)
