"""Every built-in loss with every built-in optimizer, on data that the loss fits."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import Any

import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from torch import Tensor, nn

import zoo
from zoo.models.linear import Linear
from zoo.optimizers.combined import tell
from zoo.optimizers.parameter_groups import parameter_groups
from zoo.tasks.classification import Classification
from zoo.tasks.regression import Regression
from zoo.tasks.task import Task

ROWS = 96
LOSSES = [one.name for one in zoo.components("loss") if one.builtin and one.name != "zero_one"]
OPTIMIZERS = [one.name for one in zoo.components("optimizer") if one.builtin]
LOSS_OPTIONS: dict[str, dict[str, Any]] = {"mase": {"scale": 80.0}}
#: Learning rates for losses in percent and in counts, whose gradients are as large, where no optimizer rescales them.
CAREFUL = {"poisson": 1e-5, "mape": 1e-4, "smape": 1e-4}
RAW = {"sgd", "bgd", "momentum", "nesterov", "sam", "lars"}


@cache
def data_for(problem: str) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Standardised rows, targets, and what the data know of themselves."""
    load = {"regression": load_diabetes, "binary": load_breast_cancer}.get(problem, load_digits)
    x, y = load(return_X_y=True)
    rows = torch.from_numpy(x[:ROWS]).float()
    rows = (rows - rows.mean(0)) / rows.std(0).clamp(min=1e-6)
    target = torch.from_numpy(y[:ROWS])
    facts: dict[str, Any] = {"problem": problem, "num_classes": int(target.max()) + 1}
    if problem == "regression":
        target = target.float().unsqueeze(1)
        facts |= {"target_names": ["y"], "target_mean": [float(target.mean())], "target_scale": [float(target.std())]}
    if problem == "multilabel":
        target = torch.stack([target % 2, target // 5], dim=1)
        facts |= {"num_labels": 2}
    return rows, target, facts


def task_of(name: str) -> tuple[Task, Tensor, Tensor]:
    """A task with a linear model and this loss, on the first kind of data that fits it."""
    loss: nn.Module = zoo.build("loss", name, **LOSS_OPTIONS.get(name, {}))
    fits = getattr(loss, "problems", ("multiclass",))
    problem = next(one for one in ("regression", "multiclass", "binary", "multilabel") if one in fits)
    rows, target, facts = data_for(problem)
    kind = Regression if problem == "regression" else Classification
    torch.manual_seed(0)
    model = Linear(rows.shape[1], kind.out_features(facts, loss))
    return kind(model, loss, None, None, {}, facts), rows, target


def trained(loss: str, optimizer: str) -> list[float]:
    """The loss before each of twenty steps, and after them."""
    task, rows, target = task_of(loss)
    options = {"lr": CAREFUL[loss]} if loss in CAREFUL and optimizer in RAW else {}
    stepping = zoo.build("optimizer", optimizer, params=parameter_groups(task.model), **options)

    def closure() -> Tensor:
        stepping.zero_grad()
        found = task.loss_of(task.model(rows), target)
        found.backward()
        return found

    losses = [float(stepping.step(closure).detach()) for _ in range(20)]
    tell(stepping, "eval")
    with torch.no_grad():
        return [*losses, float(task.loss_of(task.model(rows), target))]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_finite_and_falls_within_twenty_steps_without_a_warning(loss: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {optimizer: trained(loss, optimizer) for optimizer in OPTIMIZERS}
    for optimizer, losses in found.items():
        assert all(math.isfinite(one) for one in losses), (optimizer, losses)
        assert losses[-1] < losses[0], (optimizer, losses)
