"""The multilayer perceptron."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Interval, MinLen
from torch import Tensor, nn

from zoo.models.activations import Activation, inputs_per_output, make_activation
from zoo.models.dropout import DropConnect, DropoutKind, StochasticDepth, depth_shares
from zoo.models.initialisation import Initialisation, initialise, warn_of_symmetry
from zoo.models.normalisation import Normalisation, make_normalisation

Width = Annotated[int, Ge(1)]
Share = Annotated[float, Interval(ge=0, lt=1)]


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

    Args:
        in_features: of x.
        width: of the output.
        stochastic_depth: probability with which an example gets x alone in training.
        activation: as all that follow, of `MLP`.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        stochastic_depth: float,
        activation: Activation,
        dropout: float,
        dropout_kind: DropoutKind,
        norm: Normalisation,
        norm_groups: int,
        residual: bool,
        init: Initialisation,
    ) -> None:
        super().__init__()
        outputs, bias = width * inputs_per_output(activation), norm != "batch"
        connects = dropout > 0 and dropout_kind == "drop_connect"
        linear = (
            DropConnect(in_features, outputs, dropout, bias) if connects else nn.Linear(in_features, outputs, bias=bias)
        )
        initialise(linear, init, activation)
        steps: list[nn.Module] = [linear]
        if norm != "none":
            steps.append(make_normalisation(norm, outputs, norm_groups))
        steps.append(make_activation(activation))
        if dropout > 0 and not connects:
            steps.append(nn.AlphaDropout(dropout) if dropout_kind == "alpha_dropout" else nn.Dropout(dropout))
        if stochastic_depth > 0:
            steps.append(StochasticDepth(stochastic_depth))
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
        activation: any of torch.nn's by its name, relu, gelu, silu, tanh, leaky_relu ..., swish or maxout; with
            options, {name: leaky_relu, negative_slope: 0.2}.
        dropout: share dropped in training.
        dropout_kind: of what: hidden units (`dropout`, Srivastava et al. 2014), these in the way that keeps mean and
            variance after selu (`alpha_dropout`, Klambauer et al. 2017), or weights (`drop_connect`, Wan et al. 2013).
        stochastic_depth: probability with which the last of the residual layers is left out for an example in
            training, earlier ones in proportion; Huang et al. (2016).
        norm: normalisation before the activation: none, batch (Ioffe & Szegedy 2015), layer (Ba et al. 2016), group
            (Wu & He 2018) or rms (Zhang & Sennrich 2019).
        norm_groups: number of groups of `norm=group`.
        residual: adds each hidden layer's input to its output, projected where the widths differ.
        init: how weights start, scaled for the activation where the scheme has a gain. Biases are zero with
            all but `default`, which is torch's.

    Raises:
        ValueError: an unknown activation or an option that it has not, a `depth` that is not the number of widths,
            groups that do not divide a width, or stochastic depth without residual layers.
    """

    def __init__(
        self,
        in_features: Annotated[int, Ge(1)],
        out_features: Annotated[int, Ge(1)],
        width: Width | Annotated[list[Width], MinLen(1)] = 128,
        depth: Annotated[int, Ge(1)] | None = None,
        activation: Activation = "relu",
        dropout: Share = 0.0,
        dropout_kind: DropoutKind = "dropout",
        stochastic_depth: Share = 0.0,
        norm: Normalisation = "none",
        norm_groups: Annotated[int, Ge(1)] = 8,
        residual: bool = False,
        init: Initialisation = "default",
    ) -> None:
        super().__init__()
        if stochastic_depth > 0 and not residual:
            raise ValueError("stochastic_depth: leaves out residual layers, and there are none; set residual=true")
        widths = layer_widths(width, depth)
        self.hidden = nn.Sequential(
            *(
                HiddenLayer(
                    fan_in,
                    fan_out,
                    stochastic_depth=share,
                    activation=activation,
                    dropout=dropout,
                    dropout_kind=dropout_kind,
                    norm=norm,
                    norm_groups=norm_groups,
                    residual=residual,
                    init=init,
                )
                for fan_in, fan_out, share in zip(
                    [in_features, *widths[:-1]], widths, depth_shares(stochastic_depth, len(widths)), strict=True
                )
            )
        )
        self.head = nn.Linear(widths[-1], out_features)
        initialise(self.head, init)
        warn_of_symmetry(self)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, F) -> (B, C)."""
        outputs: Tensor = self.head(self.hidden(inputs))
        return outputs
