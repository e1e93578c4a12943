"""A small image model in stages, and small images to train it on: a plugin made on the spot."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.harness.checkpointing import Checkpoints
from zoo.harness.run import Run
from zoo.testing.nested import difference

#: Stages `stem`, `layer1` and `layer2`, each with batch normalisation, two of them with dropout.
MODEL = '''
from typing import Annotated, Any

import torch
from torch import nn

from zoo.models.backbone import Stage, Staged
from zoo.models.preprocessing import Preprocessing


class Network(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        for name in ("layer1", "layer2"):
            conv = nn.Conv2d(width, width, 3, padding=1)
            setattr(self, name, nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(0.3)))


class Tiny(Staged):
    """For tests."""

    def __init__(self, out_features: int, width: int = 4, weights: str = "none", side: int = 8):
        super().__init__(Preprocessing(side, side, mean=(0.5,) * 3, std=(0.25,) * 3))
        self.backbone = Network(width)
        self.head = nn.Linear(width, out_features)
        if weights != "none":
            self.backbone.load_state_dict(torch.load(weights, weights_only=True))

    def backbone_stages(self):
        network: Any = self.backbone
        stages = {"stem": Stage((network.conv1, network.bn1))}
        return stages | {name: Stage((getattr(network, name),)) for name in ("layer1", "layer2")}

    @staticmethod
    def preprocessing(options):
        return Preprocessing(options["side"], options["side"])
'''
DATA = '''
import torch
from torch.utils.data import TensorDataset


class Squares:
    """Pictures of noise, brighter in one channel: the class."""

    def __init__(self, batch_size: int = 8, num_workers: int = 0, preprocessing: Any = None, balance: bool = False):
        self.batch_size, self.num_workers = batch_size, num_workers
        self.prepared = preprocessing
        self.facts = {"problem": "multiclass", "num_classes": 3, "class_names": ["a", "b", "c"], "in_channels": 3}
        self.facts["examples"] = {"train": 24, "val": 9, "test": 9}
        if balance:
            self.facts["class_weights"] = [1.0, 2.0, 3.0]

    def setup(self):
        self.splits = {}
        for number, (split, count) in enumerate(self.facts["examples"].items()):
            generator = torch.Generator().manual_seed(number)
            images = torch.randint(0, 200, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)
            classes = torch.arange(count) % 3
            images[torch.arange(count), classes] += 40
            self.splits[split] = TensorDataset(images, classes)

    def dataset(self, split):
        return self.splits[split]

    def state_dict(self):
        return {"prepared": self.prepared}

    def load_state_dict(self, state):
        self.prepared = state["prepared"]

    def read_records(self, records):
        return torch.stack([torch.as_tensor(one) for one in records])
'''.replace("import torch\n", "from typing import Any\n\nimport torch\n", 1)
CALLBACK = '''
import hashlib
import os
from pathlib import Path

from pytorch_lightning import Callback


class Digests(Callback):
    """Every rank writes what its weights are after each epoch."""

    def __init__(self, folder: str):
        self.folder = folder

    def on_train_epoch_end(self, trainer, pl_module):
        hashed = hashlib.sha256()
        for parameter in pl_module.parameters():
            hashed.update(parameter.detach().numpy().tobytes())
        rates = [group["lr"] for group in trainer.optimizers[0].param_groups]
        with Path(self.folder, f"rank-{trainer.global_rank}.txt").open("a") as file:
            file.write(f"{hashed.hexdigest()} {rates}\\n")
'''
SMALL = (
    "data=squares",
    "model=tiny",
    "logger=csv",
    "report=false",
    "schedule=constant",
    "trainer.accelerator=cpu",
    "trainer.devices=1",
    "trainer.max_epochs=4",
    "trainer.enable_progress_bar=false",
    "trainer.log_every_n_steps=1",
)
EVERY_STEP = "checkpoint.every_n_steps=1"


@pytest.fixture
def tiny_plugin(plugin: Callable[..., Any]) -> Any:
    """The plugin `zoo-tiny`: `model=tiny`, `data=squares`, `callback=digests`."""
    points = {
        "zoo.models": {"tiny": "zoo_tiny.model:Tiny"},
        "zoo.data": {"squares": "zoo_tiny.data:Squares"},
        "zoo.callbacks": {"digests": "zoo_tiny.callback:Digests"},
    }
    files = {"__init__": "", "model": MODEL, "data": DATA, "callback": CALLBACK}
    modules = {f"zoo_tiny/{name}.py": source for name, source in files.items()}
    return plugin("zoo-tiny", entry_points=points, modules=modules)


@pytest.fixture
def tiny(tiny_plugin: Any) -> type[nn.Module]:
    """The class of `model=tiny`."""
    from zoo_tiny.model import Tiny  # type: ignore[import-not-found]

    found: type[nn.Module] = Tiny
    return found


@pytest.fixture
def model(tiny: type[nn.Module]) -> nn.Module:
    """A tiny model, its batch normalisation with statistics that are not the first ones."""
    torch.manual_seed(0)
    built = tiny(3)
    with torch.no_grad():
        for module in built.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    return built


@pytest.fixture
def composed(tiny: type[nn.Module]) -> Callable[..., dict[str, Any]]:
    """The configuration of a small run, of 3 steps an epoch; overrides win."""

    def compose(*overrides: str) -> dict[str, Any]:
        return zoo.compose(list({word.split("=")[0]: word for word in (*SMALL, *overrides)}.values()))

    return compose


@pytest.fixture
def train(tmp_path: Path, composed: Callable[..., dict[str, Any]]) -> Callable[..., Run]:
    """Train that configuration."""

    def trained(*overrides: str, folder: str = "run") -> Run:
        return zoo.train(composed(*overrides), tmp_path / folder)

    return trained


@pytest.fixture
def checkpoint() -> Callable[..., dict[str, Any]]:
    """A checkpoint of a run, as torch alone reads it."""

    def read(folder: Path, name: str = "last") -> dict[str, Any]:
        content: dict[str, Any] = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
        return content

    return read


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Copies of the first run's folder before each batch: what a kill at that moment would leave."""
    copies: list[Path] = []
    folders: list[Path] = []
    hook = Checkpoints.on_train_batch_start

    def and_copy(self: Checkpoints, *arguments: Any) -> None:
        hook(self, *arguments)
        folders.append(self.folder.path)
        if folders[-1] != folders[0]:
            return
        copies.append(tmp_path / f"killed-{len(copies)}")
        shutil.copytree(self.folder.path, copies[-1])

    monkeypatch.setattr(Checkpoints, "on_train_batch_start", and_copy)
    return copies


@pytest.fixture
def assert_same_end(checkpoint: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Two runs ended in the same place: every bit of weights, optimizer, schedule, random state, callbacks and logs."""

    def compare(one: Path, other: Path) -> None:
        for name in ("last", "best"):
            assert difference(checkpoint(one, name), checkpoint(other, name), name) is None
        assert (one / "logs" / "metrics.csv").read_text() == (other / "logs" / "metrics.csv").read_text()

    return compare
