import numpy as np
import pytest
import torch
from torch.nn import functional

from zoo_example.losses import Focal


def plain_binary_focal(logit: np.ndarray, y: np.ndarray, gamma: float, alpha: float | None) -> float:
    """Lin et al. (2017), equations 2, 4 and 5: one logit, y in {0, 1}; in float64."""
    total = 0.0
    for z, label in zip(logit, y, strict=True):
        p = 1 / (1 + np.exp(-z))
        p_t = p if label == 1 else 1 - p
        alpha_t = 1.0 if alpha is None else (alpha if label == 1 else 1 - alpha)
        total += -alpha_t * (1 - p_t) ** gamma * np.log(p_t)
    return total / len(y)


def plain_focal(logits: np.ndarray, y: np.ndarray, gamma: float, alpha: list[float] | None) -> float:
    total = 0.0
    for row, label in zip(logits, y, strict=True):
        p = np.exp(row) / np.exp(row).sum()
        total += -(1.0 if alpha is None else alpha[label]) * (1 - p[label]) ** gamma * np.log(p[label])
    return total / len(y)


@pytest.fixture
def logits() -> torch.Tensor:
    return 3 * torch.randn(40, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def target() -> torch.Tensor:
    return torch.randint(4, (40,), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("alpha", [None, [0.1, 0.2, 0.3, 4.0]])
def test_several_classes_are_the_plain_formula(logits, target, gamma, alpha):
    expected = plain_focal(logits.numpy(), target.numpy(), gamma, alpha)
    loss = Focal(num_classes=4, gamma=gamma, alpha=alpha).double()
    assert float(loss(logits, target)) == pytest.approx(expected, rel=1e-6 if alpha else 1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("alpha", [None, 0.25, 1.0])
def test_two_classes_are_the_papers_sigmoid_of_the_difference(logits, target, gamma, alpha):
    two, y = logits[:, :2], target % 2
    expected = plain_binary_focal((two[:, 1] - two[:, 0]).numpy(), y.numpy(), gamma, alpha)
    assert float(Focal(num_classes=2, gamma=gamma, alpha=alpha)(two, y)) == pytest.approx(expected, rel=1e-7)


def test_gamma_zero_is_cross_entropy_with_its_gradient(logits, target):
    logits.requires_grad_()
    (ours,) = torch.autograd.grad(Focal(gamma=0.0)(logits, target), logits)
    (theirs,) = torch.autograd.grad(functional.cross_entropy(logits, target), logits)
    torch.testing.assert_close(Focal(gamma=0.0)(logits, target), functional.cross_entropy(logits, target))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_gradients_are_those_of_finite_differences(logits, target, gamma):
    loss = Focal(gamma=gamma, alpha=[0.1, 0.2, 0.3, 4.0]).double()
    assert torch.autograd.gradcheck(lambda x: loss(x, target[:6]), logits[:6].clone().requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("size", [30.0, 1e4])
def test_extreme_logits_stay_finite(dtype, gamma, size):
    logits = torch.tensor([[size, -size, 0.0], [-size, size, 0.0]], dtype=dtype, requires_grad=True)
    loss = Focal(gamma=gamma)(logits, torch.tensor([0, 0]))  # one surely right, one surely wrong
    loss.backward()
    # Surely right costs nothing; surely wrong -log p = 2 size, undiminished.
    assert float(loss.detach()) == pytest.approx(float(logits.detach().float().abs().max()), rel=1e-3)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_single(logits, target, dtype):
    loss = Focal(gamma=2.0)(logits.to(dtype), target)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(plain_focal(logits.to(dtype).double().numpy(), target, 2.0, None), rel=1e-5)


def test_one_number_is_the_weight_of_class_one():
    logits, y = torch.zeros(4, 2), torch.tensor([0, 1, 1, 1])
    weighted = Focal(num_classes=2, gamma=0.0, alpha=0.25)(logits, y)
    assert float(weighted) == pytest.approx((0.75 + 3 * 0.25) / 4 * np.log(2))


def test_alpha_must_fit_the_classes():
    with pytest.raises(ValueError, match="one number is for two classes, there are 3"):
        Focal(num_classes=3, alpha=0.25)
    with pytest.raises(ValueError, match="2 weights for 3 classes"):
        Focal(num_classes=3, alpha=[0.5, 0.5])


def test_a_single_logit_is_refused():
    with pytest.raises(ValueError, match="one logit a class"):
        Focal()(torch.zeros(3, 1), torch.zeros(3, dtype=torch.int64))


def test_weights_are_not_part_of_the_state():
    assert not Focal(num_classes=2, alpha=0.25).state_dict()
