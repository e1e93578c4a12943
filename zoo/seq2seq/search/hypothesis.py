"""One output a search has found."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A sequence of tokens with what the model thinks of it.

    Attributes:
        tokens: ids without the end, a forced prefix included.
        score: what it is ranked by: log P(Y|X) / lp(Y) + cp(X; Y), or the expected utility under minimum Bayes risk.
        log_probability: log P(Y|X) in nats, the end included.
        token_log_probabilities: its summands, one a token and one for the end, |Y| in all.
        weights: attention while each of these was produced, (|Y|, own source length); `None` of a model without.
        finished: whether the model ended it; if not, it was cut at its maximum length, where nothing but the end is
            allowed.
    """

    tokens: list[int]
    score: float
    log_probability: float
    token_log_probabilities: list[float]
    weights: Tensor | None
    finished: bool
