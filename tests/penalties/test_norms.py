"""Penalties against plain sums in float64, their gradients, and what they do after a step against its definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, minimize_scalar
from torch import Tensor, nn

import zoo
from zoo.penalties.groups import GroupLasso, MaxNorm
from zoo.penalties.norms import L1, L2, ElasticNet, Frobenius, Lp
from zoo.penalties.penalty import Penalty

DRAW = np.random.default_rng(0)
MATRIX, FILTERS, VECTOR = DRAW.normal(size=(3, 4)), DRAW.normal(size=(2, 3, 2)), DRAW.normal(size=5)
ALL = np.concatenate([MATRIX.ravel(), FILTERS.ravel(), VECTOR])


def weights() -> list[nn.Parameter]:
    return [nn.Parameter(torch.from_numpy(one.copy())) for one in (MATRIX, FILTERS, VECTOR)]


def columns(scaled: bool) -> float:
    """Σ over inputs, in a plain loop; the vector is one group."""
    found = np.sqrt(5 if scaled else 1) * np.sqrt((VECTOR**2).sum())
    for j in range(4):
        found += np.sqrt(3 if scaled else 1) * np.sqrt(sum(MATRIX[i, j] ** 2 for i in range(3)))
    for j in range(3):
        found += np.sqrt(4 if scaled else 1) * np.sqrt((FILTERS[:, j] ** 2).sum())
    return float(found)


VALUES: list[tuple[Penalty, float]] = [
    (L2(0.3), 0.15 * (ALL**2).sum()),
    (L1(0.3), 0.3 * np.abs(ALL).sum()),
    (ElasticNet(0.3, 0.2), 0.3 * (0.2 * np.abs(ALL).sum() + 0.4 * (ALL**2).sum())),
    (Lp(1.5, weight=0.3), 0.3 * (np.abs(ALL) ** 1.5).sum() ** (1 / 1.5)),
    (Lp(3, powered=True, weight=0.3), 0.3 * (np.abs(ALL) ** 3).sum()),
    (Lp(float("inf"), weight=0.3), 0.3 * np.abs(ALL).max()),
    (Frobenius(0.3), 0.3 * sum(np.sqrt((one**2).sum()) for one in (MATRIX, FILTERS, VECTOR))),
    (GroupLasso(0.3), 0.3 * columns(True)),
    (GroupLasso(0.3, scaled=False), 0.3 * columns(False)),
    (
        GroupLasso(0.3, by="outputs", scaled=False),
        0.3
        * (np.sqrt((MATRIX**2).sum(1)).sum() + np.sqrt((FILTERS**2).sum((1, 2))).sum() + np.sqrt((VECTOR**2).sum())),
    ),
]


@pytest.mark.parametrize(("penalty", "expected"), VALUES)
def test_values_are_those_of_the_formulas(penalty: Penalty, expected: float) -> None:
    assert penalty.value(weights()).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("penalty", "expected"), VALUES)
def test_gradients_are_right_and_zero_where_every_weight_is(penalty: Penalty, expected: float) -> None:
    assert torch.autograd.gradcheck(lambda *some: penalty.value(some), weights())
    zeros = [one.detach().zero_().requires_grad_() for one in weights()]
    for gradient in torch.autograd.grad(penalty.value(zeros), zeros):
        assert not gradient.any(), "neither NaN nor a direction"


def acted(penalty: Penalty, value: np.ndarray, rate: float) -> np.ndarray:
    weight = torch.from_numpy(value.copy())
    penalty.act(weight, rate)
    return weight.numpy()


def scalar_value(penalty: Penalty) -> Callable[[float], float]:
    return lambda w: penalty.value([torch.tensor([w], dtype=torch.float64)]).item()


@pytest.mark.parametrize(("proximal", "adding"), [(L1(0.7, proximal=True), L1(0.7)), (
    ElasticNet(0.7, 0.3, proximal=True), ElasticNet(0.7, 0.3))])  # fmt: skip
def test_a_proximal_step_minimises_half_the_squared_distance_plus_the_penalty(
    proximal: Penalty, adding: Penalty
) -> None:
    """Each weight by itself, found by bracketing."""
    of = scalar_value(adding)
    values = np.array([-2.0, -0.3, 0.0, 0.05, 0.4, 1.7])
    for value, found in zip(values, acted(proximal, values, 0.5), strict=True):
        best = minimize_scalar(lambda w, v=value: (w - v) ** 2 / 2 + 0.5 * of(w), bounds=(-3, 3), method="bounded",
                               options={"xatol": 1e-9})  # fmt: skip
        assert found == pytest.approx(best.x, abs=1e-6)
    assert acted(proximal, values, 0.5)[3] == 0


@pytest.mark.parametrize("by", ["inputs", "outputs", "parameters"])
def test_a_proximal_step_of_the_group_lasso_is_that_of_its_value(by: str) -> None:
    adding, proximal = GroupLasso(0.6, by=by), GroupLasso(0.6, by=by, proximal=True)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight = torch.from_numpy(flat.reshape(MATRIX.shape)).requires_grad_()
        loss = (weight - torch.from_numpy(MATRIX)).square().sum() / 2 + 0.5 * adding.value([weight])
        loss.backward()
        return loss.item(), weight.grad.numpy().ravel()

    best = minimize(objective, MATRIX.ravel(), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
    np.testing.assert_allclose(acted(proximal, MATRIX, 0.5), best.x.reshape(MATRIX.shape), atol=1e-4)


def test_small_groups_become_zero_together() -> None:
    value = np.array([[3.0, 0.1, 0.0], [4.0, -0.1, 0.0]])
    found = acted(GroupLasso(1.0, scaled=False, proximal=True), value, 0.5)
    np.testing.assert_allclose(found, [[2.7, 0, 0], [3.6, 0, 0]])


def test_decoupled_decay_is_a_share_of_the_weights() -> None:
    np.testing.assert_allclose(acted(L2(0.2, decoupled=True), MATRIX, 0.5), MATRIX * 0.9)


def test_a_norm_is_bounded_and_shorter_ones_stay_bit_for_bit() -> None:
    value = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(acted(MaxNorm(2.0), value, 1.0), [[1.2, 1.6], [0.3, 0.4], [0, 0]], rtol=1e-15)
    assert np.array_equal(acted(MaxNorm(2.0), value, 1.0)[1:], value[1:])
    found = acted(MaxNorm(1.0, by="inputs"), value, 1.0)
    np.testing.assert_allclose((found**2).sum(0), [1, 1])
    filters = torch.from_numpy(acted(MaxNorm(0.5), FILTERS, 1.0))
    assert (filters.flatten(1).norm(dim=1) <= 0.5 + 1e-12).all()


def test_half_precision_sums_in_single() -> None:
    many: list[Tensor] = [torch.full((4096,), 0.01, dtype=torch.bfloat16)]
    assert L1(1.0).value(many).dtype == torch.float32
    assert L1(1.0).value(many).item() == pytest.approx(40.96, rel=5e-3)


def test_there_is_no_power_of_infinity() -> None:
    with pytest.raises(
        zoo.registry.ZooError, match=r"^penalty=lp: powered: there is no power of infinity; leave it out"
    ):
        zoo.build("penalty", "lp", p=float("inf"), powered=True)
