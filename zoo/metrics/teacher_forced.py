"""Metrics of a sequence model that is given the right prefix at every step: of its logits, and of its attention."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric

from zoo.metrics.problems import fits
from zoo.metrics.ratio import Ratio


@fits("seq2seq")
def perplexity() -> Metric:
    """exp(-Σ log p(yₜ | y₁ ... yₜ₋₁, x) / number of target tokens), from 1, without label smoothing.

    The end of every target is a token, and so is an unknown word. Perplexities compare only over the same
    tokens: those of two vocabularies do not.

    Example:
        >>> metric = perplexity()
        >>> metric.update(torch.zeros(5, 8), torch.tensor([3, 1, 4, 1, 5]))
        >>> round(metric.compute().item(), 4)  # all of 8 tokens are equally likely
        8.0
    """
    return Perplexity()


@fits("seq2seq")
def token_accuracy() -> Metric:
    """Share of target tokens, ends included, that are the most probable one after the right prefix, in [0, 1].

    Example:
        >>> metric = token_accuracy()
        >>> metric.update(torch.eye(4), torch.tensor([0, 1, 2, 0]))
        >>> metric.compute().item()
        0.75
    """
    return TokenAccuracy()


@fits("seq2seq")
def attention_entropy() -> Metric:
    """Mean over target tokens of the attention's entropy, -Σ a log a over source positions, in nats.

    0 where a single position has all the weight, log S where S positions share it. Weights of a target token are
    divided by their sum first, since those of local attention with a Gaussian do not sum to one; a token
    without any weight is left out. NaN for a model without attention.

    Example:
        >>> metric = attention_entropy()
        >>> metric.update(torch.tensor([[[1.0, 0.0], [0.5, 0.5]]]), torch.tensor([[True, True]]))
        >>> round(metric.compute().item(), 4)  # (0 + log 2) / 2
        0.3466
    """
    return AttentionEntropy()


class Perplexity(Ratio):
    """exp of the mean negative log-likelihood of tokens."""

    higher_is_better = False
    reads = "logits"

    def update(self, logits: Tensor, tokens: Tensor) -> None:
        """Adds the logits (M, V) of target positions whose tokens are (M,)."""
        wide = logits if logits.dtype == torch.float64 else logits.float()
        self.total += functional.cross_entropy(wide, tokens, reduction="none").double().sum()
        self.count += len(tokens)

    def compute(self) -> Tensor:
        """The perplexity, () float64."""
        return super().compute().exp()


class TokenAccuracy(Ratio):
    """Share of tokens with the largest logit."""

    higher_is_better = True
    reads = "logits"

    def update(self, logits: Tensor, tokens: Tensor) -> None:
        """Adds the logits (M, V) of target positions whose tokens are (M,)."""
        self.total += (logits.argmax(1) == tokens).sum()
        self.count += len(tokens)


class AttentionEntropy(Ratio):
    """Mean entropy of attention weights; the sharper, the lower."""

    higher_is_better = False
    reads = "weights"

    def update(self, weights: Tensor, real: Tensor) -> None:
        """Adds attention weights (B, T, S), of the target positions that `real`, (B, T), says are real."""
        rows = weights[real].double()
        sums = rows.sum(1)
        given = sums != 0
        shares = rows[given] / sums[given].unsqueeze(1)
        self.total += torch.special.entr(shares).sum()
        self.count += given.sum()
