"""Forward selection against a loop of scikit-learn's fits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from zoo.stepwise import forward_stepwise


def fitted(x: np.ndarray, y: np.ndarray, columns: list[int]) -> float:
    if not columns:
        return float(((y - y.mean(0)) ** 2).sum())
    return float(((y - LinearRegression().fit(x[:, columns], y).predict(x[:, columns])) ** 2).sum())


def by_fits(x: np.ndarray, y: np.ndarray) -> tuple[list[int], list[float]]:
    chosen: list[int] = []
    errors = [fitted(x, y, chosen)]
    for _ in range(x.shape[1]):
        rest = [one for one in range(x.shape[1]) if one not in chosen]
        tried = {one: fitted(x, y, [*chosen, one]) for one in rest}
        chosen.append(min(tried, key=tried.__getitem__))
        errors.append(tried[chosen[-1]])
    return chosen, errors


@pytest.mark.parametrize("targets", [1, 3])
def test_each_feature_is_the_one_that_leaves_the_least_error(targets: int) -> None:
    x, y = load_diabetes(return_X_y=True, scaled=False)
    if targets > 1:
        y = np.stack([y, x[:, 3] * 2 + x[:, 0], np.sqrt(y)], axis=1)
    chosen, errors = by_fits(x, y)
    found = forward_stepwise(torch.from_numpy(x), torch.from_numpy(y))
    assert found.features == chosen
    np.testing.assert_allclose(found.errors, errors, rtol=1e-9)
    assert forward_stepwise(torch.from_numpy(x), torch.from_numpy(y), limit=4).features == chosen[:4]


def test_a_combination_of_chosen_features_is_never_chosen() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(50, 3))
    x = np.column_stack([x, x[:, 0] - 2 * x[:, 1], np.ones(50)])
    y = x @ [3, 1, 0.5, 0, 0] + 0.01 * draw.normal(size=50)
    found = forward_stepwise(torch.from_numpy(x), torch.from_numpy(y))
    assert len(found.features) == 3
    assert 4 not in found.features


def test_the_best_number_of_features_has_the_least_bic() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(300, 12))
    y = 2 * x[:, 7] - x[:, 2] + 0.5 * draw.normal(size=300)
    found = forward_stepwise(torch.from_numpy(x), torch.from_numpy(y))
    errors = [fitted(x, y, found.features[:k]) for k in range(13)]
    expected = [300 * np.log(one / 300) + k * np.log(300) for k, one in enumerate(errors)]
    np.testing.assert_allclose(found.bic, expected, rtol=1e-9)
    assert found.best == sorted(found.features[: int(np.argmin(expected))])
    assert {2, 7} <= set(found.best)
    assert len(found.best) < 12


def test_what_cannot_be_selected_is_refused() -> None:
    with pytest.raises(ValueError, match="3 examples and 2 targets"):
        forward_stepwise(torch.zeros(3, 2), torch.zeros(2))
    with pytest.raises(ValueError, match="limit: 0 features; give 1 or more"):
        forward_stepwise(torch.zeros(3, 2), torch.zeros(3), limit=0)
