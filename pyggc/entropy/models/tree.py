"""Trees of tokens with probabilities at their nodes, as VP8 has them; and the CDFs that say the same."""

from __future__ import annotations

import heapq
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc._native import _bool
from pyggc.entropy.models.base import CDF_TOTAL, Model, as_int
from pyggc.entropy.models.static import fixed_bank

__all__ = ["TreeModel", "balanced_tree", "huffman_tree", "unary_tree"]

MAX_TOKENS: int = _bool.MAX_LEAVES


class TreeModel(Model):
    """Static model of tokens that a tree of binary decisions tells apart (RFC 6386, section 8).

    `BoolEncoder` codes a token as the decisions on its path, just as VP8 does. All other coders code it as one symbol,
    under the CDF that the decisions' probabilities multiply to.

    Parameters
    ----------
    tree : sequence of int, length 2 (M - 1)
        Pairs of what follows a zero and a one: a positive number is the even index of another pair, zero or less is
        minus a token. The first pair is the root. Each of the tokens 0 to M - 1, 2 <= M <= 256, occurs once.
    probabilities : array_like of int, shape (M - 1,) or (num_contexts, M - 1)
        Of a zero at each pair, in 256ths, 1 to 255.

    Raises
    ------
    ValueError
        If the tree is none, or a probability is out of range.
    TypeError
        If an argument does not hold integers.

    See Also
    --------
    TreeModel.from_counts, balanced_tree, unary_tree, huffman_tree

    Examples
    --------
    Token 2 is a zero, with a probability of one half; tokens 0 and 1 are a one and another bit.

    >>> model = TreeModel([-2, 2, 0, -1], [128, 192])
    >>> model.depths.tolist()
    [2, 2, 1]
    >>> model.cdf_q15.tolist()
    [[0, 12287, 16384, 32768]]
    """

    __slots__ = ("_depths", "_probabilities", "_tree")

    def __init__(self, tree: npt.ArrayLike, probabilities: npt.ArrayLike) -> None:
        nodes = _tree_of(tree)
        num_nodes = len(nodes) // 2
        array = np.asarray(probabilities)
        if array.dtype.kind not in "iu":
            raise TypeError(f"probabilities must hold integers, not {array.dtype}")
        if array.ndim not in (1, 2) or array.shape[-1] != num_nodes or array.shape[0] == 0:
            raise ValueError(
                f"probabilities must have shape ({num_nodes},) or (num_contexts, {num_nodes}), not {array.shape}"
            )
        if array.min() < 1 or array.max() > 255:
            raise ValueError("probabilities must lie in [1, 255]")
        self._take_tree(nodes, np.array(array, np.uint8, ndmin=2, order="C"))

    def _take_tree(self, nodes: list[int], probabilities: npt.NDArray[np.uint8]) -> None:
        paths = _paths_of(nodes)
        depths = [len(path) for path in paths]
        self._tree = np.array(nodes, np.int16)
        self._probabilities = probabilities
        self._depths = np.array(depths, np.uint8)
        first = np.concatenate([[0], np.cumsum(depths)]).astype(np.uint16)
        for array in (self._tree, self._probabilities, self._depths):
            array.flags.writeable = False
        bank = fixed_bank(_cdfs_of(nodes, probabilities), _bool.TreeBank)
        steps = np.array([step for path in paths for step in path], np.uint16)
        bank.plant(self._tree, self._probabilities, first, steps)
        self._bank: _bool.TreeBank = bank

    @classmethod
    def from_counts(cls, tree: npt.ArrayLike, counts: npt.ArrayLike) -> TreeModel:
        """Model whose decisions have the probabilities that tokens' counts suggest.

        Parameters
        ----------
        tree : sequence of int
            As for the class.
        counts : array_like of int, shape (M,) or (num_contexts, M)
            Occurrences of each token, in [0, 2^44].

        Returns
        -------
        TreeModel
            With n0 of n tokens below a node on the side of the zero, its probability is (256 n0 + n / 2) / n rounded
            down, within 1 to 255; and 128 where n is 0.

        Raises
        ------
        ValueError
            If the tree is none, or a count is out of range.
        TypeError
            If an argument does not hold integers.

        Examples
        --------
        >>> TreeModel.from_counts([-2, 2, 0, -1], [3, 1, 4]).probabilities.tolist()
        [[128, 192]]
        """
        nodes = _tree_of(tree)
        array = np.asarray(counts)
        if array.dtype.kind not in "iu":
            raise TypeError(f"counts must hold integers, not {array.dtype}")
        if array.ndim not in (1, 2) or array.shape[-1] != len(nodes) // 2 + 1 or array.shape[0] == 0:
            raise ValueError(f"counts must have a column for each of {len(nodes) // 2 + 1} tokens, not {array.shape}")
        if array.min() < 0 or array.max() > 1 << 44:
            raise ValueError("counts must lie in [0, 2^44]")
        tokens = np.array(array, np.int64, ndmin=2)
        below = np.zeros((len(tokens), len(nodes)), np.int64)  # how often each branch was taken
        for token, path in enumerate(_paths_of(nodes)):
            below[:, path] += tokens[:, token, np.newaxis]
        zeros, total = below[:, ::2], below[:, ::2] + below[:, 1::2]
        p = np.where(total > 0, (256 * zeros + total // 2) // np.maximum(total, 1), 128)
        return cls(nodes, np.clip(p, 1, 255))

    @property
    def tree(self) -> npt.NDArray[np.int16]:
        """The pairs: int16 (2 (M - 1),); read-only."""
        return self._tree

    @property
    def probabilities(self) -> npt.NDArray[np.uint8]:
        """Of a zero at each pair, in 256ths: uint8 (num_contexts, M - 1); read-only."""
        return self._probabilities

    @property
    def depths(self) -> npt.NDArray[np.uint8]:
        """Number of decisions that tell each token: uint8 (M,); read-only."""
        return self._depths

    @property
    def cdf_q15(self) -> npt.NDArray[np.uint16]:
        """The CDFs of all other coders: uint16 (num_contexts, M + 1), 0 first, 32768 last; read-only.

        With the exact products w of the branches' probabilities, which sum to 1,
        ``fl[k] = k + floor((w[0] + ... + w[k-1]) * (2^15 - M))``.
        """
        cdfs: npt.NDArray[np.uint16] = self._bank.cdfs
        return cdfs

    def num_decisions(self, symbols: npt.ArrayLike) -> int:
        """Binary decisions that tokens take in all: what `BoolEncoder` codes for them.

        Parameters
        ----------
        symbols : array_like of int, any shape
            Tokens in [0, num_symbols).

        Returns
        -------
        int

        Raises
        ------
        ValueError
            If a token is out of range.
        TypeError
            If they are not integers.

        Examples
        --------
        >>> TreeModel([-2, 2, 0, -1], [128, 192]).num_decisions([2, 2, 0, 1])
        6
        """
        array = np.asarray(symbols)
        if array.size == 0:
            return 0
        if array.dtype.kind not in "iu":
            raise TypeError(f"symbols must hold integers, not {array.dtype}")
        if array.min() < 0 or array.max() >= self.num_symbols:
            raise ValueError(f"symbols must lie in [0, {self.num_symbols - 1}]")
        counts = np.bincount(array.ravel().astype(np.uint8), minlength=self.num_symbols)
        return int(counts @ self._depths.astype(np.int64))

    def _parameters(self) -> tuple[Any, ...]:
        return self._tree.tobytes(), self._probabilities.shape, self._probabilities.tobytes()

    def _take(self, other: TreeModel) -> None:
        self._tree, self._probabilities, self._depths = other._tree, other._probabilities, other._depths

    def __reduce__(self) -> tuple[Any, ...]:
        return (TreeModel, (self._tree, self._probabilities))

    def __repr__(self) -> str:
        return f"TreeModel(num_symbols={self.num_symbols}, num_contexts={self.num_contexts})"


def _tree_of(tree: npt.ArrayLike) -> list[int]:
    """Validate a tree."""
    array = np.asarray(tree)
    if array.dtype.kind not in "iu":
        raise TypeError(f"tree must hold integers, not {array.dtype}")
    if array.ndim != 1 or array.size % 2 or not 2 <= array.size <= 2 * (MAX_TOKENS - 1):
        raise ValueError(f"tree must be 1 to {MAX_TOKENS - 1} pairs, not of shape {array.shape}")
    nodes: list[int] = array.tolist()
    size = len(nodes)
    seen = {0}
    pending = [0]
    tokens = []
    while pending:
        node = pending.pop()
        for entry in nodes[node : node + 2]:
            if entry <= 0:
                tokens.append(-entry)
            elif entry % 2 or entry >= size:
                raise ValueError(f"tree must have even indices below {size}, but an entry is {entry}")
            elif entry in seen:
                raise ValueError(f"tree must lead to each pair once, but to pair {entry} it leads twice")
            else:
                seen.add(entry)
                pending.append(entry)
    if len(seen) != size // 2:
        lost = min(set(range(0, size, 2)) - seen)
        raise ValueError(f"tree must lead to each pair, but to pair {lost} it does not")
    if sorted(tokens) != list(range(len(tokens))):
        raise ValueError(f"tree must have each of the tokens 0 to {len(tokens) - 1} once, not {sorted(tokens)}")
    return nodes


def _paths_of(nodes: list[int]) -> list[list[int]]:
    """The way to each token: indices into the tree, each the sum of a pair's index and a bit."""
    paths: list[list[int]] = [[] for _ in range(len(nodes) // 2 + 1)]
    pending: list[tuple[int, list[int]]] = [(0, [])]
    while pending:
        node, path = pending.pop()
        for step in (node, node + 1):
            if nodes[step] > 0:
                pending.append((nodes[step], [*path, step]))
            else:
                paths[-nodes[step]] = [*path, step]
    return paths


def _cdfs_of(nodes: list[int], probabilities: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """CDFs of the exact products along the paths, which need integers of any size."""
    num_tokens = len(nodes) // 2 + 1
    weights = np.zeros((num_tokens, len(probabilities)), object)
    depth = max(len(path) for path in _paths_of(nodes))
    p = probabilities.astype(object).T
    pending = [(0, np.full(len(probabilities), 256**depth, object))]
    while pending:
        node, above = pending.pop()
        zero = above // 256 * p[node // 2]
        for entry, weight in zip(nodes[node : node + 2], (zero, above - zero), strict=True):
            if entry > 0:
                pending.append((entry, weight))
            else:
                weights[-entry] = weight
    cdfs = np.zeros((len(probabilities), num_tokens + 1), np.uint16)
    k = np.arange(1, num_tokens + 1)
    cdfs[:, 1:] = k + (weights.cumsum(axis=0) * (CDF_TOTAL - num_tokens) // 256**depth).T.astype(np.int64)
    return cdfs


def balanced_tree(num_tokens: int) -> list[int]:
    """Tree of the least depth, tokens in order.

    Parameters
    ----------
    num_tokens : int
        2 to 256.

    Returns
    -------
    list of int, length 2 (num_tokens - 1)

    Raises
    ------
    ValueError, TypeError
        If it is no such integer.

    Examples
    --------
    >>> balanced_tree(3)
    [0, 2, -1, -2]
    """
    num_tokens = as_int(num_tokens, "num_tokens", 2, MAX_TOKENS)

    def split(low: int, high: int) -> Any:
        return low if high - low == 1 else (split(low, (low + high) // 2), split((low + high) // 2, high))

    return _flatten(split(0, num_tokens))


def unary_tree(num_tokens: int) -> list[int]:
    """Tree in which token t is t ones and a zero, but for the last, which has no zero.

    Parameters
    ----------
    num_tokens : int
        2 to 256.

    Returns
    -------
    list of int, length 2 (num_tokens - 1)

    Raises
    ------
    ValueError, TypeError
        If it is no such integer.

    Examples
    --------
    >>> unary_tree(4)
    [0, 2, -1, 4, -2, -3]
    """
    num_tokens = as_int(num_tokens, "num_tokens", 2, MAX_TOKENS)
    nodes: list[int] = []
    for token in range(num_tokens - 1):
        nodes += [-token, 2 * (token + 1)]
    nodes[-1] = -(num_tokens - 1)
    return nodes


def huffman_tree(counts: npt.ArrayLike) -> list[int]:
    """Tree of the fewest decisions for tokens of these counts.

    Parameters
    ----------
    counts : array_like of int, shape (M,)
        Occurrences of each token, not negative, 2 <= M <= 256.

    Returns
    -------
    list of int, length 2 (M - 1)
        Where counts tie, what has the smaller token is joined first; the lighter branch is that of the one.

    Raises
    ------
    ValueError
        If a count is negative, or there are too few or too many.
    TypeError
        If they are not integers.

    Examples
    --------
    >>> huffman_tree([1, 1, 6])
    [-2, 2, -1, 0]
    """
    array = np.asarray(counts)
    if array.dtype.kind not in "iu":
        raise TypeError(f"counts must hold integers, not {array.dtype}")
    if array.ndim != 1 or not 2 <= array.size <= MAX_TOKENS or array.min() < 0:
        raise ValueError(f"counts must be 2 to {MAX_TOKENS} numbers, none negative")
    heap: list[tuple[int, int, Any]] = [(operator.index(n), token, token) for token, n in enumerate(array.tolist())]
    heapq.heapify(heap)
    while len(heap) > 1:
        light, heavy = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (light[0] + heavy[0], min(light[1], heavy[1]), (heavy[2], light[2])))
    return _flatten(heap[0][2])


def _flatten(root: Any) -> list[int]:
    """Pairs of nested tuples of tokens, in breadth-first order."""
    nodes: list[int] = []
    level = [root]
    end = 2
    for pair in level:  # which grows meanwhile
        for side in pair:
            if isinstance(side, tuple):
                level.append(side)
                nodes.append(end)
                end += 2
            else:
                nodes.append(-side)
    return nodes
