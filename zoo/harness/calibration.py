"""Probabilities that come true: one temperature, fitted on the validation split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import Tensor

from zoo.harness.batches import HarnessData
from zoo.harness.checkpointing import gathered
from zoo.report.probabilities import reliability

Loss = Callable[[Tensor, Tensor], Tensor]


def calibrate(trainer: Trainer, task: Any, batches: HarnessData) -> str:
    """Fit what a task calibrates itself by on the validation split, with the weights that it has.

    Args:
        trainer: that evaluates.
        task: with a `temperature`, which is set.
        batches: with a validation split.

    Returns:
        A sentence on what came of it.
    """
    task.temperature.fill_(1.0)
    task.kept_logits = []
    trainer.validate(task, datamodule=batches, verbose=False)
    kept = [pair for rank in gathered(task.kept_logits, trainer.world_size) for pair in rank]
    task.kept_logits = None
    logits, targets = (torch.cat(parts) for parts in zip(*kept, strict=True))
    indicators = task.target_form == "indicator" or task.problem == "multilabel"
    found = fit_temperature(logits, targets, indicators=indicators)
    task.temperature.fill_(found)
    losses, errors = [], []
    for scaled in (logits.double(), logits.double() / found):
        losses.append(float(likelihood(scaled, targets, indicators=indicators)))
        errors.append(calibration_error(scaled, targets, indicators=indicators))
    return (
        f"temperature {found:.4g}: validation log loss {losses[0]:.4g} -> {losses[1]:.4g}, "
        f"calibration error {errors[0]:.3g} -> {errors[1]:.3g}"
    )


def fit_temperature(logits: Tensor, targets: Tensor, *, indicators: bool = False) -> float:
    """The T > 0 that minimises the negative log likelihood of logits / T; Guo et al. (2017), section 4.2.

    The likelihood is unimodal in 1 / T, so the minimum is the only one. What is found is never worse than T = 1; where
    no T is best (every example right, say), it stays within 0.01 and 100.

    Args:
        logits: (N, C), or (N, L) of indicators.
        targets: classes (N,), or indicators (N, L).
        indicators: whether each logit is one of its own.

    Returns:
        T.
    """
    logits, log_t = logits.double(), torch.zeros((), dtype=torch.float64, requires_grad=True)
    limit = 4.605170185988092  # ln 100
    optimizer = torch.optim.LBFGS([log_t], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = likelihood(logits / log_t.clamp(-limit, limit).exp(), targets, indicators=indicators)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    found = float(log_t.detach().clamp(-limit, limit).exp())
    better = likelihood(logits / found, targets, indicators=indicators)
    return found if found > 0 and better < likelihood(logits, targets, indicators=indicators) else 1.0


def likelihood(logits: Tensor, targets: Tensor, *, indicators: bool = False) -> Tensor:
    """Mean negative log likelihood, (), in nats."""
    if indicators:
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
    return torch.nn.functional.cross_entropy(logits, targets)


def calibration_error(logits: Tensor, targets: Tensor, *, indicators: bool = False) -> float:
    """Expected calibration error of what is predicted, in bins."""
    if indicators:
        return reliability(logits.sigmoid().flatten(), targets.flatten()).error
    sure, predicted = logits.softmax(1).max(1)
    return reliability(sure, (predicted == targets).long()).error
