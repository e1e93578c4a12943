"""A right loss, and losses with one fault each."""

from torch import Tensor, nn
from torch.nn import functional


class Right(nn.Module):
    """Cross-entropy."""

    problems = ("binary", "multiclass")
    target = "class"

    def __init__(self) -> None:
        super().__init__()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(prediction, target)


class FitsNonsense(Right):
    problems = ("multi-class",)


class OneLossAnExample(Right):
    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(prediction, target, reduction="none")


class CountsErrors(Right):
    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction.argmax(1) != target).float().mean()


class RewardsErrors(Right):
    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return -super().forward(prediction, target)


class SumsOverExamples(Right):
    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return super().forward(prediction, target) * len(target)


class TakesLogOfProbability(nn.Module):
    target = "indicator"

    def __init__(self) -> None:
        super().__init__()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        probability = prediction.sigmoid()
        return -(target * probability.log() + (1 - target) * (1 - probability).log()).mean()


class ScalesItsArgument(Right):
    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        if not prediction.requires_grad:
            prediction *= 2
            prediction /= 2
            prediction += 1
        return super().forward(prediction, target)


class TurnsIntoArray(Right):
    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        largest = float(prediction.detach().numpy().max())
        return super().forward(prediction - largest, target)
