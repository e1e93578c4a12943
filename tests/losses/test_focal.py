"""Focal and polynomial losses, both of the probability of what is true."""

import math

import pytest
import torch
from torch.nn import functional

from zoo.losses.classification import BCE
from zoo.losses.focal import Focal
from zoo.losses.poly import Poly


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return 3 * torch.randn(40, 4, generator=random, dtype=torch.float64), torch.randint(4, (40,), generator=random)


def probabilities(logits: torch.Tensor, target: torch.Tensor) -> list[float]:
    """p of each true class, by its definition."""
    return [math.exp(row[y]) / sum(map(math.exp, row)) for row, y in zip(logits.tolist(), target.tolist(), strict=True)]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("alpha", [None, [0.1, 0.2, 0.3, 4.0]])
def test_focal_is_the_definition(batch, gamma, alpha):
    total = 0.0
    for p, y in zip(probabilities(*batch), batch[1].tolist(), strict=True):
        total -= (1.0 if alpha is None else alpha[y]) * (1 - p) ** gamma * math.log(p)
    value = Focal(4, gamma, alpha).double()(*batch)
    assert value.item() == pytest.approx(total / len(batch[1]), rel=1e-6 if alpha else 1e-10)


@pytest.mark.parametrize("alpha", [None, 0.25, 1.0])
def test_two_classes_and_labels_are_the_papers_sigmoid(batch, alpha):
    """Lin et al. (2017), equations 2, 4 and 5, of one logit."""
    logit, y = batch[0][:, 0], batch[1] % 2
    total = 0.0
    for z, label in zip(logit.tolist(), y.tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        p_t = p if label else 1 - p
        weight = 1.0 if alpha is None else (alpha if label else 1 - alpha)
        total -= weight * (1 - p_t) ** 2 * math.log(p_t)
    loss, two = Focal(alpha=alpha).double(), torch.stack([torch.zeros_like(logit), logit], 1)
    assert loss(two, y).item() == pytest.approx(total / 40, rel=1e-6)
    assert loss(logit.unsqueeze(1), y.double().unsqueeze(1)).item() == pytest.approx(total / 40, rel=1e-6)


def test_gamma_zero_is_cross_entropy_of_classes_and_of_labels(batch):
    logits, target = batch
    torch.testing.assert_close(Focal(gamma=0.0)(logits, target), functional.cross_entropy(logits, target))
    indicators = functional.one_hot(target, 4).double()
    torch.testing.assert_close(Focal(gamma=0.0)(logits, indicators), BCE()(logits, indicators))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_is_exact_for_sure_predictions(dtype, gamma):
    """Surely right costs nothing; surely wrong -log p, undiminished."""
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]], dtype=dtype, requires_grad=True)
    value = Focal(gamma=gamma)(logits, torch.tensor([0, 0]))
    value.backward()
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(1e4, rel=5e-3)
    assert logits.grad.isfinite().all()


def test_alpha_has_to_fit():
    with pytest.raises(ValueError, match="one number is for two classes, there are 3"):
        Focal(3, alpha=0.25)
    with pytest.raises(ValueError, match="2 weights for 3 classes"):
        Focal(3, alpha=[0.5, 0.5])
    with pytest.raises(ValueError, match="a list is for classes"):
        Focal(alpha=[0.5, 0.5, 0.5])(torch.zeros(2, 3), torch.zeros(2, 3))


@pytest.mark.parametrize("loss", [Focal(), Poly()])
def test_a_single_logit_of_a_class_is_refused(loss):
    with pytest.raises(ValueError, match="one logit a class"):
        loss(torch.zeros(3, 1), torch.zeros(3, dtype=torch.int64))


@pytest.mark.parametrize("epsilon", [0.0, 2.0, -1.0, [0.5, -0.5, 3.0]])
def test_poly_is_the_definition(batch, epsilon):
    changes = epsilon if isinstance(epsilon, list) else [epsilon]
    total = 0.0
    for p in probabilities(*batch):
        total += -math.log(p) + sum(one * (1 - p) ** j for j, one in enumerate(changes, start=1))
    assert Poly(epsilon)(*batch).item() == pytest.approx(total / len(batch[1]), rel=1e-10)


def test_poly_is_the_series_with_changed_coefficients():
    """Σ (1 / j + ε_j) (1 - p)^j, as the paper has it."""
    logits, p = torch.tensor([[0.3, 0.0]], dtype=torch.float64), 1 / (1 + math.exp(-0.3))
    series = sum((1 / j + {1: 2.0, 2: -0.5}.get(j, 0.0)) * (1 - p) ** j for j in range(1, 200))
    assert Poly([2.0, -0.5])(logits, torch.tensor([0])).item() == pytest.approx(series, rel=1e-12)


def test_poly_refuses_negative_coefficients():
    with pytest.raises(ValueError, match=r"epsilon: -0.6 makes the coefficient of \(1 - p\)\^2 negative; give -0.5"):
        Poly([1.0, -0.6])


@pytest.mark.parametrize("loss", [Focal(gamma=0.5), Focal(alpha=[0.1, 0.2, 0.3, 4.0]).double(), Poly([1.0, -0.5])])
def test_the_gradient_is_that_of_finite_differences(loss, batch):
    logits, target = batch[0][:6].clone().requires_grad_(), batch[1][:6]
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits)


def test_focal_of_labels_passes_the_gradient_check(batch):
    target = torch.eye(6, dtype=torch.float64)[:, :4]
    loss = Focal(alpha=0.25).double()
    assert torch.autograd.gradcheck(lambda z: loss(z, target), batch[0][:6].clone().requires_grad_())
