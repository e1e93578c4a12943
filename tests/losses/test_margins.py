import math

import pytest
import torch
from sklearn.metrics import hinge_loss, zero_one_loss
from torch.nn import functional

from zoo.losses.margins import Exponential, Hinge, SquaredHinge
from zoo.losses.multiclass_hinge import MulticlassHinge
from zoo.losses.zero_one import ZeroOne


@pytest.fixture
def binary() -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (40, 1), and labels 0 and 1."""
    random = torch.Generator().manual_seed(0)
    scores = torch.randn(40, 1, generator=random, dtype=torch.float64)
    return scores, torch.randint(2, (40, 1), generator=random).double()


@pytest.fixture
def classes() -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (40, 4), and classes."""
    random = torch.Generator().manual_seed(1)
    scores = torch.randn(40, 4, generator=random, dtype=torch.float64)
    return scores, torch.randint(4, (40,), generator=random)


def plain(of_margin, scores, target) -> float:
    total = 0.0
    for f, t in zip(scores.flatten().tolist(), target.flatten().tolist(), strict=True):
        total += of_margin(f if t == 1 else -f)
    return total / target.numel()


def test_hinge_makes_signs_of_zeros_and_ones_and_is_scikit_learns(binary):
    scores, target = binary
    expected = hinge_loss(2 * target.flatten() - 1, scores.flatten())
    assert Hinge()(scores, target).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("margin", [0.3, 1.0, 2.0])
def test_hinge_and_its_square_are_the_definition(binary, margin):
    assert Hinge(margin)(*binary).item() == pytest.approx(plain(lambda m: max(0, margin - m), *binary), rel=1e-12)
    squared = plain(lambda m: max(0, margin - m) ** 2, *binary)
    assert SquaredHinge(margin)(*binary).item() == pytest.approx(squared, rel=1e-12)


def test_exponential_is_the_definition(binary):
    assert Exponential()(*binary).item() == pytest.approx(plain(lambda m: math.exp(-m), *binary), rel=1e-12)


def test_the_best_exponential_score_is_half_the_log_odds():
    """Friedman, Hastie & Tibshirani (2000), lemma 1: here 3 of 4 are positive."""
    target = torch.tensor([[1.0], [1.0], [1.0], [0.0]], dtype=torch.float64)
    score = torch.tensor(math.log(3) / 2, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(Exponential()(score.expand(4, 1), target), score)
    assert gradient.item() == pytest.approx(0, abs=1e-15)


def test_exponential_holds_to_its_documented_limit():
    target = torch.zeros(1, 1)
    assert Exponential()(torch.tensor([[88.0]]), target).isfinite()
    assert Exponential()(torch.tensor([[89.0]]), target).isinf()


@pytest.mark.parametrize("loss", [Hinge(), SquaredHinge(0.7), Exponential()], ids=lambda loss: type(loss).__name__)
def test_losses_of_margins_pass_the_gradient_check_and_refuse_to_broadcast(loss, binary):
    scores, target = binary
    assert torch.autograd.gradcheck(lambda f: loss(f, target), scores.clone().requires_grad_())
    with pytest.raises(ValueError, match="element by element"):
        loss(scores, target.squeeze(1))


def test_crammer_and_singers_is_scikit_learns(classes):
    scores, target = classes
    expected = hinge_loss(target, scores, labels=range(4))
    assert MulticlassHinge()(scores, target).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("margin", [0.5, 2.0])
@pytest.mark.parametrize(("variant", "combine"), [("crammer_singer", max), ("weston_watkins", sum)])
def test_multiclass_hinge_is_the_definition(classes, variant, combine, margin):
    total = 0.0
    for row, y in zip(*(part.tolist() for part in classes), strict=True):
        total += combine(max(0.0, margin - row[y] + row[k]) for k in range(4) if k != y)
    value = MulticlassHinge(variant, margin)(*classes)
    assert value.item() == pytest.approx(total / len(classes[1]), rel=1e-12)


def test_weston_and_watkins_is_torchs_times_the_classes(classes):
    expected = 4 * functional.multi_margin_loss(*classes)
    torch.testing.assert_close(MulticlassHinge("weston_watkins")(*classes), expected)


@pytest.mark.parametrize("variant", ["crammer_singer", "weston_watkins"])
def test_of_two_classes_it_is_the_hinge_of_their_difference(binary, variant):
    scores, target = binary
    two = torch.cat([torch.zeros_like(scores), scores], dim=1)
    value = MulticlassHinge(variant)(two, target.long().squeeze(1))
    torch.testing.assert_close(value, Hinge()(scores, target))


@pytest.mark.parametrize("variant", ["crammer_singer", "weston_watkins"])
def test_multiclass_hinge_passes_the_gradient_check(classes, variant):
    scores, target = classes
    assert torch.autograd.gradcheck(lambda f: MulticlassHinge(variant)(f, target), scores.clone().requires_grad_())


def test_multiclass_hinge_refuses_a_single_score():
    with pytest.raises(ValueError, match=r"predictions are \(4, 1\); this loss needs one logit a class"):
        MulticlassHinge()(torch.zeros(4, 1), torch.zeros(4, dtype=torch.int64))


def test_zero_one_is_scikit_learns_for_classes_and_for_labels(classes):
    scores, target = classes
    assert ZeroOne()(scores, target).item() == pytest.approx(zero_one_loss(target, scores.argmax(1)))
    labels = torch.randint(2, (40, 4), generator=torch.Generator().manual_seed(3))
    expected = zero_one_loss(labels, (scores > 0).int())  # of several labels, all have to be right
    assert ZeroOne()(scores, labels.double()).item() == pytest.approx(expected)
    assert 0 < expected < 1


def test_zero_one_has_no_gradient_and_says_what_to_train_with(classes):
    assert not ZeroOne()(classes[0].requires_grad_(), classes[1]).requires_grad
    reason, remedy = ZeroOne.untrainable
    assert "gradient" in reason
    assert "cross_entropy" in remedy


def test_hinge_bounds_the_share_of_errors(binary):
    """What makes it a surrogate."""
    assert ZeroOne()(*binary) <= Hinge()(*binary)
    assert ZeroOne()(*binary) <= Exponential()(*binary)
