"""Parameter groups of stages: all there from the first step, each parameter in one, frozen ones untouched."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ConfigError
from zoo.finetuning.freezing import Freezing
from zoo.finetuning.groups import own_options, set_rates, stage_groups
from zoo.finetuning.phases import Phase, distance_factors
from zoo.finetuning.strategies import Gradual, Head
from zoo.optimizers.combined import tell
from zoo.registry import HOST, options

STAGES = ["stem", "layer1", "layer2", "head"]
GRADUAL = Gradual().phases(STAGES, None)


def test_groups_of_every_stage_exist_from_the_first_step_with_stable_names(model: nn.Module) -> None:
    expected = ["stem", "stem no_decay", "layer1", "layer1 no_decay", "layer2", "layer2 no_decay", "head"]
    expected.append("head no_decay")
    assert [group["name"] for group in stage_groups(model, GRADUAL)] == expected
    freezing = Freezing(model, GRADUAL)
    for epoch in range(5):
        freezing.begin_epoch(epoch)
        assert [group["name"] for group in stage_groups(model, GRADUAL)] == expected


def test_every_parameter_is_in_one_group(model: nn.Module) -> None:
    members = [id(one) for group in stage_groups(model, GRADUAL) for one in group["params"]]
    assert sorted(members) == sorted(id(one) for one in model.parameters())


def test_stages_that_never_train_are_in_none(model: nn.Module) -> None:
    groups = stage_groups(model, Head().phases(STAGES, None))
    assert [group["name"] for group in groups] == ["head", "head no_decay"]


def test_biases_and_normalisation_do_not_decay_unless_all_do(model: nn.Module) -> None:
    spared = [group for group in stage_groups(model, GRADUAL) if group.get("weight_decay") == 0]
    assert all(parameter.ndim == 1 for group in spared for parameter in group["params"])
    assert [group["name"] for group in stage_groups(model, GRADUAL, decay_all=True)] == STAGES


def test_two_parameters_of_equal_values_both_end_in_the_optimizer(model: Any) -> None:
    with torch.no_grad():
        model.backbone.layer2[0].weight.copy_(model.backbone.layer1[0].weight)
        model.backbone.layer2[0].bias.zero_()
        model.backbone.layer1[0].bias.zero_()
    optimizer = torch.optim.SGD(stage_groups(model, GRADUAL), lr=0.1)
    members = {id(one) for group in optimizer.param_groups for one in group["params"]}
    assert members == {id(one) for one in model.parameters()}


DECAYING = {
    "lookahead": {"inner": {"name": "adamw", "weight_decay": 0.5}},
    "sam": {"inner": {"name": "adamw", "weight_decay": 0.5}},
    "switch": {"first": {"name": "adamw", "weight_decay": 0.5}, "when": "step", "at": 2},
}
#: Options with which an optimizer runs another kernel.
KERNELS = {
    "adamw, many tensors together": ("adamw", {"foreach": True}),
    "adamw, fused": ("adamw", {"fused": True}),
    "adam, many tensors together": ("adam", {"foreach": True}),
    "sgd with momentum, fused": ("sgd", {"fused": True, "momentum": 0.9}),
    "sgd with momentum, many tensors together": ("sgd", {"foreach": True, "momentum": 0.9}),
}
NAMES = sorted(one.name for one in zoo.components("optimizer") if one.distribution == HOST)


def built(case: str, groups: list[dict[str, Any]]) -> Any:
    """The optimizer, with weight decay where it has such an option."""
    name, given = KERNELS.get(case, (case, DECAYING.get(case, {})))
    component = next(one for one in zoo.components("optimizer") if one.name == name)
    decay = {"weight_decay": 0.5} if "weight_decay" in options(component) else {}
    return zoo.build("optimizer", name, params=groups, **{**decay, **given})


@pytest.mark.parametrize("case", [*NAMES, *KERNELS])
def test_no_optimizer_moves_or_decays_what_is_frozen(case: str, model: Any) -> None:
    """Frozen at first, trained, then frozen again, with means and momenta from when it was trained."""
    phases = [Phase(1, ("head",)), Phase(1, ("layer2", "head")), Phase(None, ("head",))]
    optimizer = built(case, stage_groups(model, phases))
    freezing = Freezing(model.train(), phases)
    images, classes = torch.rand(6, 3, 8, 8) * 255, torch.arange(6) % 3

    def closure() -> Any:
        torch.manual_seed(0)  # the same dropout each time: a line search compares values of one function
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), classes, label_smoothing=0.1)
        loss.backward()
        return loss

    for epoch in range(3):
        freezing.begin_epoch(epoch)
        if epoch == 2:
            tell(optimizer, "frozen", list(model.backbone.layer2.parameters()))
        before = {name: one.detach().clone() for name, one in model.named_parameters()}
        moved = set()
        for event in ("train", *["step"] * 7, "eval", "train"):
            if event == "step":
                optimizer.step(closure)
            else:
                tell(optimizer, event)
            moved |= {name for name, one in model.named_parameters() if not torch.equal(one, before[name])}
        stages = {name.removeprefix("backbone.").split(".")[0] for name in moved}
        assert all(one.isfinite().all() for one in model.parameters()), "what is no number equals nothing"
        assert stages == ({"layer2", "head"} if epoch == 1 else {"head"})


def test_each_stage_s_rate_is_the_head_s_times_its_factor(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(stage_groups(model, GRADUAL), lr=0.5)
    own = own_options(optimizer)
    factors = distance_factors(STAGES, 0.1)
    set_rates(optimizer, own, None, factors)
    for group in optimizer.param_groups:
        assert group["lr"] == pytest.approx(0.5 * factors[group["stage"]])
    set_rates(optimizer, own, 2.0, factors)
    for group in optimizer.param_groups:
        assert group["lr"] == pytest.approx(2 * factors[group["stage"]])


def test_what_a_schedule_has_left_behind_is_undone(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(stage_groups(model, GRADUAL), lr=0.5, momentum=0.9)
    own = own_options(optimizer)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.01)
    optimizer.param_groups[0]["momentum"] = 0.1
    set_rates(optimizer, own, None, {})
    assert all(group["lr"] == 0.5 and group["momentum"] == 0.9 for group in optimizer.param_groups)
    assert not any("initial_lr" in group for group in optimizer.param_groups)


def test_muon_s_further_groups_know_their_stage(model: nn.Module) -> None:
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon")
    optimizer = zoo.build("optimizer", "muon", params=stage_groups(model, GRADUAL), lr=1.0)
    set_rates(optimizer, own_options(optimizer), None, distance_factors(STAGES, 0.5))
    rates = {group["name"]: group["lr"] for group in optimizer.param_groups}
    assert rates["head"] == 1
    assert rates["stem adamw"] == 0.125


def test_an_optimizer_with_one_rate_refuses_factors(model: nn.Module) -> None:
    optimizer = zoo.build("optimizer", "lbfgs", params=stage_groups(model, GRADUAL))
    set_rates(optimizer, own_options(optimizer), 0.5, distance_factors(STAGES, 1.0))
    assert optimizer.param_groups[0]["lr"] == 0.5
    with pytest.raises(ConfigError, match=r"finetune\.factor: LBFGS has one learning rate for all stages"):
        set_rates(optimizer, own_options(optimizer), None, distance_factors(STAGES, 0.5))
