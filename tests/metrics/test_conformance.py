"""What every metric keeps to: the kit; and those of classes and values: batches, processes, copies and safe files."""

import copy
import pickle
from operator import attrgetter

import numpy as np
import pytest
import torch
from torchmetrics import Metric

from zoo.config.building import build_node
from zoo.config.installed import registry
from zoo.testing import metric_checks

PROBLEMS = ("binary", "multiclass", "multilabel", "regression")


def cases() -> list[tuple[str, str]]:
    """Every built-in metric with each of these problems that it is for."""
    found = []
    for component in registry().components("metric"):
        if component.builtin and getattr(component.load(), "predicts", "scores") == "scores":
            fits = getattr(component.load(), "problems", ())
            found += [(component.name, problem) for problem in PROBLEMS if problem in fits]
    return found


CASES = cases()
EVERY = pytest.mark.parametrize(("name", "problem"), CASES)


def built(name: str, problem: str, given) -> Metric:
    node = {"name": name, "scale": 2.0} if name == "mase" else {"name": name}
    return build_node("metric", node, {"task": problem, **given.sizes.get(problem, {})})


def examples(problem: str, given, case: int = 14) -> tuple[np.ndarray, np.ndarray]:
    if problem != "regression":
        return given.of[problem](case)
    rng = np.random.default_rng(case)
    target = rng.normal(10, 1, (30, 2)).astype(np.float32)
    return target + rng.normal(size=target.shape).astype(np.float32), target


def updated(metric: Metric, preds: np.ndarray, target: np.ndarray, batch: int = 1000) -> Metric:
    for start in range(0, len(preds), batch):
        part = slice(start, start + batch)
        metric.update(torch.from_numpy(preds[part]), torch.from_numpy(target[part]))
    return metric


def same(first: torch.Tensor, second: torch.Tensor) -> None:
    torch.testing.assert_close(first.double(), second.double(), rtol=1e-6, atol=1e-9)
    assert first.isfinite().all()


def test_all_metrics_of_the_shelf_are_there():
    shelf = (
        "accuracy precision recall specificity f1 f_beta balanced_accuracy mcc cohen_kappa log_loss brier roc_auc "
        "average_precision pr_auc ks gini lift gain confusion_matrix ece mae mse rmse r2 mape smape mase "
        "explained_variance"
    )
    assert set(shelf.split()) == {name for name, _ in CASES}


@pytest.mark.parametrize(
    "component", [one for one in registry().components("metric") if one.builtin], ids=attrgetter("name")
)
def test_every_built_in_metric_conforms(component, assert_conforms):
    assert_conforms(metric_checks(component.target, config={"scale": 2.0} if component.name == "mase" else {}))


@EVERY
def test_batches_resets_copies_and_pickles_do_not_change_a_value(name, problem, given):
    preds, target = examples(problem, given)
    metric = built(name, problem, given)
    whole = updated(metric, preds, target).compute()
    metric.reset()
    same(updated(metric, preds, target, batch=1).compute(), whole)
    for other in (copy.deepcopy(metric), metric.clone(), pickle.loads(pickle.dumps(metric))):
        same(other.compute(), whole)
        other.reset()
        same(updated(other, preds, target, batch=7).compute(), whole)


@EVERY
def test_forward_gives_the_value_of_a_batch_and_keeps_all(name, problem, given):
    preds, target = (torch.from_numpy(one) for one in examples(problem, given))
    whole = built(name, problem, given)
    whole.update(preds, target)
    metric = built(name, problem, given)
    half = len(preds) // 2
    metric(preds[half:], target[half:])
    first = metric(preds[:half], target[:half])
    alone = built(name, problem, given)
    alone.update(preds[:half], target[:half])
    torch.testing.assert_close(first, alone.compute(), equal_nan=True)
    same(metric.compute(), whole.compute())


@EVERY
def test_states_merge(name, problem, given):
    preds, target = examples(problem, given)
    whole = updated(built(name, problem, given), preds, target).compute()
    first, second = built(name, problem, given), built(name, problem, given)
    updated(first, preds[:11], target[:11], batch=4)
    updated(second, preds[11:], target[11:], batch=4)
    first._computed = None
    first.merge_state(second)
    same(first.compute(), whole)


@EVERY
@pytest.mark.parametrize("share", [0.3, 0.0, 1.0])
def test_processes_agree_with_one_even_where_one_has_no_example(name, problem, share, given):
    preds, target = examples(problem, given)
    whole = updated(built(name, problem, given), preds, target).compute()
    same(given.value_of_ranks(built(name, problem, given), preds, target, int(share * len(preds))), whole)


@EVERY
def test_the_state_loads_safely(name, problem, given, tmp_path):
    preds, target = examples(problem, given)
    metric = built(name, problem, given)
    metric.persistent(True)
    value = updated(metric, preds, target).compute()
    torch.save(metric.state_dict(), tmp_path / "state.pt")
    other = built(name, problem, given)
    other.persistent(True)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    other._update_count = 1
    same(other.compute(), value)


@EVERY
def test_every_metric_can_be_drawn(name, problem, given):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure, _ = updated(built(name, problem, given), *examples(problem, given)).plot()
    assert figure.axes
    pyplot.close("all")


@EVERY
def test_the_direction_of_what_can_be_watched_is_known(name, problem, given):
    lower = {"log_loss", "brier", "ece", "mae", "mse", "rmse", "mape", "smape", "mase"}
    expected = None if name == "confusion_matrix" else name not in lower
    assert built(name, problem, given).higher_is_better is expected
