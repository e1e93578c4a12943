"""Activations by name: all of torch.nn's for features, maxout, and swish with a learned β.

A name alone has the default options: `gelu`. Others are given with it, `{name: leaky_relu, negative_slope: 0.2}`, as
its class calls them.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

#: A name of `ACTIVATIONS`, or `{"name": ..., option: value}`.
Activation = str | dict[str, Any]


class Swish(nn.Module):
    """x σ(β x), β learned, one for all features; Ramachandran, Zoph & Le (2017), section 3. With β = 1 it is `silu`.

    Args:
        beta: first value of β. Weight decay spares it.
    """

    decays = False  # β = 0 is x / 2, which is no better a prior than any other

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(float(beta)))

    def forward(self, features: Tensor) -> Tensor:
        """Any shape to the same."""
        return features * torch.sigmoid(self.beta * features)


class Maxout(nn.Module):
    """max_j z_j over the k affine pieces of a unit; Goodfellow et al. (2013), section 3.

    A layer before it gives k numbers a unit, next to each other.

    Args:
        pieces: k, at least 2.

    Raises:
        ValueError: fewer pieces; features that they do not divide.
    """

    def __init__(self, pieces: int = 2) -> None:
        super().__init__()
        if pieces < 2:
            raise ValueError(f"a maxout unit of {pieces} is linear; give pieces of 2 or more")
        self.pieces = pieces

    def forward(self, features: Tensor) -> Tensor:
        """(..., k H) -> (..., H)."""
        if features.shape[-1] % self.pieces:
            raise ValueError(f"{features.shape[-1]} features are no multiple of {self.pieces} pieces")
        return torch.unflatten(features, -1, (-1, self.pieces)).max(-1).values

    def extra_repr(self) -> str:
        """For `print(model)`."""
        return f"pieces={self.pieces}"


class Threshold(nn.Threshold):
    """x where it is above θ, else v; with v = 0 the truncated rectifier of Konda, Memisevic & Krueger (2015).

    Args:
        threshold: θ.
        value: v.
    """

    def __init__(self, threshold: float = 1.0, value: float = 0.0) -> None:
        super().__init__(threshold, value)


@dataclass(frozen=True)
class Kind:
    """An activation there is.

    Attributes:
        target: the class that builds it.
        formula: f(x), with the names of the options.
        source: who proposed it.
    """

    target: type[nn.Module]
    formula: str
    source: str


ACTIVATIONS: dict[str, Kind] = {
    "celu": Kind(nn.CELU, "max(0, x) + min(0, α (exp(x / α) - 1)), α = 1", "Barron (2017)"),
    "elu": Kind(nn.ELU, "x if x > 0 else α (exp(x) - 1), α = 1", "Clevert, Unterthiner & Hochreiter (2016), eq. 16"),
    "gelu": Kind(nn.GELU, "x Φ(x), Φ the normal distribution function", "Hendrycks & Gimpel (2016)"),
    "glu": Kind(nn.GLU, "a σ(b), a and b the halves of the features", "Dauphin et al. (2017), eq. 1"),
    "hardshrink": Kind(nn.Hardshrink, "x if |x| > λ else 0, λ = 1/2", "Donoho & Johnstone (1994)"),
    "hardsigmoid": Kind(nn.Hardsigmoid, "min(max(x + 3, 0), 6) / 6", "Howard et al. (2019), section 5.2"),
    "hardswish": Kind(nn.Hardswish, "x min(max(x + 3, 0), 6) / 6", "Howard et al. (2019), section 5.2"),
    "hardtanh": Kind(nn.Hardtanh, "min(max(x, -1), 1)", "Collobert et al. (2011)"),
    "identity": Kind(nn.Identity, "x", "layers without one are a linear model"),
    "leaky_relu": Kind(nn.LeakyReLU, "x if x > 0 else a x, a = 0.01", "Maas, Hannun & Ng (2013), section 2"),
    "log_softmax": Kind(nn.LogSoftmax, "x - log Σ exp(x), over the features", "Bridle (1990)"),
    "logsigmoid": Kind(nn.LogSigmoid, "log σ(x) = -log(1 + exp(-x))", "the logarithm of `sigmoid`"),
    "maxout": Kind(Maxout, "max over k features, k = 2", "Goodfellow et al. (2013), section 3"),
    "mish": Kind(nn.Mish, "x tanh(log(1 + exp(x)))", "Misra (2020)"),
    "prelu": Kind(nn.PReLU, "x if x > 0 else a x, a learned, 1/4 at first", "He et al. (2015), eq. 1"),
    "relu": Kind(nn.ReLU, "max(0, x)", "Nair & Hinton (2010)"),
    "relu6": Kind(nn.ReLU6, "min(max(0, x), 6)", "Krizhevsky (2010)"),
    "rrelu": Kind(
        nn.RReLU, "x if x > 0 else a x, a random in [1/8, 1/3], their mean after training", "Xu et al. (2015)"
    ),
    "selu": Kind(
        nn.SELU, "λ x if x > 0 else λ α (exp(x) - 1), λ = 1.0507, α = 1.6733", "Klambauer et al. (2017), eq. 2"
    ),
    "sigmoid": Kind(nn.Sigmoid, "σ(x) = 1 / (1 + exp(-x))", "Rumelhart, Hinton & Williams (1986)"),
    "silu": Kind(nn.SiLU, "x σ(x)", "Elfwing, Uchibe & Doya (2018)"),
    "softmax": Kind(nn.Softmax, "exp(x) / Σ exp(x), over the features", "Bridle (1990)"),
    "softmin": Kind(nn.Softmin, "exp(-x) / Σ exp(-x), over the features", "`softmax` of -x"),
    "softplus": Kind(nn.Softplus, "log(1 + exp(β x)) / β, β = 1", "Dugas et al. (2001)"),
    "softshrink": Kind(nn.Softshrink, "sign(x) max(|x| - λ, 0), λ = 1/2", "Donoho & Johnstone (1994)"),
    "softsign": Kind(nn.Softsign, "x / (1 + |x|)", "Turian, Bergstra & Bengio (2009)"),
    "swish": Kind(Swish, "x σ(β x), β learned, 1 at first", "Ramachandran, Zoph & Le (2017)"),
    "tanh": Kind(nn.Tanh, "tanh x", "LeCun et al. (1998), section 4.4"),
    "tanhshrink": Kind(nn.Tanhshrink, "x - tanh x", "torch's"),
    "threshold": Kind(Threshold, "x if x > θ else v, θ = 1, v = 0", "Konda, Memisevic & Krueger (2015)"),
}
"""Every activation there is, under the name of its function in torch.nn.functional where it has one."""

# Functions of the whole vector; the others act on each element alone.
_VECTOR = (nn.GLU, nn.LogSoftmax, nn.Softmax, nn.Softmin)
# Parameters of torch's constructors that are no options: features are the last dimension, gradients need the input, and
# a layer has one slope.
_FIXED = {"inplace", "dim", "device", "dtype", "min_value", "max_value", "num_parameters", "args", "kwargs"}


def make_activation(activation: Activation) -> nn.Module:
    """A new activation; softmax and its kin work over the last dimension.

    Args:
        activation: its name, or `{"name": ..., option: value}`.

    Raises:
        ValueError: no such activation or option, or a value that it does not take.
    """
    name, options = _read(activation)
    target = ACTIVATIONS[name].target
    if options:
        _try(name, options)
    return target(**options, **({"dim": -1} if "dim" in inspect.signature(target).parameters else {}))


def _try(name: str, options: dict[str, Any]) -> None:
    """Whether an activation of these options works: torch looks at some of them only when it computes.

    Raises:
        ValueError: it does not.
    """
    with torch.device("cpu"), torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            values = ACTIVATIONS[name].target(**options)(torch.linspace(-3, 3, 2 * options.get("pieces", 1)))
            problem = None if values.isfinite().all() else "it gives numbers that are not finite"
        except (ArithmeticError, AssertionError, RuntimeError, ValueError) as error:
            problem = str(error).partition("\n")[0] or "it does not take them"
    if problem:
        raise ValueError(f"activation: {name} of {options}: {problem}")


def inputs_per_output(activation: Activation) -> int:
    """How many features an activation takes for each one it gives: 2 for glu, k for maxout, 1 for the others."""
    module = make_activation(activation)
    if isinstance(module, Maxout):
        return module.pieces
    return 2 if isinstance(module, nn.GLU) else 1


def gain(activation: Activation) -> float:
    """Factor on a layer's initial standard deviation that makes up for its activation.

    torch's own value where torch.nn.init.calculate_gain has one (sigmoid 1, tanh 5/3, selu 3/4, relu √2,
    leaky_relu √(2 / (1 + a²))). For the others the reasoning of He et al. (2015), section 2.2, worked out
    numerically: 1 / √E[f(z)²] with z standard normal, the largest of k for maxout. Functions of the whole vector
    (softmax, glu) have 1.

    Raises:
        ValueError: as `make_activation`.
    """
    name, options = _read(activation)
    return _gain(name, tuple(sorted(options.items())))


@functools.cache
def _gain(name: str, options: tuple[tuple[str, Any], ...]) -> float:
    if name in ("sigmoid", "tanh", "selu", "relu", "leaky_relu"):
        return float(nn.init.calculate_gain(name, dict(options).get("negative_slope")))  # type: ignore[arg-type]
    with torch.device("cpu"), torch.no_grad():
        module = make_activation({"name": name, **dict(options)})
        if isinstance(module, _VECTOR):
            return 1.0
        z = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
        density = torch.exp(-z.square() / 2)
        if isinstance(module, Maxout):
            density = density * torch.special.ndtr(z) ** (module.pieces - 1)
            value = z
        else:
            value = module.to(torch.float64).eval()(z)
        mean_square = float((density * value.square()).sum() / density.sum())
    if mean_square == 0:
        raise ValueError(f"activation: {name} of {dict(options)} is zero everywhere; choose other options")
    return 1 / math.sqrt(mean_square)


def _read(activation: Activation) -> tuple[str, dict[str, Any]]:
    """Name and options.

    Raises:
        ValueError: no such activation or option.
    """
    if isinstance(activation, str):
        return _known(activation), {}
    options = dict(activation)
    given = options.pop("name", None)
    if not isinstance(given, str):
        raise ValueError(f"activation: {activation} has no name; give {{name: leaky_relu, negative_slope: 0.2}}")
    name = _known(given)
    parameters = inspect.signature(ACTIVATIONS[name].target).parameters
    known = {key: one.default for key, one in parameters.items() if key not in _FIXED}
    for key, value in options.items():
        if key not in known:
            raise ValueError(f"activation: {name} has no option {key!r}; known: {', '.join(known) or 'none'}")
        _check_type(f"activation: {name}: {key}", value, known[key])
    return name, options


def _check_type(what: str, value: Any, default: Any) -> None:
    """Whether a value is of the kind of the default.

    Raises:
        ValueError: it is not.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(default, str):
        fits, wanted = isinstance(value, str), "text"
    elif isinstance(default, int):
        fits, wanted = number and value == int(value) and value > 0, "a positive whole number"
    else:
        fits, wanted = number, "a number"
    if not fits:
        raise ValueError(f"{what}: {value!r} is not {wanted}")


def _known(name: str) -> str:
    """The name of an activation; that of its class, `LeakyReLU`, is understood too.

    Raises:
        ValueError: no such activation; names the closest ones.
    """

    def plain(text: str) -> str:
        return text.replace("_", "").lower()

    known = {plain(key): key for key in ACTIVATIONS}
    if plain(name) in known:
        return known[plain(name)]
    close = [known[match] for match in difflib.get_close_matches(plain(name), known, n=3)]
    remedy = f"did you mean {' or '.join(map(repr, close))}?" if close else f"one of {', '.join(ACTIVATIONS)}"
    raise ValueError(f"activation: {name!r} is no activation there is; {remedy}")
