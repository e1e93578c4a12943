"""Pictures of what a trained image classifier looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from zoo.report.grad_cam import draw_heat, grad_cam

if TYPE_CHECKING:
    from zoo.harness.run import LoadedModel
    from zoo.models.backbone import Staged

#: Pictures explained at once.
BATCH = 16


def heat_pictures(model: LoadedModel, dataset: Any, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """For every prediction the name of a file and a PNG with Grad-CAM for the predicted class.

    Args:
        model: that made the predictions.
        dataset: of the pictures.
        rows: the predictions.
    """
    names = [str(name) for name in model.facts["class_names"]]
    network = cast("Staged", model.task.model)
    for start in range(0, len(rows), BATCH):
        places = list(range(start, min(start + BATCH, len(rows))))
        images = dataset.plain(places)
        classes = torch.tensor([names.index(rows[place]["prediction"]) for place in places], device=model.device)
        heat = grad_cam(network, images.to(model.device), classes).cpu()
        for place, image, one in zip(places, images, heat, strict=True):
            row = rows[place]
            stem = Path(str(row.get("file", ""))).stem
            drawn = draw_heat(image, one, str(row["prediction"]), float(row["probability"]))
            yield f"{place + 1:04d}{f'-{stem}' if stem else ''}.png", drawn
