import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from zoo.losses.classification import BCE, CrossEntropy


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def plain_cross_entropy(logits, target, *, smoothing=0.0, weights=None, ignore=None) -> float:
    """Example by example, class by class."""
    classes = logits.shape[1]
    weights = np.ones(classes) if weights is None else np.array(weights)
    total = count = 0.0
    for log_p, y in zip(log_softmax(logits), target, strict=True):
        if y == ignore:
            continue
        for c in range(classes):
            share = (1 - smoothing) * (c == y) + smoothing / classes
            total -= weights[c] * share * log_p[c]
        count += weights[y]
    return total / count if count else 0.0


@pytest.fixture
def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(scale=3, size=(40, 4)), rng.integers(0, 4, 40)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weights", [None, [0.2, 1.0, 3.0, 0.0]])
@pytest.mark.parametrize("ignore", [None, 1, -1])
def test_cross_entropy_is_the_definition(batch, smoothing, weights, ignore):
    logits, target = batch
    if ignore == -1:
        target = np.where(np.arange(40) % 5 == 0, -1, target)
    loss = CrossEntropy(4, label_smoothing=smoothing, class_weights=weights, ignore_index=ignore)
    expected = plain_cross_entropy(logits, target, smoothing=smoothing, weights=weights, ignore=ignore)
    value = loss.double()(torch.from_numpy(logits), torch.from_numpy(target))
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_cross_entropy_is_scikit_learns_log_loss(batch):
    logits, target = batch
    expected = log_loss(target, np.exp(log_softmax(logits)))
    assert CrossEntropy()(torch.from_numpy(logits), torch.from_numpy(target)).item() == pytest.approx(expected)


@pytest.mark.parametrize("options", [{}, {"class_weights": [0.2, 1.0, 3.0, 0.5]}, {"ignore_index": 2}])
def test_batches_weighted_by_their_count_add_up_to_the_whole(batch, options):
    loss = CrossEntropy(4, **options).double()
    logits, target = map(torch.from_numpy, batch)
    parts = [(logits[i : i + 7], target[i : i + 7]) for i in range(0, 40, 7)]
    total = sum(loss(*part) * loss.count(part[1]) for part in parts)
    torch.testing.assert_close(total / loss.count(target), loss(logits, target))


def test_a_batch_with_nothing_that_counts_has_zero_loss_and_zero_gradient():
    logits = torch.randn(3, 4, requires_grad=True)
    value = CrossEntropy(ignore_index=2)(logits, torch.full((3,), 2))
    value.backward()
    assert value.item() == 0
    assert torch.count_nonzero(logits.grad) == 0


def test_cross_entropy_of_sequences_counts_every_position(batch):
    logits, target = map(torch.from_numpy, batch)
    sequences = logits.reshape(5, 8, 4).transpose(1, 2), target.reshape(5, 8)
    loss = CrossEntropy(ignore_index=0)
    torch.testing.assert_close(loss(*sequences), loss(logits, target))


def test_cross_entropy_passes_the_gradient_check(batch):
    logits, target = torch.from_numpy(batch[0][:5]).requires_grad_(), torch.from_numpy(batch[1][:5])
    loss = CrossEntropy(label_smoothing=0.1, class_weights=[0.2, 1.0, 3.0, 0.5]).double()
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 3, "class_weights": [1.0, 2.0]}, "class_weights: 2 weights for 3 classes"),
        ({"class_weights": [0.0, 0.0]}, "class_weights: all are zero"),
    ],
)
def test_class_weights_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CrossEntropy(**options)


@pytest.mark.parametrize("pos_weight", [None, 2.5, [0.5, 1.0, 4.0]])
def test_bce_is_the_definition(pos_weight):
    rng = np.random.default_rng(0)
    logits, target = rng.normal(scale=3, size=(20, 3)), rng.integers(0, 2, (20, 3)).astype(float)
    p = 1 / (1 + np.exp(-logits))
    weight = 1.0 if pos_weight is None else np.array(pos_weight)
    expected = -(weight * target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    value = BCE(pos_weight).double()(torch.from_numpy(logits), torch.from_numpy(target))
    assert value.item() == pytest.approx(expected)


def test_bce_is_finite_for_logits_whose_probabilities_round_to_zero_and_one():
    value = BCE()(torch.tensor([[200.0], [-200.0]]), torch.tensor([[0.0], [1.0]]))
    assert value.item() == pytest.approx(200)


def test_bce_of_one_logit_is_cross_entropy_of_two():
    logits, target = torch.randn(9, 1, dtype=torch.float64), torch.randint(0, 2, (9,))
    two = torch.cat([torch.zeros_like(logits), logits], 1)
    torch.testing.assert_close(BCE()(logits, target.double().unsqueeze(1)), CrossEntropy()(two, target))


def test_bce_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"predictions are \(4, 1\) and targets \(4,\)"):
        BCE()(torch.zeros(4, 1), torch.zeros(4))


def test_bce_refuses_positive_weights_for_another_number_of_labels():
    with pytest.raises(ValueError, match="pos_weight: 2 weights for 3 labels"):
        BCE([1.0, 2.0])(torch.zeros(4, 3), torch.zeros(4, 3))


@pytest.mark.parametrize("loss", [CrossEntropy(class_weights=[1.0, 2.0]), BCE(2.0)])
def test_what_the_configuration_fixes_is_not_in_the_state(loss):
    assert loss.state_dict() == {}


def test_declared_problems_and_targets():
    assert (CrossEntropy.target, BCE.target) == ("class", "indicator")
    assert "multilabel" not in CrossEntropy.problems
    assert "multiclass" not in BCE.problems


def test_reductions_differ_in_what_the_sum_is_divided_by(batch):
    weights = [0.2, 1.0, 3.0, 0.5]
    logits, target = map(torch.from_numpy, batch)
    each = [
        -weights[y] * log_p[y] for log_p, y in zip(log_softmax(batch[0]), batch[1], strict=True) if y != 2
    ]  # class 2 is ignored
    divisors = {"mean": sum(weights[y] for y in batch[1] if y != 2), "examples": len(each), "sum": 1}
    for reduction, divisor in divisors.items():
        loss = CrossEntropy(4, class_weights=weights, ignore_index=2, reduction=reduction).double()
        assert loss(logits, target).item() == pytest.approx(sum(each) / divisor, rel=1e-6)
        assert loss.count(target).item() == pytest.approx(divisor)


@pytest.mark.parametrize("options", [{}, {"ignore_index": 2}, {"label_smoothing": 0.1}])
def test_without_weights_the_mean_is_that_of_examples_and_the_sum_as_many_times_it(batch, options):
    logits, target = map(torch.from_numpy, batch)
    mean, examples, total = (
        CrossEntropy(reduction=one, **options)(logits, target) for one in ("mean", "examples", "sum")
    )
    torch.testing.assert_close(examples, mean)
    torch.testing.assert_close(total, mean * CrossEntropy(**options).count(target))


def test_batches_of_weighted_examples_add_up_by_their_number(batch):
    loss = CrossEntropy(4, class_weights=[0.2, 1.0, 3.0, 0.5], reduction="examples").double()
    logits, target = map(torch.from_numpy, batch)
    parts = [(logits[i : i + 7], target[i : i + 7]) for i in range(0, 40, 7)]
    total = sum(loss(*part) * loss.count(part[1]) for part in parts)
    torch.testing.assert_close(total / 40, loss(logits, target))
