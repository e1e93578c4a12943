"""Pictures as batches of uint8: evaluated, varied for training, mixed, seen several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from zoo.data.images.content import in_threads
from zoo.data.images.mixing import Mix
from zoo.data.images.pixels import Pixels
from zoo.data.images.transforms import Augment, TestViews, evaluate, views
from zoo.models.preprocessing import Preprocessing

Batch = tuple[Tensor, Tensor] | Tensor

#: Which random numbers are drawn, beside seed, epoch and example.
_AUGMENTATION, _MIXING = 0, 1


@dataclass(frozen=True)
class Look:
    """How the pictures of a data set are seen.

    Attributes:
        plan: size and interpolation.
        evaluated: pixels that evaluation starts from.
        detailed: pixels that augmentation starts from.
        augment: what training varies; None: nothing, as in evaluation.
        mix: what training makes of two pictures; None: nothing.
        tta: views of a picture in evaluation.
        seed: of every draw.
    """

    plan: Preprocessing
    evaluated: Pixels
    detailed: Pixels
    augment: Augment | None = None
    mix: Mix | None = None
    tta: TestViews = "none"
    seed: int = 0


class ImageDataset(Dataset[Batch]):
    """Pictures with or without targets.

    What an example looks like in training is a pure function of the seed, the epoch and its index: not of batches,
    loader processes, or how often training was interrupted.

    Args:
        paths: of the pictures.
        keys: of what is in their files.
        look: how they are seen.
        targets: class indices, int64 (N,); None for prediction.

    Attributes:
        paths: as given.
        keys: as given.
        targets: as given.
    """

    def __init__(self, paths: Sequence[Path], keys: Sequence[str], look: Look, targets: Tensor | None = None) -> None:
        self.paths, self.keys, self.look, self.targets = list(paths), list(keys), look, targets

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def transform_key(self) -> str:
        """What decides the pixels of `plain` besides the files."""
        return f"{self.look.evaluated.key}, size {self.look.plan.size}"

    def view_key(self, view: int) -> str:
        """What decides the pixels of a `view` besides the files."""
        augment = self.look.augment
        if augment is None:
            return self.transform_key
        return f"{self._source.key}, {augment.key}, view {view}"

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """A batch.

        Args:
            indices: of the examples; those of training know their epoch (`IndexList`).

        Returns:
            Pictures uint8 (B, C, H, W), or (B, V, C, H, W) in V views; float32 after mixup. With targets int64 (B,),
            or shares float32 (B, classes) after mixing.
        """
        epoch = int(getattr(indices, "epoch", 0))
        inputs = self._varied(indices, epoch) if self.look.augment else self._viewed(indices)
        if self.targets is None:
            return inputs
        targets = self.targets[torch.as_tensor(indices, dtype=torch.int64)]
        if self.look.mix is None or len(indices) == 0:
            return inputs, targets
        return self.look.mix(inputs, targets, _generator(self.look.seed, epoch, _MIXING, *sorted(indices)[:4]))

    def __getitem__(self, index: int) -> Batch:
        """One picture (C, H, W), with its target."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        batch = self.__getitems__([index % len(self)])
        return batch[0] if isinstance(batch, Tensor) else (batch[0][0], batch[1][0])

    def plain(self, indices: Sequence[int]) -> Tensor:
        """The pictures as they are evaluated, whatever training makes of them, uint8 (B, C, H, W)."""
        look = self.look
        return self._stacked(indices, lambda index: evaluate(self._pixels(look.evaluated, index), look.plan))

    def view(self, indices: Sequence[int], view: int) -> Tensor:
        """The `view`-th of any number of training views of each, uint8 (B, C, H, W): a function of what is in the file.

        Not of the seed, so that runs with different ones share what is made of them.
        """
        augment = self.look.augment
        if augment is None:
            return self.plain(indices)

        def drawn(index: int) -> Tensor:
            words = np.frombuffer(bytes.fromhex(self.keys[index])[:16], np.uint32).tolist()
            return augment(self._pixels(self._source, index), _generator(view, *words))

        return self._stacked(indices, drawn)

    @property
    def _source(self) -> Pixels:
        """What augmentation starts from."""
        augment = self.look.augment
        return self.look.detailed if augment is not None and augment.cuts else self.look.evaluated

    def identity(self, index: int) -> Mapping[str, Any]:
        """What tells an example from others in a table of predictions."""
        return {"file": str(self.paths[index])}

    @staticmethod
    def collate(batch: Any) -> Any:
        """The batch as it is: `__getitems__` has already made one of it."""
        return batch

    def _varied(self, indices: Sequence[int], epoch: int) -> Tensor:
        look, augment, source = self.look, self.look.augment, self._source
        assert augment is not None

        def drawn(index: int) -> Tensor:
            return augment(self._pixels(source, index), _generator(look.seed, epoch, _AUGMENTATION, index))

        return self._stacked(indices, drawn)

    def _viewed(self, indices: Sequence[int]) -> Tensor:
        look = self.look
        if look.tta in ("none", "flip"):
            plain = self.plain(indices)
            return plain if look.tta == "none" else views(plain, "flip")
        # Corners of the square that the centre is otherwise cut from.
        whole = Preprocessing(look.plan.resize, look.plan.resize, look.plan.interpolation)
        squares = self._stacked(indices, lambda index: evaluate(self._pixels(look.evaluated, index), whole))
        return views(squares, look.tta, look.plan.size if look.plan.size < look.plan.resize else None)

    def _pixels(self, pixels: Pixels, index: int) -> Tensor:
        return pixels.of(self.paths[index], self.keys[index])

    def _stacked(self, indices: Sequence[int], function: Any) -> Tensor:
        """The function of each index as one batch; several threads, as reading and resizing let others run."""
        size = self.look.plan.size
        if not len(indices):
            return torch.empty(0, self.look.evaluated.channels, size, size, dtype=torch.uint8)
        return torch.stack(in_threads(function, list(indices)))


def _generator(*words: int) -> torch.Generator:
    seed = int(np.random.SeedSequence([word & 0xFFFFFFFF for word in words]).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(seed & 0x7FFFFFFFFFFFFFFF)
