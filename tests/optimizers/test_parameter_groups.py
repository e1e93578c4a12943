import pytest
import torch
from torch import nn

from zoo.errors import ConfigError
from zoo.models.mlp import MLP
from zoo.optimizers.parameter_groups import check_options, parameter_groups
from zoo.optimizers.torch_optimizers import adamw, sgd


def names(model: nn.Module, **options) -> dict[str, set[str]]:
    """Group name to parameter names, by identity."""
    found = {}
    for group in parameter_groups(model, **options):
        members = {id(parameter) for parameter in group["params"]}
        assert len(members) == len(group["params"])
        found[group["name"]] = {name for name, parameter in model.named_parameters() if id(parameter) in members}
    return found


@pytest.mark.parametrize(
    "module",
    [
        nn.BatchNorm1d(4),
        nn.BatchNorm2d(4),
        nn.SyncBatchNorm(4),
        nn.LayerNorm(4),
        nn.GroupNorm(2, 4),
        nn.InstanceNorm1d(4, affine=True),
        nn.RMSNorm(4),
        nn.PReLU(),
        type("LlamaRMSNorm", (nn.Linear,), {})(4, 4),
        type("Whitening", (nn.BatchNorm1d,), {})(4),
        type("PerRow", (nn.LayerNorm,), {})(4),
    ],
    ids=lambda module: type(module).__name__,
)
def test_nothing_of_a_normalisation_decays(module):
    assert set(names(nn.Sequential(module))) == {"no_decay"}


@pytest.mark.parametrize(
    "module", [nn.Linear(3, 4), nn.Conv2d(3, 4, 2), nn.LSTM(3, 4, 2), nn.MultiheadAttention(4, 2, add_bias_kv=True)]
)
def test_biases_of_any_name_do_not_decay_and_weights_do(module):
    groups = names(module)
    assert groups["no_decay"] == {name for name, _ in module.named_parameters() if "bias" in name}
    assert groups["decay"] == {name for name, _ in module.named_parameters() if "weight" in name}


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_the_weights_of_an_mlp_decay_and_nothing_else(norm):
    model = MLP(4, 2, norm=norm, residual=True)
    assert names(model)["decay"] == {
        "hidden.0.transform.0.weight",
        "hidden.1.transform.0.weight",
        "hidden.0.skip.weight",
        "head.weight",
    }


def test_a_parametrised_bias_is_still_a_bias():
    layer = nn.Linear(3, 4)
    nn.utils.parametrize.register_parametrization(layer, "bias", nn.Tanh())
    nn.utils.parametrize.register_parametrization(layer, "weight", nn.Tanh())
    assert names(layer) == {
        "decay": {"parametrizations.weight.original"},
        "no_decay": {"parametrizations.bias.original"},
    }


def test_a_module_that_only_contains_a_normalisation_decays():
    class PreNorm(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 3)

    assert names(PreNorm())["decay"] == {"inner.weight"}


def test_a_tied_parameter_appears_once():
    model = nn.ModuleDict({"embedding": nn.Embedding(7, 4), "head": nn.Linear(4, 7)})
    model["head"].weight = model["embedding"].weight
    groups = parameter_groups(model)
    assert [len(group["params"]) for group in groups] == [1, 1]
    torch.optim.SGD(groups)


@pytest.mark.parametrize("order", [("norm", "linear"), ("linear", "norm")])
def test_a_parameter_tied_to_a_normalisation_does_not_decay(order):
    parts = {"norm": nn.LayerNorm(4, bias=False), "linear": nn.Linear(4, 1, bias=False)}
    parts["linear"].weight = parts["norm"].weight
    groups = parameter_groups(nn.ModuleDict({name: parts[name] for name in order}))
    assert [(group["name"], len(group["params"])) for group in groups] == [("no_decay", 1)]


def test_a_parameter_tied_to_a_bias_of_its_own_module_does_not_decay():
    layer = nn.Linear(1, 1)
    layer.weight = layer.bias = nn.Parameter(torch.ones(1))
    assert [(group["name"], len(group["params"])) for group in parameter_groups(layer)] == [("no_decay", 1)]


@pytest.mark.parametrize("decay_all", [False, True])
def test_parameters_that_happen_to_be_equal_are_all_trained(decay_all):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    optimizer = sgd(parameter_groups(model, decay_all=decay_all), lr=1.0)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert all(torch.equal(parameter, -torch.ones_like(parameter)) for parameter in model.parameters())


def test_frozen_parameters_and_empty_groups_are_left_out():
    model = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    model[0].requires_grad_(False)
    assert names(model) == {"no_decay": {"1.weight", "1.bias"}}
    assert parameter_groups(model.requires_grad_(False)) == []
    assert parameter_groups(model, decay_all=True) == []


def test_decay_all_is_one_group_with_every_parameter():
    model = MLP(4, 2, norm="layer")
    groups = parameter_groups(model, decay_all=True)
    assert [group["name"] for group in groups] == ["all"]
    assert "weight_decay" not in groups[0]
    assert len(groups[0]["params"]) == len(list(model.parameters()))


@pytest.mark.parametrize("decay_all", [False, True])
def test_decay_shrinks_weights_and_spares_the_rest_unless_asked(decay_all):
    model = MLP(4, 2, norm="layer")
    for parameter in model.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    adamw(parameter_groups(model, decay_all=decay_all), lr=0.1, weight_decay=0.5).step()
    for name, parameter in model.named_parameters():
        decays = decay_all or (name.endswith("weight") and parameter.ndim == 2)
        torch.testing.assert_close(parameter.data, torch.full_like(parameter, 0.95 if decays else 1.0))


def test_the_order_is_that_of_the_model():
    model = MLP(4, 2, width=[8, 7, 6])
    weights = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    assert all(a is b for a, b in zip(parameter_groups(model)[0]["params"], weights, strict=True))


def named(model: nn.Module, groups: list[dict]) -> dict[str, set[str]]:
    names_of = {id(parameter): name for name, parameter in model.named_parameters()}
    return {group["name"]: {names_of[id(parameter)] for parameter in group["params"]} for group in groups}


def test_the_first_pattern_that_matches_wins_and_the_rest_are_as_ever():
    model = nn.ModuleDict({"encoder": MLP(4, 3, norm="layer"), "head": nn.Linear(3, 2)})
    patterns = [{"match": "encoder.hidden.0.*", "lr": 0.1}, {"match": "encoder.*", "lr": 0.2, "weight_decay": 0.5}]
    groups = parameter_groups(model, groups=patterns)
    found = named(model, groups)
    assert list(found) == [
        *("encoder.hidden.0.*", "encoder.hidden.0.* no_decay", "encoder.*", "encoder.* no_decay", "decay", "no_decay"),
    ]
    every = [name for names in found.values() for name in names]
    assert sorted(every) == sorted(name for name, _ in model.named_parameters())
    assert found["decay"] == {"head.weight"}
    assert all(name.startswith("encoder.hidden.0.") for name in found["encoder.hidden.0.*"])
    assert not any(name.startswith("encoder.hidden.0.") for name in found["encoder.*"])
    optimizer = sgd(groups, lr=1.0, weight_decay=0.3)
    rates = {group["name"]: (group["lr"], group["weight_decay"]) for group in optimizer.param_groups}
    assert rates == {
        "encoder.hidden.0.*": (0.1, 0.3),
        "encoder.hidden.0.* no_decay": (0.1, 0.0),
        "encoder.*": (0.2, 0.5),
        "encoder.* no_decay": (0.2, 0.0),
        "decay": (1.0, 0.3),
        "no_decay": (1.0, 0.0),
    }


def test_with_decay_all_a_pattern_is_one_group_with_the_name_it_is_given():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    groups = parameter_groups(model, decay_all=True, groups=[{"match": "0.*", "name": "first", "weight_decay": 0.5}])
    assert named(model, groups) == {"first": {"0.weight", "0.bias"}, "all": {"1.weight", "1.bias"}}
    assert groups[0]["weight_decay"] == 0.5


def test_a_tied_parameter_falls_to_the_first_pattern_that_matches_any_of_its_names():
    model = nn.ModuleDict({"embedding": nn.Embedding(7, 4), "head": nn.Linear(4, 7)})
    model["head"].weight = model["embedding"].weight
    groups = parameter_groups(model, groups=[{"match": "head.weight", "lr": 0.1}])
    assert [(group["name"], len(group["params"])) for group in groups] == [("head.weight", 1), ("no_decay", 1)]


def test_frozen_parameters_may_be_matched_and_are_left_out():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    assert [group["name"] for group in parameter_groups(model, groups=[{"match": "0.*"}])] == ["decay", "no_decay"]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (
            ["encodr.*"],
            r"groups\[0\]\.match: no parameter is called 'encodr\.\*'; did you mean 'encoder\.\*'",
        ),
        (["head.*", "head.wieght"], r"optimizer\.groups\[1\]\.match: .*did you mean 'head\.weight'"),
        (["zzzzzz"], r"there are encoder\.weight, encoder\.bias, head\.weight \.\.\."),
        ([""], r"no parameter is called ''"),
        (
            ["*", "head.*"],
            r"groups\[1\]\.match: all that 'head\.\*' matches is taken; put it before",
        ),
    ],
)
def test_a_pattern_without_effect_is_refused_with_names_that_are_near(patterns, message):
    model = nn.ModuleDict({"encoder": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    with pytest.raises(ConfigError, match=message):
        parameter_groups(model, groups=[{"match": pattern} for pattern in patterns])


def test_options_that_the_optimizer_does_not_know_are_refused():
    model = nn.Linear(2, 2)
    for patterns in ([{"match": "weight", "momentun": 0.5}], [{"match": "bias", "betas": (0.9, 0.9)}]):
        optimizer = sgd(parameter_groups(model, groups=patterns), lr=0.1)
        with pytest.raises(ConfigError, match=r"optimizer\.groups\[0\]\.(momentun: .*momentum|betas: .*known: )"):
            check_options(patterns, optimizer)
    known = [{"match": "weight", "name": "mine", "momentum": 0.5}]
    check_options(known, sgd(parameter_groups(model, groups=known), lr=0.1))
