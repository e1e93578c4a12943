"""Sentences of unsorted lengths, torch's own recurrences with the same weights, and the papers' equations as loops."""

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn

from zoo.seq2seq.dropout import Dropout
from zoo.seq2seq.recurrence import Layer, Recurrence

#: Unsorted, with a tie and a sentence of one token.
LENGTHS = (3, 5, 1, 3, 2)
THEIRS = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


@pytest.fixture
def sentences() -> Callable[..., tuple[Tensor, Tensor]]:
    """`sentences(lengths, size)`: tokens (B, T, size), float64, and their mask (B, T)."""

    def make(lengths: Sequence[int] = LENGTHS, size: int = 3, steps: int | None = None) -> tuple[Tensor, Tensor]:
        random = torch.Generator().manual_seed(1)
        steps = steps or max(lengths)
        tokens = torch.randn(len(lengths), steps, size, generator=random, dtype=torch.float64)
        return tokens, torch.arange(steps) < torch.tensor(lengths).unsqueeze(1)

    return make


@pytest.fixture
def build() -> Callable[..., Recurrence]:
    """`build(input_size, hidden_size, **options)`: in float64, with values far from zero."""

    def make(input_size: int = 3, hidden_size: int = 4, **options: object) -> Recurrence:
        torch.manual_seed(0)
        recurrence = Recurrence(input_size, hidden_size, **options).double()
        for parameter in recurrence.parameters():
            nn.init.normal_(parameter)
        return recurrence

    return make


@pytest.fixture
def torch_twin() -> Callable[[Recurrence], nn.RNNBase]:
    """torch's own recurrence with the same weights."""

    def make(ours: Recurrence) -> nn.RNNBase:
        first = ours.layer(0)
        theirs = THEIRS[ours.cell](
            first.input_size,
            ours.hidden_size,
            len(ours.layers),
            batch_first=True,
            bidirectional=ours.directions == 2,
            dtype=first.weight_ih.dtype,
        )
        with torch.no_grad():
            for index, layer in enumerate(ours.layers):
                for name, value in layer.named_parameters():
                    for suffix, part in zip(("", "_reverse"), value.chunk(ours.directions), strict=False):
                        getattr(theirs, f"{name}_l{index}{suffix}").copy_(part)
        return theirs

    return make


@pytest.fixture
def state_of() -> Callable[..., tuple]:
    """`state_of(recurrence, batch)`: a random state of every layer, (B, D·H), that wants gradients."""

    def make(recurrence: Recurrence, batch: int) -> tuple:
        random = torch.Generator().manual_seed(2)
        dtype = recurrence.layer(0).weight_ih.dtype
        size = (batch, recurrence.output_size)
        return tuple(
            tuple(
                torch.randn(size, generator=random, dtype=torch.float64).to(dtype).requires_grad_()
                for _ in range(2 if recurrence.cell == "lstm" else 1)
            )
            for _ in recurrence.layers
        )

    return make


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Tensor | None]:
    """Every dropout factor drawn from here on, in order."""
    factors: list[Tensor | None] = []
    factor = Dropout.factor

    def noted(self: Dropout, like: Tensor, *, time: int | None = None) -> Tensor | None:
        factors.append(factor(self, like, time=time))
        return factors[-1]

    monkeypatch.setattr(Dropout, "factor", noted)
    return factors


def cell_step(layer: Layer, direction: int, x: Tensor, state: tuple[Tensor, ...], factor: Tensor) -> tuple[Tensor, ...]:
    """One step of one sentence, from the equations; `factor` multiplies h in its products."""
    w_x, w_h, b_x, b_h = (
        part.chunk(layer.directions)[direction]
        for part in (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)
    )
    of_x = (w_x @ x + b_x).split(layer.hidden_size)
    of_h = (w_h @ (state[0] * factor) + b_h).split(layer.hidden_size)
    if layer.cell == "rnn":
        return (torch.tanh(of_x[0] + of_h[0]),)
    if layer.cell == "gru":
        r, z = torch.sigmoid(of_x[0] + of_h[0]), torch.sigmoid(of_x[1] + of_h[1])
        n = torch.tanh(of_x[2] + r * of_h[2])
        return ((1 - z) * n + z * state[0],)
    i, f, g, o = (a + b for a, b in zip(of_x, of_h, strict=True))
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def normalise(norm: nn.LayerNorm | nn.RMSNorm, values: Tensor) -> Tensor:
    """Ba et al. (2016), equation 4, or Zhang & Sennrich (2019), equation 4."""
    if isinstance(norm, nn.RMSNorm):
        return values / torch.sqrt((values**2).mean() + torch.finfo(values.dtype).eps) * norm.weight
    deviation = ((values - values.mean()) ** 2).mean()
    return (values - values.mean()) / torch.sqrt(deviation + norm.eps) * norm.weight + norm.bias


@pytest.fixture
def plain() -> Callable[..., tuple[Tensor, list]]:
    """`plain(recurrence, tokens, below, within)`: one sentence (T, E) by the equations.

    `below` is, of every layer, what its inputs are multiplied with, (T, ·); `within` what h is multiplied with in its
    products, (D·H,). Returns outputs (T, D·H), and of every layer the last state (D·H,).
    """

    def run(
        recurrence: Recurrence, tokens: Tensor, below: Sequence[Tensor] = (), within: Sequence[Tensor] = ()
    ) -> tuple[Tensor, list]:
        outputs, final = tokens, []
        one = tokens.new_ones(())
        for index, layer in enumerate(recurrence.layers):
            inputs = outputs * (below[index] if below else one)
            factors = (within[index] if within else tokens.new_ones(recurrence.output_size)).chunk(layer.directions)
            by_direction, ends = [], []
            for direction in range(layer.directions):
                zero = tokens.new_zeros(layer.hidden_size)
                state = (zero, zero) if layer.cell == "lstm" else (zero,)
                order = range(len(tokens)) if direction == 0 else range(len(tokens) - 1, -1, -1)
                states: list[Tensor] = [zero] * len(tokens)
                for t in order:
                    state = cell_step(layer, direction, inputs[t], state, factors[direction])
                    states[t] = state[0]
                by_direction.append(torch.stack(states))
                ends.append(state)
            outputs = torch.cat(by_direction, -1)
            if recurrence.norms is not None:
                outputs = torch.stack([normalise(recurrence.norms[index], row) for row in outputs])
            if recurrence.residual and index:
                outputs = outputs + inputs
            final.append(tuple(torch.cat(parts) for parts in zip(*ends, strict=True)))
        return outputs, final

    return run


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors: threads only cost."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
