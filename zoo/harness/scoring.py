"""How probable a trained model finds given targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from zoo.errors import ConfigError
from zoo.harness.run import LoadedModel


def score(model: LoadedModel, source: str | Path | TextIO | list[Any], *, batch_size: int | None = None) -> list[Any]:
    """Score pairs: the log-probability of each target given its source, whole and token by token.

    Args:
        model: a sequence-to-sequence model, or an ensemble.
        source: a file of pairs, or records with `source` and `target`.
        batch_size: pairs computed at once; no score depends on it.

    Returns:
        Records with `source`, `target`, `score`, `log_probability` (natural, the end of the target included),
        `tokens` and `token_log_probabilities`, in the order of the pairs.

    Raises:
        ZooError: the model generates nothing, or the pairs cannot be read.
    """
    scores: Callable[[Any], list[dict[str, Any]]] | None = getattr(model.task, "scores", None)
    if scores is None:
        raise ConfigError("mode", "score is for sequence-to-sequence runs", "leave it out")
    dataset = model.read(source)
    if dataset is None:
        return []
    if hasattr(model.data, "require_targets"):
        model.data.require_targets()
    return model.over(dataset, scores, batch_size=batch_size)
