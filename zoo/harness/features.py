"""What frozen stages make of every picture: computed once, kept on disk, and trained on in place of the pictures.

A feature is kept under a key of everything it follows from: the weights of the stages, how the picture is prepared,
what is in its file, and the precision. So another epoch, fold, seed or learning rate finds it, and whatever changed is
made again, alone.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from zoo.data.arrays import ArrayStore
from zoo.errors import ConfigError, DataError
from zoo.harness.lightning import precision
from zoo.harness.messages import say
from zoo.runs.checkpoints import read_checkpoint
from zoo.tasks.task import Task

#: Another way of computing features needs another number.
VERSION = 1

#: Pictures computed at once.
BATCH = 32
#: Seconds between two words on how far it is.
PATIENCE = 15.0


class FeatureDataset(Dataset[tuple[Tensor, Tensor]]):
    """Kept features with targets.

    Args:
        store: where they are.
        keys: of every example, for each view.
        targets: of every example.
    """

    def __init__(self, store: ArrayStore, keys: Sequence[Sequence[str]], targets: Tensor) -> None:
        self.store, self.keys, self.targets = store, keys, targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Features (B, ...) of the view whose turn it is in the epoch, and targets (B,)."""
        view = self.keys[int(getattr(indices, "epoch", 0)) % len(self.keys)]
        found = [self._feature(view[index]) for index in indices]
        features = torch.stack(found) if found else self._feature(view[0]).new_empty(0, *self._feature(view[0]).shape)
        return features, self.targets[torch.as_tensor(indices, dtype=torch.int64)]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """One example of the first view."""
        return self._feature(self.keys[0][index]), self.targets[index]

    def _feature(self, key: str) -> Tensor:
        feature = self.store.get(key)
        if feature is None:
            problem = "a feature that was there is gone"
            raise DataError(self.store.folder, problem=problem, remedy="start again, with resume=RUN")
        return feature


class FeatureData:
    """A data component of features, for the harness to train on and validate.

    Args:
        data: what they were made of.
        datasets: features by split.
        keeps: whatever must live as long.
    """

    num_workers = 0

    def __init__(self, data: Any, datasets: dict[str, FeatureDataset], keeps: Any = None) -> None:
        self.data, self.datasets, self.keeps = data, datasets, keeps
        self.batch_size = data.batch_size
        if hasattr(data, "order"):
            self.order = data.order

    def dataset(self, split: str) -> FeatureDataset:
        """Features of a split."""
        return self.datasets[split]

    @staticmethod
    def collate(batch: Any) -> Any:
        """The batch as it is."""
        return batch


def features_of(task: Task, data: Any, config: dict[str, Any], checkpoint: Path | None) -> FeatureData | None:
    """Features of the training and validation pictures; None where every epoch has to see the pictures.

    Args:
        task: with its model; afterwards it takes features for inputs.
        data: the data component, set up.
        config: of the run.
        checkpoint: that the run goes on from, whose weights are not in the model yet.

    Raises:
        ZooError: they are wanted, and cannot be had.
    """
    finetuning = task.course.finetuning
    if finetuning is None or not finetuning.cache:
        return None
    prefix, problem = finetuning.frozen_prefix, ""
    if prefix is None:
        problem = "no stage from the input on stays frozen for the whole run, and the model can be run from there"
    elif not hasattr(data, "uncacheable"):
        problem = f"data={config['data']['name']} are no pictures with keys"
    else:
        problem = data.uncacheable(finetuning.views)
    if problem or prefix is None:
        if finetuning.cache is True or finetuning.views:
            raise ConfigError("finetune.cache", problem, "leave it out")
        if prefix is not None and hasattr(data, "uncacheable"):
            say(f"note: features are computed in every epoch: {problem}")
        return None
    if checkpoint is not None:
        task.load_state_dict(read_checkpoint(checkpoint)["state_dict"])
    kept, keeps = data.feature_folder(), None
    if kept is None:
        keeps = tempfile.TemporaryDirectory(prefix="features-")
        kept = Path(keeps.name)
    kind = str(precision(config["trainer"].get("precision", "32-true")))
    extractor = Extractor(task.model, prefix, kind, ArrayStore(kept))
    datasets = {}
    for split in ("train", "val"):
        dataset = data.dataset(split)
        views = range(finetuning.views) if split == "train" and finetuning.views else [None]
        datasets[split] = FeatureDataset(
            extractor.store, [extractor.keys(dataset, one) for one in views], dataset.targets
        )
        for one in views:
            extractor.extract(dataset, one)
    say(extractor.told())
    finetuning.after = prefix
    return FeatureData(data, datasets, keeps)


class Extractor:
    """Computes what is not kept yet.

    Args:
        model: of stages.
        upto: the last stage to compute.
        kind: precision, as Lightning names it.
        store: of features.
    """

    def __init__(self, model: nn.Module, upto: str, kind: str, store: ArrayStore) -> None:
        self.model, self.upto, self.kind, self.store = model, upto, kind, store
        self.weights = weights_key(model, upto)
        self.extracted = self.found = 0
        self.seconds = 0.0

    def keys(self, dataset: Any, view: int | None) -> list[str]:
        """The key of every picture's feature.

        Args:
            dataset: with `keys`, `transform_key` and `view_key`.
            view: number of the drawing; None: the picture as it is evaluated.
        """
        seen = dataset.transform_key if view is None else dataset.view_key(view)
        base = hashlib.blake2b(f"{VERSION} {self.weights} {self.kind} {seen}".encode(), digest_size=20)
        keys = []
        for one in dataset.keys:
            own = base.copy()
            own.update(one.encode())
            keys.append(own.hexdigest())
        return keys

    def extract(self, dataset: Any, view: int | None) -> None:
        """Compute and keep the features that are missing."""
        began = time.monotonic()
        keys = self.keys(dataset, view)
        missing = list({key: place for place, key in enumerate(keys) if self.store.get(key) is None}.values())
        self.found += len(keys) - len(missing)
        self.extracted += len(missing)
        if not missing:
            return
        size = sum(one.numel() * one.element_size() for one in self._computed(dataset, view, missing[:1]))
        if not self.store.room_for(size * len(missing)):
            problem = f"{size * len(missing) / 1e9:.1f} GB are not to be had"
            raise DataError(self.store.folder, problem=problem, remedy="make room, or set finetune.cache=false")
        batches = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
        load: Callable[[list[int]], Tensor] = dataset.plain
        if view is not None:
            load = lambda places: dataset.view(places, view)  # noqa: E731
        told = began
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(load, batches[0])
            for number, batch in enumerate(batches):
                pictures = coming.result()
                if number + 1 < len(batches):
                    coming = ahead.submit(load, batches[number + 1])
                for place, feature in zip(batch, self._run(pictures), strict=True):
                    self.store.put(keys[place], feature)
                if self.store.full:
                    raise DataError(
                        self.store.folder, problem="cannot be written to", remedy="set finetune.cache=false"
                    )
                if time.monotonic() - told > PATIENCE:
                    told = time.monotonic()
                    left = (told - began) / (number + 1) * (len(batches) - number - 1)
                    say(f"features: {(number + 1) * BATCH:,} of {len(missing):,} pictures, {left:.0f} s left")
        self.seconds += time.monotonic() - began

    def _computed(self, dataset: Any, view: int | None, places: list[int]) -> Tensor:
        return self._run(dataset.plain(places) if view is None else dataset.view(places, view))

    @torch.no_grad()
    def _run(self, pictures: Tensor) -> Tensor:
        """The output of the last frozen stage, in evaluation; on the CPU, in the type that it was computed in.

        Always of as many pictures: libraries choose their kernels by shape, and a feature would otherwise depend, in
        its last bits, on how many were computed beside it.
        """
        count = len(pictures)
        pictures = torch.cat([pictures, pictures.new_zeros(max(0, BATCH - count), *pictures.shape[1:])])
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(device)
        training = [one for one in self.model.modules() if one.training]
        self.model.eval()
        try:
            with self._autocast(device):
                features = self.model.run(pictures.to(device), upto=self.upto)  # type: ignore[operator]
        finally:
            for one in training:
                one.training = True
        found: Tensor = features[:count].cpu()
        return found

    def _autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        types = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
        return torch.autocast(device.type, types[self.kind]) if self.kind in types else nullcontext()

    def told(self) -> str:
        """One line on what was done."""
        made = f"{self.extracted:,} extracted in {self.seconds:.0f} s" if self.extracted else "none extracted"
        count = self.extracted + self.found
        return f"features of {count:,} pictures after {self.upto}: {made}, {self.found:,} kept before"


def weights_key(model: nn.Module, upto: str) -> str:
    """What decides the output of a stage besides the input: the stages up to it, their weights and statistics."""
    digest = hashlib.blake2b(f"{type(model).__module__}.{type(model).__qualname__}".encode(), digest_size=20)
    digest.update(str(getattr(model, "pooling", "")).encode())
    stages: dict[str, list[nn.Module]] = model.stage_modules()  # type: ignore[operator]
    for stage, modules in stages.items():
        for module in modules:
            digest.update(f"{stage} {module!r}".encode())
            for name, tensor in module.state_dict().items():
                plain = tensor.detach().cpu().contiguous()
                digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}".encode())
                digest.update(np.ascontiguousarray(plain.reshape(-1).view(torch.uint8).numpy()).data)
        if stage == upto:
            break
    return digest.hexdigest()
