"""Penalties in runs: linear models equal scikit-learn's, and a step adds what it should and no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, MultiTaskLasso, Ridge
from torch import Tensor, nn

import zoo
from zoo.errors import ZooError
from zoo.harness.training import set_up
from zoo.optimizers.momentum import bgd, momentum, nesterov
from zoo.penalties.groups import GroupLasso
from zoo.penalties.norms import L1
from zoo.tasks.penalised import Penalised

WHOLE = (
    *("model=linear", "model.init=zeros", "data.batch_size=1000", "data.val=0", "logger=[]", "report=false"),
    *("trainer.accelerator=cpu", "trainer.devices=1", "trainer.enable_progress_bar=false", "trainer.max_epochs=-1"),
)
LBFGS = ("optimizer=lbfgs", "optimizer.max_iter=200", "optimizer.tolerance_change=1e-12", "trainer.max_steps=3")
DESCENT = ("optimizer=momentum", "optimizer.lr=0.05", "trainer.max_steps=300")


def weights_of(folder: Path, name: str = "last") -> dict[str, Tensor]:
    content = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return {key.removeprefix("model."): value for key, value in content["state_dict"].items()}


@pytest.fixture
def fitted(tmp_path: Path) -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """A linear model trained on all its rows at once: its rows and targets, W and b, in float64."""

    def fit(*words: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        config = zoo.compose([*WHOLE, *words])
        run = zoo.train(config, tmp_path / "run")
        data = set_up(config)
        rows = [data.dataset("train")[place] for place in range(len(data.dataset("train")))]
        x, y = (np.stack([np.asarray(one) for one in part]).astype(float) for part in zip(*rows, strict=True))
        if data.facts["problem"] == "regression":
            y = ((y - data.facts["target_mean"]) / data.facts["target_scale"]).ravel()
        found = weights_of(run.dir)
        return x, y, found["head.weight"].double().numpy(), found["head.bias"].double().numpy()

    return fit


def test_mse_with_l2_is_ridge_regression(fitted: Callable[..., Any]) -> None:
    x, y, w, b = fitted("data=diabetes", "loss=mse", "penalty=l2", "penalty.l2.weight=0.1", *LBFGS)
    right = Ridge(0.1 * len(x) / 2).fit(x, y)
    np.testing.assert_allclose(w[0], right.coef_, atol=1e-4)
    np.testing.assert_allclose(b[0], right.intercept_, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (("penalty=l1", "penalty.l1.weight=0.05", "penalty.l1.proximal=true"), Lasso(0.05)),
        (
            ("penalty=elastic_net", "penalty.elastic_net.weight=0.2", "penalty.elastic_net.l1_ratio=0.7",
             "penalty.elastic_net.proximal=true"),
            ElasticNet(0.2, l1_ratio=0.7),
        ),
    ],
)  # fmt: skip
def test_squared_error_with_l1_is_the_lasso_and_with_both_the_elastic_net(
    fitted: Callable[..., Any], words: tuple[str, ...], right: Any
) -> None:
    """With momentum, whose steps add up to ten times the learning rate; the same coefficients are zero."""
    x, y, w, b = fitted("data=diabetes", "loss=squared", "loss.half=true", *words, *DESCENT)
    right.set_params(tol=1e-10, max_iter=10**5).fit(x, y)
    np.testing.assert_allclose(w[0], right.coef_, atol=1e-4)
    np.testing.assert_allclose(b[0], right.intercept_, atol=1e-4)
    assert np.array_equal(w[0] == 0, right.coef_ == 0)
    assert (w == 0).any()


def test_bce_with_l2_is_logistic_regression(fitted: Callable[..., Any]) -> None:
    words = ("data=breast_cancer", "loss=bce", "penalty=l2", "penalty.l2.weight=0.02")
    x, y, w, b = fitted(*words, *LBFGS)
    right = LogisticRegression(C=1 / (0.02 * len(x)), tol=1e-10, max_iter=10**4).fit(x, y)
    np.testing.assert_allclose(w, right.coef_, atol=1e-3)
    np.testing.assert_allclose(b, right.intercept_, atol=1e-3)


def test_cross_entropy_with_l2_is_softmax_regression(fitted: Callable[..., Any]) -> None:
    """Biases have no scale of their own: one number added to all of them changes nothing."""
    x, y, w, b = fitted("data=wine", "loss=cross_entropy", "penalty=l2", "penalty.l2.weight=0.02", *LBFGS)
    right = LogisticRegression(C=1 / (0.02 * len(x)), tol=1e-10, max_iter=10**4).fit(x, y)
    np.testing.assert_allclose(w, right.coef_, atol=1e-3)
    np.testing.assert_allclose(b - b.mean(), right.intercept_ - right.intercept_.mean(), atol=1e-3)


def problem(targets: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(80, 6))
    y = x[:, :3] @ draw.normal(size=(3, targets)) + 0.3 * draw.normal(size=(80, targets))
    return x - x.mean(0), y - y.mean(0)


def descended(penalty: Any, optimizer: Callable[..., torch.optim.Optimizer], x: np.ndarray, y: np.ndarray) -> Any:
    """W of the smallest ½ mean e² + penalty, in float64."""
    model = nn.Linear(x.shape[1], y.shape[1], bias=False).double()
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    penalised, stepping = Penalised({"it": penalty}), optimizer(params=model.parameters())
    penalised.bind(model)
    penalised.check(stepping)
    for _ in range(800):
        stepping.zero_grad()
        (0.5 * (model(inputs) - targets).square().mean()).backward()
        stepping.step()
        penalised.after_step(stepping)
    return model.weight.detach().numpy()


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda params: bgd(params, lr=0.3),
        lambda params: momentum(params, lr=0.03),
        lambda params: momentum(params, lr=0.3, convention="average"),
        lambda params: nesterov(params, lr=0.03, momentum=0.8),
        lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.5, dampening=0.3),
    ],
)
def test_a_proximal_step_goes_with_every_kind_of_momentum(optimizer: Callable[..., torch.optim.Optimizer]) -> None:
    x, y = problem(1)
    right = Lasso(0.1, fit_intercept=False, tol=1e-12, max_iter=10**5).fit(x, y.ravel()).coef_
    np.testing.assert_allclose(descended(L1(0.1, proximal=True), optimizer, x, y)[0], right, atol=1e-5)
    assert (right == 0).any()


def test_the_group_lasso_by_inputs_is_the_multi_task_lasso() -> None:
    """Our loss is a mean over two targets too."""
    x, y = problem(2)
    right = MultiTaskLasso(0.2, fit_intercept=False, tol=1e-12, max_iter=10**5).fit(x, y).coef_
    penalty = GroupLasso(0.2 / 2, scaled=False, proximal=True)
    found = descended(penalty, lambda params: bgd(params, lr=0.5), x, y)
    np.testing.assert_allclose(found, right, atol=1e-5)
    assert not right.any(0).all()


def test_penalties_add_their_gradients_to_those_of_the_loss_and_to_nothing_else(train: Callable[..., Any]) -> None:
    """One step of SGD with and without them: biases are spared, patterns choose, shown values stay."""
    still = ("optimizer=sgd", "optimizer.lr=0.1", "data.batch_size=200", "trainer.max_epochs=1", "model.norm=layer")
    both = ("penalty=[l1,l2]", "penalty.l1.weight=0.3", "penalty.l2.weight=0.5", "penalty.l1.match=['*head*']")
    begin = weights_of(train(*still, "optimizer.lr=1e-30", folder="begin").dir)
    without = train(*still, folder="without")
    under = train(*still, *both, folder="under")
    after, before = weights_of(under.dir), weights_of(without.dir)
    assert under.metrics["train/epoch_loss"] == without.metrics["train/epoch_loss"]
    heads = 0
    for name, weight in begin.items():
        expected = torch.zeros_like(weight)
        if weight.ndim > 1:
            heads += "head" in name
            expected = -0.1 * (0.5 * weight + (0.3 * weight.sign() if "head" in name else 0))
        torch.testing.assert_close(after[name] - before[name], expected, atol=1e-6, rtol=0, msg=name)
    assert heads == 1


def test_a_penalty_is_no_part_of_validation_and_counts_once_a_step_of_many_batches(train: Callable[..., Any]) -> None:
    large = ("penalty=l2", "penalty.l2.weight=0.3", "optimizer=sgd", "optimizer.lr=0.1", "trainer.max_epochs=2")
    big = train(*large, "data.batch_size=105", "metric=log_loss", folder="big")
    small = train(*large, "data.batch_size=15", "trainer.accumulate_grad_batches=7", folder="small")
    for name, weight in weights_of(big.dir).items():
        torch.testing.assert_close(weights_of(small.dir)[name], weight, atol=1e-6, rtol=0)
    for split in ("val", "test"):
        assert big.metrics[f"{split}/loss"] == pytest.approx(big.metrics[f"{split}/log_loss"], rel=1e-5)


def test_norms_are_bounded_with_any_optimizer(train: Callable[..., Any]) -> None:
    run = train("penalty=max_norm", "penalty.max_norm.limit=0.2", "trainer.max_epochs=1")
    rows = [weight.norm(dim=1) for weight in weights_of(run.dir).values() if weight.ndim > 1]
    assert all((one <= 0.2 + 1e-6).all() for one in rows)
    assert any((one > 0.199).any() for one in rows)


def test_a_model_for_sequences_is_penalised_too(tmp_path: Path) -> None:
    """η λ = 1, so that one step leaves of each matrix no more than a small multiple of its gradient."""
    words = [
        "task=seq2seq",
        "data=copy",
        "data.train=20",
        "data.val=5",
        "data.test=5",
        "model=luong",
        "model.embedding_size=8",
    ]
    words += ["model.decoder_size=8", "penalty=l2", "penalty.l2.weight=1e4", "optimizer=sgd", "optimizer.lr=1e-4"]
    words += ["trainer.max_steps=1", "trainer.accelerator=cpu", "trainer.devices=1", "logger=[]", "report=false"]
    run = zoo.train(zoo.compose([*words, "trainer.enable_progress_bar=false", "task.heatmaps=0"]), tmp_path / "run")
    found = weights_of(run.dir)
    assert max(float(one.abs().max()) for name, one in found.items() if name.endswith("weight")) < 1e-3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "penalty=l1 penalty.l1.proximal=true",
            r"penalty.l1: a proximal step .*, and not with AdamW; use optimizer=bgd",
        ),
        ("penalty=max_norm optimizer=schedule_free", r"penalty.max_norm: ScheduleFree evaluates means of weights"),
        ("penalty=max_norm optimizer=lookahead", r"penalty.max_norm: Lookahead evaluates means of weights"),
        (
            "penalty=l2 penalty.l2.match=[hed.*]",
            r"penalty.l2.match: no parameter is called 'hed.\*'; did you mean 'head",
        ),
        (
            "penalty=l2 penalty.l2.match=['*bias']",
            r"penalty.l2.match: .* alone, which are spared; set penalty.l2.biases",
        ),
        ("penalty=l2 penalty.l2.weight=-1", r"penalty.l2.weight: .*greater than or equal to 0"),
    ],
)
def test_what_cannot_be_penalised_is_one_line_before_anything_is_written(
    words: str, message: str, train: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(ZooError, match=f"^{message}") as caught:
        train(*words.split(), "model=mlp")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
