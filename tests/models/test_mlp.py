import numpy as np
import pytest
import torch
from torch import nn

from zoo.models.activations import ACTIVATIONS
from zoo.models.mlp import MLP

NORMS = ["none", "batch", "layer", "group", "rms"]


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
            if norm in ("layer", "group"):
                parts = energy.reshape(1 if norm == "layer" else 2, -1)
                parts = (parts - parts.mean(1, keepdims=True)) / np.sqrt(parts.var(1, keepdims=True) + 1e-5)
                energy = parts.flatten()
            if norm == "rms":
                energy = energy / np.sqrt((energy**2).mean())
            if norm != "none":
                energy = energy * values["transform.1.weight"] + values.get("transform.1.bias", 0)
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
    model = MLP(5, 3, width=width, activation="tanh", norm=norm, norm_groups=2, residual=residual)
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
    model = MLP(5, 3, width=[8, 8, 6], activation=activation, norm=norm, norm_groups=2, residual=residual).double()
    for layer in model.hidden:
        if norm != "none":  # wide enough to leave the straight middle of hardsigmoid, where shifts cancel
            nn.init.constant_(layer.transform[1].weight, 3)
    scale = 9 if activation == "threshold" else 3
    model(scale * torch.randn(32, 5, dtype=torch.float64)).square().sum().backward()
    for name, parameter in model.named_parameters():
        if activation == "identity" and norm == "batch" and not residual and name.endswith("transform.1.bias"):
            continue  # the next layer takes the shift out again
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


def test_drop_connect_drops_weights_in_training_and_nothing_in_evaluation():
    torch.manual_seed(0)
    options = {"width": 6, "depth": 1, "activation": "identity"}
    model, plain = MLP(4, 2, **options, dropout=0.5, dropout_kind="drop_connect"), MLP(4, 2, **options)
    plain.load_state_dict(model.state_dict())
    inputs = torch.ones(300, 4)
    dropped = model.hidden(inputs)
    assert not torch.equal(dropped, plain.hidden(inputs))
    assert torch.equal(dropped[0], dropped[-1])  # one mask a batch, and no unit dropped beside
    assert torch.equal(model.eval()(inputs), plain(inputs))


def test_alpha_dropout_keeps_mean_and_variance_after_selu():
    torch.manual_seed(0)
    options = {"width": 512, "depth": 8, "activation": "selu", "init": "lecun_normal"}
    inputs = torch.randn(400, 512)
    for kind, keeps in (("alpha_dropout", True), ("dropout", False)):
        hidden = MLP(512, 2, **options, dropout=0.2, dropout_kind=kind).hidden(inputs)
        mean, variance = hidden.mean().item(), hidden.var().item()
        assert (abs(mean) < 0.1 and abs(variance - 1) < 0.2) == keeps
    model = MLP(512, 2, **options, dropout=0.2, dropout_kind="alpha_dropout").eval()
    assert torch.equal(model(inputs), model(inputs))


def test_stochastic_depth_leaves_out_residual_layers_for_single_examples():
    torch.manual_seed(0)
    model = MLP(6, 2, width=6, depth=4, residual=True, activation="tanh", stochastic_depth=0.8)
    inputs = torch.randn(4000, 6)
    features = inputs
    for place, layer in enumerate(model.hidden, 1):
        after = layer(features)
        left = (after == features).all(1)
        assert left.double().mean().item() == pytest.approx(0.8 * place / 4, abs=4 * 0.5 / 4000**0.5)
        share = 1 - 0.8 * place / 4
        transformed = layer.eval()(features) - features
        torch.testing.assert_close((after - features)[~left], transformed[~left] / share, atol=1e-5, rtol=1e-4)
        features = after
        layer.train()
    plain = MLP(6, 2, width=6, depth=4, residual=True, activation="tanh")
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(inputs), plain(inputs))


def test_stochastic_depth_without_residual_layers_is_refused():
    with pytest.raises(ValueError, match=r"stochastic_depth: .*set residual=true"):
        MLP(3, 2, stochastic_depth=0.1)


@pytest.mark.parametrize("kind", ["dropout", "alpha_dropout", "drop_connect"])
def test_a_share_of_zero_drops_nothing_and_changes_no_module(kind):
    assert str(MLP(3, 2, dropout_kind=kind)) == str(MLP(3, 2))


def test_groups_must_divide_every_width():
    with pytest.raises(ValueError, match="4 groups do not divide 6 features"):
        MLP(3, 2, width=[8, 6], norm="group", norm_groups=4)


@pytest.mark.parametrize(
    ("activation", "outputs"),
    [("glu", 14), ("maxout", 14), ({"name": "maxout", "pieces": 5}, 35), ("relu", 7)],
    ids=str,
)
def test_gated_and_maxout_layers_compute_several_features_for_each_unit(activation, outputs):
    model = MLP(3, 2, width=7, activation=activation, norm="layer")
    assert [layer.transform[0].out_features for layer in model.hidden] == [outputs, outputs]
    assert model.hidden[0].transform[1].normalized_shape == (outputs,)
    assert model.head.in_features == 7
    assert model(torch.randn(4, 3)).shape == (4, 2)


def test_a_maxout_layer_is_the_definition():
    torch.manual_seed(0)
    model = MLP(3, 2, width=4, depth=1, activation={"name": "maxout", "pieces": 3})
    linear, x = model.hidden[0].transform[0], torch.randn(3)
    pieces = [(linear.weight[row] @ x + linear.bias[row]).item() for row in range(12)]
    expected = [max(pieces[3 * unit : 3 * unit + 3]) for unit in range(4)]
    assert model.hidden(x.unsqueeze(0))[0].tolist() == pytest.approx(expected)


def test_options_of_an_activation_reach_it():
    x = -torch.ones(5, 3)
    torch.manual_seed(0)
    model = MLP(3, 2, width=3, depth=1, activation={"name": "leaky_relu", "negative_slope": 0.5}, init="identity")
    torch.testing.assert_close(model.hidden(x), 0.5 * x)


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
        model = MLP(
            5,
            3,
            width=[8, 4],
            activation="maxout",
            norm=norm,
            norm_groups=2,
            residual=True,
            init=init,
            dropout=0.1,
            dropout_kind="drop_connect",
            stochastic_depth=0.2,
        )
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
