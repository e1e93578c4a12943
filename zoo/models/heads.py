"""Heads: from the features of an image, or of anything, to one output a class."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any, Literal

from annotated_types import Ge, Interval, MinLen
from torch import Tensor, nn

from zoo.models.activations import inputs_per_output, make_activation
from zoo.models.backbone import Pooling
from zoo.models.initialisation import Initialisation, initialise
from zoo.models.normalisation import BatchNorm
from zoo.registry import Names

#: The name of a head, or `{name: ..., option: ...}`; a model's constructor gets what builds it.
Head = Annotated[Any, Names("head")]
Dropout = Annotated[float, Interval(ge=0, lt=1)]
Width = Annotated[int, Ge(1)]


class LinearHead(nn.Module):
    """Dropout, then y = W x + b, over the average of all places.

    Args:
        in_features: number of features F.
        out_features: number of outputs C, one a class or a target.
        dropout: share of the features dropped in training.
        init: how W starts; with `zeros` the first loss is that of a guess, ln C. b is zero with all but `default`,
            which is torch's.
    """

    pool: Pooling = "avg"

    def __init__(
        self,
        in_features: Annotated[int, Ge(1)],
        out_features: Annotated[int, Ge(1)],
        dropout: Dropout = 0.0,
        init: Initialisation | Literal["zeros"] = "default",
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(in_features, out_features)
        if init == "zeros":
            for parameter in self.linear.parameters():
                nn.init.zeros_(parameter)
        else:
            initialise(self.linear, init)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) -> (B, C)."""
        outputs: Tensor = self.linear(self.dropout(features))
        return outputs


class MLPHead(nn.Module):
    """Hidden layers over average and maximum of all places: the head of Howard & Gugger (2020), "fastai".

    Each layer is batch normalisation, dropout, W x + b, and the activation; the last has no activation. Hidden
    layers drop half as much as the last.

    Args:
        in_features: number of features F.
        out_features: number of outputs C, one a class or a target.
        hidden: width of the hidden layer, or of each of several.
        dropout: share dropped before the last layer, in training; half of it before the others.
        batch_norm: whether features are normalised before each layer. A batch of one leaves its statistics alone.
        activation: any of torch.nn's that needs no argument, by its torch name.
        init: how W starts, scaled for the activation. b is zero with all but `default`, which is torch's.

    Raises:
        ValueError: an unknown activation.
    """

    pool: Pooling = "concat"

    def __init__(
        self,
        in_features: Annotated[int, Ge(1)],
        out_features: Annotated[int, Ge(1)],
        hidden: Width | Annotated[list[Width], MinLen(1)] = 512,
        dropout: Dropout = 0.5,
        batch_norm: bool = True,
        activation: str = "relu",
        init: Initialisation = "default",
    ) -> None:
        super().__init__()
        widths = [in_features, *([hidden] if isinstance(hidden, int) else hidden), out_features]
        steps: list[nn.Module] = []
        for place, (fan_in, fan_out) in enumerate(pairwise(widths)):
            last = place == len(widths) - 2
            linear = nn.Linear(fan_in, fan_out * (1 if last else inputs_per_output(activation)))
            initialise(linear, init, None if last else activation)
            steps += [BatchNorm(fan_in)] if batch_norm else []
            steps += [nn.Dropout(dropout if last else dropout / 2), linear]
            steps += [] if last else [make_activation(activation)]
        self.layers = nn.Sequential(*steps)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) -> (B, C)."""
        outputs: Tensor = self.layers(features)
        return outputs


#: What the names stand for in a constructor that is called without the registry.
_HEADS: dict[str, Callable[..., nn.Module]] = {"linear": LinearHead, "mlp": MLPHead}


def head_factory(head: Any) -> Callable[..., nn.Module]:
    """What builds a head from `in_features` and `out_features`.

    Args:
        head: the factory that a run hands over, a head's class, or the name of a built-in one.

    Raises:
        ValueError: neither of them.
    """
    factory = _HEADS.get(head) if isinstance(head, str) else head
    if not callable(factory):
        raise ValueError(f"head {head!r}: give {' or '.join(_HEADS)}, a class, or build the model with zoo.build")
    return factory


def pooling_of(head: Any) -> Pooling:
    """The pooling that a head asks for; `avg` where it does not say."""
    factory = head_factory(head)
    pooling: Pooling = getattr(getattr(factory, "target", factory), "pool", "avg")
    if pooling not in ("avg", "concat"):
        raise ValueError(f"head: it asks for the pooling {pooling!r}; its attribute pool may be avg or concat")
    return pooling


def make_head(head: Any, features: int, out_features: int) -> nn.Module:
    """The head over a backbone's features.

    Args:
        head: as `head_factory` takes it.
        features: of the backbone's last stage; a head with `concat` pooling gets twice as many.
        out_features: number of outputs.
    """
    widths = features * (2 if pooling_of(head) == "concat" else 1)
    return head_factory(head)(in_features=widths, out_features=out_features)
