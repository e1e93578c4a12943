"""Embeddings of the test split, seen from where they are widest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from zoo.report.drawing import (
    MUTED,
    PALETTE,
    Picture,
    finished,
    names_or_numbers,
    new_figure,
    short,
    style,
)
from zoo.report.section import Section

#: Points drawn; more hide each other.
POINTS = 5000
_MARKERS = "os^Dv"


def report_embeddings(embeddings: Tensor, targets: Tensor, names: Sequence[object] | None) -> Section:
    """A picture of the two principal components.

    Args:
        embeddings: (N, D).
        targets: classes, (N,).
        names: of the classes.
    """
    usable = embeddings.isfinite().all(1)
    missing = int((~usable).sum())
    text = f"{missing:,} of {len(usable):,} embeddings are not numbers and left out." if missing else ""
    if int(usable.sum()) < 2:
        return Section("Test embeddings", text=text)
    return Section("Test embeddings", [draw_embeddings(embeddings[usable], targets[usable], names)], text)


def components(embeddings: Tensor) -> tuple[np.ndarray, list[float]]:
    """The first two principal components, (N, 2), and the share of the variance that each has.

    Args:
        embeddings: finite, (N, D).
    """
    centred = embeddings.double() - embeddings.double().mean(0)
    u, s, _ = torch.linalg.svd(centred, full_matrices=False)
    total = float(s.square().sum()) or 1.0
    found = torch.zeros(len(embeddings), 2, dtype=torch.float64)
    width = min(2, len(s))
    found[:, :width] = u[:, :width] * s[:width]
    return found.numpy(), [float(one**2) / total for one in s[:2]] + [0.0] * (2 - width)


def draw_embeddings(embeddings: Tensor, targets: Tensor, names: Sequence[object] | None) -> Picture:
    """`embeddings.png`: a point an example, a colour and a marker a class.

    Args:
        embeddings: finite, (N, D), N at least 2.
        targets: classes, (N,).
        names: of the classes.
    """
    places, shares = components(embeddings)
    kept = np.unique(np.linspace(0, len(places) - 1, min(POINTS, len(places))).round().astype(int))
    places, classes = places[kept], targets.numpy()[kept]
    present = sorted(set(classes.tolist()))
    labels = names_or_numbers(names, max(present) + 1)
    alpha = min(0.85, max(0.25, 20 / len(places) ** 0.5))
    with style():
        figure = new_figure(8, 5.4)
        axes = figure.add_subplot()
        for number, one in enumerate(present):
            chosen = places[classes == one]
            axes.plot(
                chosen[:, 0],
                chosen[:, 1],
                _MARKERS[number // len(PALETTE) % len(_MARKERS)],
                color=PALETTE[number % len(PALETTE)],
                markersize=4,
                markeredgewidth=0,
                alpha=alpha,
                label=short(labels[one], 24),
            )
        axes.set(xlabel=f"first component, {shares[0]:.0%}", ylabel=f"second component, {shares[1]:.0%}")
        if len(present) <= len(PALETTE) * len(_MARKERS):
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=MUTED, markerscale=1.5)
        caption = f"{len(places):,} test examples in the two directions in which embeddings differ most; shares of the "
        caption += "variance."
        return finished(figure, "embeddings", caption=caption, alternative=f"Embeddings by class. {caption}")
