"""Entropies and divergences against scipy, scikit-learn and plain sums."""

import doctest
import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import mutual_info_score

from zoo import information
from zoo.information import cross_entropy, entropy, information_content, kl_divergence, mutual_information

CASES = range(20)
BASES = {"nats": math.e, "bits": 2}


def distributions(case: int, shape: tuple[int, ...], zeros: bool = True) -> torch.Tensor:
    """Random float64 distributions over the last dimension, with zeros in some places."""
    rng = np.random.default_rng(case)
    p = rng.gamma(0.7, size=shape)
    if zeros:
        p *= rng.random(shape) < 0.7
        p[..., 0] += 0.01
    return torch.from_numpy(p / p.sum(-1, keepdims=True))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("unit", BASES)
def test_entropy_and_divergence_are_scipys(case, unit):
    p, q = distributions(case, (3, 4, 6)), distributions(case + 100, (4, 6), zeros=case % 2 == 0)
    expected = stats.entropy(p.numpy(), axis=-1, base=BASES[unit])
    np.testing.assert_allclose(entropy(p, unit), expected, atol=1e-12)
    expected = stats.entropy(p.numpy(), np.broadcast_to(q.numpy(), p.shape), axis=-1, base=BASES[unit])
    np.testing.assert_allclose(kl_divergence(p, q, unit), expected, atol=1e-12)
    assert kl_divergence(p, q, unit).isinf().any() == (case % 2 == 0)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("unit", BASES)
def test_cross_entropy_is_entropy_plus_divergence(case, unit):
    p, q = distributions(case, (5, 7)), distributions(case + 100, (5, 7), zeros=False)
    torch.testing.assert_close(cross_entropy(p, q, unit), entropy(p, unit) + kl_divergence(p, q, unit))
    plain = [-sum(a * math.log(b, BASES[unit]) for a, b in zip(*rows, strict=True)) for rows in zip(p, q, strict=True)]
    np.testing.assert_allclose(cross_entropy(p, q, unit), plain)


@pytest.mark.parametrize("case", CASES)
def test_mutual_information_is_scikit_learns(case):
    rng = np.random.default_rng(case)
    first, second = rng.integers(0, 4, 60), rng.integers(0, 3, 60)
    second = np.where(rng.random(60) < 0.5, first % 3, second)
    counts = np.zeros((4, 3))
    np.add.at(counts, (first, second), 1)
    joint = torch.from_numpy(counts / 60)
    assert mutual_information(joint).item() == pytest.approx(mutual_info_score(first, second), abs=1e-12)
    bits = mutual_info_score(first, second) / math.log(2)
    assert mutual_information(torch.stack([joint, joint]), "bits").tolist() == pytest.approx([bits, bits])


@pytest.mark.parametrize("case", CASES)
def test_mutual_information_is_the_divergence_from_independence_and_what_one_variable_tells_of_the_other(case):
    joint = distributions(case, (2, 12)).reshape(2, 4, 3)
    x, y = joint.sum(2), joint.sum(1)
    independent = (x.unsqueeze(2) * y.unsqueeze(1)).flatten(1)
    torch.testing.assert_close(mutual_information(joint), kl_divergence(joint.flatten(1), independent))
    torch.testing.assert_close(mutual_information(joint), entropy(x) + entropy(y) - entropy(joint.flatten(1)))
    independent = independent.reshape(2, 4, 3)
    torch.testing.assert_close(mutual_information(independent), torch.zeros(2, dtype=torch.float64))


def test_content_is_minus_the_logarithm_and_entropy_its_mean():
    p = torch.tensor([1.0, 0.5, 0.25, 0.0], dtype=torch.float64)
    assert information_content(p, "bits").tolist() == [0, 1, 2, math.inf]
    assert information_content(p)[1].item() == pytest.approx(math.log(2))
    assert math.copysign(1, information_content(p)[0].item()) == 1
    q = distributions(3, (9,), zeros=False)
    assert (q * information_content(q)).sum().item() == pytest.approx(entropy(q).item())


@pytest.mark.parametrize("outcomes", [1, 2, 7])
def test_entropy_is_zero_when_sure_and_log_k_when_all_are_equal(outcomes):
    assert entropy(torch.eye(outcomes)).tolist() == [0.0] * outcomes
    assert entropy(torch.full((outcomes,), 1 / outcomes)).item() == pytest.approx(math.log(outcomes), abs=1e-6)


def test_outcomes_without_probability_count_nothing_in_value_and_gradient():
    p = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64)
    q = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64, requires_grad=True)
    for function in (cross_entropy, kl_divergence):
        (gradient,) = torch.autograd.grad(function(p, q), q)
        assert gradient.tolist() == [-1, -1, 0]
    (gradient,) = torch.autograd.grad(entropy(q), q)
    assert gradient.tolist() == pytest.approx([math.log(2) - 1, math.log(2) - 1, 0])
    joint = torch.tensor([[0.5, 0.0], [0.0, 0.5]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(mutual_information(joint), joint)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("function", [entropy, mutual_information])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(function, dtype):
    p = (torch.tensor([[1.0, 2, 3, 2], [3, 1, 2, 2]]) / 8).to(dtype)
    p = p / 2 if function is mutual_information else p
    found = function(p)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, function(p.double()).float())


ROW = torch.tensor([0.5, 0.5])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: entropy(torch.tensor([[1.0, 0.0], [1.5, -0.5]])),
            ValueError,
            r"p: -0.5 at \[1, 1\] is no probability",
        ),
        (lambda: entropy(torch.tensor([0.5, math.nan])), ValueError, r"p: nan at \[1\] is no probability"),
        (lambda: entropy(torch.tensor([[0.5, 0.5], [0.5, 0.4]])), ValueError, r"p: sums to 0.9 at \[1\]; divide it"),
        (lambda: entropy(torch.tensor([0.5, math.inf])), ValueError, "p: sums to inf"),
        (lambda: entropy(torch.zeros(2, 0)), ValueError, r"p: sums to 0 at \[0\]"),
        (lambda: entropy(torch.tensor(1.0)), ValueError, "p: a single number is no distribution"),
        (lambda: entropy(torch.tensor([1, 0])), TypeError, r"p: torch.int64 given"),
        (lambda: entropy([1.0]), TypeError, r"p: list given"),
        (lambda: entropy(ROW, "dits"), ValueError, "unit: 'dits' is unknown; choose nats or bits"),
        (lambda: kl_divergence(ROW, 2 * ROW), ValueError, "q: sums to 2; divide it by its sum"),
        (lambda: cross_entropy(ROW, torch.full((4,), 0.25)), ValueError, "p has 2 outcomes and q 4"),
        (lambda: mutual_information(ROW), ValueError, r"joint: shape \(2,\) has no two variables"),
        (lambda: mutual_information(torch.stack([ROW, ROW])), ValueError, "joint: sums to 2; divide"),
        (lambda: information_content(torch.tensor([0.5, 1.5])), ValueError, r"p: 1.5 at \[1\] is no probability"),
        (lambda: information_content(torch.tensor(-1.0)), ValueError, "p: -1 is no probability"),
    ],
)
def test_what_is_no_distribution_is_refused_with_its_place(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_rounding_is_no_fault():
    logits = torch.randn(50, 10_000, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.float32, torch.bfloat16):
        assert entropy(logits.softmax(1).to(dtype)).isfinite().all()


def test_the_examples_in_the_documentation_hold():
    results = doctest.testmod(information)
    assert results.attempted
    assert results.failed == 0
