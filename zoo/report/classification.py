"""How often each class is taken for each other, and how well every class or label is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.report.drawing import BLUE, INK, VERMILION, Picture, finished, names_or_numbers, new_figure, short, style
from zoo.report.gallery import Gallery, draw_errors, worst_errors
from zoo.report.measures import averages, confidence, overall, ranking
from zoo.report.probabilities import draw_classes, draw_confidence, draw_probabilities
from zoo.report.section import Section, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: With more classes than the first, shares are colours alone; than the second, counts are too; than the third, the
#: matrix is not drawn.
SHARES_UP_TO, COUNTS_UP_TO, DRAWN_UP_TO = 12, 40, 1000


def report_classes(
    probabilities: Tensor,
    targets: Tensor,
    names: Sequence[object] | None,
    *,
    threshold: float = 0.5,
    temperature: float | None = None,
    gallery: Gallery | None = None,
) -> Section:
    """Confusion matrix, measures over all and of every class, ROC, precision against recall, reliability.

    Args:
        probabilities: (N, C).
        targets: classes, (N,); examples with another value than 0 ... C - 1 are left out.
        names: of the classes.
        threshold: probability of class 1 above which it is predicted, where there are two classes.
        temperature: that logits were divided by, to be said.
        gallery: the examples, where they are pictures: the most confident errors are then shown.
    """
    classes = probabilities.shape[1]
    names = names_or_numbers(names, classes)
    usable = probabilities.isfinite().all(dim=1)
    labelled = (targets >= 0) & (targets < classes)
    text = _left_out(int((labelled & ~usable).sum()), int(labelled.sum()))
    probabilities, targets = probabilities[usable & labelled].float(), targets[usable & labelled].long()
    if not len(targets):
        return Section("Test predictions", text=text or "No test example has a class.")
    places = (usable & labelled).nonzero().squeeze(1)
    binary = classes == 2
    predicted = (probabilities[:, 1] > threshold).long() if binary else probabilities.argmax(dim=1)
    content: list[Picture | Table] = []
    if classes <= DRAWN_UP_TO:
        content.append(draw_confusion(confusion_counts(targets, predicted, classes), names))
    true, taken, correct = (
        torch.bincount(one, minlength=classes).tolist() for one in (targets, predicted, targets[targets == predicted])
    )
    areas, precisions = ranking(probabilities, targets)
    content.append(overall(probabilities, targets, predicted, areas, precisions))
    content.append(averages(true, taken, correct))
    content.append(_measures("class", names, true, taken, correct, areas, precisions))
    if binary:
        content.append(draw_probabilities(probabilities[:, 1], targets, names, threshold=threshold))
        if threshold != 0.5:
            text = f"{text} {names[1]} is predicted above a probability of {threshold:g}.".strip()
    content.append(draw_confidence(*confidence(probabilities, predicted, targets), temperature))
    if any(one is not None for one in precisions):
        content.append(draw_classes(probabilities, targets, names, precisions))
    if gallery is not None and (errors := worst_errors(probabilities, targets, predicted)):
        content.append(draw_errors(gallery, errors, places.tolist(), names))
    return Section("Test predictions", content, text)


def report_labels(
    probabilities: Tensor, targets: Tensor, names: Sequence[object] | None, *, threshold: float = 0.5
) -> Section:
    """Measures of every label.

    Args:
        probabilities: one a label, (N, L).
        targets: 1 where a label is present, (N, L).
        names: of the labels.
        threshold: probability above which a label is predicted.
    """
    usable = probabilities.isfinite().all(dim=1)
    predicted, present = probabilities[usable] > threshold, targets[usable] > 0.5
    true, taken = present.sum(dim=0).tolist(), predicted.sum(dim=0).tolist()
    correct = (present & predicted).sum(dim=0).tolist()
    names = names_or_numbers(names, probabilities.shape[1])
    text = _left_out(int((~usable).sum()), len(usable))
    return Section("Test predictions", [_measures("label", names, true, taken, correct)], text)


def confusion_counts(targets: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """How often true class i (row) was predicted as j (column), (C, C).

    Args:
        targets: true classes, (N,).
        predicted: predicted classes, (N,).
        classes: C.
    """
    return torch.bincount(targets * classes + predicted, minlength=classes**2).reshape(classes, classes)


def draw_confusion(counts: Tensor, names: Sequence[str]) -> Picture:
    """`confusion.png`: counts, coloured by their share of the true class.

    Args:
        counts: (C, C), a row a true class.
        names: of the classes.
    """
    classes = len(names)
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    cell = min(1.15, max(0.31, 5.6 / classes)) if classes <= COUNTS_UP_TO else 9 / classes
    labels = [short(name, 22) for name in names]
    margin = 0.6 + 0.075 * max(len(label) for label in labels)
    with style():
        figure = new_figure(cell * classes + margin + 0.2, cell * classes + margin)
        axes = figure.add_subplot()
        axes.grid(False)
        axes.spines[:].set_visible(False)
        if classes <= COUNTS_UP_TO:
            edges = [position - 0.5 for position in range(classes + 1)]
            axes.pcolormesh(edges, edges, _colours(shares), edgecolors="white", linewidth=1.5)
            axes.set(aspect="equal", ylim=(classes - 0.5, -0.5))
            _draw_counts(axes, counts, shares, cell)
        else:
            axes.imshow(_colours(shares), interpolation="nearest")
        _draw_names(axes, labels, cell)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.set_anchor("NW")
        correct, total = int(counts.diagonal().sum()), int(counts.sum())
        caption = f"{correct:,} of {total:,} test examples are right. "
        caption += "Blue is right, orange wrong; the stronger, the larger the share of the true class."
        alternative = f"Confusion matrix. {caption}"
        return finished(figure, "confusion", caption=caption + _confusions(counts, names), alternative=alternative)


def _colours(shares: Tensor) -> Any:
    """Right is blue, wrong orange. The root makes small shares of errors visible."""
    from matplotlib.colors import to_rgb

    right, wrong = torch.tensor(to_rgb(BLUE)), torch.tensor(to_rgb(VERMILION))
    hue = torch.where(torch.eye(len(shares), dtype=torch.bool).unsqueeze(2), right, wrong)
    strength = shares.sqrt().unsqueeze(2)
    empty = torch.tensor(to_rgb("#f4f5f6"))
    return torch.where(strength > 0, 1 - strength * (1 - hue), empty).numpy()


def _draw_names(axes: Axes, labels: Sequence[str], cell: float) -> None:
    every = 1 if len(labels) <= COUNTS_UP_TO else -(-len(labels) // COUNTS_UP_TO)
    positions = range(0, len(labels), every)
    shown = [labels[position] for position in positions]
    turned = max(len(label) for label in shown) * 0.08 > cell * every
    if not turned:
        axes.set_xticks(positions, shown)
    elif cell >= 0.45:
        axes.set_xticks(positions, shown, rotation=40, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(positions, shown, rotation=90)
    axes.set_yticks(positions, shown)
    axes.tick_params(length=0, labelsize=9 if cell * every > 0.25 else 7)


def _draw_counts(axes: Axes, counts: Tensor, shares: Tensor, cell: float) -> None:
    """The number in every cell that has one, its share below while there is room."""
    with_shares = len(counts) <= SHARES_UP_TO
    size, room = min(14, 26 * cell), 0.85 * 72 * cell  # points
    lift, drop = (min(0.1, 0.08 / cell), min(0.24, 0.17 / cell)) if with_shares else (0, 0)
    for row, column in counts.nonzero().tolist():
        share = float(shares[row, column])
        ink = "white" if share > 0.35 else INK
        count = f"{int(counts[row, column]):,}"
        fitted = min(size, room / (0.62 * len(count)))
        written = [axes.text(column, row - lift, count, fontsize=fitted)]
        if with_shares:
            written.append(axes.text(column, row + drop, _percent(share), fontsize=0.62 * size))
        for text in written:
            text.set(ha="center", va="center", color=ink, in_layout=False)


def _percent(share: float) -> str:
    """A share that is only called 100 % when it is all."""
    if share < 1 and round(100 * share) == 100:
        return f"{int(1000 * share) / 10} %"
    if share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1f} %"


def _confusions(counts: Tensor, names: Sequence[str], most: int = 3) -> str:
    """The most frequent confusions, in words; two classes need none."""
    if len(names) < 3:
        return ""
    wrong = counts.clone().fill_diagonal_(0)
    values, places = wrong.flatten().sort(descending=True, stable=True)
    found = [
        f"{short(names[place // len(names)], 40)} taken for {short(names[place % len(names)], 40)} ({value:,}×)"
        for value, place in zip(values[:most].tolist(), places[:most].tolist(), strict=True)
        if value
    ]
    return f" Most frequent: {', '.join(found)}." if found else ""


def _measures(
    what: str,
    names: Sequence[str],
    true: Sequence[int],
    taken: Sequence[int],
    correct: Sequence[int],
    *ranked: Sequence[float | None],
) -> Table:
    """Precision, recall and F1 of every class or label, and what its ranks are worth; empty where not defined."""
    rows = [
        (name, present, found, right, *(_ratio(*pair) for pair in ((right, found), (right, present))), f1, *ranks)
        for name, present, found, right, *ranks in zip(names, true, taken, correct, *ranked, strict=True)
        for f1 in [_ratio(2 * right, present + found)]
    ]
    header = [what, "examples", "predicted", "right", "precision", "recall", "F1"]
    return Table([*header, *["ROC AUC", "average precision"][: len(ranked)]], rows, decimals=3)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _left_out(missing: int, total: int) -> str:
    return f"{missing:,} of {total:,} predictions are not numbers and left out." if missing else ""
