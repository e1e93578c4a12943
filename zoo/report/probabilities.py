"""How good probabilities are: ROC, precision against recall, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo.report.drawing import (
    BLUE,
    MUTED,
    PALETTE,
    RULE,
    VERMILION,
    Picture,
    count_examples,
    finished,
    new_figure,
    say_in,
    short,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Predicted probabilities in equal bins; all (BINS,), bins without an example are NaN.

    Attributes:
        counts: examples a bin.
        predicted: mean predicted probability.
        observed: share of examples that are positive.
        low: of the 95 % interval of `observed` (Wilson, 1927).
        high: likewise.
    """

    counts: Tensor
    predicted: Tensor
    observed: Tensor
    low: Tensor
    high: Tensor

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini et al., 2015): mean distance of the two, over examples."""
        distance = (self.predicted - self.observed).abs().nan_to_num()
        return float((distance * self.counts).sum() / self.counts.sum())


def reliability(probability: Tensor, positive: Tensor) -> Reliability:
    """What came true of probabilities.

    Args:
        probability: of being positive, (N,).
        positive: 1 where it is, (N,).
    """
    probability, positive = probability.double(), positive.double()
    place = (probability * BINS).long().clamp(0, BINS - 1)
    counts = torch.bincount(place, minlength=BINS).double()
    predicted = torch.bincount(place, probability, minlength=BINS) / counts
    observed = torch.bincount(place, positive, minlength=BINS) / counts
    z = 1.959964
    middle = (observed + z**2 / (2 * counts)) / (1 + z**2 / counts)
    half = z / (1 + z**2 / counts) * (observed * (1 - observed) / counts + z**2 / (4 * counts**2)).sqrt()
    return Reliability(counts, predicted, observed, middle - half, middle + half)


def draw_probabilities(
    probability: Tensor, positive: Tensor, names: Sequence[str], *, threshold: float = 0.5
) -> Picture:
    """`probabilities.png`: ROC on the left, reliability and a histogram of probabilities on the right.

    Args:
        probability: of class 1, (N,).
        positive: true classes, 0 or 1, (N,).
        names: of class 0 and class 1.
        threshold: probability from which class 1 is predicted, marked on the ROC.
    """
    measured = reliability(probability, positive)
    with style():
        figure = new_figure(10, 4.6)
        columns = figure.add_gridspec(1, 2, wspace=0.08)
        area = _draw_roc(figure.add_subplot(columns[0]), probability, positive, threshold)
        right = columns[1].subgridspec(2, 1, height_ratios=[3.4, 1])
        upper = figure.add_subplot(right[0])
        _draw_reliability(upper, measured, short(names[1]))
        _draw_histogram(
            figure.add_subplot(right[1], sharex=upper), probability, positive, [short(name) for name in names]
        )
        caption = "" if area is None else f"Area under the ROC {area:.4g}. "
        caption += f"Expected calibration error {measured.error:.3g} in {BINS} bins; bars are 95 % intervals."
        return finished(figure, "probabilities", caption=caption, alternative=f"ROC and reliability. {caption}")


def draw_confidence(confidence: Tensor, right: Tensor, temperature: float | None = None) -> Picture:
    """`reliability.png`: how often a prediction of some confidence is right, and a histogram of confidences.

    Args:
        confidence: probability of what was predicted, (N,).
        right: 1 where the prediction was right, (N,).
        temperature: that logits were divided by; None: they were not.
    """
    measured = reliability(confidence, right)
    with style():
        figure = new_figure(5.2, 4.6)
        rows = figure.add_gridspec(2, 1, height_ratios=[3.4, 1])
        upper = figure.add_subplot(rows[0])
        _draw_reliability(upper, measured, "right")
        _draw_histogram(figure.add_subplot(rows[1], sharex=upper), confidence, right, ["wrong", "right"], "prediction")
        caption = f"Expected calibration error {measured.error:.3g} in {BINS} bins; bars are 95 % intervals."
        caption += "" if temperature is None else f" Logits are divided by {temperature:.3g}."
        return finished(figure, "reliability", caption=caption, alternative=f"Reliability. {caption}")


def draw_classes(
    probabilities: Tensor, targets: Tensor, names: Sequence[str], precisions: Sequence[float | None]
) -> Picture:
    """`classes.png`: ROC and precision against recall of every class against the others; the worst have colours.

    Args:
        probabilities: (N, C).
        targets: classes, (N,).
        names: of the classes.
        precisions: average precision of every class; None: it is not drawn.
    """
    from torchmetrics.functional.classification import binary_precision_recall_curve, binary_roc

    drawn = sorted((value, place) for place, value in enumerate(precisions) if value is not None)
    worst = {place: colour for (_, place), colour in zip(drawn, PALETTE, strict=False)}
    with style():
        figure = new_figure(10, 4.6)
        left, right = figure.subplots(1, 2)
        for axes, title, across, up in (
            (left, "ROC", "false-positive rate", "true-positive rate"),
            (right, "Precision and recall", "recall", "precision"),
        ):
            axes.set_title(title)
            axes.set(xlabel=across, ylabel=up, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        for value, place in reversed(drawn):
            positive = (targets == place).long()
            look = {"color": worst.get(place, RULE), "linewidth": 1.6 if place in worst else 0.8, "clip_on": False}
            false_rate, true_rate, _ = binary_roc(probabilities[:, place], positive)
            left.plot(false_rate.tolist(), true_rate.tolist(), **look)
            precision, recall, _ = binary_precision_recall_curve(probabilities[:, place], positive)
            label = f"{short(names[place])} {value:.3f}" if place in worst else None
            right.plot(recall.tolist(), precision.tolist(), label=label, drawstyle="steps-post", **look)
        right.legend(loc="lower left", title="average precision", fontsize=8, title_fontsize=8)
        caption = "Every class against the others"
        caption += (
            f"; of {len(drawn):,} classes the {len(worst)} with the least average precision have colours."
            if (len(drawn) > len(worst))
            else "."
        )
        return finished(figure, "classes", caption=caption, alternative=f"ROC and precision-recall. {caption}")


def _draw_roc(axes: Axes, probability: Tensor, positive: Tensor, threshold: float) -> float | None:
    """Returns the area, or `None` where only one class is there."""
    from torchmetrics.functional.classification import binary_auroc, binary_roc

    axes.set_title("ROC")
    axes.set_xlabel("false-positive rate")
    axes.set_ylabel("true-positive rate")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    if bool((positive == positive[0]).all()):
        say_in(axes, "only one class among the test examples")
        return None
    false_rate, true_rate, _ = binary_roc(probability, positive)
    area = float(binary_auroc(probability, positive))
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.fill_between(false_rate.tolist(), true_rate.tolist(), color=BLUE, alpha=0.08, linewidth=0)
    axes.plot(false_rate.tolist(), true_rate.tolist(), color=BLUE, clip_on=False)
    predicted = probability >= threshold
    at = [float(predicted[positive == value].float().mean()) for value in (0, 1)]
    axes.plot(*at, "o", color=VERMILION, markersize=6, label=f"threshold {threshold:g}", clip_on=False, zorder=5)
    axes.legend(loc="lower right")
    return area


def _draw_reliability(axes: Axes, measured: Reliability, name: str) -> None:
    axes.set_title("Reliability")
    axes.set_ylabel(f"share that is {name}")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.tick_params(labelbottom=False)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.vlines(measured.predicted.tolist(), measured.low.tolist(), measured.high.tolist(), color=BLUE, alpha=0.4)
    axes.plot(measured.predicted.tolist(), measured.observed.tolist(), "o", color=BLUE, markersize=5.5)


def _draw_histogram(
    axes: Axes, probability: Tensor, positive: Tensor, names: Sequence[str], of: str | None = None
) -> None:
    axes.set_xlabel(f"predicted probability of {names[1]}" if of is None else f"probability of the {of}")
    count_examples(axes)
    edges = [edge / (2 * BINS) for edge in range(2 * BINS + 1)]
    parts = [probability[positive == value].tolist() for value in (1, 0)]
    axes.hist(
        parts,
        bins=edges,
        stacked=True,
        color=[BLUE, RULE],
        label=[names[1], names[0]],
        edgecolor="white",
        linewidth=0.5,
    )
    axes.legend(loc="upper center", ncols=2, fontsize=8, handlelength=1)
