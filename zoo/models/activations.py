"""Activations by their torch name: `relu`, `gelu`, `leaky_relu` ... are torch.nn.ReLU, GELU, LeakyReLU ..."""

from __future__ import annotations

import difflib
import functools
import inspect
import math

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules import activation as torch_activations

# Not functions of a hidden vector, or without a sensible default for their arguments.
_UNFIT = {"MultiheadAttention", "Softmax2d", "Threshold"}
# Functions of the whole vector; the others act on each element alone.
_VECTOR = {"GLU", "LogSoftmax", "Softmax", "Softmin"}


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _torch_classes() -> dict[str, type[nn.Module]]:
    """Every fit class, under the name of its function in torch.nn.functional."""
    functions = {_plain(name): name for name in dir(functional) if not name.endswith("_")}
    classes = [name for name in torch_activations.__all__ if name not in _UNFIT]
    return {functions[_plain(name)]: getattr(nn, name) for name in sorted(classes, key=str.lower)}


ACTIVATIONS: dict[str, type[nn.Module]] = _torch_classes()
"""Every activation there is: name on the command line to torch.nn class."""


def activation_class(name: str) -> type[nn.Module]:
    """The torch.nn class of an activation.

    Args:
        name: `leaky_relu`; the class name `LeakyReLU` is understood too.

    Raises:
        ValueError: no such activation; names the closest ones.
    """
    known = {_plain(key): key for key in ACTIVATIONS}
    if _plain(name) in known:
        return ACTIVATIONS[known[_plain(name)]]
    close = [known[match] for match in difflib.get_close_matches(_plain(name), known, n=3)]
    remedy = f"did you mean {' or '.join(map(repr, close))}?" if close else f"one of {', '.join(ACTIVATIONS)}"
    raise ValueError(f"activation: {name!r} is not an activation of torch.nn; {remedy}")


def make_activation(name: str) -> nn.Module:
    """A new activation with torch's default arguments; softmax and its kin work over the last dimension.

    Raises:
        ValueError: no such activation.
    """
    target = activation_class(name)
    if "dim" in inspect.signature(target).parameters:
        return target(dim=-1)
    return target()


def halves(name: str) -> bool:
    """Whether the activation gives half as many features as it takes (the gated linear unit)."""
    return activation_class(name) is nn.GLU


@functools.cache
def gain(name: str) -> float:
    """Factor on a layer's initial standard deviation that makes up for its activation.

    torch's own value where torch.nn.init.calculate_gain has one (sigmoid 1, tanh 5/3, selu 3/4, relu √2,
    leaky_relu √(2 / (1 + 0.01²))). For the others the reasoning of He et al. (2015), section 2.2, worked out
    numerically: 1 / √E[f(z)²] with z standard normal. Functions of the whole vector (softmax, glu) have 1.

    Raises:
        ValueError: no such activation.
    """
    target = activation_class(name)
    if target in (nn.Sigmoid, nn.Tanh, nn.SELU, nn.ReLU, nn.LeakyReLU):
        canonical = next(key for key, value in ACTIVATIONS.items() if value is target)
        return float(nn.init.calculate_gain(canonical))  # type: ignore[arg-type]
    if target.__name__ in _VECTOR:
        return 1.0
    with torch.device("cpu"), torch.no_grad():
        z = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
        density = torch.exp(-z.square() / 2)
        value = make_activation(name).to(torch.float64).eval()(z)
        return math.sqrt(float(density.sum() / (density * value.square()).sum()))
