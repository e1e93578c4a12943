"""Dropout made of random bytes: shares, scales and independence."""

import math

import pytest
import torch

from zoo.seq2seq.dropout import Dropout

SHARES = [0.1, 0.2, 0.3, 0.5, 0.9]
COUNT = 400_000


def factor_of(p, *shape, dtype=torch.float32, **options):
    torch.manual_seed(0)
    return Dropout(p).factor(torch.empty(*shape, dtype=dtype), **options)


@pytest.mark.parametrize("p", [*SHARES, 0.001, 0.999])
def test_share_and_scale(p):
    """The share is p to the nearest 256th, exactly p where that would be all or nothing; the expectation is one."""
    factor = factor_of(p, COUNT)
    exact = round(p * 256) / 256 if 0 < round(p * 256) < 256 else p
    deviation = math.sqrt(exact * (1 - exact) / COUNT)
    assert abs((factor == 0).double().mean() - exact) < 5 * deviation
    torch.testing.assert_close(factor[factor != 0], torch.full_like(factor[factor != 0], 1 / (1 - exact)))
    assert abs(factor.double().mean() - 1) < 5 * deviation / (1 - exact)


@pytest.mark.parametrize("p", SHARES)
def test_every_byte_of_a_random_number_is_as_random(p):
    """Eight elements share one number: none of the eight is dropped more often, and none goes along with another."""
    dropped = (factor_of(p, COUNT) == 0).double().view(-1, 8)
    exact = round(p * 256) / 256
    deviation = math.sqrt(exact * (1 - exact) / len(dropped))
    assert (dropped.mean(0) - exact).abs().max() < 5 * deviation
    correlation = torch.corrcoef(dropped.t()) - torch.eye(8)
    assert correlation.abs().max() < 5 / math.sqrt(len(dropped))


def test_the_edges():
    inputs = torch.randn(4, 5)
    assert Dropout(0.0)(inputs) is inputs
    assert not Dropout(1.0)(inputs).any()
    assert Dropout(0.5).eval()(inputs) is inputs
    assert Dropout(0.5).eval().factor(inputs) is None
    assert Dropout(0.5)(inputs[:0]).shape == (0, 5)
    for size in range(1, 18):  # where the last number is used in part
        assert factor_of(0.5, size).shape == (size,)


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_no_share_at_all_is_refused(p):
    with pytest.raises(ValueError, match=r"is not a share; give a number from 0 to 1"):
        Dropout(p)


def test_variational_is_one_mask_for_all_steps_of_a_sentence():
    torch.manual_seed(0)
    dropped = Dropout(0.5, variational=True)(torch.ones(6, 9, 64))
    assert torch.equal(dropped, dropped[:, :1].expand(-1, 9, -1))
    assert len({tuple(row) for row in dropped[:, 0].tolist()}) == 6, "sentences share their masks"
    torch.manual_seed(0)
    ordinary = Dropout(0.5)(torch.ones(6, 9, 64))
    assert not torch.equal(ordinary[:, 0], ordinary[:, 1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_in_the_type_of_what_is_dropped(dtype):
    factor = factor_of(0.3, 1000, dtype=dtype)
    assert factor.dtype == dtype
    assert set(factor.tolist()) == {0.0, torch.tensor(256 / (256 - 77), dtype=dtype).item()}


def test_the_gradient_is_the_factor():
    inputs = torch.randn(3, 50, requires_grad=True)
    dropout = Dropout(0.4)
    torch.manual_seed(1)
    dropout(inputs).sum().backward()
    torch.manual_seed(1)
    assert torch.equal(inputs.grad, dropout.factor(inputs))


def test_a_seed_gives_the_same_mask_and_no_seed_another():
    assert torch.equal(factor_of(0.5, 100), factor_of(0.5, 100))
    torch.manual_seed(0)
    dropout = Dropout(0.5)
    assert not torch.equal(dropout.factor(torch.ones(100)), dropout.factor(torch.ones(100)))
