"""A right model, and models with one fault each."""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from annotated_types import Gt
from torch import Tensor, nn
from torch.nn import functional


class Right(nn.Module):
    """One hidden layer with dropout and batch normalisation."""

    def __init__(self, in_features: int, out_features: int, width: int = 16, dropout: float = 0.2) -> None:
        super().__init__()
        self.first = nn.Linear(in_features, width)
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(width, out_features)

    def hidden(self, inputs: Tensor) -> Tensor:
        return self.dropout(torch.tanh(self.norm(self.first(inputs))))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.second(self.hidden(inputs))


class SwallowsOptions(Right):
    def __init__(self, in_features: int, out_features: int, **options: Any) -> None:
        super().__init__(in_features, out_features, **options)


class LeavesOptionUntyped(Right):
    def __init__(self, in_features: int, out_features: int, width=16) -> None:
        super().__init__(in_features, out_features, width)


class DefaultsToObject(Right):
    def __init__(self, in_features: int, out_features: int, activation: Any = nn.ReLU()) -> None:  # noqa: B008
        super().__init__(in_features, out_features)


class DefaultsOutOfRange(Right):
    def __init__(self, in_features: int, out_features: int, temperature: Annotated[float, Gt(0)] = 0.0) -> None:
        super().__init__(in_features, out_features)


class ReadsWeightsWhenBuilt(Right):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        if self.first.weight.std().item() == 0:
            nn.init.normal_(self.first.weight)


class NamesItsDevice(Right):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("shift", torch.zeros(out_features, device="cpu"))


class OneOutputTooMany(Right):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features + 1)


class PredictsDoubles(Right):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).double()


class ReturnsPair(Right):
    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(inputs), inputs


class WritesIntoInputs(Right):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.relu_())


class HasUnusedLayer(Right):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.unused = nn.Linear(3, 3)


class DetachesHidden(Right):
    def forward(self, inputs: Tensor) -> Tensor:
        return self.second(self.hidden(inputs).detach())


class FillsFloat32Table(Right):
    def forward(self, inputs: Tensor) -> Tensor:
        table = torch.zeros(len(inputs), self.second.out_features)
        table[torch.arange(len(inputs))] = super().forward(inputs)
        return table


class DropsInEvaluation(Right):
    def hidden(self, inputs: Tensor) -> Tensor:
        return functional.dropout(super().hidden(inputs), 0.5)


class LearnsInEvaluation(Right):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, inputs: Tensor) -> Tensor:
        self.seen += 1
        return super().forward(inputs)


class CentresOverBatch(Right):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs - inputs.mean(0))


class SqueezesOutputs(Right):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).squeeze()


class ForgetsItsProjection(Right):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.projection = torch.randn(in_features, in_features)

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs @ self.projection.to(inputs.device))


@dataclass
class Scale:
    """Not plain data."""

    value: float = 1.0


class SavesObject(Right):
    def get_extra_state(self) -> Scale:
        return Scale()

    def set_extra_state(self, state: Scale) -> None:
        self.scale = state


class HasItsOwnGenerator(Right):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            inputs = inputs + 0.1 * torch.randn(inputs.shape, generator=self.generator)
        return super().forward(inputs)


class CountsStepsInSecret(Right):
    steps = 0

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            self.steps += 1
            inputs = inputs * (1 + 1 / self.steps)
        return super().forward(inputs)
