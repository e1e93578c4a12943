"""Cached features: what training through the frozen backbone gives, computed once, and never stale."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.data.arrays import ArrayStore
from zoo.data.images.images import Images
from zoo.errors import ConfigError
from zoo.harness.batches import IndexList
from zoo.harness.features import Extractor, FeatureDataset, weights_key
from zoo.harness.lr_finder import find_rate
from zoo.harness.training import resume

FEW = [
    *("data=images", "data.size=16", "data.resize=16", "data.batch_size=8", "data.augment=none", "model=cifar_resnet"),
    *("model.depth=20", "trainer.max_epochs=3", "optimizer.lr=0.01", "trainer.enable_progress_bar=false"),
    *("logger=null", "report=false", "trainer.precision=32-true"),
]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch) -> Path:
    """Two classes of noise, one brighter; caches of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draw = np.random.default_rng(0)
    for split, count in (("train", 10), ("val", 4), ("test", 4)):
        for name, base in (("dark", 0), ("light", 60)):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(0, 180, (16, 18, 3)) + base
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "photos"


def trained(photos: Path, folder: Path, *overrides: str):
    return zoo.train(zoo.compose([*FEW, f"data.path={photos}", *overrides]), folder)


def told(capsys) -> tuple[int, int]:
    """Extracted and kept before, as the run said."""
    line = re.search(r"features of .*: (none|\d+) extracted.*, (\d+) kept before", capsys.readouterr().err)
    return 0 if line[1] == "none" else int(line[1]), int(line[2])


STRATEGIES = {
    "head": ["finetune=head", "model.head={name: mlp, hidden: 8, dropout: 0.5}"],
    "prefix": ["finetune=schedule", "finetune.phases=[{epochs: 1, train: head}, {train: [layer3, head]}]"],
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_cached_training_is_training_through_the_frozen_stages(photos, tmp_path, strategy):
    runs = [
        trained(photos, tmp_path / cache, *STRATEGIES[strategy], f"finetune.cache={cache}")
        for cache in ("true", "false")
    ]
    cached, through = (run.model.task.state_dict() for run in runs)
    assert cached.keys() == through.keys()
    for name, value in through.items():
        torch.testing.assert_close(cached[name], value, rtol=1e-5, atol=1e-5)
    for name, value in runs[1].metrics.items():
        if name != "train/seconds":
            assert runs[0].metrics[name] == pytest.approx(value, abs=1e-5), name


def test_features_are_extracted_once_for_all_epochs_seeds_and_rates(photos, tmp_path, capsys):
    trained(photos, tmp_path / "1", "finetune=head")
    assert told(capsys) == (28, 0)
    # The backbone's random weights follow from the seed, and would be others: they are given.
    trained(photos, tmp_path / "2", "finetune=head", "optimizer.lr=0.1", "trainer.max_epochs=1")
    assert told(capsys) == (0, 28)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_trial_of_learning_rates_is_on_features_that_the_run_finds(photos, tmp_path, capsys, strategy):
    words = [*FEW, f"data.path={photos}", *STRATEGIES[strategy]]
    cached = find_rate(zoo.compose(words), steps=12, low=1e-4, high=1e-1)
    assert told(capsys) == (28, 0)
    through = find_rate(zoo.compose([*words, "finetune.cache=false"]), steps=12, low=1e-4, high=1e-1)
    assert cached.losses == pytest.approx(through.losses, abs=1e-5)
    assert len(set(cached.losses)) == 12
    trained(photos, tmp_path / "run", *STRATEGIES[strategy])
    assert told(capsys) == (0, 28)


def test_only_what_changed_is_extracted_again(photos, tmp_path, capsys):
    trained(photos, tmp_path / "1", "finetune=head", "trainer.max_epochs=1")
    told(capsys)
    Image.new("RGB", (16, 16), (9, 9, 9)).save(photos / "train/dark/3.png")
    trained(photos, tmp_path / "2", "finetune=head", "trainer.max_epochs=1")
    assert told(capsys) == (1, 27)
    (photos / "train/dark/5.png").touch()
    trained(photos, tmp_path / "3", "finetune=head", "trainer.max_epochs=1")
    assert told(capsys) == (0, 28)
    for change in ("seed=1", "data.interpolation=bicubic", "trainer.precision=bf16-mixed"):
        trained(photos, tmp_path / change, "finetune=head", "trainer.max_epochs=1", change)
        extracted, kept = told(capsys)
        assert (extracted, kept) == (28, 0), change


def test_a_damaged_feature_is_extracted_again(photos, tmp_path, capsys):
    first = trained(photos, tmp_path / "1", "finetune=head")
    told(capsys)
    (data,) = (tmp_path / "cache").rglob("features/*/*.bin")
    content = bytearray(data.read_bytes())
    content[17] ^= 255
    data.write_bytes(content)
    again = trained(photos, tmp_path / "2", "finetune=head")
    assert told(capsys) == (1, 27)
    assert again.metrics["val/loss"] == pytest.approx(first.metrics["val/loss"], abs=1e-7)


def test_a_resumed_run_equals_an_uninterrupted_one(photos, tmp_path):
    whole = trained(photos, tmp_path / "whole", "finetune=head", "finetune.views=2", "data.augment=auto")
    trained(photos, tmp_path / "part", "finetune=head", "finetune.views=2", "data.augment=auto", "trainer.max_epochs=2")
    part = resume(tmp_path / "part", {"trainer.max_epochs": 3})
    for name, value in whole.model.task.state_dict().items():
        assert torch.equal(part.model.task.state_dict()[name], value), name


def test_an_epoch_has_the_view_whose_turn_it_is(photos, tmp_path):
    data = Images(str(photos), size=16, resize=16)
    data.setup()
    model = zoo.build("model", "cifar_resnet", depth=20, num_classes=2).eval()
    extractor, dataset = Extractor(model, "pool", "32-true", ArrayStore(tmp_path / "store")), data.dataset("train")
    for view in range(3):
        extractor.extract(dataset, view)
    features = FeatureDataset(extractor.store, [extractor.keys(dataset, view) for view in range(3)], dataset.targets)
    with torch.no_grad():
        for epoch in range(5):
            indices = IndexList([4, 11])
            indices.epoch = epoch
            found, targets = features.__getitems__(indices)
            expected = model.run(dataset.view([4, 11], epoch % 3), upto="pool")
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
            assert targets.tolist() == [0, 1]
    assert not torch.equal(dataset.view([4], 0), dataset.view([4], 1))


def test_features_are_independent_of_batch_mates(photos, tmp_path):
    data = Images(str(photos), size=16, resize=16)
    data.setup()
    dataset, model = data.dataset("train"), zoo.build("model", "cifar_resnet", depth=20, num_classes=2)
    extractor = Extractor(model, "layer2", "32-true", ArrayStore(tmp_path / "store"))
    together = extractor._run(dataset.plain(range(20)))
    for place in (0, 7, 19):
        assert torch.equal(extractor._run(dataset.plain([place]))[0], together[place])
    whole = torch.cat([dataset.plain(range(20)), dataset.plain(range(12))])
    with torch.no_grad():
        torch.testing.assert_close(model.eval().run(whole, upto="layer2")[:20], together, rtol=1e-4, atol=1e-4)
    model.train()
    extractor._run(dataset.plain([0]))
    assert model.training
    assert model.backbone.training


def test_the_key_of_weights_sees_every_number_up_to_the_stage_and_none_after():
    model = zoo.build("model", "cifar_resnet", depth=20, num_classes=2)
    before = weights_key(model, "layer2")
    with torch.no_grad():
        model.head.linear.weight.add_(1)
        next(iter(model.stage_modules()["layer3"][0].parameters())).add_(1)
    assert weights_key(model, "layer2") == before
    norm = next(one for one in model.stage_modules()["layer1"][0].modules() if isinstance(one, torch.nn.BatchNorm2d))
    norm.running_mean[0] += 1e-6
    assert weights_key(model, "layer2") != before


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["data.augment=standard"], r"data\.augment=standard draws pictures anew in every epoch; finetune\.views=8"),
        (["data.mixup=0.2"], r"data\.mixup and data\.cutmix mix"),
        (["data.erase=0.5"], r"data\.erase draws"),
        (["finetune.batch_norm=train"], r"no stage from the input on stays frozen"),
    ],
)
def test_features_that_cannot_be_kept_are_refused_when_asked_for(photos, tmp_path, capsys, overrides, problem):
    with pytest.raises(ConfigError, match=problem):
        trained(photos, tmp_path / "1", "finetune=head", "finetune.cache=true", *overrides)
    trained(photos, tmp_path / "2", "finetune=head", "trainer.max_epochs=1", *overrides)
    assert "kept before" not in capsys.readouterr().err


def test_without_a_cache_folder_features_last_as_long_as_the_run(photos, tmp_path, capsys):
    trained(photos, tmp_path / "1", "finetune=head", "data.cache=none")
    assert told(capsys) == (28, 0)
    assert not (tmp_path / "cache").exists()
