"""The partition functions: exhaustive invariants, inverses, what they cost, and the kernels beside the formulas."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from pyggc._native import _range
from pyggc.entropy.reference import cut_range, range_bits

PARTITIONS = ["multiply", "division", "simple", "reduced"]
Array = npt.NDArray[np.int64]


def formula(partition: str, size: Array, fl: Array, total: int) -> Array:
    """The draft's formulas over arrays, for total <= size <= 2 * total."""
    if partition == "simple":
        return fl + np.minimum(fl, size - total)
    e = np.maximum(2 * size - 3 * total, 0)
    return fl + np.minimum(fl, e) + np.minimum(np.maximum(fl - e, 0) >> 1, size - total)


def inverse(partition: str, size: Array, c: Array, total: int) -> Array:
    d = size - total
    q = np.maximum(c >> 1, c - d)
    if partition == "simple":
        return q
    e = np.maximum(2 * size - 3 * total, 0)
    return np.maximum(q, (2 * c + 1 - e) // 3)


def native(kernel, partition: str, size: npt.ArrayLike, x: npt.ArrayLike, total: npt.ArrayLike) -> Array:
    size, x, total = (np.ascontiguousarray(a, np.uint32) for a in np.broadcast_arrays(size, x, total))
    out = np.empty(x.shape, np.uint32)
    kernel(_range.PARTITIONS[partition], size.ravel(), x.ravel(), total.ravel(), out.reshape(-1))
    return out.astype(np.int64)


@pytest.mark.parametrize("partition", ["simple", "reduced"])
def test_invariants_exhaustively_to_a_total_of_700(partition):
    """r(0) = 0, r(ft) = R, and every unit becomes one or two; for every R from ft to 2 ft."""
    for total in range(1, 701):
        fl = np.arange(total + 1, dtype=np.int16)
        size = np.arange(total, 2 * total + 1, dtype=np.int16)[:, np.newaxis]
        r = formula(partition, size, fl, total)
        assert not r[:, 0].any()
        assert (r[:, -1:] == size).all()
        steps = r[:, 1:] - r[:, :-1]
        assert steps.min() >= 1
        assert steps.max() <= 2


@pytest.mark.parametrize("partition", ["simple", "reduced"])
def test_twice_the_total_is_the_end(partition):
    """R = 2 ft is still exact, 2 ft + 1 is not."""
    for total in range(1, 100):
        assert formula(partition, np.array(2 * total), np.array(total), total) == 2 * total
        assert formula(partition, np.array(2 * total + 1), np.array(total), total) != 2 * total + 1


def test_the_cases_of_the_draft_meet_where_neither_of_them_is():
    """2 R = 3 ft: both orders of pairs, first doubles or only alternating, are one there."""
    for total in range(2, 300, 2):
        size, fl = np.array(3 * total // 2), np.arange(total + 1)
        assert (formula("reduced", size, fl, total) == fl + np.minimum(fl >> 1, size - total)).all()


@pytest.mark.parametrize("partition", ["simple", "reduced"])
def test_inverses_exhaustively_to_a_total_of_250(partition):
    """The largest fl that is cut off at c or below, for every c of every R."""
    for total in range(1, 251):
        size = np.arange(total, 2 * total + 1, dtype=np.int16)[:, np.newaxis]
        c = np.minimum(np.arange(2 * total, dtype=np.int16), size - 1)
        q = inverse(partition, size, c, total)
        assert q.min() >= 0
        assert q.max() < total
        assert (formula(partition, size, q, total) <= c).all()
        assert (formula(partition, size, q + 1, total) > c).all()


@pytest.mark.parametrize("partition", PARTITIONS)
def test_kernels_equal_the_reference(partition):
    rng = np.random.default_rng(1)
    bits = range_bits(partition)
    for _ in range(2000):
        size = int(rng.integers(1 << (bits - 1), 1 << bits))
        total = 32768
        if partition != "multiply":
            total = int(2 ** rng.uniform(0, 15)) if partition != "division" else int(rng.integers(1, 65536))
        fl = int(rng.integers(0, total + 1))
        assert native(_range.cuts, partition, size, fl, total) == cut_range(partition, size, fl, total)


def totals_of(partition: str) -> list[int]:
    if partition == "multiply":
        return [32768]
    small = [1, 2, 3, 5, 16, 17, 255, 256, 257, 1000, 16383, 16384, 16385, 20000, 32767, 32768]
    return [*small, 40_000, 65_535] if partition == "division" else small


@pytest.mark.parametrize("partition", PARTITIONS)
def test_kernels_cut_the_range_without_a_gap_and_back(partition):
    """In ranges at both ends and between: strictly increasing, and inverted at the cuts and beside them."""
    top = 1 << range_bits(partition)
    sizes = [top // 2, top // 2 + 1, top // 2 + 77, top * 3 // 4 - 1, top * 3 // 4, top * 3 // 4 + 1, top - 2, top - 1]
    for total in totals_of(partition):
        fl = np.arange(total + 1)
        for size in sizes:
            r = native(_range.cuts, partition, size, fl, total)
            assert r[0] == 0
            assert r[-1] == size
            assert (r[1:] > r[:-1]).all()
            for codes, slots in ((r[:-1], fl[:-1]), (r[1:] - 1, fl[:-1])):
                assert (native(_range.slots, partition, size, codes, total) == slots).all()


def test_every_code_of_every_sixteenth_range_finds_its_slot():
    """All of [2^15, 2^16) in steps, and a total that must be scaled by 8 to lie within it."""
    for partition in ("simple", "reduced"):
        for size in range(32768, 65536, 997):
            c = np.arange(size)
            slots = native(_range.slots, partition, size, c, 6007)
            assert (native(_range.cuts, partition, size, slots, 6007) <= c).all()
            assert (native(_range.cuts, partition, size, slots + 1, 6007) > c).all()


# ---------------------------------------------------------------------------------------------- what they cost


def overhead(partition: str, size: int, ends: Array) -> float:
    """Mean bits a symbol beyond the entropy, of a CDF with a total of 2^15."""
    p = np.diff(ends) / 32768
    q = np.diff(native(_range.cuts, partition, size, ends, 32768)) / size
    return float((p * np.log2(p / q)).sum())


FINE = np.arange(0, 32769, 64)
SIZES = np.unique(np.rint(2 ** np.linspace(15, 16, 2001)[:-1]).astype(int))


@pytest.mark.parametrize(
    ("partition", "mean", "maximum", "where"),
    [("simple", 1.5 - 1 / np.log(2), 0.0861, 1.4427), ("reduced", 0.0156, 0.0296, 1.235)],
)
def test_overhead_of_a_fine_alphabet(partition, mean, maximum, where):
    """The mean over a range that is log-uniform; 0.0861 bits is the most of the simple function, not the least."""
    costs = [overhead(partition, int(size), FINE) for size in SIZES]
    assert np.mean(costs) == pytest.approx(mean, abs=2e-4)
    assert np.max(costs) == pytest.approx(maximum, abs=1e-4)
    assert SIZES[np.argmax(costs)] / 32768 == pytest.approx(where, abs=0.01)


@pytest.mark.parametrize(
    ("partition", "width", "peak"), [("simple", 16, 1.0), ("reduced", 16, 0.584), ("reduced", 1, 1.0)]
)
def test_peak_overhead(partition, width, peak):
    """The worst place in the worst range: 1 bit, or 0.584 from symbols of 16 units on."""
    worst = 0.0
    for size in [*SIZES, 49151, 49152, 49153, 65535]:
        ends = np.arange(0, 32769, width)
        least = np.diff(native(_range.cuts, partition, int(size), ends, 32768)).min()
        if width > 1:  # symbols that begin at odd places, too
            shifted = np.arange(1, 32769 - width, width)
            ends = np.concatenate([[0], shifted, [32768]])
            least = min(least, np.diff(native(_range.cuts, partition, int(size), ends, 32768))[1:-1].min())
        worst = max(worst, float(np.log2(width / 32768 * size / least)))
    assert worst <= peak + 1e-3
    assert worst == pytest.approx(peak, abs=0.003)


@pytest.mark.parametrize(("m", "percent"), [(2, 1.8), (4, 1.55), (8, 1.35), (16, 1.03)])
def test_saving_of_the_reduced_overhead_on_random_distributions(m, percent):
    """Of the total bits, where the draft measured 0.3 % on one corpus."""
    rng = np.random.default_rng(m)
    simple = reduced = 0.0
    for _ in range(3000):
        cuts = np.sort(rng.choice(np.arange(1, 32768), m - 1, replace=False))
        ends = np.concatenate([[0], cuts, [32768]])
        size = int(2 ** rng.uniform(15, 16))
        p = np.diff(ends) / 32768
        entropy = float(-(p * np.log2(p)).sum())
        simple += entropy + overhead("simple", size, ends)
        reduced += entropy + overhead("reduced", size, ends)
    assert 100 * (1 - reduced / simple) == pytest.approx(percent, abs=0.12)
