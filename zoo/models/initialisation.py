"""Weight initialisation by name, for the linear and convolution layers of any module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn import init

from zoo.models.activations import gain as gain_of

Initialisation = Literal[
    "default",
    "xavier_uniform",
    "xavier_normal",
    "kaiming_uniform",
    "kaiming_normal",
    "orthogonal",
    "normal",
    "uniform",
]

_LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def _fan_in(weight: Tensor) -> int:
    """Number of inputs of one unit: (out, in, *kernel) -> in * kernel positions."""
    return weight[0].numel()


def kaiming_uniform(weight: Tensor, gain: float) -> None:
    """U(-b, b) with b = gain √(3 / fan_in); He et al. (2015), equation 10, any activation's gain."""
    bound = gain * (3 / _fan_in(weight)) ** 0.5
    init.uniform_(weight, -bound, bound)


def kaiming_normal(weight: Tensor, gain: float) -> None:
    """N(0, gain² / fan_in); He et al. (2015), equation 10, any activation's gain."""
    init.normal_(weight, std=gain * _fan_in(weight) ** -0.5)


def xavier_uniform(weight: Tensor, gain: float) -> None:
    """U(-b, b) with b = gain √(6 / (fan_in + fan_out)); Glorot & Bengio (2010), equation 16."""
    init.xavier_uniform_(weight, gain)


def xavier_normal(weight: Tensor, gain: float) -> None:
    """N(0, 2 gain² / (fan_in + fan_out)); Glorot & Bengio (2010), equation 12."""
    init.xavier_normal_(weight, gain)


def orthogonal(weight: Tensor, gain: float) -> None:
    """gain times a matrix with orthonormal rows or columns; Saxe et al. (2014), section 3."""
    init.orthogonal_(weight, gain)


def normal(weight: Tensor, gain: float) -> None:
    """N(0, 0.05²) whatever the size and activation, as Keras' RandomNormal."""
    init.normal_(weight, std=0.05)


def uniform(weight: Tensor, gain: float) -> None:
    """U(-0.05, 0.05) whatever the size and activation, as Keras' RandomUniform."""
    init.uniform_(weight, -0.05, 0.05)


SCHEMES: dict[str, Callable[[Tensor, float], None]] = {
    "xavier_uniform": xavier_uniform,
    "xavier_normal": xavier_normal,
    "kaiming_uniform": kaiming_uniform,
    "kaiming_normal": kaiming_normal,
    "orthogonal": orthogonal,
    "normal": normal,
    "uniform": uniform,
}
"""Name to the function that fills a weight in place, given the gain. Biases are zero with all of them."""


def initialise(module: nn.Module, scheme: Initialisation, activation: str | None = None) -> None:
    """Fills every linear and convolution weight inside `module` and zeroes these layers' biases.

    Other parameters (normalisation, embeddings, recurrence) keep their values, and with `default` everything
    keeps what torch gave it.

    Args:
        module: any module; may stand on the meta device.
        scheme: one of SCHEMES, or `default`.
        activation: what follows the layers, by its torch name; None where nothing does (gain 1).

    Raises:
        ValueError: no such activation.
    """
    if scheme == "default":
        return
    factor = gain_of(activation) if activation is not None else 1.0
    for layer in module.modules():
        if isinstance(layer, _LAYERS):
            SCHEMES[scheme](layer.weight, factor)
            if layer.bias is not None:
                init.zeros_(layer.bias)
