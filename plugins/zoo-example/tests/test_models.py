import numpy as np
import pytest
import torch
from torch import nn

from zoo_example.models import TabularResNet

NORMS = ["batch", "layer", "none"]


def plain_forward(state: dict[str, np.ndarray], inputs: np.ndarray, *, depth: int, norm: str) -> np.ndarray:
    """Gorishniy et al. (2021), section 3.2, row by row in float64 numpy; evaluation mode."""

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        return state[f"{name}.weight"] @ x + state[f"{name}.bias"]

    def normalised(name: str, x: np.ndarray) -> np.ndarray:
        if norm == "none":
            return x
        mean, variance = x.mean(), x.var()
        if norm == "batch":
            mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return (x - mean) / np.sqrt(variance + 1e-5) * state[f"{name}.weight"] + state[f"{name}.bias"]

    outputs = []
    for row in inputs:
        x = linear("first", row)
        for i in range(depth):
            hidden = linear(f"blocks.{i}.expand", normalised(f"blocks.{i}.norm", x))
            x = x + linear(f"blocks.{i}.contract", np.maximum(hidden, 0))
        outputs.append(linear("prediction.2", np.maximum(normalised("prediction.0", x), 0)))
    return np.array(outputs)


def trained_a_little(**options) -> TabularResNet:
    """A model whose running statistics and normalisation weights are not those it starts with."""
    torch.manual_seed(0)
    model = TabularResNet(5, 3, **options).double()
    for _ in range(3):
        model(2 * torch.randn(16, 5, dtype=torch.float64) + 1)
    for name, parameter in model.named_parameters():
        if "norm" in name or "prediction.0" in name:
            nn.init.normal_(parameter)
    return model


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("hidden_factor", [0.5, 2.0])
def test_forward_is_the_papers_formula(norm, depth, hidden_factor):
    model = trained_a_little(width=8, depth=depth, hidden_factor=hidden_factor, norm=norm).eval()
    inputs = torch.randn(7, 5, dtype=torch.float64)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    expected = plain_forward(state, inputs.numpy(), depth=depth, norm=norm)
    np.testing.assert_allclose(model(inputs).detach().numpy(), expected, rtol=1e-10, atol=1e-12)


def test_a_training_batch_is_normalised_with_its_own_mean_and_variance():
    model = trained_a_little(width=8, depth=0).train()
    inputs = torch.randn(7, 5, dtype=torch.float64)
    first = model.first(inputs)
    normalised = (first - first.mean(0)) / (first.var(0, unbiased=False) + 1e-5).sqrt()
    norm, _, head = model.prediction
    torch.testing.assert_close(model(inputs), head((normalised * norm.weight + norm.bias).relu()))


@pytest.mark.parametrize(("option", "layer"), [("hidden_dropout", "expand"), ("residual_dropout", "contract")])
def test_dropout_acts_in_training_only_and_where_it_is_asked_for(option, layer):
    model = trained_a_little(width=400, depth=1, **{"hidden_dropout": 0.0, option: 0.25})
    block = model.blocks[0]
    seen = {}
    getattr(block, option).register_forward_hook(lambda module, inputs, output: seen.update(x=inputs[0], y=output))
    features = torch.randn(50, 400, dtype=torch.float64)
    block.train()(features)
    alive = seen["x"] != 0
    kept = seen["y"][alive] != 0
    assert abs(kept.double().mean() - 0.75) < 0.02
    torch.testing.assert_close(seen["y"][alive][kept], seen["x"][alive][kept] / 0.75)
    width = {"expand": 800, "contract": 400}[layer]
    assert seen["x"].shape == (50, width)
    block.eval()(features)
    assert torch.equal(seen["x"], seen["y"])


@pytest.mark.parametrize(("width", "hidden_factor", "hidden"), [(10, 2.0, 20), (10, 1.55, 15), (10, 0.1, 1)])
def test_hidden_size_is_width_times_factor_rounded_down(width, hidden_factor, hidden):
    model = TabularResNet(5, 3, width=width, hidden_factor=hidden_factor)
    assert [block.expand.out_features for block in model.blocks] == [hidden, hidden]


def test_a_block_without_hidden_units_is_refused():
    with pytest.raises(ValueError, match=r"hidden_factor: 0.05 times width 10 .* at least 0.1"):
        TabularResNet(5, 3, width=10, hidden_factor=0.05)


def test_a_training_batch_of_one_row_trains_and_leaves_the_statistics():
    model = trained_a_little(width=8).train()
    before = {name: value.clone() for name, value in model.named_buffers()}
    model(torch.randn(1, 5, dtype=torch.float64)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.named_buffers())
