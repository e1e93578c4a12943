import pytest
import torch
from torch import nn

from zoo.models.initialisation import initialise
from zoo.models.lsuv import initialise_from, lsuv, waits_for_data
from zoo.models.mlp import MLP


def outputs_of(model, layers, inputs):
    """What each layer gives, in evaluation mode."""
    found = {}
    hooks = [layer.register_forward_hook(lambda one, _, out: found.setdefault(one, out.detach())) for layer in layers]
    model.eval()(*inputs)
    model.train()
    for hook in hooks:
        hook.remove()
    return [found[layer] for layer in layers]


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 20), nn.Tanh(), nn.Linear(20, 4)
    )


def test_every_layer_gives_unit_variance_on_the_batch():
    model, inputs = network(), 5 * torch.randn(16, 3, 8, 8) + 2
    told = lsuv(model, inputs)
    layers = [model[0], model[3], model[5]]
    variances = [out.var(correction=0).item() for out in outputs_of(model, layers, [inputs])]
    assert variances == pytest.approx([1, 1, 1], abs=1e-4)
    assert list(told) == ["0", "3", "5"]
    assert list(told.values()) == pytest.approx(variances, abs=1e-4)


def test_weights_are_a_multiple_of_orthonormal_ones_and_biases_are_zero():
    model = network()
    lsuv(model, torch.randn(16, 3, 8, 8))
    weight = model[3].weight.detach()
    product = weight @ weight.T
    torch.testing.assert_close(product, product[0, 0] * torch.eye(20), atol=1e-5, rtol=0)
    assert torch.count_nonzero(model[3].bias) == 0


def test_it_is_the_papers_algorithm():
    """Layer after layer in a plain loop: W := W / √Var(B) while |Var(B) - 1| >= 0.1."""
    model, plain, inputs = network(), network(), torch.randn(16, 3, 8, 8)
    torch.manual_seed(3)
    lsuv(model, inputs)
    torch.manual_seed(3)
    for place in (0, 3, 5):
        nn.init.orthogonal_(plain[place].weight)
        nn.init.zeros_(plain[place].bias)
    with torch.no_grad():
        for place in (0, 3, 5):
            for _ in range(10):
                variance = plain[: place + 1](inputs).var(correction=0)
                if abs(variance - 1) < 0.1:
                    break
                plain[place].weight /= variance.sqrt()
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_within_the_tolerance_nothing_is_scaled():
    torch.manual_seed(0)
    model, inputs = nn.Sequential(nn.Linear(6, 6)), torch.randn(4000, 6)
    assert lsuv(model, inputs)["0"] == pytest.approx(1, abs=0.1)
    torch.testing.assert_close(model[0].weight @ model[0].weight.T, torch.eye(6))
    lsuv(model, inputs, tolerance=1e-9, trials=3)
    assert not torch.allclose(model[0].weight @ model[0].weight.T, torch.eye(6), atol=1e-4)
    assert lsuv(model, 3 * inputs, trials=0)["0"] == pytest.approx(9, rel=0.1)


@pytest.mark.parametrize("options", [{}, {"norm": "batch", "residual": True}, {"activation": "maxout"}])
def test_an_mlp_waits_for_data_and_is_scaled_once(options):
    torch.manual_seed(0)
    model = MLP(7, 3, width=[16, 8], init="lsuv", dropout=0.5, **options)
    inputs = 20 * torch.randn(200, 7)
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    keys, before = list(model.state_dict()), torch.get_rng_state()
    assert waits_for_data(model)
    initialise_from(model, inputs)
    assert not waits_for_data(model)
    assert list(model.state_dict()) == keys
    assert torch.equal(before, torch.get_rng_state())
    assert model.training
    assert all(torch.equal(value, buffers[name]) for name, value in model.named_buffers())
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    assert [out.var(correction=0).item() for out in outputs_of(model, layers, [inputs])] == pytest.approx(
        [1.0] * len(layers), abs=0.1
    )
    weights = [parameter.clone() for parameter in model.parameters()]
    assert initialise_from(model, inputs / 7) == {}
    assert all(torch.equal(one, other) for one, other in zip(weights, model.parameters(), strict=True))


def test_only_layers_that_wait_are_scaled():
    model = network()
    initialise(model[5], "lsuv")
    kept = model[0].weight.clone(), model[3].weight.clone()
    assert list(initialise_from(model, torch.randn(16, 3, 8, 8))) == ["5"]
    assert torch.equal(kept[0], model[0].weight)
    assert torch.equal(kept[1], model[3].weight)


def test_layers_are_scaled_in_the_order_they_are_computed_and_those_that_are_not_are_left():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.unused, self.first = nn.Linear(5, 2), nn.Linear(3, 3), nn.Linear(4, 5)

        def forward(self, inputs):
            return self.last(self.first(inputs) * 9)

    torch.manual_seed(0)
    model = Backwards()
    assert list(lsuv(model, torch.randn(50, 4))) == ["first", "last"]
    torch.testing.assert_close(model.unused.weight @ model.unused.weight.T, torch.eye(3))


@pytest.mark.parametrize("spread", [lambda a, b: (a, b), lambda a, b: [a, b], lambda a, b: {"left": a, "right": b}])
def test_tuples_and_dicts_are_spread_over_the_arguments(spread):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(3, 4), nn.Linear(2, 4)

        def forward(self, left, right):
            return self.left(left) + self.right(right)

    assert lsuv(Two(), spread(torch.randn(90, 3), 5 * torch.randn(90, 2))) == pytest.approx(
        {"left": 1, "right": 1}, abs=0.1
    )


@pytest.mark.parametrize(("inputs", "words"), [(torch.zeros(8, 4), "the same"), (torch.full((8, 4), 1e38), "finite")])
def test_a_batch_that_tells_nothing_is_refused_and_modes_are_restored(inputs, words):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.1), nn.Linear(3, 2)).train()
    model[1].eval()
    with pytest.raises(ValueError, match=f"outputs of 0 are .*{words}.*larger batch"):
        lsuv(model, inputs * inputs)
    assert [module.training for module in model] == [True, False, True]
