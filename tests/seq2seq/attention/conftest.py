"""Attentions off their initial values, and sentences of several lengths, one of them empty."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo.seq2seq.attention import Attention
from zoo.seq2seq.attention.scores.additive import additive
from zoo.seq2seq.attention.scores.concat import concat
from zoo.seq2seq.attention.scores.dot import dot, scaled_dot
from zoo.seq2seq.attention.scores.general import general
from zoo.seq2seq.attention.scores.last import none
from zoo.seq2seq.attention.scores.location import location
from zoo.seq2seq.attention.scores.multihead import multihead

FACTORIES = {
    factory.__name__: factory for factory in (additive, concat, dot, scaled_dot, general, location, multihead, none)
}
#: Lengths of the sentences, one of them without a token.
LENGTHS = (6, 1, 0, 3)
SIZE = 4


@pytest.fixture
def build() -> Callable[..., Attention]:
    """`build(score, **options)`: an attention for queries and keys of size 4, in float64 and evaluation mode."""

    def make(score: str, **options: object) -> Attention:
        attention = FACTORIES[score](query_size=SIZE, key_size=SIZE, **options)
        torch.manual_seed(0)  # the score comes first: it gets the same values whatever the other options
        for parameter in attention.parameters():
            torch.nn.init.normal_(parameter)
        return attention.double().eval()

    return make


@pytest.fixture
def sentences() -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """`sentences(lengths, steps, size)`: keys (B, S, size), mask (B, S) and queries (B, steps, size), float64."""

    def make(lengths: tuple[int, ...] = LENGTHS, steps: int = 3, size: int = SIZE) -> tuple[Tensor, Tensor, Tensor]:
        random = torch.Generator().manual_seed(1)
        keys = torch.randn(len(lengths), max(lengths), size, generator=random, dtype=torch.float64)
        queries = torch.randn(len(lengths), steps, size, generator=random, dtype=torch.float64)
        return keys, torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1), queries

    return make


@pytest.fixture
def loop() -> Callable[..., tuple[Tensor, Tensor]]:
    """`loop(attention, keys, mask, queries)`: contexts (B, T, K) and weights (B, T, S), one step after the other."""

    def run(attention: Attention, keys: Tensor, mask: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        memory, state = attention.prepare(keys, mask), None
        contexts, all_weights = [], []
        for query in queries.unbind(1):
            context, weights, state = attention(query, memory, state)
            contexts.append(context)
            all_weights.append(weights)
        return torch.stack(contexts, 1), torch.stack(all_weights, 1)

    return run
