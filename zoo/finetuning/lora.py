"""Low-rank adapters beside frozen layers, through peft."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, MinLen
from torch import nn

from zoo.errors import ConfigError
from zoo.finetuning.freezing import BatchNorm, stage_modules
from zoo.finetuning.phases import ADAPTERS, Phase, distance_factors
from zoo.finetuning.strategies import Cache, Factor

#: Layers that can have an adapter; others of them are made of these.
_ADAPTABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


class LoRA:
    """Adapters of low rank and the head train, everything else stays as it is; Hu et al. (2022).

    A layer W x becomes W x + α/r B A x, with A (r, in) random and B (out, r) zero at the start, so that the model
    starts as it was; of a convolution, A has its kernel and B is 1 x 1. Needs the extra `lora`, which is peft.

    Args:
        rank: r.
        alpha: α.
        dropout: share of an adapter's inputs dropped in training.
        targets: which layers of the backbone have adapters: `all` linear layers and convolutions, or patterns of
            names (`backbone.layer4.*`, with `*`, `?`, `[...]`). Convolutions in groups have none.
        factor: learning rate of a stage's adapters as a share of that of the stage after it.
        batch_norm: of the frozen backbone: `eval` uses its statistics as they are, `train` goes on updating them.
        cache: whether what stages before the first adapter make of the pictures is computed once and kept, so that an
            epoch costs what the trained stages cost. `auto`: where the pictures are the same in every epoch, or `views`
            are given.
        views: k drawings of each training picture are kept, and seen in turn, an epoch each; 0: none, the pictures
            themselves.
    """

    def __init__(
        self,
        rank: Annotated[int, Ge(1)] = 8,
        alpha: Annotated[float, Gt(0)] = 16.0,
        dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        targets: Literal["all"] | Annotated[list[str], MinLen(1)] = "all",
        factor: Factor = 1.0,
        batch_norm: BatchNorm = "eval",
        cache: Cache = "auto",
        views: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self.cache, self.views = cache, views
        self.rank, self.alpha, self.dropout, self.targets, self.factor = rank, alpha, dropout, targets, factor
        self.batch_norm: BatchNorm = batch_norm

    def prepare(self, model: nn.Module) -> None:
        """Add the adapters to a model that has just been built.

        Args:
            model: of stages; changed in place.

        Raises:
            ConfigError: peft is not installed, or no layer is meant.
        """
        try:
            from peft import LoraConfig, inject_adapter_in_model
        except ImportError as error:
            raise ConfigError("finetune=lora", "needs an extra", "pip install 'attention-zoo[lora]'") from error
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # type: ignore[arg-type]
            lora_dropout=self.dropout,
            target_modules=self._targets(model),
        )
        inject_adapter_in_model(config, model)
        vars(model).pop("peft_config", None)

    def _targets(self, model: nn.Module) -> list[str]:
        """Names of the layers that get adapters.

        Raises:
            ConfigError: a pattern means none of them.
        """
        names = list(_adaptable(model))
        if self.targets == "all":
            if not names:
                raise ConfigError("finetune=lora", "the backbone has no linear layer and no convolution")
            return names
        for pattern in self.targets:
            if not any(fnmatchcase(name, pattern) for name in names):
                problem = f"{pattern!r} is no layer of the backbone that can have an adapter"
                raise ConfigError("finetune.targets", problem, f"there are {', '.join(names[:3])} ...")
        return [name for name in names if any(fnmatchcase(name, pattern) for pattern in self.targets)]

    def phases(self, stages: Sequence[str], epochs: int | None) -> list[Phase]:
        """One phase: all adapters, and the head.

        Args:
            stages: those with parameters, from the input to the head, with their adapters.
            epochs: of the run; None if it has no such limit.
        """
        trained = (*(one for one in stages if one.endswith(ADAPTERS)), stages[-1])
        return [Phase(None, trained, factors=distance_factors(stages, self.factor))]


def _adaptable(model: nn.Module) -> Iterator[str]:
    """Names of the layers before the head that can have an adapter."""
    *before, _ = stage_modules(model).values()
    meant = {id(inner) for modules in before for root in modules for inner in root.modules()}
    attention = {
        id(inner) for one in model.modules() if isinstance(one, nn.MultiheadAttention) for inner in one.modules()
    }  # it reads the weights of its layers and never calls them
    for name, module in model.named_modules():
        if id(module) not in meant or id(module) in attention or not isinstance(module, _ADAPTABLE):
            continue
        if getattr(module, "groups", 1) == 1:
            yield name
