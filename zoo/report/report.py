"""The report of a run: pictures in its folder, and a page that carries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from zoo.report.classification import report_classes, report_labels
from zoo.report.curves import draw_curves
from zoo.report.drawing import Picture
from zoo.report.embeddings import report_embeddings
from zoo.report.forecasts import Histories, actual_values, report_forecasts
from zoo.report.gallery import Gallery
from zoo.report.logs import read_curves
from zoo.report.page import page
from zoo.report.regression import report_values
from zoo.report.section import Section
from zoo.report.translation import TranslationExample, report_translations
from zoo.runs.folder import RunFolder, write_text


def write_report(
    folder: RunFolder,
    *,
    outputs: Tensor | None = None,
    targets: Tensor | None = None,
    facts: Mapping[str, Any] | None = None,
    examples: Sequence[TranslationExample] = (),
    temperature: float | None = None,
    gallery: Gallery | None = None,
    histories: Histories | None = None,
    predicts: str = "scores",
    show: Callable[[Picture], None] | None = None,
) -> Path:
    """Write `pictures/*.png` and `report.html` into the folder of a run that has its final metrics.

    Args:
        folder: of the run; its configuration, record, metrics and CSV log are read where they exist.
        outputs: of the whole test split: probabilities (N, C) or (N, L), or values in original units (N, T).
        targets: classes (N,), indicators (N, L), or values in original units (N, T); of forecasts (N, H, 2).
        examples: of what a sequence-to-sequence model made of the test split.
        temperature: that the logits of `outputs` were divided by; None: they were not.
        gallery: the test examples, where they are pictures.
        predicts: what `outputs` are: `scores`, which includes values, or `embedding`.
        histories: of the test examples, where they are series, in the order of `outputs`.
        show: gets every picture that is written.
        facts: of the data: `problem`, `class_names`, `target_names`, `examples`; names are numbers without them.

    Returns:
        The page.

    Raises:
        RunError: a file of the run is damaged, or the report cannot be written.
    """
    facts = dict(facts or {})
    config, metrics = folder.read_config(), folder.read_metrics()
    best = metrics.get("best/step")
    monitor = str((config.get("checkpoint") or {}).get("monitor", "val/loss"))
    curves = draw_curves(read_curves(folder.logs / "metrics.csv"), monitor=monitor, best_step=best)
    sections = [Section("Training", [curves] if curves else [], "" if curves else "Nothing was logged.")]
    if outputs is not None and targets is not None and len(outputs) and facts.get("problem") == "forecast":
        sections.append(report_forecasts(outputs.cpu(), actual_values(targets).cpu(), metrics, histories))
    elif outputs is not None and targets is not None and len(outputs) and predicts == "embedding":
        sections.append(report_embeddings(outputs.cpu(), targets.cpu(), facts.get("class_names")))
    elif outputs is not None and targets is not None and len(outputs):
        threshold = float((config.get("task") or {}).get("threshold", 0.5))
        sections += _test_sections(
            outputs.detach().cpu(), targets.detach().cpu(), facts, threshold, temperature, gallery
        )
    if examples:
        sections.append(report_translations(examples))
    pictures = [one for section in sections for one in section.pictures]
    _write_pictures(folder.path / "pictures", pictures)
    path = folder.path / "report.html"
    write_text(path, page(config, folder.read_record(), metrics, facts, sections, name=folder.path.name))
    if show is not None:
        for picture in pictures:
            show(picture)
    return path


def _test_sections(
    outputs: Tensor,
    targets: Tensor,
    facts: Mapping[str, Any],
    threshold: float,
    temperature: float | None,
    gallery: Gallery | None,
) -> list[Section]:
    """What there is to see of predictions on the test split; nothing for problems this report does not know."""
    problem = facts.get("problem") or _problem_of(outputs, targets)
    if problem in ("binary", "multiclass"):
        names = facts.get("class_names")
        return [report_classes(outputs, targets, names, threshold=threshold, temperature=temperature, gallery=gallery)]
    if problem == "multilabel":
        return [report_labels(outputs, targets, facts.get("class_names"), threshold=threshold)]
    if problem == "regression":
        return [report_values(outputs, targets, facts.get("target_names"))]
    return []


def _problem_of(outputs: Tensor, targets: Tensor) -> str | None:
    """What the shapes say, where the data say nothing."""
    if targets.is_floating_point():
        return "regression"
    if outputs.ndim == 2 and targets.ndim == 1:
        return "binary" if outputs.shape[1] == 2 else "multiclass"
    return "multilabel" if outputs.ndim == targets.ndim == 2 else None


def _write_pictures(folder: Path, pictures: list[Picture]) -> None:
    for picture in pictures:
        folder.mkdir(exist_ok=True)
        (folder / f"{picture.name}.png").write_bytes(picture.png)
