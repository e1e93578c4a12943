import pytest
import torch
from torch import nn

from zoo.models.dropout import DropConnect, StochasticDepth, depth_shares


def test_drop_connect_drops_its_share_of_weights_and_biases():
    """Each input alone reads one column of the masked W / (1 - p); zero reads the bias."""
    torch.manual_seed(0)
    layer = DropConnect(50, 40, p=0.3)
    nn.init.constant_(layer.weight, 2)
    nn.init.constant_(layer.bias, 3)
    weight, bias = [], []
    for _ in range(20):
        outputs = layer(torch.cat([torch.zeros(1, 50), torch.eye(50)]))
        bias.append(outputs[0])
        weight.append(outputs[1:] - outputs[0])
    for drawn, value in ((torch.stack(weight), 2), (torch.stack(bias), 3)):
        scaled = value / 0.7
        assert ((drawn.abs() < 1e-5) | ((drawn - scaled).abs() < 1e-5)).all()
        share = (drawn.abs() < 1e-5).double().mean().item()
        assert share == pytest.approx(0.3, abs=4 * (0.21 / drawn.numel()) ** 0.5)
    assert not torch.equal(weight[0], weight[1])


def test_drop_connect_is_the_plain_layer_after_training_and_has_its_state():
    torch.manual_seed(0)
    layer, plain = DropConnect(5, 4, p=0.5), nn.Linear(5, 4)
    plain.load_state_dict(layer.state_dict())
    inputs = torch.randn(3, 5)
    assert not torch.equal(layer(inputs), plain(inputs))
    assert torch.equal(layer.eval()(inputs), plain(inputs))


def test_drop_connect_has_gradients_of_the_weights_it_kept():
    torch.manual_seed(0)
    layer = DropConnect(30, 20, p=0.5, bias=False)
    layer(torch.ones(1, 30)).sum().backward()
    assert set(layer.weight.grad.unique().tolist()) == {0.0, 2.0}


def test_stochastic_depth_drops_whole_examples_and_keeps_the_mean():
    torch.manual_seed(0)
    block = StochasticDepth(0.4)
    transformed = torch.randn(5000, 3, 2) + 1
    kept = block(transformed)
    gone = (kept == 0).flatten(1).all(1)
    assert gone.double().mean().item() == pytest.approx(0.4, abs=4 * (0.24 / 5000) ** 0.5)
    torch.testing.assert_close(kept[~gone], transformed[~gone] / 0.6)
    assert block.eval()(transformed) is transformed


def test_blocks_are_dropped_in_proportion_to_their_depth():
    """Huang et al. (2016), equation 4, with the survival probability 0.5 of the last of 5."""
    assert depth_shares(0.5, 5) == pytest.approx([1 - (1 - place / 5 * (1 - 0.5)) for place in range(1, 6)])
