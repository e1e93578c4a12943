"""Frozen means frozen: to the bit, whatever `.train()` is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.errors import ConfigError
from zoo.finetuning.freezing import Freezing, parts_of, stage_names
from zoo.finetuning.phases import Phase
from zoo.models.linear import Linear
from zoo.models.mlp import MLP

HEAD_THEN_LAYER2 = [Phase(1, ("head",)), Phase(1, ("layer2", "head")), Phase(None, ("head",))]
IMAGES = torch.randint(0, 255, (6, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def tensors(model: nn.Module) -> dict[str, Tensor]:
    return {name: one.detach().clone() for name, one in model.state_dict().items()}


def changed(before: dict[str, Tensor], model: nn.Module) -> set[str]:
    """The stages that differ from before in any bit of a parameter or buffer."""
    parts = parts_of(model)
    names = {name for name, one in model.state_dict().items() if not torch.equal(before[name], one)}
    return {part.name for part in parts.values() if names & {*part.parameters, *part.buffers}}


def steps(model: nn.Module, parameters: list[nn.Parameter], count: int = 3) -> None:
    """Train for some steps, with weight decay, in what mode the model is."""
    optimizer = torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.1)
    for _ in range(count):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(IMAGES), torch.arange(6) % 3).backward()
        optimizer.step()


def test_stages_with_parameters_are_named_from_the_input_to_the_head(model: nn.Module) -> None:
    assert stage_names(model) == ["stem", "layer1", "layer2", "head"]


def test_every_parameter_and_buffer_is_in_one_part(model: nn.Module) -> None:
    parts = parts_of(model).values()
    assert sorted(name for part in parts for name in part.parameters) == sorted(dict(model.named_parameters()))
    assert sorted(name for part in parts for name in part.buffers) == sorted(dict(model.named_buffers()))


def test_a_shared_parameter_is_in_the_first_stage_that_has_it(model: Any) -> None:
    model.backbone.layer2[0].weight = model.backbone.layer1[0].weight
    parts = parts_of(model)
    assert "backbone.layer1.0.weight" in parts["layer1"].parameters
    assert not any("0.weight" in name for name in parts["layer2"].parameters)


def test_a_parameter_of_no_stage_is_frozen_with_the_first(model: Any) -> None:
    model.backbone.scale = nn.Parameter(torch.ones(1))
    assert "backbone.scale" in parts_of(model)["stem"].parameters
    Freezing(model, HEAD_THEN_LAYER2)
    assert not model.backbone.scale.requires_grad


def test_of_a_model_without_stages_all_but_its_head_is_the_backbone() -> None:
    model = MLP(4, 3, norm="batch")
    model.bias = nn.Parameter(torch.zeros(3))
    parts = parts_of(model)
    assert list(parts) == ["backbone", "head"]
    assert set(parts["head"].parameters) == {"head.weight", "head.bias"}
    assert "bias" in parts["backbone"].parameters
    assert stage_names(Linear(4, 3))[-1] == "head"


def test_a_model_with_neither_stages_nor_head_says_what_is_missing() -> None:
    problem = r"Sequential has no stages: neither a method stage_modules nor a module called head; choose"
    with pytest.raises(ConfigError, match=problem):
        stage_names(nn.Sequential(nn.Linear(2, 2)))


CALLS: dict[str, Callable[[nn.Module], Any]] = {
    "nothing": lambda model: None,
    "train of the model": lambda model: model.train(),
    "train of what holds the model": lambda model: nn.Sequential(nn.ModuleList([model])).train(),
    "eval and train": lambda model: model.eval().train(),
}


@pytest.mark.parametrize("call", CALLS)
def test_frozen_parameters_and_buffers_stay_to_the_bit_whatever_train_is_called(call: str, model: nn.Module) -> None:
    Freezing(model, HEAD_THEN_LAYER2)
    CALLS[call](model)
    assert model.training
    before = tensors(model)
    steps(model, list(model.parameters()))
    assert changed(before, model) == {"head"}


def test_without_freezing_every_stage_changes(model: nn.Module) -> None:
    before = tensors(model)
    steps(model.train(), list(model.parameters()))
    assert changed(before, model) == {"stem", "layer1", "layer2", "head"}


def test_features_of_frozen_stages_do_not_depend_on_batch_mates_or_on_chance(model: Any) -> None:
    Freezing(model, HEAD_THEN_LAYER2)
    model.train()
    together = model.run(IMAGES, upto="pool")
    one_by_one = torch.cat([model.run(image[None], upto="pool") for image in IMAGES])
    torch.testing.assert_close(together, one_by_one)
    assert torch.equal(together, model.run(IMAGES, upto="pool"))
    model.eval()
    assert torch.equal(together, model.run(IMAGES, upto="pool"))


def test_statistics_of_frozen_stages_move_on_request_and_nothing_else(model: nn.Module) -> None:
    Freezing(model, HEAD_THEN_LAYER2, batch_norm="train")
    model.train()
    assert not any(module.training for module in model.modules() if isinstance(module, nn.Dropout))
    before = tensors(model)
    steps(model, list(model.parameters()))
    moved = {name for name, one in model.state_dict().items() if not torch.equal(before[name], one)}
    assert {name.rpartition(".")[2] for name in moved if not name.startswith("head")} == {
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }
    model.eval()
    assert not any(module.training for module in model.modules())


def test_unfreezing_and_freezing_again_follow_the_epochs(model: Any) -> None:
    freezing = Freezing(model.train(), HEAD_THEN_LAYER2)
    told = []
    for epoch in range(4):
        told.append(freezing.begin_epoch(epoch))
        before = tensors(model)
        steps(model, list(model.parameters()), 1)
        assert changed(before, model) == ({"layer2", "head"} if epoch == 1 else {"head"})
        assert model.backbone.layer2[3].training == (epoch == 1)
        assert not model.backbone.layer1[3].training
    assert told == [False, True, True, False]


def test_a_stage_that_is_frozen_again_has_no_gradient_left_to_follow(model: Any) -> None:
    freezing = Freezing(model.train(), HEAD_THEN_LAYER2)
    freezing.begin_epoch(1)
    steps(model, list(model.parameters()), 1)
    assert model.backbone.layer2[0].weight.grad is not None
    freezing.begin_epoch(2)
    assert model.backbone.layer2[0].weight.grad is None


def test_a_stage_without_parameters_goes_with_the_one_before(model: Any) -> None:
    """Pooling with dropout in it would otherwise make cached and computed features differ."""
    stages = model.stage_modules()
    model.noise = nn.Dropout(0.5)
    model.stage_modules = lambda: {**stages, "pool": [model.noise]}
    freezing = Freezing(model.train(), HEAD_THEN_LAYER2)
    assert not model.noise.training
    freezing.begin_epoch(1)
    assert model.noise.training


def test_adapters_train_in_a_frozen_stage(model: Any) -> None:
    pytest.importorskip("peft")
    from zoo.finetuning.lora import LoRA

    strategy = LoRA(rank=2, dropout=0.5, targets=["backbone.layer2.*"])
    strategy.prepare(model)
    names = stage_names(model)
    assert names == ["stem", "layer1", "layer2", "layer2 adapters", "head"]
    Freezing(model, strategy.phases(names, None))
    model.train()
    before = tensors(model)
    steps(model, list(model.parameters()))
    assert changed(before, model) == {"layer2 adapters", "head"}
    layer = model.backbone.layer2[0]
    assert [layer.lora_dropout["default"].training, model.backbone.layer2[3].training] == [True, False]
