"""Pictures among the examples: what a classifier was sure of and wrong about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from zoo.report.drawing import MUTED, VERMILION, Picture, finished, new_figure, short, style

SHOWN, COLUMNS = 20, 5


@dataclass(frozen=True)
class Gallery:
    """Examples that can be looked at.

    Attributes:
        load: places in the test split to pictures, uint8 (B, C, H, W).
        names: of the files.
    """

    load: Callable[[list[int]], Tensor]
    names: Sequence[str]


def worst_errors(probabilities: Tensor, targets: Tensor, predicted: Tensor) -> list[tuple[int, int, int, float]]:
    """The errors that the model was surest of.

    Args:
        probabilities: (N, C).
        targets: classes, (N,).
        predicted: classes, (N,).

    Returns:
        Place, right class, predicted class and its probability of each, the surest first.
    """
    sure = probabilities.gather(1, predicted.unsqueeze(1)).squeeze(1)
    wrong = (predicted != targets).nonzero().squeeze(1)
    order = wrong[sure[wrong].argsort(descending=True, stable=True)][:SHOWN]
    return [(place, int(targets[place]), int(predicted[place]), float(sure[place])) for place in order.tolist()]


def draw_errors(
    gallery: Gallery, errors: Sequence[tuple[int, int, int, float]], places: Sequence[int], names: Sequence[str]
) -> Picture:
    """`errors.png`: thumbnails with the right class, the predicted one and its probability.

    Args:
        gallery: the examples.
        errors: of `worst_errors`.
        places: in the gallery, of the examples that those count.
        names: of the classes.
    """
    images = gallery.load([places[place] for place, *_ in errors])
    columns = min(COLUMNS, len(errors))
    rows = -(-len(errors) // columns)
    with style():
        figure = new_figure(2.0 * columns, 2.55 * rows)
        grid = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes in grid:
            axes.set_axis_off()
        for axes, image, (place, right, wrong, probability) in zip(grid, images, errors, strict=False):
            axes.imshow(shown(image), interpolation="nearest" if image.shape[-1] < 100 else "antialiased", cmap="gray")
            axes.set_title(f"{short(names[wrong], 16)}  {probability:.3f}", color=VERMILION, fontsize=9, pad=14)
            axes.text(0, 1.02, f"is {short(names[right], 20)}", transform=axes.transAxes, fontsize=8)
            axes.text(
                0,
                -0.02,
                short(gallery.names[places[place]], 28),
                transform=axes.transAxes,
                fontsize=6,
                color=MUTED,
                va="top",
            )
        caption = f"The {len(errors)} errors with the highest probability: what was predicted, and what it is."
        return finished(figure, "errors", caption=caption, alternative=f"Thumbnails. {caption}")


def shown(image: Tensor) -> object:
    """A picture (C, H, W) as matplotlib draws it: grey (H, W), RGB or RGBA (H, W, C)."""
    return image[0].numpy() if image.shape[0] == 1 else image.permute(1, 2, 0).numpy()
