"""Unknown tokens replaced by what the model looked at."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def replace_unknown(
    tokens: Sequence[str], ids: Sequence[int], weights: Tensor | None, source: Sequence[str], unknown_id: int = 1
) -> list[str]:
    """Puts the most attended source token for every unknown one; Jean et al. (2015), section 3.3.

    Args:
        tokens: of a hypothesis, as text.
        ids: the same tokens, `Hypothesis.tokens`.
        weights: `Hypothesis.weights`, (|Y|, own source length); without any, nothing is replaced.
        source: tokens of the source as text, without its end: the end stands for no word, and is never copied.
        unknown_id: of unknown tokens.

    Raises:
        ValueError: the lengths do not fit.
    """
    if len(tokens) != len(ids):
        raise ValueError(f"{len(tokens)} tokens with {len(ids)} ids; give the text of each id")
    if weights is None or not source:
        return list(tokens)
    if weights.shape[0] < len(ids) or weights.shape[1] < len(source):
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} for {len(ids)} tokens of {len(source)} source tokens; "
            "give those of the same hypothesis"
        )
    looked = weights[: len(ids), : len(source)].argmax(1).tolist()
    return [
        source[place] if own == unknown_id else token for token, own, place in zip(tokens, ids, looked, strict=True)
    ]
