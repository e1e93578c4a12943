"""Weight initialisation by name, for the linear and convolution layers of any module."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn import init

from zoo.models.activations import Activation
from zoo.models.activations import gain as gain_of

Initialisation = Literal[
    "default",
    "xavier_uniform",
    "xavier_normal",
    "kaiming_uniform",
    "kaiming_normal",
    "lecun_uniform",
    "lecun_normal",
    "orthogonal",
    "lsuv",
    "normal",
    "truncated_normal",
    "uniform",
    "identity",
    "ones",
    "zeros",
]

#: Attribute of a layer whose weights are to be scaled by what they give on data; no part of its state.
WAITS = "_waits_for_data"
#: What is initialised.
LAYERS = (
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


def lecun_uniform(weight: Tensor, gain: float) -> None:
    """U(-b, b) with b = √(3 / fan_in), whatever the activation; LeCun et al. (1998), equation 16."""
    kaiming_uniform(weight, 1.0)


def lecun_normal(weight: Tensor, gain: float) -> None:
    """N(0, 1 / fan_in), whatever the activation; LeCun et al. (1998), equation 16. It is the start that selu needs."""
    kaiming_normal(weight, 1.0)


def orthogonal(weight: Tensor, gain: float) -> None:
    """gain times a matrix with orthonormal rows or columns; Saxe et al. (2014), section 3."""
    init.orthogonal_(weight, gain)


def orthonormal(weight: Tensor, gain: float) -> None:
    """`orthogonal` without a gain, which `zoo.models.lsuv.initialise_from` then scales by what it gives on data."""
    init.orthogonal_(weight)


def normal(weight: Tensor, gain: float) -> None:
    """N(0, 0.05²) whatever the size and activation, as Keras' RandomNormal."""
    init.normal_(weight, std=0.05)


def uniform(weight: Tensor, gain: float) -> None:
    """U(-0.05, 0.05) whatever the size and activation, as Keras' RandomUniform."""
    init.uniform_(weight, -0.05, 0.05)


def truncated_normal(weight: Tensor, gain: float) -> None:
    """`normal`, drawn again beyond two deviations, as Keras' TruncatedNormal."""
    init.trunc_normal_(weight, std=0.05, a=-0.1, b=0.1)


def identity(weight: Tensor, gain: float) -> None:
    """A unit for each input that hands it on, and zeros for units beyond them; as in Le, Jaitly & Hinton (2015)."""
    if weight.dim() == 2:
        init.eye_(weight)
    else:
        init.dirac_(weight)


def ones(weight: Tensor, gain: float) -> None:
    """1: all units are the same, and stay so."""
    init.ones_(weight)


def zeros(weight: Tensor, gain: float) -> None:
    """0: right for a layer without hidden ones below it; between others, units are the same, and stay so."""
    init.zeros_(weight)


SCHEMES: dict[str, Callable[[Tensor, float], None]] = {
    "xavier_uniform": xavier_uniform,
    "xavier_normal": xavier_normal,
    "kaiming_uniform": kaiming_uniform,
    "kaiming_normal": kaiming_normal,
    "lecun_uniform": lecun_uniform,
    "lecun_normal": lecun_normal,
    "orthogonal": orthogonal,
    "lsuv": orthonormal,
    "normal": normal,
    "truncated_normal": truncated_normal,
    "uniform": uniform,
    "identity": identity,
    "ones": ones,
    "zeros": zeros,
}
"""Name to the function that fills a weight in place, given the gain. Biases are zero with all of them."""


def initialise(module: nn.Module, scheme: Initialisation, activation: Activation | None = None) -> None:
    """Fills every linear and convolution weight inside `module` and zeroes these layers' biases.

    Other parameters (normalisation, embeddings, recurrence) keep their values, and with `default` everything
    keeps what torch gave it. `lsuv` is finished by `zoo.models.lsuv.initialise_from`, once there are data.

    Args:
        module: any module; may stand on the meta device.
        scheme: one of SCHEMES, or `default`.
        activation: what follows the layers, by name; None where nothing does (gain 1).

    Raises:
        ValueError: no such activation.
    """
    if scheme == "default":
        return
    factor = gain_of(activation) if activation is not None else 1.0
    for layer in module.modules():
        if isinstance(layer, LAYERS):
            SCHEMES[scheme](layer.weight, factor)
            if layer.bias is not None:
                init.zeros_(layer.bias)
            if scheme == "lsuv":
                setattr(layer, WAITS, True)


def symmetric_layers(model: nn.Module) -> list[str]:
    """Names of the linear and convolution layers with two units that start equal, the last layer left out.

    Such units compute the same and get the same gradient, so that no training makes them differ; in the last layer
    each has a target of its own. Goodfellow, Bengio & Courville (2016), section 8.4.
    """
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, LAYERS)]
    return [name for name, layer in layers[:-1] if _has_equal_units(layer)]


def warn_of_symmetry(model: nn.Module) -> None:
    """One warning, if a model has symmetric layers; none while it is built on the meta device."""
    names = symmetric_layers(model)
    if names:
        warnings.warn(
            f"units of {', '.join(names)} start with the same weights, so that gradients keep them the same; "
            "choose a random init such as kaiming_normal",
            stacklevel=3,
        )


def _has_equal_units(layer: nn.Module) -> bool:
    """Whether another unit starts as the last one does. Zeros, ones and a widening identity all end so."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    if weight.is_meta:
        return False
    units = (weight.transpose(0, 1) if isinstance(layer, nn.modules.conv._ConvTransposeNd) else weight).flatten(1)
    equal = (units == units[-1]).all(1)
    if isinstance(bias, Tensor) and len(bias) == len(equal):
        equal = equal & (bias == bias[-1])
    return int(equal.sum()) > 1
