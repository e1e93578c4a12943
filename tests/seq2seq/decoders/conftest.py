"""Decoders in float64, over sentences of several lengths."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from zoo.seq2seq.attention.scores.additive import additive
from zoo.seq2seq.attention.scores.general import general
from zoo.seq2seq.decoders import BahdanauDecoder, Decoder, LuongDecoder
from zoo.seq2seq.recurrence import Recurrence

#: E, K and H, all different.
EMBEDDING, CONTEXT, HIDDEN = 3, 6, 4
LENGTHS = (4, 1, 3)
STEPS = 5


@pytest.fixture
def build() -> Callable[..., Decoder]:
    """`build("bahdanau" | "luong", attention, cell, layers, **options)`; None is additive, and general."""

    def make(
        kind: str, attention: nn.Module | None = None, cell: str = "gru", layers: int = 1, **options: object
    ) -> Decoder:
        torch.manual_seed(0)
        dropout = {key: options[key] for key in ("dropout", "variational") if key in options}
        fed = CONTEXT if kind == "bahdanau" else HIDDEN * options.get("input_feeding", True)
        recurrence = Recurrence(EMBEDDING + fed, HIDDEN, cell=cell, layers=layers, **dropout)
        factory, decoder = {"bahdanau": (additive, BahdanauDecoder), "luong": (general, LuongDecoder)}[kind]
        attention = attention or factory(query_size=HIDDEN, key_size=CONTEXT)
        made = decoder(recurrence, attention, embedding_size=EMBEDDING, context_size=CONTEXT, **options).double()
        for parameter in made.parameters():
            nn.init.normal_(parameter, std=0.7)
        return made

    return make


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Encoder states (3, 4, 6), their mask (3, 4), and embedded tokens (3, 5, 3)."""
    random = torch.Generator().manual_seed(1)
    states = torch.randn(3, 4, CONTEXT, generator=random, dtype=torch.float64)
    embedded = torch.randn(3, STEPS, EMBEDDING, generator=random, dtype=torch.float64)
    return states, torch.arange(4) < torch.tensor(LENGTHS).unsqueeze(1), embedded


@pytest.fixture
def first() -> Callable[[Decoder], tuple]:
    """The recurrence's state before the first step, of every layer, (3, 4): random."""

    def make(decoder: Decoder) -> tuple:
        random = torch.Generator().manual_seed(2)
        parts = 2 if decoder.recurrence.cell == "lstm" else 1
        return tuple(
            tuple(torch.randn(3, HIDDEN, generator=random, dtype=torch.float64) for _ in range(parts))
            for _ in decoder.recurrence.layers
        )

    return make


@pytest.fixture
def cell_step() -> Callable[..., tuple[Tensor, ...]]:
    """`cell_step(layer, x, state)`: one sentence and step of a gru or lstm layer in one direction, by the equations."""

    def run(layer: nn.Module, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        of_x = (layer.weight_ih @ x + layer.bias_ih).split(HIDDEN)
        of_h = (layer.weight_hh @ state[0] + layer.bias_hh).split(HIDDEN)
        if layer.cell == "gru":  # torch's: the reset gate stands behind the product
            r, z = torch.sigmoid(of_x[0] + of_h[0]), torch.sigmoid(of_x[1] + of_h[1])
            return ((1 - z) * torch.tanh(of_x[2] + r * of_h[2]) + z * state[0],)
        i, f, g, o = (a + b for a, b in zip(of_x, of_h, strict=True))
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    return run


@pytest.fixture
def step_by_step() -> Callable[..., tuple[Tensor, Tensor]]:
    """`step_by_step(decoder, embedded, memory, first)`: features (B, T, F) and weights (B, T, S)."""

    def run(decoder: Decoder, embedded: Tensor, memory: object, first: tuple) -> tuple[Tensor, Tensor]:
        state, features, all_weights = decoder.start(first), [], []
        for tokens in embedded.split(1, 1):
            feature, weights, state = decoder.step(tokens, memory, state)
            features.append(feature)
            all_weights.append(weights)
        return torch.cat(features, 1), torch.cat(all_weights, 1)

    return run


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors: threads only cost."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
