"""Image models in stages: what can be frozen, cached and given a learning rate of its own, one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from zoo.models.preprocessing import Normalise, Preprocessing

if TYPE_CHECKING:
    from zoo.models.weights import LoadReport

Pooling = Literal["avg", "concat"]


@dataclass(frozen=True)
class Stage:
    """A part of a network: the modules it owns, and how they are applied.

    Attributes:
        modules: with every parameter and buffer of the stage.
        apply: what the stage computes; its modules in turn where that is None.
    """

    modules: Sequence[nn.Module] = ()
    apply: Callable[[Tensor], Tensor] | None = None

    def __call__(self, features: Tensor) -> Tensor:
        """What the stage makes of the output of the one before."""
        if self.apply is not None:
            return self.apply(features)
        for module in self.modules:
            features = module(features)
        return features


def pooled(features: Tensor, pooling: Pooling = "avg") -> Tensor:
    """One vector an example, over all places.

    Args:
        features: a map (B, F, H, W), tokens (B, N, F), or vectors (B, F), which have one place.
        pooling: `avg`, or `concat`: average, then maximum.

    Returns:
        (B, F), or (B, 2F) for `concat`.

    Raises:
        ValueError: features of another shape.
    """
    if features.dim() == 4:
        places = features.flatten(2)
    elif features.dim() == 3:
        places = features.transpose(1, 2)
    elif features.dim() == 2:
        places = features.unsqueeze(2)
    else:
        raise ValueError(f"features are {tuple(features.shape)}, expected (B, F, H, W), (B, N, F) or (B, F)")
    average = places.mean(2)
    return average if pooling == "avg" else torch.cat([average, places.amax(2)], 1)


class Staged(nn.Module, ABC):
    """An image classifier: normalisation, a backbone in stages, pooling, a head.

    Its modules are `normalise`, `backbone` and `head`, so the keys of `state_dict()` are `backbone.` and the names
    that the backbone's library gives. A subclass sets `backbone` and `head`, and names the stages of its backbone.
    Stages are made anew at every call, and so follow modules that were replaced (adapters, say).

    Args:
        preprocessing: with mean and deviation of each channel.
        pooling: what the head asks for.

    Attributes:
        weights_report: what became of the initial weights, where there were any.
        weights_classes: names of the classes that the initial weights came with, where they had any.
    """

    backbone: nn.Module
    head: nn.Module

    def __init__(self, preprocessing: Preprocessing, pooling: Pooling = "avg") -> None:
        super().__init__()
        self.normalise = Normalise(preprocessing.mean, preprocessing.std)
        self.pooling: Pooling = pooling
        self.weights_report: LoadReport | None = None
        self.weights_classes: list[str] | None = None

    @abstractmethod
    def backbone_stages(self) -> dict[str, Stage]:
        """The stages of the backbone, from the image to the last features. None is called input, pool or head."""

    def pool(self, features: Tensor) -> Tensor:
        """Features of the last stage to one vector an example, (B, F) or (B, 2F)."""
        return pooled(features, self.pooling)

    def stages(self) -> dict[str, Stage]:
        """All stages in order: `input`, those of the backbone, `pool`, `head`."""
        return {
            "input": Stage((self.normalise,)),
            **self.backbone_stages(),
            "pool": Stage((), self.pool),
            "head": Stage((self.head,)),
        }

    def stage_modules(self) -> dict[str, list[nn.Module]]:
        """The modules that each stage owns: no parameter or buffer is in two stages, and none in no stage."""
        return {name: list(stage.modules) for name, stage in self.stages().items()}

    def run(self, inputs: Tensor, after: str | None = None, upto: str | None = None) -> Tensor:
        """Some stages in a row. `run(run(x, upto=s), after=s)` is `forward(x)` for every stage s.

        Args:
            inputs: images (B, C, H, W), or what the stage `after` returned.
            after: the stages that follow this one; all from the first if None.
            upto: the last stage to apply; the head if None.

        Returns:
            The output of the last stage.

        Raises:
            ValueError: no such stage, or `upto` comes before `after`.
        """
        stages = self.stages()
        names = list(stages)
        for name in (after, upto):
            if name is not None and name not in stages:
                raise ValueError(f"no stage {name!r}; the stages are {', '.join(names)}")
        first = 0 if after is None else names.index(after) + 1
        last = len(names) if upto is None else names.index(upto) + 1
        if last < first:
            raise ValueError(f"stage {upto!r} comes before {after!r}; the stages are {', '.join(names)}")
        for name in names[first:last]:
            inputs = stages[name](inputs)
        return inputs

    def forward(self, inputs: Tensor) -> Tensor:
        """Images (B, C, H, W), values 0..255, to logits (B, out_features)."""
        return self.run(inputs)
