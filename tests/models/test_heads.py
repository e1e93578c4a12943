import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from zoo.models.heads import LinearHead, MLPHead, head_factory, make_head, pooling_of


def features(count: int = 6, width: int = 5) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(0))


def test_linear_is_its_formula():
    head = LinearHead(5, 3, dropout=0.9).eval()
    weight, bias = (one.detach().double().numpy() for one in (head.linear.weight, head.linear.bias))
    np.testing.assert_allclose(
        head(features()).detach().numpy(), features().numpy() @ weight.T + bias, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("head", [LinearHead(400, 1, dropout=0.75), MLPHead(400, 1, hidden=1, dropout=0.75)])
def test_dropout_is_of_training_alone(head):
    dropped = [one for one in head.modules() if isinstance(one, nn.Dropout)]
    assert dropped[-1].p == 0.75
    torch.manual_seed(0)
    assert float((dropped[-1].train()(torch.ones(4000)) == 0).float().mean()) == pytest.approx(0.75, abs=0.03)
    assert torch.equal(head.eval()(features(4, 400)), head.eval()(features(4, 400)))


def test_zeros_start_from_the_loss_of_a_guess():
    head = LinearHead(5, 7, init="zeros")
    loss = functional.cross_entropy(head(features()), torch.tensor([0, 1, 2, 3, 4, 6]))
    assert float(loss.detach()) == pytest.approx(math.log(7))


def test_a_scheme_of_initialisation_is_applied():
    weight = LinearHead(400, 300, init="xavier_normal").linear.weight
    assert float(weight.detach().std()) == pytest.approx((2 / 700) ** 0.5, rel=0.02)


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("hidden", [4, [4, 6]])
def test_mlp_is_layers_of_normalisation_product_and_activation(hidden, batch_norm):
    head = MLPHead(5, 3, hidden=hidden, batch_norm=batch_norm, activation="tanh")
    head.train()(features() * 3 + 1)  # so that running statistics are not the initial ones
    head.eval()
    linears = [one for one in head.layers if isinstance(one, nn.Linear)]
    norms = [one for one in head.layers if isinstance(one, nn.BatchNorm1d)]
    assert [one.out_features for one in linears] == [*([hidden] if isinstance(hidden, int) else hidden), 3]
    assert len(norms) == (len(linears) if batch_norm else 0)
    found = features().double().numpy()
    for place, linear in enumerate(linears):
        if batch_norm:
            mean, variance = (one.double().numpy() for one in (norms[place].running_mean, norms[place].running_var))
            found = (found - mean) / np.sqrt(variance + 1e-5)
        found = found @ linear.weight.detach().double().numpy().T + linear.bias.detach().double().numpy()
        found = np.tanh(found) if place < len(linears) - 1 else found
    np.testing.assert_allclose(head(features()).detach().numpy(), found, rtol=1e-4, atol=1e-5)


def test_a_gated_activation_keeps_the_width_that_was_asked_for():
    assert MLPHead(5, 3, hidden=8, activation="glu").eval()(features()).shape == (6, 3)


def test_a_last_batch_of_one_trains():
    head = MLPHead(5, 3).train()
    assert head(features(1)).isfinite().all()


def test_a_head_says_how_its_features_are_pooled():
    assert [pooling_of(one) for one in ("linear", "mlp", LinearHead, MLPHead)] == ["avg", "concat"] * 2
    assert make_head("mlp", 8, 3).layers[0].num_features == 16
    assert make_head("linear", 8, 3).linear.in_features == 8


def test_a_head_of_ones_own_needs_no_base_class():
    class Bilinear(nn.Module):
        def __init__(self, in_features: int, out_features: int) -> None:
            super().__init__()
            self.bilinear = nn.Bilinear(in_features, in_features, out_features)

    assert pooling_of(Bilinear) == "avg"
    assert make_head(Bilinear, 4, 2).bilinear.out_features == 2


def test_what_is_no_head_is_refused():
    with pytest.raises(ValueError, match="give linear or mlp, a class"):
        head_factory("liner")
    with pytest.raises(ValueError, match="may be avg or concat"):
        pooling_of(type("Odd", (nn.Module,), {"pool": "median"}))
