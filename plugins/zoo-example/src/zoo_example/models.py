"""The residual network for tables of Gorishniy et al. (2021)."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval
from torch import Tensor, nn
from torch.nn import functional

Norm = Literal["batch", "layer", "none"]
Dropout = Annotated[float, Interval(ge=0, lt=1)]


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that a training batch of one row does not stop.

    One row has no variance, so torch refuses it; it is normalised with the running statistics instead, which
    it leaves as they are. Such a batch comes at the end of an epoch when the examples are a multiple of the
    batch size plus one.
    """

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        if self.training and len(features) == 1:
            return functional.batch_norm(
                features, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(features)


def make_norm(name: Norm, features: int) -> nn.Module:
    """A new normalisation of `features` features; `none` is the identity."""
    if name == "batch":
        return BatchNorm(features)
    if name == "layer":
        return nn.LayerNorm(features)
    return nn.Identity()


class ResNetBlock(nn.Module):
    """x + Dropout(Linear(Dropout(ReLU(Linear(Norm(x)))))).

    Nothing follows the sum, so the path from the input to the head has no non-linearity on it.

    Args:
        width: size D of x.
        hidden: size H between the two linear layers.
        hidden_dropout: of the H hidden values.
        residual_dropout: of the D values that are added to x.
        norm: the normalisation in front.
    """

    def __init__(self, width: int, hidden: int, *, hidden_dropout: float, residual_dropout: float, norm: Norm) -> None:
        super().__init__()
        self.norm = make_norm(norm, width)
        self.expand = nn.Linear(width, hidden)
        self.hidden_dropout = nn.Dropout(hidden_dropout)
        self.contract = nn.Linear(hidden, width)
        self.residual_dropout = nn.Dropout(residual_dropout)

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        hidden = self.hidden_dropout(functional.relu(self.expand(self.norm(features))))
        added: Tensor = self.residual_dropout(self.contract(hidden))
        return features + added


class TabularResNet(nn.Module):
    """ResNet for tables: Gorishniy et al. (2021), "Revisiting Deep Learning Models for Tabular Data", section 3.2.

    ResNet(x) = Prediction(ResNetBlock(... ResNetBlock(Linear(x)))), with
    ResNetBlock(x) = x + Dropout(Linear(Dropout(ReLU(Linear(BatchNorm(x)))))) and
    Prediction(x) = Linear(ReLU(BatchNorm(x))).

    Args:
        in_features: number of features F.
        out_features: number of outputs C, one a target or a logit.
        width: D, the size of what runs through the blocks.
        hidden_factor: the hidden size of a block is D times this, rounded down.
        depth: number of blocks.
        hidden_dropout: dropout inside a block, after the ReLU.
        residual_dropout: dropout of what a block adds.
        norm: the paper's batch normalisation, layer normalisation, or none.

    Raises:
        ValueError: `hidden_factor` leaves a block without a hidden unit.
    """

    def __init__(
        self,
        in_features: Annotated[int, Ge(1)],
        out_features: Annotated[int, Ge(1)],
        width: Annotated[int, Ge(1)] = 192,
        hidden_factor: Annotated[float, Gt(0)] = 2.0,
        depth: Annotated[int, Ge(0)] = 2,
        hidden_dropout: Dropout = 0.15,
        residual_dropout: Dropout = 0.0,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        hidden = int(width * hidden_factor)
        if hidden < 1:
            raise ValueError(
                f"hidden_factor: {hidden_factor:g} times width {width} is less than one hidden unit; "
                f"give at least {1 / width:.3g}"
            )
        self.first = nn.Linear(in_features, width)
        self.blocks = nn.Sequential(
            *(
                ResNetBlock(width, hidden, hidden_dropout=hidden_dropout, residual_dropout=residual_dropout, norm=norm)
                for _ in range(depth)
            )
        )
        self.prediction = nn.Sequential(make_norm(norm, width), nn.ReLU(), nn.Linear(width, out_features))

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, F) -> (B, C)."""
        outputs: Tensor = self.prediction(self.blocks(self.first(inputs)))
        return outputs
