"""The multilayer perceptron."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Interval, MinLen
from torch import Tensor, nn

from zoo.models.activations import halves, make_activation
from zoo.models.initialisation import Initialisation, initialise
from zoo.models.normalisation import Normalisation, make_normalisation

Width = Annotated[int, Ge(1)]


def layer_widths(width: int | list[int], depth: int | None) -> list[int]:
    """Widths of the hidden layers.

    Args:
        width: of every layer, or of each.
        depth: number of hidden layers; None is two layers of one width, or as many as are listed.

    Raises:
        ValueError: a list of another length than `depth`.
    """
    if isinstance(width, int):
        return [width] * (2 if depth is None else depth)
    if depth is not None and depth != len(width):
        raise ValueError(
            f"depth: {depth} hidden layers, but width lists {len(width)}; leave depth out or make them agree"
        )
    return list(width)


class HiddenLayer(nn.Module):
    """dropout(activation(norm(W x + b))), with x added to it if residual.

    Where the widths differ x is projected; He et al. (2016), equations 1 and 2. There is no b before batch
    normalisation, which would take it out again.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        activation: str,
        dropout: float,
        norm: Normalisation,
        residual: bool,
        init: Initialisation,
    ) -> None:
        super().__init__()
        linear = nn.Linear(in_features, width * (2 if halves(activation) else 1), bias=norm != "batch")
        initialise(linear, init, activation)
        steps: list[nn.Module] = [linear]
        if norm != "none":
            steps.append(make_normalisation(norm, linear.out_features))
        steps.append(make_activation(activation))
        if dropout > 0:
            steps.append(nn.Dropout(dropout))
        self.transform = nn.Sequential(*steps)
        self.skip: nn.Module | None = None
        if residual:
            self.skip = nn.Identity() if in_features == width else nn.Linear(in_features, width, bias=False)
            initialise(self.skip, init)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) -> (B, H)."""
        transformed: Tensor = self.transform(features)
        return transformed if self.skip is None else self.skip(features) + transformed


class MLP(nn.Module):
    """Hidden layers and a linear head, for tables.

    Args:
        in_features: number of features F.
        out_features: number of outputs C, one a target or a logit.
        width: hidden units of every layer, or a list with those of each.
        depth: number of hidden layers; 2 unless `width` is a list.
        activation: any of torch.nn's that needs no argument, by its torch name: relu, gelu, silu, tanh,
            leaky_relu ...
        dropout: share of hidden units dropped in training; Srivastava et al. (2014).
        norm: normalisation before the activation: none, batch (Ioffe & Szegedy 2015) or layer (Ba et al.
            2016).
        residual: adds each hidden layer's input to its output, projected where the widths differ.
        init: how weights start, scaled for the activation where the scheme has a gain. Biases are zero with
            all but `default`, which is torch's.

    Raises:
        ValueError: an unknown activation, or a `depth` that is not the number of widths.
    """

    def __init__(
        self,
        in_features: Annotated[int, Ge(1)],
        out_features: Annotated[int, Ge(1)],
        width: Width | Annotated[list[Width], MinLen(1)] = 128,
        depth: Annotated[int, Ge(1)] | None = None,
        activation: str = "relu",
        dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        norm: Normalisation = "none",
        residual: bool = False,
        init: Initialisation = "default",
    ) -> None:
        super().__init__()
        widths = layer_widths(width, depth)
        self.hidden = nn.Sequential(
            *(
                HiddenLayer(
                    fan_in,
                    fan_out,
                    activation=activation,
                    dropout=dropout,
                    norm=norm,
                    residual=residual,
                    init=init,
                )
                for fan_in, fan_out in zip([in_features, *widths], widths, strict=False)
            )
        )
        self.head = nn.Linear(widths[-1], out_features)
        initialise(self.head, init)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, F) -> (B, C)."""
        outputs: Tensor = self.head(self.hidden(inputs))
        return outputs
