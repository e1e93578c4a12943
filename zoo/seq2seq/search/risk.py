"""Minimum Bayes risk: what is most like everything else the model would say (Eikema & Aziz 2020)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

#: chrF's longest character n-gram and the weight of recall, Popović (2015).
ORDER, BETA = 6, 2.0


def expected_utilities(samples: Sequence[str] | Sequence[Sequence[int]], counts: Sequence[int]) -> list[float]:
    """The mean similarity of each distinct sample to all samples, itself included.

    Args:
        samples: distinct; texts are compared by chrF, sequences of tokens by their edit distance.
        counts: how often each was drawn.
    """
    texts = [one for one in samples if isinstance(one, str)]
    utility = chrf(texts) if texts else edit_similarity([one for one in samples if not isinstance(one, str)])
    shares = torch.tensor(counts, dtype=torch.float64)
    return (utility @ (shares / shares.sum())).tolist()


def chrf(texts: Sequence[str]) -> Tensor:
    """chrF (Popović 2015) of each text, as hypothesis, to each, as reference: (n, n) float64, in [0, 1].

    Character n-grams up to 6 without white space, β = 2; precision and recall are means over the orders that both texts
    are long enough for. Two empty texts are alike.

    Args:
        texts: n.
    """
    stripped = ["".join(text.split()) for text in texts]
    lengths = torch.tensor([len(text) for text in stripped], dtype=torch.float64)
    precision = torch.zeros(len(texts), len(texts), dtype=torch.float64)
    recall, orders = torch.zeros_like(precision), torch.zeros_like(precision)
    for order in range(1, ORDER + 1):
        sizes = (lengths - order + 1).clamp(min=0)
        both = torch.minimum(sizes.unsqueeze(1), sizes)
        if not both.any():
            break
        common = _common_ngrams(stripped, order)
        precision += torch.where(both > 0, common / sizes.unsqueeze(1).clamp(min=1), 0.0)
        recall += torch.where(both > 0, common / sizes.clamp(min=1), 0.0)
        orders += both > 0
    precision, recall = precision / orders.clamp(min=1), recall / orders.clamp(min=1)
    weighted = BETA**2 * precision + recall
    utility = torch.where(weighted > 0, (1 + BETA**2) * precision * recall / weighted.clamp(min=1e-300), 0.0)
    empty = lengths == 0
    return utility.masked_fill(empty.unsqueeze(1) & empty, 1.0)


def _common_ngrams(texts: Sequence[str], order: int) -> Tensor:
    """Σ_g min(c_i(g), c_j(g)) of the n-gram counts c of any two texts, (n, n) float64.

    The k-th occurrence of an n-gram is a feature of its own: then a product of binary matrices counts what is common.
    """
    columns: dict[tuple[str, int], int] = {}
    rows, places = [], []
    for row, text in enumerate(texts):
        seen: Counter[str] = Counter()
        for start in range(len(text) - order + 1):
            ngram = text[start : start + order]
            seen[ngram] += 1
            rows.append(row)
            places.append(columns.setdefault((ngram, seen[ngram]), len(columns)))
    features = torch.zeros(len(texts), len(columns))
    features[rows, places] = 1.0
    return (features @ features.t()).double()


def edit_similarity(sequences: Sequence[Sequence[int]]) -> Tensor:
    """1 - d(a, b) / max(|a|, |b|) of any two sequences, d being Levenshtein's distance: (n, n) float64, in [0, 1].

    All pairs at once, a row of the table a step: its insertions, d_j = min(d_j, d_(j-1) + 1) from left to right, are
    the running minimum of d_j - j.
    """
    count, longest = len(sequences), max(map(len, sequences))
    lengths = torch.tensor([len(one) for one in sequences])
    tokens = torch.full((count, longest), -1)
    for row, one in enumerate(sequences):
        tokens[row, : len(one)] = torch.tensor(one, dtype=torch.int64)
    columns = torch.arange(longest + 1)
    table = columns.expand(count, count, -1)
    distance = table.gather(2, lengths.expand(count, count).unsqueeze(-1)).squeeze(-1)
    for row in range(1, longest + 1):
        differs = (tokens[:, row - 1, None, None] != tokens).long()
        moved = torch.cat([torch.full((count, count, 1), row), (table[..., :-1] + differs)], -1)
        moved[..., 1:] = torch.minimum(moved[..., 1:], table[..., 1:] + 1)
        table = (moved - columns).cummin(-1).values + columns
        ends = table.gather(2, lengths.expand(count, count).unsqueeze(-1)).squeeze(-1)
        distance = torch.where((lengths == row).unsqueeze(1), ends, distance)
    longer = torch.maximum(lengths.unsqueeze(1), lengths)
    return 1 - distance.double() / longer.clamp(min=1)
