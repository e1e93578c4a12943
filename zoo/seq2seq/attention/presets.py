"""Local attention by its own name, over any of the scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.attention import Attention
from zoo.seq2seq.attention.scores.additive import additive
from zoo.seq2seq.attention.scores.concat import concat
from zoo.seq2seq.attention.scores.dot import dot, scaled_dot
from zoo.seq2seq.attention.scores.general import general
from zoo.seq2seq.attention.scores.location import location
from zoo.seq2seq.attention.scores.multihead import multihead

ScoreName = Literal["additive", "dot", "scaled_dot", "general", "concat", "location", "multihead"]
#: A score's own options keep their defaults here; `attention=multihead attention.scope=local_p` has them all.
_FACTORIES: dict[ScoreName, Callable[..., Attention]] = {
    "additive": additive,
    "dot": dot,
    "scaled_dot": scaled_dot,
    "general": general,
    "concat": concat,
    "location": location,
    "multihead": multihead,
}


def local_m(
    query_size: options.Size,
    key_size: options.Size,
    score: ScoreName = "general",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """Monotonic local attention, Luong et al. (2015): a window that moves on by one position each step.

    Args:
        query_size: size of a decoder state.
        key_size: size of an encoder state.
        score: inside the window, with its defaults.
        window: D; 2D + 1 positions.
        selection: of `Attention`, as all that follow.
    """
    return _FACTORIES[score](
        query_size=query_size,
        key_size=key_size,
        scope="local_m",
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )


def local_p(
    query_size: options.Size,
    key_size: options.Size,
    score: ScoreName = "general",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """Predictive local attention, Luong et al. (2015): a window and a Gaussian around a position that is predicted.

    Args:
        query_size: size of a decoder state.
        key_size: size of an encoder state.
        score: inside the window, with its defaults.
        window: D; 2D + 1 positions, and σ = D / 2.
        selection: of `Attention`, as all that follow.
    """
    return _FACTORIES[score](
        query_size=query_size,
        key_size=key_size,
        scope="local_p",
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )
