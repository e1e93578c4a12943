import numpy as np
import pytest
import torch
from torch import nn

from zoo.models.activations import ACTIVATIONS
from zoo.models.mlp import MLP

NORMS = ["none", "batch", "layer"]


def plain_forward(model: MLP, inputs: np.ndarray, *, norm: str, residual: bool) -> np.ndarray:
    """The definition, row by row and layer by layer, in float64 numpy, with tanh; evaluation mode."""
    outputs = []
    for row in inputs.astype(np.float64):
        hidden = row
        for layer in model.hidden:
            values = {name: value.detach().double().numpy() for name, value in layer.state_dict().items()}
            energy = values["transform.0.weight"] @ hidden
            if norm != "batch":
                energy = energy + values["transform.0.bias"]
            if norm == "batch":
                energy = (energy - values["transform.1.running_mean"]) / np.sqrt(
                    values["transform.1.running_var"] + 1e-5
                )
            if norm == "layer":
                energy = (energy - energy.mean()) / np.sqrt(energy.var() + 1e-5)
            if norm != "none":
                energy = energy * values["transform.1.weight"] + values["transform.1.bias"]
            new = np.tanh(energy)
            if residual:
                new = new + (values["skip.weight"] @ hidden if "skip.weight" in values else hidden)
            hidden = new
        outputs.append(model.head.weight.detach().double().numpy() @ hidden + model.head.bias.detach().double().numpy())
    return np.array(outputs)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("width", [6, [6, 6, 4]])
def test_forward_is_the_definition(norm, residual, width):
    torch.manual_seed(0)
    model = MLP(5, 3, width=width, activation="tanh", norm=norm, residual=residual)
    inputs = torch.randn(7, 5)
    for _ in range(3):
        model(inputs + torch.randn(7, 5))  # so that running statistics are not the initial ones
    for name, parameter in model.named_parameters():
        if "transform.1" in name:
            nn.init.normal_(parameter)
    model.eval()
    expected = plain_forward(model, inputs.numpy(), norm=norm, residual=residual)
    np.testing.assert_allclose(model(inputs).detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_gradients_reach_every_parameter(norm, residual, activation):
    torch.manual_seed(0)
    model = MLP(5, 3, width=[8, 8, 6], activation=activation, norm=norm, residual=residual).double()
    for layer in model.hidden:
        if norm != "none":  # wide enough to leave the straight middle of hardsigmoid, where shifts cancel
            nn.init.constant_(layer.transform[1].weight, 3)
    model(3 * torch.randn(32, 5, dtype=torch.float64)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 1e-9, name


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_a_batch_of_one_equals_its_row_of_a_batch(activation):
    torch.manual_seed(0)
    model = MLP(5, 3, activation=activation, norm="batch", residual=True, dropout=0.3).double()
    inputs = torch.randn(9, 5, dtype=torch.float64)
    model(inputs)
    model.eval()
    together = model(inputs)
    assert together.shape == (9, 3)
    assert torch.equal(together, model(inputs))
    for row in range(9):
        torch.testing.assert_close(model(inputs[row : row + 1])[0], together[row])


def test_batch_norm_trains_on_a_batch_of_one_and_keeps_its_statistics():
    torch.manual_seed(0)
    model = MLP(5, 3, norm="batch")
    model(torch.randn(16, 5))
    before = {name: value.clone() for name, value in model.named_buffers()}
    outputs = model(torch.randn(1, 5))
    outputs.sum().backward()
    assert outputs.isfinite().all()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.named_buffers())


def test_batch_norm_normalises_a_batch_as_torchs_does():
    torch.manual_seed(0)
    model = MLP(5, 3, width=4, depth=1, activation="tanh", norm="batch")
    inputs = torch.randn(16, 5)
    energy = (inputs @ model.hidden[0].transform[0].weight.T).detach().double()
    normalised = (energy - energy.mean(0)) / torch.sqrt(energy.var(0, unbiased=False) + 1e-5)
    torch.testing.assert_close(model.hidden(inputs).double(), normalised.tanh(), atol=1e-5, rtol=0)
    torch.testing.assert_close(model.hidden[0].transform[1].running_mean.double(), 0.1 * energy.mean(0))


@pytest.mark.parametrize(
    ("options", "widths"),
    [
        ({}, [128, 128]),
        ({"width": 7}, [7, 7]),
        ({"width": 7, "depth": 4}, [7, 7, 7, 7]),
        ({"depth": 1}, [128]),
        ({"width": [5, 9, 2]}, [5, 9, 2]),
        ({"width": [5, 9], "depth": 2}, [5, 9]),
    ],
)
def test_width_and_depth_make_the_layers(options, widths):
    model = MLP(3, 2, **options)
    assert [layer.transform[0].out_features for layer in model.hidden] == widths
    assert model.head.in_features == widths[-1]


def test_widths_that_contradict_the_depth_are_refused():
    with pytest.raises(ValueError, match="depth: 3 hidden layers, but width lists 2"):
        MLP(3, 2, width=[4, 4], depth=3)


def test_dropout_drops_its_share_in_training_and_nothing_in_evaluation():
    torch.manual_seed(0)
    model = MLP(4, 2, width=1000, depth=1, activation="sigmoid", dropout=0.3)
    inputs = torch.randn(20, 4)
    assert (model.hidden(inputs) == 0).double().mean().item() == pytest.approx(0.3, abs=0.02)
    model.eval()
    assert torch.count_nonzero(model.hidden(inputs) == 0) == 0


def test_a_skip_is_projected_only_where_the_widths_differ():
    model = MLP(4, 2, width=[4, 6, 6], residual=True)
    assert [type(layer.skip) for layer in model.hidden] == [nn.Identity, nn.Linear, nn.Identity]


def test_hidden_layers_are_scaled_for_the_activation_and_the_head_is_not():
    torch.manual_seed(0)
    model = MLP(500, 500, width=500, activation="relu", init="kaiming_normal")
    assert model.hidden[0].transform[0].weight.std().item() == pytest.approx((2 / 500) ** 0.5, rel=0.01)
    assert model.head.weight.std().item() == pytest.approx((1 / 500) ** 0.5, rel=0.01)


def test_kaiming_keeps_the_size_of_deep_relu_features():
    torch.manual_seed(0)
    model = MLP(256, 2, width=256, depth=20, init="kaiming_normal")
    ratio = model.hidden(torch.randn(200, 256)).square().mean().item()
    assert 0.2 < ratio < 5


def test_an_unknown_activation_is_refused_when_built():
    with pytest.raises(ValueError, match="did you mean"):
        MLP(3, 2, activation="rellu")


@pytest.mark.parametrize("init", ["default", "xavier_normal", "orthogonal"])
@pytest.mark.parametrize("norm", NORMS)
def test_it_builds_and_runs_on_the_meta_device(init, norm):
    with torch.device("meta"):
        model = MLP(5, 3, width=[8, 4], activation="gelu", norm=norm, residual=True, init=init, dropout=0.1)
    assert all(parameter.is_meta for parameter in model.parameters())
    assert model(torch.empty(2, 5, device="meta")).shape == (2, 3)


def test_state_loads_under_weights_only(tmp_path):
    torch.manual_seed(0)
    model, other = (MLP(5, 3, norm="batch", residual=True) for _ in range(2))
    model(torch.randn(8, 5))
    torch.save(model.state_dict(), tmp_path / "model.pt")
    other.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    inputs = torch.randn(4, 5)
    assert torch.equal(model.eval()(inputs), other.eval()(inputs))
