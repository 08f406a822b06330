"""``device="cuda"`` from the door down, with a CuPy that runs on the simulator; and on a GPU where one is.

What a GPU gives is held against the CPU's bits. The tests that need none of its speed run on both.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cuda_cases import EXTREMES, Arrays, Pretend, crowd, golden_cases, grazing
from fake_cupy import Array, Cupy

import pyggc
from pyggc import backends, cli
from pyggc.backends import Backend, cuda_render, get_backend
from pyggc.backends.cpu import CpuBackend
from pyggc.codec.decoder import read_container
from pyggc.container.compact import read_levels
from pyggc.errors import DeviceError, DeviceMemoryError
from pyggc.gaussians import Gaussians2D
from pyggc.render import rasterize

GOLDEN = Path(__file__).parents[1] / "golden"
STREAMS = sorted(GOLDEN.glob("*.ggc"))
DTYPES = ("uint8", "uint16", "float32", "int32")


def gaussians_of(arrays: Arrays, width: int, height: int) -> Gaussians2D:
    return Gaussians2D(*arrays, width=width, height=height)


def draw(backend: Backend, arrays: Arrays, region: tuple[int, int, int, int], dtype: str, **changes: Any) -> Any:
    x, y, width, height = region
    out = backend.empty((height, width, arrays[2].shape[1]), dtype)
    options: dict[str, Any] = {"supersample": 1, "clip": True, "threads": None} | changes
    backend.rasterize(*map(backend.upload, arrays), out, x=x, y=y, **options)
    return backend.download(out)


def test_golden(cuda: Backend) -> None:
    cases, digest = golden_cases()
    want = json.loads((GOLDEN / "render.json").read_text())
    assert {name: digest(draw(cuda, *case, "int32")) for name, case in cases.items()} == want


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_bits(cuda: Backend, dtype: str, channels: int) -> None:
    arrays, region = crowd(channels, 200, 90, 60, channels), (3, 2, 80, 55)
    for changes in ({}, {"clip": False}, {"supersample": 3}):
        want = draw(get_backend(), arrays, region, dtype, **changes)
        np.testing.assert_array_equal(draw(cuda, arrays, region, dtype, **changes), want)


@pytest.mark.gpu
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (1999, 7), (768, 512), (1000, 1000), (1023, 1025)])
@pytest.mark.parametrize("supersample", [1, 2, 3, 16])
def test_bits_of_large_images(size: tuple[int, int], supersample: int) -> None:
    cuda, arrays = get_backend("cuda"), crowd(3, 20000, size[0] * supersample, size[1] * supersample)
    for dtype in DTYPES:
        want = draw(get_backend(), arrays, (0, 0, *size), dtype, supersample=supersample)
        for _ in range(3):
            got = draw(cuda, arrays, (0, 0, *size), dtype, supersample=supersample)
            np.testing.assert_array_equal(got, want)


@pytest.mark.gpu
def test_bits_of_grazing_gaussians() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        arrays, region = grazing(rng, 20000)
        want = draw(get_backend(), arrays, region, "int32")
        np.testing.assert_array_equal(draw(get_backend("cuda"), arrays, region, "int32"), want)


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes(cuda: Backend, name: str) -> None:
    for region in ((0, 0, 140, 120), (2**20 - 50, 40, 50, 40)):
        want = draw(get_backend(), EXTREMES[name], region, "int32")
        np.testing.assert_array_equal(draw(cuda, EXTREMES[name], region, "int32"), want)


def test_render_work(cuda: Backend) -> None:
    means, cholesky, _ = crowd(4, 500, 200, 100)
    region = {"x": 7, "y": 8, "width": 150, "height": 90}
    want = get_backend().render_work(means, cholesky, **region)
    assert cuda.render_work(cuda.upload(means), cuda.upload(cholesky), **region) == want


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_dequantize(cuda: Backend, path: Path) -> None:
    levels, quantizer = read_levels(read_container(path.read_bytes()), None)
    want = get_backend().dequantize(quantizer.native, levels)
    got = cuda.dequantize(quantizer.native, cuda.upload(levels))
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(cuda.download(mine), theirs)


def test_recorded_rendering(cuda: Any) -> None:
    first, second = crowd(1, 50, 60, 40), crowd(2, 50, 60, 40)
    arrays = [cuda.upload(array) for array in first]
    out = cuda.empty((40, 60, 3), np.uint8)
    frame = cuda.device.record(cuda_render.Renderer(cuda.device, *arrays, out).queue)
    for case in (first, second, second):
        for array, values in zip(arrays, case, strict=True):
            array[...] = cuda.upload(values)
        frame()
        np.testing.assert_array_equal(cuda.download(out), draw(get_backend(), case, (0, 0, 60, 40), "uint8"))


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_decoding_golden_files(cuda: Backend, path: Path) -> None:
    data = path.read_bytes()
    for changes in ({}, {"size": (37, 51), "region": (3, 5, 20, 30)}, {"layers": "gaussian", "supersample": 2}):
        want = pyggc.decode(data, **changes)
        got = pyggc.decode(data, **changes, device="cuda")
        assert backends.is_on_cuda(got)
        np.testing.assert_array_equal(cuda.download(got), want)
        on_host = pyggc.decode(data, **changes, device="auto")
        assert type(on_host) is np.ndarray
        np.testing.assert_array_equal(on_host, want)


def test_decoding_strips(cuda: Backend) -> None:
    data = (GOLDEN / "photo_rgb8.ggc").read_bytes()
    strips = pyggc.decode_strips(data, rows=50, size=(64, 120), layers="gaussian", device="cuda")
    whole = np.concatenate([cuda.download(strip) for strip in strips])
    np.testing.assert_array_equal(whole, pyggc.decode(data, size=(64, 120), layers="gaussian"))


def test_drawing(cuda: Backend) -> None:
    case = gaussians_of(crowd(8, 60, 50, 40), 50, 40)
    got = case.render(30, 20, device="cuda")
    assert backends.is_on_cuda(got)
    np.testing.assert_array_equal(cuda.download(got), case.render(30, 20))
    np.testing.assert_array_equal(cuda.download(rasterize(case, backend=cuda)), rasterize(case))


@pytest.mark.parametrize("on_device", [True, False])
def test_encoding(cuda: Backend, on_device: bool) -> None:
    image = np.linspace(0, 255, 40 * 30).reshape(30, 40).astype(np.uint8)
    options: dict[str, Any] = {"num_gaussians": 10, "effort": 1, "timestamp": None}
    where: dict[str, Any] = {} if on_device else {"device": "cuda"}
    data = pyggc.encode(cuda.upload(image) if on_device else image, **options, **where)
    assert pyggc.evaluate.psnr(image, pyggc.decode(data)) > 30.0
    # From either device the image comes back.
    assert pyggc.encode(cuda.upload(image), **options, device="cpu") == pyggc.encode(image, **options)


def test_the_command(cuda: Backend, tmp_path: Path) -> None:
    source = GOLDEN / "compact_color.ggc"
    for device in ("cpu", "cuda", "auto"):
        target = tmp_path / f"{device}.png"
        assert cli.main(["decode", str(source), "-o", str(target), "--device", device]) == 0
        assert target.read_bytes() == (tmp_path / "cpu.png").read_bytes()


# What goes wrong. Of these no GPU has a part.


@pytest.mark.parametrize(
    ("cupy", "message"),
    [
        (None, r"needs CuPy.*pip install 'pyggc\[cuda12\]'"),
        (Cupy(devices=-1), "cannot be used: cudaErrorInsufficientDriver"),
        (Cupy(devices=0), "there is no CUDA device"),
    ],
)
def test_what_is_missing_is_named(pretend: Pretend, cupy: Cupy | None, message: str) -> None:
    pretend(cupy)
    stream = (GOLDEN / "compact_gray.ggc").read_bytes()
    for use in (
        lambda: get_backend("cuda"),
        lambda: pyggc.decode(stream, device="cuda"),
        lambda: pyggc.GaussianEncoder(device="cuda"),
    ):
        with pytest.raises(DeviceError, match=message):
            use()
    assert isinstance(get_backend("auto"), CpuBackend)
    assert type(pyggc.decode(stream, device="auto")) is np.ndarray
    assert pyggc.GaussianEncoder(device="auto")


def test_the_command_names_what_is_missing(pretend: Pretend, capsys: pytest.CaptureFixture[str]) -> None:
    pretend(None)
    assert cli.main(["decode", str(GOLDEN / "compact_gray.ggc"), "-o", "-", "--device", "cuda"]) == 2
    assert "device 'cuda' needs CuPy" in capsys.readouterr().err


def test_memory_that_runs_out(pretend: Pretend) -> None:
    pretend(Cupy(memory=1000))
    backend = get_backend("cuda")
    for use in (
        lambda: backend.empty((40, 40), np.uint8),
        lambda: backend.upload(np.zeros((40, 40), np.uint8)),
        lambda: rasterize(gaussians_of(crowd(1, 3, 9, 9), 9, 9), backend=backend),
    ):
        with pytest.raises(DeviceMemoryError, match="the GPU has not enough memory: Out of memory allocating"):
            use()
    assert issubclass(DeviceMemoryError, MemoryError)


def test_a_device_that_the_compiler_does_not_know(pretend: Pretend) -> None:
    cupy = pretend(Cupy())
    cupy.capability = "999"
    with pytest.raises(DeviceError, match=r"ggc_bin_count does not compile for sm_999.*gpu-architecture"):
        rasterize(gaussians_of(crowd(1, 3, 9, 9), 9, 9), backend="cuda")


def test_no_compiler(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    cupy = pretend(Cupy())

    def fail(*_: object) -> None:
        raise RuntimeError("libnvrtc.so.12 not found")

    monkeypatch.setattr(cupy.cuda.nvrtc, "createProgram", fail)
    with pytest.raises(DeviceError, match=r"NVRTC.*cannot be used: libnvrtc.so.12 not found"):
        rasterize(gaussians_of(crowd(1, 3, 9, 9), 9, 9), backend="cuda")


def test_kernels_are_compiled_once(pretend: Pretend) -> None:
    cupy = pretend(Cupy())
    for _ in range(2):
        rasterize(gaussians_of(crowd(1, 3, 9, 9), 9, 9), backend="cuda")
    # Two of the four lie in one file, and are compiled alike.
    assert cupy.compilations == 3
    assert cupy.simulator.launches == ["ggc_bin_count", "ggc_bin_scan", "ggc_bin_fill", "ggc_render_forward"] * 2


def test_no_such_device() -> None:
    with pytest.raises(ValueError, match="device must be one of cpu, cuda, auto, got 'abacus'"):
        get_backend("abacus")
    with pytest.raises(TypeError, match="device must be one of cpu, cuda, auto or a backend, got 3"):
        get_backend(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="device"):
        pyggc.encode(np.zeros((4, 4)), device="abacus")
    with pytest.raises(ValueError, match="device"):
        pyggc.decode(b"", device="abacus")


def test_a_backend_is_its_own_door() -> None:
    assert get_backend(get_backend("cpu")) is get_backend("cpu")
    assert not backends.is_on_cuda(np.zeros(3))
    assert backends.is_on_cuda(np.zeros(3).view(Array))


def test_backends_keep_to_the_protocol(pretend: Pretend) -> None:
    """The same methods, with the same names and defaults of their parameters."""
    pretend(Cupy())

    def shape(method: Any) -> list[tuple[str, Any, Any]]:
        return [(p.name, p.kind, p.default) for p in inspect.signature(method).parameters.values()]

    methods = {name: value for name, value in vars(Backend).items() if inspect.isfunction(value) and name[0] != "_"}
    assert {"rasterize", "render_work", "dequantize", "empty", "upload", "download"} <= methods.keys()
    for backend in (get_backend("cpu"), get_backend("cuda")):
        for name, method in methods.items():
            assert shape(getattr(type(backend), name)) == shape(method), f"{backend.name}: {name}"
        for name in Backend.__annotations__:
            assert hasattr(backend, name)
