"""The picture of what entropy.py measured beside its peers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

#: Rows of `peers` that are drawn, and their names in the picture.
SHOWN = {
    "adaptive 16, rANS": "adaptive, 16: rANS",
    "adaptive 16, rANS, 4 states": "rANS, 4 states",
    "adaptive 16, range coder, multiply": "range coder, multiply",
    "counts 16, range coder, division": "range coder, counts",
    "parametric 16, rANS": "rANS, parametric",
    "static 16, rANS": "static, 16: rANS",
    "constriction, static 16, ANS": "constriction ANS",
    "constriction, static 16, range": "constriction range coder",
    "static 256, rANS, 4 states, stack": "static, 256: rANS stack, 4 states",
    "static 256, rANS, 2 states, queue": "rANS queue, 2 states",
    "constriction, static 256, ANS": "constriction ANS ",
    "constriction, static 256, range": "constriction range coder ",
}


def plot(path: Path, rows: list[dict[str, Any]]) -> None:
    """Bars of the time of a symbol, encoded to the left and decoded to the right."""
    import matplotlib.pyplot as plt

    found = {row[""]: row for row in rows}
    names = [name for name in SHOWN if name in found]
    y = np.arange(len(names))[::-1]
    colors = ["tab:gray" if name.startswith("constriction") else "tab:blue" for name in names]
    figure, axes = plt.subplots(figsize=(8, 0.4 * len(names) + 1.2), layout="constrained")
    for sign, side in ((-1, "encode ns"), (1, "decode ns")):
        values = [found[name][side] for name in names]
        axes.barh(y, [sign * value for value in values], color=colors, alpha=0.6 if sign < 0 else 1.0)
        for at, value in zip(y, values, strict=True):
            axes.annotate(
                f"{value:.1f}", (sign * value, at), (4 * sign, 0), textcoords="offset points", va="center",
                ha="left" if sign > 0 else "right", fontsize=8,
            )  # fmt: skip
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(y, [SHOWN[name] for name in names])
    axes.xaxis.set_major_formatter(lambda x, _: f"{abs(x):g}")
    axes.set_xlabel("← encode      ns a symbol      decode →")
    axes.margins(x=0.12)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
