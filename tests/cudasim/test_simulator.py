"""The simulator finds what it is there to find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import nvrtc
import pytest
from numpy.typing import NDArray
from simulator import ORDERS, Simulator

from pyggc.backends.cuda_kernels import Kernel

SOURCE = str(Path(__file__).with_name("faulty.cu"))
NAMES = ("turned", "turned_too_soon", "left_alone", "written_past", "talked")
KERNELS = {name: Kernel(name, SOURCE, block=64, registers=32) for name in NAMES}


def turn(name: str, order: str) -> NDArray[np.int32]:
    device = Simulator(order, KERNELS)
    out = device.empty(192, np.int32)
    device.launch(name, 3, (device.upload(np.arange(192, dtype=np.int32)), out))
    return out


@pytest.mark.parametrize("order", ORDERS)
def test_a_barrier_keeps_every_order_right(order: str) -> None:
    want = np.arange(192, dtype=np.int32).reshape(3, 64)[:, ::-1].ravel()
    np.testing.assert_array_equal(turn("turned", order), want)


def test_a_missing_barrier_shows() -> None:
    results = [turn("turned_too_soon", order) for order in ORDERS]
    right = turn("turned", "forward")
    assert not any(np.array_equal(result, right) for result in results)


def test_a_barrier_that_a_thread_misses_is_an_error() -> None:
    device = Simulator(kernels=KERNELS)
    with pytest.raises(AssertionError, match="left_alone: block 0 waits"):
        device.launch("left_alone", 2, (device.empty(64, np.int32),))


def test_writing_past_an_array_is_an_error() -> None:
    device = Simulator(kernels=KERNELS)
    out = device.empty(64, np.int32)
    with pytest.raises(AssertionError, match="wrote past an array"):
        device.launch("written_past", 1, (out, np.float32(7.0)))


@pytest.mark.parametrize("number", [7, 7.0, np.int32(7), np.float64(7.0)])
def test_a_number_of_another_type_is_an_error(number: object) -> None:
    device = Simulator(kernels=KERNELS)
    with pytest.raises(AssertionError):
        device.launch("written_past", 1, (device.empty(65, np.int32), number))


def test_a_missing_argument_is_an_error() -> None:
    device = Simulator(kernels=KERNELS)
    with pytest.raises(ValueError, match="zip"):
        device.launch("turned", 1, (device.empty(64, np.int32),))


@pytest.mark.parametrize("order", ORDERS)
def test_lanes_talk(order: str) -> None:
    device = Simulator(order, KERNELS)
    out = device.empty((64, 5), np.uint32)
    device.launch("talked", 1, (out,))
    lane = np.arange(64) % 32
    first = np.arange(64) // 32 * 320
    want = [
        first + 10 * np.maximum(lane - 1, 0),
        first + 10 * np.minimum(lane + 1, 31),
        first + 10 * (lane ^ 4),
        first,
        np.full(64, sum(1 << bit for bit in range(0, 32, 3))),
    ]
    np.testing.assert_array_equal(out.T, want)


def test_memory_starts_out_poisoned() -> None:
    device = Simulator()
    assert (device.empty(3, np.uint8) == 0xA5).all()
    assert not device.zeros(3, np.uint8).any()


def test_the_same_sources_are_cuda() -> None:
    for kernel in KERNELS.values():
        nvrtc.compile_cubin(kernel.path.read_text(), kernel.options(0))


def test_the_compiler_says_what_is_wrong() -> None:
    with pytest.raises(nvrtc.CompileError, match="undeclared"):
        nvrtc.compile_cubin('extern "C" __global__ void f(int *out) { *out = undeclared; }', ())
