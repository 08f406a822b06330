"""Trees of tokens: validation, the CDFs that they multiply to, builders, and the value-object surface."""

from __future__ import annotations

import copy
import itertools
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tree_strategies import random_tree, tree_models

from pyggc.entropy import (
    RansDecoder,
    RansEncoder,
    RansStack,
    StaticModel,
    TreeModel,
    balanced_tree,
    huffman_tree,
    unary_tree,
)
from pyggc.entropy.models import CDF_TOTAL
from pyggc.entropy.reference.boolean import _path

# RFC 6386: the tree of luma modes of inter frames, DC_PRED V_PRED H_PRED TM_PRED B_PRED, and its default probabilities.
YMODE_TREE = [0, 2, 4, 6, -1, -2, -3, -4]
YMODE_PROBABILITIES = [112, 86, 140, 37]


def products(model: TreeModel, context: int) -> list[Fraction]:
    """The exact probability of each token."""
    tree = model.tree.tolist()
    found = []
    for token in range(model.num_symbols):
        weight = Fraction(1)
        for place in _path(token, tree):
            p = Fraction(int(model.probabilities[context, place >> 1]), 256)
            weight *= 1 - p if place & 1 else p
        found.append(weight)
    return found


@given(tree_models())
def test_cdf_is_that_of_the_products(model):
    m = model.num_symbols
    for context in range(model.num_contexts):
        weights = products(model, context)
        assert sum(weights) == 1
        expected = [k + int(sum(weights[:k]) * (CDF_TOTAL - m)) for k in range(m + 1)]
        assert model.cdf_q15[context].tolist() == expected
        StaticModel(model.cdf_q15[context])  # is valid
    assert model.depths.tolist() == [len(_path(token, model.tree.tolist())) for token in range(m)]


def test_modes_of_vp8():
    model = TreeModel(YMODE_TREE, YMODE_PROBABILITIES)
    assert model.depths.tolist() == [1, 3, 3, 3, 3]
    assert model.num_decisions([[0, 1], [2, 4]]) == 10
    assert model.num_decisions([]) == 0
    assert model.cdf_q15.tolist() == [[0, 14334, 17721, 20527, 22297, 32768]]
    p = np.diff(model.cdf_q15[0].astype(int)) / CDF_TOTAL
    expected = [112 / 256, *(144 / 256 * x for x in (86 * 140 / 256**2, 86 * 116 / 256**2))]
    assert p[:3] == pytest.approx(expected, abs=2e-4)


@given(tree_models(), st.integers(0, 80), st.integers(0, 2**32 - 1))
def test_other_coders_take_tokens_as_symbols(model, n, seed):
    rng = np.random.default_rng(seed)
    symbols, contexts = rng.integers(0, model.num_symbols, n), rng.integers(0, model.num_contexts, n)
    encoder = RansEncoder()
    encoder.push(symbols, model, contexts)
    data = encoder.finish()
    twin = RansEncoder()
    twin.push(symbols, StaticModel(model.cdf_q15), contexts)
    assert twin.finish() == data
    assert model.cost(symbols, contexts) == StaticModel(model.cdf_q15).cost(symbols, contexts)
    assert RansDecoder(data).pop(n, model, contexts).tolist() == symbols.tolist()
    stack = RansStack()
    stack.push(symbols, model, contexts)
    assert stack.pop(n, model, contexts).tolist() == symbols.tolist()


@pytest.mark.parametrize("m", [2, 3, 17, 255, 256])
def test_builders(m):
    rng = np.random.default_rng(m)
    trees = [balanced_tree(m), unary_tree(m), huffman_tree(rng.integers(0, 9, m)), random_tree(rng, m)]
    models = [TreeModel(tree, np.full(m - 1, 128)) for tree in trees]
    assert models[0].depths.max() == (m - 1).bit_length()
    assert models[1].depths.tolist() == [*range(1, m), m - 1]
    for model in models:
        assert sum(Fraction(1, 2 ** int(d)) for d in model.depths) == 1


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=8))
def test_huffman_tree_is_the_best(counts):
    def cost(tree: list[int]) -> int:
        return sum(n * len(_path(token, tree)) for token, n in enumerate(counts))

    best = cost(huffman_tree(counts))
    # The cost of Huffman's merges, without a tree; and no other tree that is at hand is better.
    heap, total = sorted(counts), 0
    while len(heap) > 1:
        total += heap[0] + heap[1]
        heap = sorted([heap[0] + heap[1], *heap[2:]])
    assert best == total
    assert best <= min(cost(balanced_tree(len(counts))), cost(unary_tree(len(counts))))


@given(tree_models(), st.integers(0, 2**32 - 1))
def test_probabilities_of_counts(model, seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, [[1], [2], [2**44]], (3, model.num_symbols))
    tree = model.tree.tolist()
    found = TreeModel.from_counts(tree, counts).probabilities
    below = np.zeros((3, len(tree)), object)
    for token, place in itertools.product(range(model.num_symbols), range(len(tree))):
        if place in _path(token, tree):
            below[:, place] += counts[:, token]
    for context, node in itertools.product(range(3), range(len(tree) // 2)):
        zeros, n = below[context, 2 * node], below[context, 2 * node] + below[context, 2 * node + 1]
        assert found[context, node] == (min(max((256 * zeros + n // 2) // n, 1), 255) if n else 128)


@pytest.mark.parametrize(
    "tree",
    [
        [],
        [0],
        [0, -1, 2],
        [[0, -1]],
        [0, 0],
        [0, -2],
        [2, -1, 0, -3],
        [2, -1, -2, 2],  # a circle
        [2, 2, 0, -1],  # one pair twice
        [0, -1, -2, -3],  # one pair never
        [0, -1, 4, -2, 2, -3],  # a circle aside
        [1, 0, -1, -2],
        [4, 0, -1, -2],
        [2**40, 0, -1, -2],
        [0] * 512,
    ],
)
def test_no_trees(tree):
    with pytest.raises(ValueError, match="tree"):
        TreeModel(np.array(tree, np.int64), np.full(len(tree) // 2, 128))
    with pytest.raises(ValueError, match="tree"):
        TreeModel.from_counts(np.array(tree, np.int64), [1, 1])


@pytest.mark.parametrize(
    ("probabilities", "error"),
    [
        ([128] * 3, ValueError),
        ([128] * 5, ValueError),
        ([128, 128, 128, 0], ValueError),
        ([128, 128, 128, 256], ValueError),
        ([128, 128, 128, -1], ValueError),
        (128, ValueError),
        (np.zeros((0, 4), int), ValueError),
        ([[[128] * 4]], ValueError),
        ([0.5] * 4, TypeError),
    ],
)
def test_bad_probabilities(probabilities, error):
    with pytest.raises(error, match="probabilities"):
        TreeModel(YMODE_TREE, probabilities)


def test_bad_arguments_of_the_rest():
    for counts in ([1, 2, 3, 4], [1, 2, 3, 4, -1], [1, 2, 3, 4, 2**45], np.zeros((0, 5), int)):
        with pytest.raises(ValueError, match="counts"):
            TreeModel.from_counts(YMODE_TREE, counts)
    for call in (lambda: TreeModel.from_counts(YMODE_TREE, [0.5] * 5), lambda: huffman_tree([0.5, 0.5])):
        with pytest.raises(TypeError, match="counts"):
            call()
    for counts in ([1], [1, -1], [1] * 257, [[1, 1]]):
        with pytest.raises(ValueError, match="counts"):
            huffman_tree(counts)
    for builder, m in itertools.product((balanced_tree, unary_tree), (1, 257)):
        with pytest.raises(ValueError, match="num_tokens"):
            builder(m)
    with pytest.raises(TypeError, match="tree"):
        TreeModel([0.0, -1.0], [128])
    model = TreeModel(YMODE_TREE, YMODE_PROBABILITIES)
    with pytest.raises(ValueError, match="symbols"):
        model.num_decisions([5])
    with pytest.raises(TypeError, match="symbols"):
        model.num_decisions([0.5])


@given(tree_models())
def test_copies_and_pickles_are_equal(model):
    for twin in (model.copy(), copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin == model
        assert repr(twin) == repr(model)
        assert (twin.tree == model.tree).all()
        assert (twin.depths == model.depths).all()
    other = model.probabilities.astype(int)
    other[0, 0] = 256 - other[0, 0] if other[0, 0] != 128 else 1
    assert TreeModel(model.tree, other) != model
    assert model != StaticModel(model.cdf_q15)
    for array in (model.tree, model.probabilities, model.depths, model.cdf_q15):
        assert not array.flags.writeable


def test_arguments_are_copied():
    tree, p = np.array(YMODE_TREE, np.int16), np.array([YMODE_PROBABILITIES], np.uint8)
    model = TreeModel(tree, p)
    tree[:], p[:] = 0, 0
    assert model.tree.tolist() == YMODE_TREE
    assert model.probabilities.tolist() == [YMODE_PROBABILITIES]
