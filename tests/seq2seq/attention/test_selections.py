"""How energies become weights, in and after training."""

from typing import get_args

import pytest
import torch

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.selections import Selection

ENERGIES = torch.tensor([1.0, 3.0, 2.0, -1.0, 0.5], dtype=torch.float64)
ALLOWED = torch.tensor([True, True, False, True, True])
DRAWS = 40_000
NAMES = get_args(options.Selection)


def probabilities(temperature=1.0):
    """Softmax over the allowed positions."""
    exponential = (ENERGIES / temperature).exp() * ALLOWED
    return exponential / exponential.sum()


@pytest.mark.parametrize("name", ["softmax", "gumbel"])
@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_temperature_divides_energies(name, temperature):
    weights = Selection(name, temperature, 1).eval()(ENERGIES, ALLOWED)
    torch.testing.assert_close(weights, probabilities(temperature))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("k", "kept"), [(1, [1]), (2, [0, 1]), (3, [0, 1, 4]), (4, [0, 1, 3, 4]), (9, [0, 1, 3, 4])])
def test_top_k_keeps_the_k_largest_allowed(k, kept, training):
    weights = Selection("top_k", 1.0, k).train(training)(ENERGIES, ALLOWED)
    expected = torch.zeros(5, dtype=torch.float64)
    expected[kept] = ENERGIES[kept].softmax(0)
    torch.testing.assert_close(weights, expected)


def test_top_k_keeps_what_ties_with_the_kth():
    weights = Selection("top_k", 1.0, 2)(torch.tensor([1.0, 1.0, 5.0, 1.0]), torch.tensor([True, True, True, False]))
    assert (weights > 0).tolist() == [True, True, True, False]


@pytest.mark.parametrize("name", ["gumbel", "hard"])
def test_training_draws_a_position_as_often_as_its_probability_says(name):
    """The Gumbel-max trick: argmax(e + g) is a draw from softmax(e). Four standard errors of the largest share."""
    torch.manual_seed(0)
    weights = Selection(name, 0.5, 1).train()(ENERGIES.expand(DRAWS, 5), ALLOWED)
    shares = torch.bincount(weights.argmax(-1), minlength=5) / DRAWS
    assert (shares - probabilities()).abs().max() < 4 * 0.5 / DRAWS**0.5
    torch.testing.assert_close(weights.sum(-1), torch.ones(DRAWS, dtype=torch.float64))
    assert not weights[:, 2].any()


@pytest.mark.parametrize("training", [False, True])
def test_sparsemax_leaves_low_energies_without_weight(training):
    """3 and 1 are more than one apart; divided by 4 they are not: (3/4 + 1/4 - 1) / 2 + 1/2 ± 1/4."""
    sparse = Selection("sparsemax", 1.0, 1).train(training)(ENERGIES, ALLOWED)
    assert sparse.tolist() == [0, 1, 0, 0, 0]
    warmer = Selection("sparsemax", 4.0, 1).train(training)(torch.tensor([1.0, 3.0, 2.0, -9.0, -9.0]), ALLOWED)
    torch.testing.assert_close(warmer, torch.tensor([0.25, 0.75, 0, 0, 0]))


@pytest.mark.parametrize("training", [False, True])
def test_alpha_leads_entmax_from_softmax_to_sparsemax(training):
    def weights(name, alpha=1.5):
        return Selection(name, 0.8, 1, alpha).train(training)(ENERGIES, ALLOWED)

    torch.testing.assert_close(weights("entmax", 1.0), weights("softmax"))
    torch.testing.assert_close(weights("entmax", 2.0), weights("sparsemax"))
    kept = [(weights("entmax", alpha) > 0).sum().item() for alpha in (1.0, 1.2, 1.5, 2.0)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == 4
    assert kept[-1] == 1


def test_gumbel_weights_are_soft_and_hard_ones_are_not():
    torch.manual_seed(0)
    soft = Selection("gumbel", 1.0, 1).train()(ENERGIES.expand(100, 5), ALLOWED)
    assert (soft[:, ALLOWED] > 0).all()
    hard = Selection("hard", 1.0, 1).train()(ENERGIES.expand(100, 5), ALLOWED)
    assert ((hard == 0) | (hard == 1)).all()


def test_gumbel_draws_differ_and_evaluation_draws_nothing():
    torch.manual_seed(0)
    for name in ("gumbel", "hard"):
        selection = Selection(name, 1.0, 1).train()
        assert not torch.equal(*(selection(ENERGIES.expand(50, 5), ALLOWED) for _ in range(2)))
        before = torch.get_rng_state()
        assert torch.equal(*(selection.eval()(ENERGIES, ALLOWED) for _ in range(2)))
        assert torch.equal(before, torch.get_rng_state())


def test_hard_takes_the_first_of_equal_positions_after_training():
    weights = Selection("hard", 1.0, 1).eval()(torch.zeros(4), torch.tensor([False, True, True, True]))
    assert weights.tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_energies_give_float32_weights(name, training, dtype):
    weights = Selection(name, 0.5, 2).train(training)(ENERGIES.to(dtype), ALLOWED)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights.sum(), torch.tensor(1.0))
