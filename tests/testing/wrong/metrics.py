"""A right metric, and metrics with one fault each."""

import torch
from torch import Tensor
from torchmetrics import Metric


class Right(Metric):
    """Mean absolute error."""

    problems = ("regression",)
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        self.total += (preds - target).abs().sum()
        self.count += target.numel()

    def compute(self) -> Tensor:
        return self.total / self.count


class IsForRanking(Right):
    problems = ("ranking",)


class OneValueATarget(Right):
    def compute(self) -> Tensor:
        return (self.total / self.count).repeat(2)


class NamesNoNumber(OneValueATarget):
    def numbers(self, value: Tensor) -> dict[str, float]:
        return {"first": value[0].item(), "second": value}


class AveragesBatches(Right):
    def update(self, preds: Tensor, target: Tensor) -> None:
        self.total += (preds - target).abs().mean()
        self.count += 1


class NamesMeansOfBatches(AveragesBatches):
    def numbers(self, value: Tensor) -> dict[str, float]:
        return {"one": 1.0, "mean": value.item()}


class KeepsCountAfterReset(Right):
    def __init__(self) -> None:
        super().__init__()
        self.extra = 0

    def update(self, preds: Tensor, target: Tensor) -> None:
        super().update(preds, target)
        self.extra += len(target)

    def compute(self) -> Tensor:
        return super().compute() + self.extra


class ReadsPictures(Right):
    problems = ("seq2seq",)
    reads = "pictures"


class AveragesBatchesOfTexts(Right):
    problems = ("seq2seq",)

    def update(self, predicted: list[str], references: list[list[str]]) -> None:
        self.total += sum(map(len, predicted)) / sum(len(right[0]) for right in references)
        self.count += 1


class AveragesBatchesOfLogits(Right):
    problems = ("seq2seq",)
    reads = "logits"

    def update(self, logits: Tensor, tokens: Tensor) -> None:
        self.total += logits.gather(1, tokens.unsqueeze(1)).mean()
        self.count += 1


class AveragesBatchesOfWeights(Right):
    problems = ("seq2seq",)
    reads = "weights"

    def update(self, weights: Tensor, real: Tensor) -> None:
        self.total += weights[real].amax(1).mean()
        self.count += 1
