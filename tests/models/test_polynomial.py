"""The linear model of monomials against scikit-learn's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.preprocessing import PolynomialFeatures

import zoo
from zoo.harness.training import set_up
from zoo.models.linear import Linear


@pytest.mark.parametrize(("features", "degree"), [(1, 4), (3, 2), (4, 3), (5, 1)])
def test_features_are_those_of_scikit_learn_in_its_order(features: int, degree: int) -> None:
    x = np.random.default_rng(0).normal(size=(7, features))
    model = Linear(features, 2, degree=degree)
    expected = PolynomialFeatures(degree, include_bias=False).fit_transform(x)
    np.testing.assert_allclose(model.features(torch.from_numpy(x)).numpy(), expected, rtol=1e-12)
    assert model.head.in_features == expected.shape[1]
    assert set(model.state_dict()) == {"head.weight", "head.bias"}


def test_powers_alone_have_no_products() -> None:
    x = torch.tensor([[2.0, 3.0]])
    assert Linear(2, 1, degree=3, interactions=False).features(x).tolist() == [[2, 3, 4, 9, 8, 27]]


def test_a_run_of_degree_two_is_polynomial_regression_and_predicts_alike(tmp_path: Path) -> None:
    words = [
        "data=diabetes",
        "model=linear",
        "model.degree=2",
        "model.init=zeros",
        "data.batch_size=1000",
        "data.val=0",
    ]
    words += ["loss=mse", "penalty=l2", "penalty.l2.weight=0.05", "optimizer=lbfgs", "optimizer.max_iter=200"]
    words += ["trainer.max_steps=3", "trainer.max_epochs=-1", "logger=[]", "report=false", "trainer.accelerator=cpu"]
    config = zoo.compose([*words, "trainer.enable_progress_bar=false", "trainer.devices=1"])
    run = zoo.train(config, tmp_path / "run")
    data = set_up(config)
    rows = {split: data.dataset(split) for split in ("train", "test")}
    parts = {
        split: tuple(np.stack([np.asarray(one[place], dtype=float) for one in part]) for place in (0, 1))
        for split, part in rows.items()
    }

    expand = PolynomialFeatures(2, include_bias=False).fit(parts["train"][0])
    x, y = expand.transform(parts["train"][0]), parts["train"][1].ravel()
    mean, scale = data.facts["target_mean"][0], data.facts["target_scale"][0]
    right = Ridge(0.05 * len(x) / 2, tol=1e-10).fit(x, (y - mean) / scale)
    expected = right.predict(expand.transform(parts["test"][0])) * scale + mean
    assert run.metrics["test/rmse"] == pytest.approx(
        np.sqrt(((expected - parts["test"][1].ravel()) ** 2).mean()), rel=1e-3
    )
