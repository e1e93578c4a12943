import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional

from zoo.losses.classification import BCE, CrossEntropy
from zoo.losses.densities import GaussianNLL, Poisson
from zoo.losses.divergence import KLDivergence
from zoo.losses.multilabel import MultilabelBCE
from zoo.losses.nll import NLL

WEIGHTS = [0.2, 1.0, 3.0, 0.5]


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return 3 * torch.randn(40, 4, generator=random, dtype=torch.float64), torch.randint(4, (40,), generator=random)


@pytest.fixture
def labels() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    logits = 3 * torch.randn(20, 3, generator=random, dtype=torch.float64)
    return logits, torch.randint(2, (20, 3), generator=random).double()


@pytest.mark.parametrize("options", [{}, {"class_weights": WEIGHTS}, {"ignore_index": 2}])
def test_nll_is_the_definition_of_probabilities_and_of_logits(batch, options):
    logits, target = batch
    p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(1, keepdims=True)
    total = count = 0.0
    for row, y in zip(p, target.tolist(), strict=True):
        weight = options.get("class_weights", [1.0] * 4)[y] * (y != options.get("ignore_index"))
        total -= weight * math.log(row[y])
        count += weight
    of_logits = NLL(**options).double()(logits, target)
    of_log_p = NLL(predictions="log_probabilities", **options).double()(torch.from_numpy(np.log(p)), target)
    assert of_logits.item() == pytest.approx(total / count, rel=1e-6)
    torch.testing.assert_close(of_log_p, of_logits)


def test_log_probabilities_are_taken_as_they_come(batch):
    """Which is the difference: unnormalised ones have another value, and a gradient in one place alone."""
    logits, target = batch[0].requires_grad_(), batch[1]
    value = NLL(predictions="log_probabilities")(logits, target)
    value.backward()
    assert value.item() == pytest.approx(-logits.detach().gather(1, target.unsqueeze(1)).mean().item())
    assert torch.count_nonzero(logits.grad) == len(target)


@pytest.mark.parametrize("options", [{}, {"class_weights": WEIGHTS}, {"ignore_index": 2}])
def test_nll_of_batches_adds_up_by_its_count(batch, options):
    loss = NLL(4, **options).double()
    parts = list(zip(batch[0].split(7), batch[1].split(7), strict=True))
    total = sum(loss(*part) * loss.count(part[1]) for part in parts)
    torch.testing.assert_close(total / loss.count(batch[1]), loss(*batch))


def test_nll_with_nothing_that_counts_is_zero():
    logits = torch.randn(3, 4, requires_grad=True)
    value = NLL(ignore_index=2)(logits, torch.full((3,), 2))
    value.backward()
    assert value.item() == 0
    assert torch.count_nonzero(logits.grad) == 0


def test_nll_refuses_weights_for_other_classes():
    with pytest.raises(ValueError, match="class_weights: 4 weights for 3 classes"):
        NLL(3, class_weights=WEIGHTS)


def test_kl_divergence_is_the_sum_over_classes(batch):
    logits, _ = batch
    q = torch.randn_like(logits).softmax(1)
    q[0] = torch.tensor([0.0, 1.0, 0.0, 0.0])  # 0 log 0 is 0
    total = 0.0
    for row_q, row_p in zip(q.tolist(), logits.softmax(1).tolist(), strict=True):
        total += sum(a * math.log(a / b) for a, b in zip(row_q, row_p, strict=True) if a)
    assert KLDivergence()(logits, q).item() == pytest.approx(total / len(q), rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_kl_divergence_is_cross_entropy_less_the_entropy_of_the_target(batch, smoothing):
    q = np.full(4, smoothing / 4)
    q[0] += 1 - smoothing
    expected = CrossEntropy(label_smoothing=smoothing)(*batch).item() - stats.entropy(q)
    assert KLDivergence(smoothing)(*batch).item() == pytest.approx(expected, rel=1e-10)


def test_kl_divergence_of_the_target_itself_is_zero(batch):
    assert KLDivergence()(batch[0], batch[0].softmax(1)).item() == pytest.approx(0, abs=1e-15)


def test_kl_divergence_refuses_distributions_over_other_classes(batch):
    with pytest.raises(ValueError, match="give one probability a class"):
        KLDivergence()(batch[0], torch.ones(40, 3))


@pytest.mark.parametrize("pos_weight", [None, 2.5, [0.5, 1.0, 4.0]])
@pytest.mark.parametrize("label_weights", [None, [1.0, 0.0, 3.0]])
def test_multilabel_bce_is_the_definition(labels, pos_weight, label_weights):
    logits, target = (part.numpy() for part in labels)
    p, w = 1 / (1 + np.exp(-logits)), 1.0 if pos_weight is None else np.array(pos_weight)
    losses = -(w * target * np.log(p) + (1 - target) * np.log(1 - p))
    expected = np.average(losses, axis=1, weights=label_weights).mean()
    assert MultilabelBCE(pos_weight, label_weights).double()(*labels).item() == pytest.approx(expected, rel=1e-6)


def test_multilabel_bce_refuses_weights_that_cannot_be(labels):
    with pytest.raises(ValueError, match="label_weights: all are zero"):
        MultilabelBCE(label_weights=[0.0, 0.0])
    with pytest.raises(ValueError, match="label_weights: 2 weights for 3 labels"):
        MultilabelBCE(label_weights=[1.0, 2.0])(*labels)
    with pytest.raises(ValueError, match="pos_weight: 2 weights for 3 labels"):
        MultilabelBCE(pos_weight=[1.0, 2.0])(*labels)


def test_poisson_is_scipys_log_likelihood_less_what_depends_on_counts_alone():
    random = np.random.default_rng(0)
    z, y = random.normal(size=(30, 2)), random.poisson(3, (30, 2))
    value = Poisson()(torch.from_numpy(z), torch.from_numpy(y).double())
    factorials = np.vectorize(math.lgamma)(y + 1.0)
    expected = (-stats.poisson.logpmf(y, np.exp(z)) - factorials).mean()
    assert value.item() == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(Poisson.values(torch.from_numpy(z)).numpy(), np.exp(z))


def test_poisson_in_full_has_stirlings_factorials():
    z, y = torch.tensor([[1.0, 2.0]], dtype=torch.float64), torch.tensor([[1.0, 7.0]], dtype=torch.float64)
    stirling = 7 * math.log(7) - 7 + math.log(2 * math.pi * 7) / 2
    assert (Poisson(full=True)(z, y) - Poisson()(z, y)).item() == pytest.approx(stirling / 2)


def test_poisson_refuses_what_is_no_count():
    with pytest.raises(ValueError, match=r"a target is -1.5, .* task.scale_target=false"):
        Poisson()(torch.zeros(2, 1), torch.tensor([[1.0], [-1.5]]))


@pytest.mark.parametrize("full", [False, True])
def test_gaussian_nll_is_scipys_log_density(full):
    random = np.random.default_rng(0)
    prediction, y = random.normal(size=(30, 4)), random.normal(size=(30, 2))
    variance = np.log1p(np.exp(prediction[:, 2:])) + 0.01
    expected = -stats.norm.logpdf(y, prediction[:, :2], np.sqrt(variance)).mean()
    loss = GaussianNLL(minimum_variance=0.01, full=full)
    value = loss(torch.from_numpy(prediction), torch.from_numpy(y)).item()
    assert value + (0 if full else math.log(2 * math.pi) / 2) == pytest.approx(expected, rel=1e-10)
    np.testing.assert_array_equal(loss.values(torch.from_numpy(prediction)), prediction[:, :2])


def test_gaussian_nll_does_not_collapse_onto_a_value_that_it_meets():
    value = GaussianNLL(minimum_variance=1e-4)(torch.tensor([[1.0, -1e4]]), torch.tensor([[1.0]]))
    assert value.item() == pytest.approx(math.log(1e-4) / 2)


def test_gaussian_nll_refuses_one_prediction_a_target():
    with pytest.raises(ValueError, match="two columns a target"):
        GaussianNLL()(torch.zeros(3, 1), torch.zeros(3, 1))


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (NLL(class_weights=WEIGHTS).double(), torch.arange(6) % 4),
        (KLDivergence(0.1), torch.arange(6) % 4),
        (MultilabelBCE(2.0, [1.0, 2.0, 3.0, 4.0]).double(), torch.eye(6)[:, :4].double()),
        (Poisson(full=True), torch.arange(24).view(6, 4).double()),
        (GaussianNLL(), torch.arange(12).view(6, 2).double()),
    ],
    ids=["nll", "kl_divergence", "multilabel_bce", "poisson", "gaussian_nll"],
)
def test_the_gradient_is_that_of_finite_differences(loss, target, batch):
    assert torch.autograd.gradcheck(lambda z: loss(z, target), batch[0][:6].clone().requires_grad_())


def test_multilabel_bce_without_weights_is_bce(labels):
    torch.testing.assert_close(MultilabelBCE()(*labels), BCE()(*labels))
    torch.testing.assert_close(BCE()(*labels), functional.binary_cross_entropy(labels[0].sigmoid(), labels[1]))
