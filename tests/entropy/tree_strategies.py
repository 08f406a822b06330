"""Hypothesis strategies of trees of tokens."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pyggc.entropy import TreeModel, balanced_tree, huffman_tree, unary_tree


def random_tree(rng: np.random.Generator, num_tokens: int) -> list[int]:
    """A tree that is grown from the root by splitting leaves at random, its pairs and tokens in any order."""
    order = [int(i) for i in 2 * (1 + rng.permutation(num_tokens - 2))]
    nodes = [0] * (2 * (num_tokens - 1))
    open_places = [0, 1]
    for node in order:
        nodes[open_places.pop(int(rng.integers(len(open_places))))] = node
        open_places += [node, node + 1]
    for token, place in zip(rng.permutation(num_tokens), open_places, strict=True):
        nodes[place] = -int(token)
    return nodes


@st.composite
def tree_models(draw: st.DrawFn, max_tokens: int = 24) -> TreeModel:
    m = draw(st.integers(2, max_tokens))
    contexts = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from(["random", "balanced", "unary", "huffman"]))
    tree = {
        "random": lambda: random_tree(rng, m),
        "balanced": lambda: balanced_tree(m),
        "unary": lambda: unary_tree(m),
        "huffman": lambda: huffman_tree(rng.integers(0, 50, m)),
    }[shape]()
    extreme = draw(st.sampled_from([None, [1, 255], [128], [254, 255]]))
    p = rng.integers(1, 256, (contexts, m - 1)) if extreme is None else rng.choice(extreme, (contexts, m - 1))
    return TreeModel(tree, p)
