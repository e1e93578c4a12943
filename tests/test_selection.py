"""Soft, sparse and hard selection, against bisection in float64 without a sort, and against what defines each."""

import doctest
import math

import numpy as np
import pytest
import torch

from zoo import selection
from zoo.selection import entmax, entmax15, gumbel_softmax, hardmax, softmax, sparsemax, top_k_softmax

SPARSE = {
    "sparsemax": (sparsemax, 2.0),
    "entmax15": (entmax15, 1.5),
    "entmax_1.0001": (lambda x, dim=-1, **rest: entmax(x, 1.0001, dim, **rest), 1.0001),
    "entmax_1.3": (lambda x, dim=-1, **rest: entmax(x, 1.3, dim, **rest), 1.3),
    "entmax_1.9": (lambda x, dim=-1, **rest: entmax(x, 1.9, dim, **rest), 1.9),
}
ALL = {name: function for name, (function, _) in SPARSE.items()} | {
    "softmax": softmax,
    "top_k_softmax": lambda x, dim=-1, **rest: top_k_softmax(x, 2, dim, **rest),
    "gumbel_softmax": gumbel_softmax,
    "straight_through": lambda x, dim=-1, **rest: gumbel_softmax(x, dim, hard=True, **rest),
    "hardmax": hardmax,
}
sparse = pytest.mark.parametrize(("function", "alpha"), SPARSE.values(), ids=SPARSE)
every = pytest.mark.parametrize("function", ALL.values(), ids=ALL)


def scores(*shape: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def bisected(row: np.ndarray, alpha: float) -> np.ndarray:
    """Σ ((α - 1) x_i - t)₊^(1 / (α - 1)) = 1, solved for t."""
    beta = alpha - 1
    low, high = beta * row.max() - 1, beta * row.max()
    for _ in range(200):
        threshold = (low + high) / 2
        weights = np.maximum(beta * row - threshold, 0) ** (1 / beta)
        low, high = (threshold, high) if weights.sum() > 1 else (low, threshold)
    return weights


@sparse
@pytest.mark.parametrize("scale", [0.01, 1, 30])
@pytest.mark.parametrize("size", [1, 2, 7, 400])
def test_weights_are_those_of_a_bisection(function, alpha, size, scale):
    x = scores(3, size, scale=scale)
    expected = np.stack([bisected(row, alpha) for row in x.numpy()])
    # At α = 1.0001 a threshold in float64 leaves its weights, of the power 10,000, eleven digits.
    np.testing.assert_allclose(function(x).numpy(), expected, rtol=1e-9 if alpha > 1.01 else 1e-6, atol=1e-11)


@sparse
@pytest.mark.parametrize("scale", [0.1, 1, 5])
def test_weights_maximise_their_objective(function, alpha, scale):
    """pᵀx + H_α(p) is concave: p is best if no vertex lies uphill. For α = 2 it is -‖p - x‖² / 2 and a constant."""
    x = scores(20, 8, scale=scale)
    p = function(x)
    slope = x + (1 - alpha * p ** (alpha - 1)) / (alpha * (alpha - 1))
    uphill = slope.amax(-1) - (p * slope).sum(-1)
    assert uphill.abs().max() < 1e-9
    assert (p >= 0).all()
    torch.testing.assert_close(p.sum(-1), torch.ones(20, dtype=torch.float64), rtol=0, atol=1e-14)


def test_sparsemax_of_two_scores_is_a_clipped_line():
    """Martins & Astudillo (2016), section 2.4."""
    t = torch.linspace(-2, 2, 41, dtype=torch.float64)
    weights = sparsemax(torch.stack([t, torch.zeros_like(t)], -1))
    torch.testing.assert_close(weights[:, 0], ((t + 1) / 2).clamp(0, 1))


def test_alpha_from_softmax_to_sparsemax():
    x = scores(5, 9)
    torch.testing.assert_close(entmax(x, 1.0), x.softmax(-1))
    torch.testing.assert_close(entmax(x, 1 + 1e-9), x.softmax(-1), rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(entmax(x, 1.5 + 1e-9), entmax15(x), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(entmax(x, 2 - 1e-9), sparsemax(x), rtol=1e-6, atol=1e-8)
    assert torch.equal(entmax(x, 1.5), entmax15(x))
    assert torch.equal(entmax(x, 2.0), sparsemax(x))


@sparse
def test_first_and_second_gradients_are_finite_differences(function, alpha):
    x = scores(4, 6).requires_grad_()
    assert torch.autograd.gradcheck(function, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(function, x)
    mask = torch.tensor([[1, 1, 0, 1, 0, 1], [0] * 6, [1] * 6, [0, 0, 1, 0, 0, 0]]).bool()
    assert torch.autograd.gradcheck(lambda x: function(x, mask=mask, temperature=0.7), x)


@sparse
def test_the_jacobian_is_the_papers(function, alpha):
    """diag(s) - s sᵀ / Σ s with s = p^(2 - α) on the support."""
    x = scores(6, scale=0.5)
    p = function(x)
    s = torch.where(p > 0, p ** (2 - alpha), 0)
    expected = torch.diag(s) - torch.outer(s, s) / s.sum()
    torch.testing.assert_close(torch.autograd.functional.jacobian(function, x), expected)


@sparse
def test_it_goes_through_vmap_and_grad(function, alpha):
    x, weight = scores(3, 5), scores(5, scale=2)

    def value(row: torch.Tensor) -> torch.Tensor:
        return function(row) @ weight

    found = torch.func.vmap(torch.func.grad(value))(x)
    leaf = x.clone().requires_grad_()
    (function(leaf) @ weight).sum().backward()
    torch.testing.assert_close(found, leaf.grad)


@every
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("garbage", [0.0, 1e30, torch.inf, torch.nan])
def test_a_masked_element_changes_nothing_and_a_row_of_them_is_zeros(function, dtype, garbage):
    garbage = min(garbage, 6e4) if dtype == torch.float16 else garbage
    x = scores(3, 5).to(dtype)
    mask = torch.tensor([[1, 0, 1, 1, 0], [0] * 5, [0, 0, 0, 1, 0]]).bool()
    torch.manual_seed(0)
    weights = function(x, mask=mask)
    torch.manual_seed(0)
    leaf = x.masked_fill(~mask, garbage).requires_grad_()
    spoiled = function(leaf, mask=mask)
    assert torch.equal(spoiled, weights)
    assert weights.dtype == dtype
    assert not weights[~mask].any()
    torch.testing.assert_close(weights.double().sum(-1), torch.tensor([1.0, 0, 1]).double(), rtol=0, atol=5e-3)
    if spoiled.requires_grad:
        spoiled.square().sum().backward()
        assert leaf.grad.isfinite().all()
        assert not leaf.grad[~mask].any()


@every
def test_without_a_mask_minus_infinity_is_one(function):
    x = torch.tensor([[0.5, -torch.inf, 0.2], [-torch.inf] * 3])
    torch.manual_seed(0)
    weights = function(x)
    torch.manual_seed(0)
    assert torch.equal(weights, function(x, mask=x > -torch.inf))
    torch.testing.assert_close(weights.sum(-1), torch.tensor([1.0, 0.0]))


@every
def test_any_dimension_and_a_mask_that_broadcasts(function):
    x, mask = scores(2, 4, 3), torch.tensor([True, True, False, True]).unsqueeze(-1)
    torch.manual_seed(0)
    weights = function(x, 1, mask=mask)
    torch.testing.assert_close(weights.sum(1), torch.ones(2, 3, dtype=torch.float64))
    assert not weights[:, 2].any()
    if function in (ALL["gumbel_softmax"], ALL["straight_through"]):
        return  # their noise has an order of its own
    torch.testing.assert_close(weights.transpose(1, 2), function(x.transpose(1, 2), mask=mask.squeeze(-1)))


@every
def test_no_elements_have_no_weights(function):
    assert function(torch.empty(2, 0)).shape == (2, 0)
    assert function(torch.empty(0, 3)).shape == (0, 3)


@sparse
@pytest.mark.parametrize("size", [5, 3000])
def test_float32_is_float64_to_six_digits_and_half_types_are_rounded_once(function, alpha, size):
    x = scores(4, size).float()
    exact = function(x.double())
    torch.testing.assert_close(function(x).double(), exact, rtol=2e-5, atol=2e-7)
    torch.testing.assert_close(function(x).sum(-1), torch.ones(4), rtol=0, atol=1e-6)
    half = x.bfloat16()
    assert torch.equal(function(half), function(half.float()).bfloat16())


@sparse
def test_energies_of_any_size_are_finite(function, alpha):
    x = scores(3, 6).float() * 1e37
    weights = function(x)
    assert torch.equal(weights, hardmax(x))
    torch.testing.assert_close(function(torch.full((5,), 3e38)), torch.full((5,), 0.2))


@pytest.mark.parametrize("function", [softmax, sparsemax, entmax15, lambda x, **rest: top_k_softmax(x, 9, **rest)])
def test_a_temperature_divides(function):
    x = scores(3, 6)
    torch.testing.assert_close(function(x, temperature=2.5), function(x / 2.5))


def test_softmax_is_torchs():
    x = scores(3, 6)
    assert torch.equal(softmax(x), x.softmax(-1))


def test_top_k_is_the_softmax_of_the_k_largest_and_of_what_ties():
    weights = top_k_softmax(torch.tensor([1.0, 3.0, 2.0, 2.0, 0.0]), 2)
    expected = torch.tensor([0, math.e, 1, 1, 0]) / (math.e + 2)
    torch.testing.assert_close(weights, expected)
    assert torch.equal(top_k_softmax(torch.tensor([1.0, 2.0]), 7), torch.tensor([1.0, 2.0]).softmax(0))


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_gumbel_takes_each_element_as_often_as_its_probability(hard, temperature):
    """Four standard errors of the largest share."""
    draws, x = 20_000, torch.tensor([0.0, 1.0, -1.0, 5.0])
    mask = torch.tensor([True, True, True, False])
    generator = torch.Generator().manual_seed(0)
    weights = gumbel_softmax(x.expand(draws, 4), temperature=temperature, hard=hard, mask=mask, generator=generator)
    shares = torch.bincount(weights.argmax(-1), minlength=4) / draws
    assert (shares - softmax(x, mask=mask)).abs().max() < 4 * 0.5 / draws**0.5
    assert ((weights == 0) | (weights == 1)).all() == hard


def test_gumbel_is_the_softmax_of_scores_and_noise():
    """Noise -log(-log u) has the mean γ and the variance π² / 6, read back from the logarithms of soft weights."""
    generator = torch.Generator().manual_seed(0)
    weights = gumbel_softmax(torch.zeros(40_000, 2, dtype=torch.float64), temperature=2.0, generator=generator)
    difference = 2 * (weights[:, 0] / weights[:, 1]).log()  # of two Gumbel variables: logistic
    assert difference.mean().abs() < 4 * math.pi / math.sqrt(3 * 40_000)
    assert difference.var().item() == pytest.approx(math.pi**2 / 3, rel=0.03)


def test_straight_through_has_the_gradient_of_the_soft_draw():
    gradients = []
    for hard in (False, True):
        leaf = scores(3, 5).requires_grad_()
        draw = gumbel_softmax(leaf, temperature=0.6, hard=hard, generator=torch.Generator().manual_seed(4))
        (draw @ torch.arange(5.0).double()).sum().backward()
        gradients.append(leaf.grad)
    assert gradients[0].abs().max() > 1e-3
    torch.testing.assert_close(gradients[0], gradients[1])


def test_gumbel_leaves_torchs_random_state_alone_if_it_has_a_generator():
    before = torch.get_rng_state()
    draws = [gumbel_softmax(scores(4), generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_hardmax_takes_the_first_of_equal_scores():
    assert hardmax(torch.tensor([1.0, 2.0, 2.0])).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: entmax(x, 0.9), ValueError, "alpha: 0.9 is not between 1"),
        (lambda x: entmax(x, 2.1), ValueError, "alpha: 2.1"),
        (lambda x: top_k_softmax(x, 0), ValueError, "k: 0 keeps nothing"),
        (lambda x: softmax(x, temperature=0.0), ValueError, "temperature: 0.0 is not positive"),
        (lambda x: sparsemax(x, temperature=float("nan")), ValueError, "temperature: nan"),
        (lambda x: gumbel_softmax(x, temperature=-1.0), ValueError, "temperature: -1.0"),
        (lambda x: sparsemax(x.long()), TypeError, "int64; convert them"),
        (lambda x: hardmax(x, mask=torch.ones(3)), TypeError, "mask: torch.float32; give torch.bool"),
    ],
)
def test_what_cannot_be_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(torch.ones(3))


def test_the_examples_of_the_docstrings():
    results = doctest.testmod(selection)
    assert results.attempted == 2
    assert results.failed == 0
