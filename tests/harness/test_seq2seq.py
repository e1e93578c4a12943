"""Sequence to sequence through the harness: resumed runs, several processes, means of checkpoints."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zoo
from zoo.harness.checkpointing import Checkpoints
from zoo.harness.evaluation import evaluate
from zoo.harness.run import load
from zoo.harness.training import resume


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides of a small run on made-up words, whose subwords are drawn anew at each visit."""
    folder = tmp_path_factory.mktemp("words")
    draw = random.Random(1)
    syllables = ["ka", "to", "mi", "ren", "su", "pol"]
    sources = list(dict.fromkeys("".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(90)))
    path = folder / "words.tsv"
    path.write_text("".join(f"{source}\t{source[::-1]}\n" for source in sources))
    found = ["task=seq2seq", "data=pairs", f"data.path={path}", "data.tokenizer=sentencepiece", "data.vocab_size=24"]
    found += ["data.subword_sampling=0.3", "data.val=7", "data.test=9", f"data.cache={folder / 'cache'}"]
    found += ["data.batch_unit=sentences", "data.batch_size=16", "model=bahdanau", "model.embedding_size=8"]
    found += ["model.decoder_size=12", "model.dropout=0.2", "model.scheduled_sampling=0.2"]
    found += ["metric=[exact_match,cer]", "task.heatmaps=1", "logger=csv", "report=false", "optimizer.lr=0.01"]
    return [*found, "trainer.accelerator=cpu", "trainer.devices=1", "trainer.max_epochs=2"]


@pytest.mark.parametrize(
    "setting",
    [("data.num_workers=0", "checkpoint.keep=2"), ("schedule=plateau", "trainer.val_check_interval=0.5")],
    ids=["mean of checkpoints", "two validations an epoch"],
)
def test_resumed_after_a_kill_within_an_epoch_equals_uninterrupted(
    setting: tuple[str, ...],
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    assert_same_end: Callable[..., None],
) -> None:
    """Dropout, scheduled sampling and drawn subwords included. Copies of the folder are what a kill would leave."""
    copies: list[Path] = []
    hook = Checkpoints.on_train_batch_start

    def and_copy(self: Checkpoints, *arguments: Any) -> None:
        hook(self, *arguments)
        copies.append(tmp_path / f"killed-{len(copies)}")
        shutil.copytree(self.folder.path, copies[-1])

    config = zoo.compose([*words, *setting, "checkpoint.every_n_steps=1", "trainer.enable_progress_bar=false"])
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "on_train_batch_start", and_copy)
        whole = zoo.train(config, tmp_path / "whole")
    assert len(copies) == whole.metrics["train/steps"] >= 8
    for folder in (copies[2], copies[len(copies) // 2 + 1], copies[-1]):
        torch.manual_seed(5)  # whatever this process has drawn before
        resume(folder)
        assert_same_end(whole.dir, folder)


def test_subwords_are_drawn_anew_at_each_visit_but_not_where_a_run_is_measured(
    words: list[str], tmp_path: Path
) -> None:
    """The data that resuming is tested on would otherwise prove nothing."""
    from zoo.harness.assembly import build_data
    from zoo.harness.batches import HarnessData

    config = zoo.compose(words)
    data = build_data(config)
    data.setup()
    visits = []
    for epoch in (0, 1, 0):
        batches = HarnessData(data, 0)
        batches.start_at(epoch, 0)
        texts = {}
        for inputs, _, examples in batches.train_dataloader():
            texts |= {int(place): tuple(row.tolist()) for place, row in zip(examples, inputs["source"], strict=True)}
        visits.append({place: tuple(token for token in row if token) for place, row in texts.items()})
    assert visits[0] == visits[2]
    assert sum(visits[0][place] != visits[1][place] for place in visits[0]) > len(visits[0]) / 10
    one, other = (data.dataset("val").__getitems__([0, 1, 2]) for _ in range(2))
    torch.testing.assert_close(one[0]["source"], other[0]["source"])


@pytest.mark.slow
def test_on_two_processes_every_example_counts_once(
    words: list[str], tmp_path: Path, run_python: Callable[..., Any]
) -> None:
    """Seven validation and nine test examples, of different lengths, on two ranks; against one process, one by one."""
    ranks = [word for word in words if not word.startswith("trainer.")]
    ranks += ["trainer.accelerator=cpu", "trainer.devices=2", "trainer.strategy=ddp", "trainer.max_epochs=1"]
    outcome = run_python("-m", "zoo.train", *ranks, "report=true", f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.returncode == 0, outcome.stderr
    measured = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for split in ("val", "test"):
        alone = evaluate(str(tmp_path / "run"), {"data.batch_size": 1, "trainer.devices": 1, "decode.beam": 1}, split)
        for name in ("loss", "exact_match", "cer"):
            if split == "val" or name == "loss":  # the test was searched with a beam
                assert measured[f"{split}/{name}"] == pytest.approx(alone[f"test/{name}"], abs=2e-6), (split, name)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "of 9 test examples are right" in page
    assert page.count('<th scope="row">') >= 9


def test_the_mean_of_checkpoints_is_taken_where_validation_says_so(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """best.ckpt holds the mean, or the best of the kept ones, whichever has the lower loss; the curves know no mean."""
    settings = ["checkpoint.keep=3", "trainer.max_epochs=4", "data.subword_sampling=0", "task.heatmaps=0"]
    config = zoo.compose([*words, *settings, "trainer.enable_progress_bar=false"])
    run = zoo.train(config, tmp_path / "run")
    kept = {path: torch.load(path, weights_only=True) for path in sorted((run.dir / "checkpoints").glob("*/*.ckpt"))}
    assert len(kept) == 3
    best = torch.load(run.dir / "checkpoints" / "best.ckpt", weights_only=True)
    values = {path: content["zoo"]["value"] for path, content in kept.items()}
    mean = {
        name: torch.stack([content["state_dict"][name].double() for content in kept.values()]).mean(0)
        for name in best["state_dict"]
    }
    averaged = load(run.dir, average=True)
    for name, value in averaged.task.state_dict().items():
        np.testing.assert_allclose(value.numpy(), mean[name].numpy(), rtol=1e-6, atol=1e-8)
    of_mean = evaluate(str(run.dir), split="val", average=True)["test/loss"]
    assert best["zoo"]["value"] == pytest.approx(min(of_mean, *values.values()), abs=1e-6)
    assert ("the mean of the 3 best checkpoints is better still" in capsys.readouterr().err) == (
        of_mean < min(values.values())
    )
    assert run.metrics["val/loss"] == pytest.approx(best["zoo"]["value"], abs=1e-6)
    rows = (run.dir / "logs" / "metrics.csv").read_text().splitlines()
    place = rows[0].split(",").index("val/loss")
    assert sum(bool(row.split(",")[place]) for row in rows[1:]) == 4
