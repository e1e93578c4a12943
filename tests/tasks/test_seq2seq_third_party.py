"""A model of a third party that has the four methods of docs/plugins.md and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.errors import ZooError
from zoo.harness.evaluation import evaluate
from zoo.harness.run import load
from zoo.harness.scoring import score

#: A bag of source embeddings into a recurrent cell; the second one also says where it looks.
NETS = """
import torch
from torch import nn


class Bag(nn.Module):
    def __init__(self, source_vocab_size: int, target_vocab_size: int, padding_id: int = 0, size: int = 16) -> None:
        super().__init__()
        self.padding_id = padding_id
        self.source = nn.Embedding(source_vocab_size, size, padding_id)
        self.target = nn.Embedding(target_vocab_size, size, padding_id)
        self.cell = nn.GRUCell(2 * size, size)
        self.vocabulary = nn.Linear(size, target_vocab_size)

    def encode(self, source):
        mask = (source != self.padding_id).unsqueeze(-1)
        states = self.source(source) * mask
        return {"bag": states.sum(1) / mask.sum(1), "states": states, "mask": mask.squeeze(-1)}

    def start(self, memory):
        return torch.tanh(memory["bag"]).unsqueeze(1)

    def step(self, tokens, memory, state):
        bag = memory["bag"].unsqueeze(1).expand(*tokens.shape, -1)
        inputs = torch.cat([self.target(tokens), bag], -1)
        state = self.cell(inputs.flatten(0, 1), state.flatten(0, 1)).view(*tokens.shape, -1)
        return self.vocabulary(state), self.look(state, memory), state

    def look(self, state, memory):
        return None

    def forward(self, source, prefix):
        memory = self.encode(source)
        state, logits = self.start(memory), []
        for step in range(prefix.shape[1]):
            here, _, state = self.step(prefix[:, step : step + 1], memory, state)
            logits.append(here)
        return torch.cat(logits, 1)


class Looking(Bag):
    def look(self, state, memory):
        energies = state @ memory["states"].transpose(1, 2)
        return energies.masked_fill(~memory["mask"].unsqueeze(1), float("-inf")).softmax(-1)
"""


@pytest.fixture
def nets(plugin: Callable[..., Any]) -> None:
    plugin(
        "zoo-bag",
        entry_points={"zoo.models": {"bag": "zoo_bag:Bag", "looking": "zoo_bag:Looking"}},
        modules={"zoo_bag.py": NETS},
    )


@pytest.fixture
def train(nets: None, tmp_path: Path) -> Callable[..., Path]:
    def trained(model: str, *overrides: str) -> Path:
        words = ["data=copy", "data.symbols=4", "data.max_length=4", "data.train=60", "data.val=8", "data.test=9"]
        words += [f"model={model}", "data.batch_size=8", "optimizer.lr=0.02", "data.seed=0", f"data.cache={tmp_path}"]
        words += ["trainer.max_epochs=2", "trainer.accelerator=cpu", "trainer.devices=1", "logger=null"]
        config = zoo.compose([*words, "trainer.enable_progress_bar=false", *overrides])
        return zoo.train(config, tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}").dir

    return trained


SOURCES = ["a b c", "d", "c c"]


def test_it_trains_searches_scores_and_joins_an_ensemble(train: Callable[..., Path]) -> None:
    one, other = train("bag", "decode.beam=3"), train("looking", "seed=1", "report=false")
    curve = json.loads((one / "metrics.json").read_text())
    assert curve["train/epoch_loss"] < np.log(8)
    for run in (one, [one, other]):
        model = load(run)
        for options in (
            {"beam": 4, "n_best": 2, "length_penalty": 1.0, "must": ["d d"]},
            {"strategy": "sample", "top_k": 3, "samples": 3, "n_best": 2},
            {"strategy": "mbr", "samples": 8},
            {"strategy": "diverse", "beam": 4, "groups": 2},
        ):
            fresh = load(run)
            fresh.set_decode(options)
            assert len(fresh.predict(SOURCES)) == 3
        found = model.predict(SOURCES)
        pairs = [{"source": record["source"], "target": record["prediction"]} for record in found]
        scored = score(model, pairs)
        assert [record["score"] for record in scored] == pytest.approx([r["score"] for r in found], abs=1e-5)
    alone = [np.exp(record["log_probability"]) for record in score(load(one), [{"source": "a", "target": ""}])]
    beside = [np.exp(record["log_probability"]) for record in score(load(other), [{"source": "a", "target": ""}])]
    both = [np.exp(r["log_probability"]) for r in score(load([one, other]), [{"source": "a", "target": ""}])]
    np.testing.assert_allclose(both, (np.array(alone) + np.array(beside)) / 2, rtol=1e-4)
    assert evaluate([str(one), str(other)])["test/loss"] > 0


def test_a_model_without_weights_has_no_pictures(train: Callable[..., Path]) -> None:
    run = train("bag")
    assert not (run / "pictures" / "validation").exists()
    assert not list((run / "pictures").glob("attention-*"))
    assert "right answers" in (run / "report.html").read_text()
    model = load(run)
    [record] = model.predict(["a b"])
    assert record["hypotheses"][0]["alignment"] is None
    assert model.task.picture_of(record) is None
    model.set_decode({"replace_unknown": True})
    assert model.predict(["a b"])[0]["prediction"] == record["prediction"]
    model.set_decode({"coverage_penalty": 0.5})
    with pytest.raises(ZooError, match="coverage_penalty"):
        model.predict(["a b"])


def test_a_model_with_weights_has_pictures(train: Callable[..., Path]) -> None:
    run = train("looking")
    assert len(list((run / "pictures" / "validation").iterdir())) == 2 * 2, "two examples, two validations"
    assert (run / "pictures" / "attention-1.png").exists()
    [record] = load(run).predict(["a b"])
    assert load(run).task.picture_of(record)[:4] == b"\x89PNG"


def test_what_a_model_lacks_is_said_before_it_is_trained(
    train: Callable[..., Path], plugin: Callable[..., Any]
) -> None:
    halves = NETS.replace("def step(self", "def stride(self").replace("self.step(", "self.stride(")
    plugin("zoo-half", entry_points={"zoo.models": {"half": "zoo_half:Bag"}}, modules={"zoo_half.py": halves})
    with pytest.raises(ZooError, match="model: Bag has no method step; a model for sequences has encode, start, step"):
        train("half")
