"""Low-rank adapters: what has them, what trains, and that merging changes nothing but names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from zoo.errors import ConfigError
from zoo.finetuning.freezing import adapter_modules, parts_of
from zoo.finetuning.lora import LoRA
from zoo.finetuning.merging import merge
from zoo.harness.evaluation import evaluate
from zoo.harness.run import load
from zoo.harness.training import resume

pytest.importorskip("peft")
IMAGES = torch.randint(0, 255, (5, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def adapted(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if adapter_modules(module)]


class Mixed(nn.Module):
    """Layers of every kind before a head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8)
        self.grouped = nn.Conv2d(8, 8, 1, groups=2)
        self.pointwise = nn.Conv2d(8, 6, 1)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.linear = nn.Linear(6, 5)
        self.head = nn.Linear(5, 3)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        places = self.pointwise(self.grouped(self.depthwise(self.conv(maps)))).flatten(2).transpose(1, 2)
        outputs: torch.Tensor = self.head(self.linear(self.attention(places, places, places)[0].mean(1)))
        return outputs


def test_all_layers_before_the_head_get_adapters_that_can_have_them() -> None:
    model = Mixed()
    LoRA(rank=2).prepare(model)
    assert adapted(model) == ["conv", "pointwise", "linear"]


def test_patterns_choose_layers() -> None:
    model = Mixed()
    LoRA(rank=2, targets=["line*", "p?intwise"]).prepare(model)
    assert adapted(model) == ["pointwise", "linear"]


def test_a_pattern_that_means_nothing_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"finetune\.targets: 'layer9\.\*' is no layer.*there are conv, pointwise, lin"
    ):
        LoRA(targets=["linear", "layer9.*"]).prepare(Mixed())


def test_an_adapted_model_starts_as_it_was_and_knows_the_options() -> None:
    torch.manual_seed(0)
    model = Mixed().eval()
    maps = torch.rand(2, 4, 6, 6)
    before = model(maps)
    LoRA(rank=3, alpha=6.0, dropout=0.25).prepare(model)
    torch.testing.assert_close(model(maps), before)
    layer: Any = model.linear
    assert layer.lora_A["default"].weight.shape == (3, 6)
    assert layer.scaling["default"] == 2
    assert layer.lora_dropout["default"].p == 0.25


def disturbed(model: nn.Module) -> nn.Module:
    """Adapters with random weights in both their halves."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.3)
    return model.eval()


def test_merging_gives_the_same_outputs_and_the_names_of_a_plain_model() -> None:
    torch.manual_seed(0)
    model = Mixed()
    names, kinds = list(model.state_dict()), [type(one) for one in model.modules()]
    maps = torch.rand(2, 4, 6, 6)
    before = model.eval()(maps)
    LoRA(rank=2).prepare(model)
    trained = disturbed(model)(maps)
    assert (trained - before).abs().max() > 1e-3
    assert merge(model) is model
    torch.testing.assert_close(model(maps), trained, atol=1e-5, rtol=1e-5)
    assert list(model.state_dict()) == names
    assert [type(one) for one in model.modules()] == kinds
    assert not any(module.training for module in model.modules())


def test_a_linear_layer_s_adapter_is_the_closed_form() -> None:
    model = Mixed()
    LoRA(rank=2, alpha=3.0, targets=["linear"]).prepare(model)
    disturbed(model)
    layer: Any = model.linear
    low = (layer.lora_B["default"].weight @ layer.lora_A["default"].weight).detach() * 3 / 2
    expected = layer.base_layer.weight.detach() + low
    merge(model)
    torch.testing.assert_close(model.linear.weight.detach(), expected)


def test_merging_a_model_without_adapters_changes_nothing(model: nn.Module) -> None:
    names = list(model.state_dict())
    assert list(merge(model).state_dict()) == names


def test_where_peft_is_missing_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ConfigError) as error:
        LoRA().prepare(Mixed())
    assert str(error.value) == "finetune=lora: needs an extra; pip install 'attention-zoo[lora]'"


WORDS = ("finetune=lora", "finetune.rank=2", "finetune.dropout=0.2", "finetune.factor=0.5", "optimizer.lr=0.02")


def test_adapters_are_there_in_training_resuming_evaluation_and_prediction(
    train: Callable[..., Any],
    killed_at: list[Path],
    assert_same_end: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    checkpoint: Callable[..., dict[str, Any]],
) -> None:
    run = train(*WORDS, "checkpoint.every_n_steps=1", "trainer.max_epochs=2")
    said = capsys.readouterr().err
    assert "finetune: head changed; stem, layer1, layer2 frozen to the bit" in said
    names = [group["name"] for group in checkpoint(run.dir)["optimizer_states"][0]["param_groups"]]
    assert names == ["stem adapters", "layer1 adapters", "layer2 adapters", "head", "head no_decay"]
    for folder in (killed_at[2], killed_at[4]):
        resume(folder)
        assert_same_end(run.dir, folder)
    assert evaluate(str(run.dir))["test/loss"] == pytest.approx(run.metrics["test/loss"])
    trained = load(run.dir)
    assert len(adapted(trained.task.model)) == 3
    before = trained.task.model(IMAGES)
    merge(trained.task.model)
    torch.testing.assert_close(trained.task.model(IMAGES), before, atol=1e-5, rtol=1e-5)
    assert len(trained.predict([torch.zeros(3, 8, 8)])) == 1


def test_the_parts_of_an_adapted_model_are_stages_and_their_adapters(model: nn.Module) -> None:
    LoRA(rank=2, targets=["backbone.layer1.*"]).prepare(model)
    parts = parts_of(model)
    assert [name for name, part in parts.items() if part.parameters] == [
        "stem",
        "layer1",
        "layer1 adapters",
        "layer2",
        "head",
    ]
    assert all("lora_" in name for name in parts["layer1 adapters"].parameters)
    assert not any("lora_" in name for name in parts["layer1"].parameters)
