"""Negative log likelihoods of values, in nats."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Gt
from torch import Tensor, nn
from torch.nn import functional

from zoo.losses.shapes import check_same_shape, single


class Poisson(nn.Module):
    """λ - y log λ (+ log y!), the negative log likelihood of counts y whose rate is λ = exp(z); a mean.

    The model predicts z, the log of the rate (McCullagh & Nelder 1989, chapter 6). The mean is over examples and
    targets. A z above 88 overflows in float32.

    Args:
        full: add Stirling's approximation of log y! for y > 1, as torch does: nothing for a model to learn.
    """

    problems: ClassVar[tuple[str, ...]] = ("regression",)
    target: ClassVar[str] = "value"
    #: It is fed targets in original units, for they are counts, and what the model predicts as it comes.
    units: ClassVar[str] = "original"

    def __init__(self, full: bool = False) -> None:
        super().__init__()
        self.full = full

    @staticmethod
    def values(prediction: Tensor) -> Tensor:
        """The rates exp(z), (B, T): what the model says a count is."""
        return single(prediction).exp()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least.

        Args:
            prediction: log rates z, (B, T).
            target: counts y, (B, T), 0 or more.

        Raises:
            ValueError: the shapes differ, or a count is negative (looked for on a CPU, where it costs nothing).
        """
        check_same_shape(prediction, target)
        if target.device.type == "cpu" and (target < 0).any():
            raise ValueError(
                f"a target is {target.min():g}, and counts are 0 or more; choose another loss for other values, and "
                "task=regression task.scale_target=false where targets are standardised"
            )
        return functional.poisson_nll_loss(single(prediction), single(target), log_input=True, full=self.full)


class GaussianNLL(nn.Module):
    """½ (log v + (y - μ)² / v) (+ ½ log 2π): μ and v are both predicted; a mean (Nix & Weigend 1994).

    Of each target the model predicts μ and s, with v = log(1 + exp s) + the smallest variance, as Lakshminarayanan et
    al. (2017), section 2.2.1. The mean is over examples and targets.

    Args:
        minimum_variance: the smallest v, in squared units of the targets the loss sees, against a collapse onto
            training targets.
        full: add ½ log 2π: nothing for a model to learn.
    """

    problems: ClassVar[tuple[str, ...]] = ("regression",)
    target: ClassVar[str] = "value"
    #: Columns of the model's prediction for each target.
    outputs_per_target: ClassVar[int] = 2

    def __init__(self, minimum_variance: Annotated[float, Gt(0)] = 1e-6, full: bool = False) -> None:
        super().__init__()
        self.minimum_variance = minimum_variance
        self.full = full

    @staticmethod
    def values(prediction: Tensor) -> Tensor:
        """The means μ, (B, T), of predictions (B, 2 T)."""
        return single(prediction)[:, : prediction.shape[1] // 2]

    def variances(self, prediction: Tensor) -> Tensor:
        """The variances v, (B, T), of predictions (B, 2 T)."""
        return functional.softplus(single(prediction)[:, prediction.shape[1] // 2 :]) + self.minimum_variance

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least.

        Args:
            prediction: μ of all targets, then s of all targets, (B, 2 T).
            target: y, (B, T).

        Raises:
            ValueError: there are not two predictions a target.
        """
        if prediction.dim() != 2 or prediction.shape != (len(target), 2 * target.shape[-1]):
            raise ValueError(
                f"predictions are {tuple(prediction.shape)} and targets {tuple(target.shape)}; this loss needs two "
                "columns a target: means, then what makes the variances"
            )
        mean, variance = self.values(prediction), self.variances(prediction)
        return functional.gaussian_nll_loss(
            mean, single(target), variance, full=self.full, eps=self.minimum_variance, reduction="mean"
        )
