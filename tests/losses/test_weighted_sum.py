"""Sums of losses, by themselves and in runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.config.composition import compose, emptied
from zoo.errors import ZooError
from zoo.losses.classification import BCE, CrossEntropy
from zoo.losses.densities import GaussianNLL, Poisson
from zoo.losses.percentages import MAPE
from zoo.losses.regression import MSE, Huber
from zoo.losses.residuals import RMSE, Absolute
from zoo.losses.weighted_sum import WeightedSum
from zoo.tasks.example_mean import ExampleMean
from zoo.tasks.training_sums import TrainingSums

QUIET = ["model=linear", "logger=[]", "report=false", "trainer.max_epochs=2", "trainer.accelerator=cpu"]
QUIET += ["trainer.devices=1", "trainer.enable_progress_bar=false"]


def summed(*losses: nn.Module, weights: tuple[float, ...]) -> WeightedSum:
    names = [type(one).__name__.lower() for one in losses]
    return WeightedSum(dict(zip(names, losses, strict=True)), dict(zip(names, weights, strict=True)))


def test_a_sum_has_the_value_and_the_gradient_of_its_terms() -> None:
    draw = torch.Generator().manual_seed(0)
    prediction, target = torch.randn(6, 2, generator=draw, requires_grad=True), torch.randn(6, 2, generator=draw)
    both = summed(MSE(), Absolute(), weights=(0.3, 2.0))(prediction, target)
    by_hand = 0.3 * (prediction - target).square().mean() + 2 * (prediction - target).abs().mean()
    assert both.item() == pytest.approx(by_hand.item())
    torch.testing.assert_close(torch.autograd.grad(both, prediction), torch.autograd.grad(by_hand, prediction))


def test_means_over_batches_are_exact_for_terms_with_counts_and_powers_of_their_own() -> None:
    """Class weights and a root of a mean; batches of 7, 5 and 1."""
    draw = np.random.default_rng(0)
    weights = [0.2, 1.0, 3.0]
    one = summed(CrossEntropy(class_weights=weights), CrossEntropy(label_smoothing=0.1), weights=(0.5, 1.5))
    assert _over_batches(one, draw.normal(size=(13, 3)), torch.from_numpy(draw.integers(0, 3, 13))) < 1e-6
    values = torch.from_numpy(draw.normal(size=(13, 1)))
    assert _over_batches(summed(RMSE(), MSE(), weights=(2.0, 0.5)), draw.normal(size=(13, 1)), values) < 1e-6


def _over_batches(loss: WeightedSum, predictions: np.ndarray, targets: torch.Tensor) -> float:
    """How far the mean over batches is from the loss of all at once, seen by validation and by training."""
    prediction = torch.from_numpy(predictions).float()
    targets = targets.float() if targets.is_floating_point() else targets
    mean, sums = ExampleMean(loss.power, loss.weights), TrainingSums(loss.power)
    for part, target in zip(prediction.split([7, 5, 1]), targets.split([7, 5, 1]), strict=True):
        with loss.apart():
            terms = loss(part, target)
        mean.update(terms, loss.count(target))
        sums.add(terms, loss.count(target))
    whole = loss(prediction, targets).item()
    total, count = sums.take("epoch")
    trained = sum(
        w * float(t / c) ** (1 / p) for w, t, c, p in zip(loss.weights, total, count, loss.power, strict=True)
    )
    return max(abs(mean.compute().item() - whole), abs(trained - whole))


def test_what_all_losses_say_is_said_of_the_sum() -> None:
    same = summed(GaussianNLL(), weights=(1.0,))
    assert (same.target, same.outputs_per_target) == ("value", GaussianNLL.outputs_per_target)
    assert summed(CrossEntropy(), CrossEntropy(), weights=(1.0, 1.0)).takes_shares
    assert not summed(MSE(), Huber(), weights=(1.0, 1.0)).takes_shares


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ((CrossEntropy(), BCE()), r"different targets as \(crossentropy: class and bce: indicator\); leave out one"),
        ((MSE(), MAPE()), r"different units \(mse: standardised and mape: original\)"),
        ((Poisson(), MAPE()), r"poisson predicts no values, and others do"),
        ((MSE(), GaussianNLL()), r"different predictions a target \(mse: 1 and gaussiannll: 2\)"),
    ],
)
def test_losses_of_different_forms_do_not_add_up(losses: tuple[nn.Module, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summed(*losses, weights=(1.0,) * len(losses))


def test_a_run_reports_the_sum_over_examples(tmp_path: Any) -> None:
    """Batches of 50 of 45 and 89 rows; metrics tell the terms on standardised targets."""
    words = ["data=diabetes", "data.batch_size=50", "loss=[mse,absolute]", "loss.mse.weight=0.001"]
    words += ["loss.absolute.weight=2", "metric=[mse,mae]", "task=regression", "task.scale_target=false"]
    run = zoo.train(compose([*words, *QUIET]), tmp_path / "run")
    for split in ("val", "test"):
        expected = 0.001 * run.metrics[f"{split}/mse"] + 2 * run.metrics[f"{split}/mae"]
        assert run.metrics[f"{split}/loss"] == pytest.approx(expected, rel=1e-5)
    record = (run.dir / "run.json").read_text()
    assert '"mse"' in record
    assert '"absolute"' in record
    assert zoo.load(run.dir).config["loss"]["mse"]["weight"] == 0.001


def test_one_loss_is_composed_as_ever_and_several_by_name() -> None:
    assert compose(["data=iris", "loss=cross_entropy"])["loss"]["name"] == "cross_entropy"
    assert compose(["data=iris", "loss=[focal]"])["loss"]["name"] == "focal"
    several = compose(["data=iris", "loss=[focal,cross_entropy]", "loss.focal.gamma=3"])["loss"]
    assert list(several) == ["focal", "cross_entropy"]
    assert (several["focal"]["gamma"], several["focal"]["weight"]) == (3, 1)
    assert emptied(["loss=a,b", "loss=null", "model=[x]"]) == ["loss=a,b", "loss=[]", "model=[x]"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("loss=[mse,mse]", "loss: mse is there twice; give it a weight"),
        ("loss=[mse,hubbr]", "loss=hubbr: not installed \\(did you mean 'huber'"),
        ("loss=[mse,huber] loss.huber.wieght=2", "loss.huber.wieght: no such option \\(did you mean 'weight'"),
        ("loss=[mse,huber] loss.huber.weight=-1", "loss.huber.weight: .*greater than or equal to 0"),
        ("loss=[mse,huber] loss.huber.delta=0", "loss.huber.delta: .*greater than 0"),
        ("loss=[mse,huber],mse", "loss: a sweep cannot have sums"),
        ("loss=mse loss.weight=2", "loss.weight: no such option"),
        ("loss=[mse,zero_one]", "loss=zero_one: fits"),
        ("loss=[mse,smape]", r"loss=\[mse,smape\]: the losses want different units"),
        ("loss=[mse,cross_entropy]", "loss=cross_entropy: fits .*, and the data are regression"),
    ],
)
def test_what_is_no_sum_is_one_line(words: str, message: str, tmp_path: Any) -> None:
    with pytest.raises(ZooError, match=f"^{message}") as caught:
        zoo.train(compose(["data=diabetes", *words.split(), *QUIET]), tmp_path / "run")
    assert "\n" not in str(caught.value)
