"""Step models small enough to be enumerated, that note what they are asked, and plain loops to compare with."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn

PADDING, UNKNOWN, BEGIN, END = 0, 1, 2, 3


class Markov:
    """The next token depends on the two before, on the step's parity and on the source; so does attention.

    All of it is looked up in tables of random numbers, and `following` looks it up without a search, in float64.
    """

    def __init__(self, seed: int, vocabulary: int = 7, spread: float = 2.0, longest: int = 32) -> None:
        random = torch.Generator().manual_seed(seed)
        self.vocabulary = vocabulary
        self.table = spread * torch.randn(11, 2, vocabulary, vocabulary, vocabulary, generator=random)
        self.looks = 2 * torch.randn(11, vocabulary, longest, generator=random)
        self.seen: list[tuple[int, int]] = []
        self.memories: list[int] = []
        self.encoded = 0

    def encode(self, source: Tensor) -> dict[str, object]:
        self.encoded += 1
        return {"kind": source.sum(1) % 11, "parts": [source != PADDING]}

    def start(self, memory: dict) -> tuple[Tensor, Tensor]:
        kind = memory["kind"]
        return kind.new_full((len(kind), 1), BEGIN), kind.new_zeros(len(kind), 1, 1)

    def step(self, tokens: Tensor, memory: dict, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, tuple]:
        before, count = state
        kind, mask = memory["kind"].unsqueeze(1), memory["parts"][0]
        assert tokens.shape == before.shape == count.shape[:2]
        self.seen.append(tuple(tokens.shape))
        self.memories.append(len(mask))
        logits = self.table[kind, count[..., 0] % 2, before, tokens]
        looks = self.looks[kind, tokens][..., : mask.shape[1]].masked_fill(~mask.unsqueeze(1), -torch.inf)
        return logits, looks.softmax(-1), (tokens, count + 1)

    def following(self, source: Sequence[int], tokens: Sequence[int]) -> tuple[list[float], list[float]]:
        """Log-probabilities of the next token and attention weights, for a source without padding."""
        kind, (before, last) = sum(source) % 11, [BEGIN, BEGIN, *tokens][-2:]
        logits = self.table[kind, len(tokens) % 2, before, last].double().tolist()
        looks = self.looks[kind, last].double().tolist()[: len(source)]
        return _log_softmax(logits), [math.exp(one) for one in _log_softmax(looks)]


class Attentive(nn.Module):
    """A GRU decoder with additive attention over embedded sources."""

    def __init__(self, seed: int = 0, vocabulary: int = 40, size: int = 16) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.source, self.target = nn.Embedding(vocabulary, size), nn.Embedding(vocabulary, size)
        self.keys, self.query, self.energy = nn.Linear(size, size), nn.Linear(size, size), nn.Linear(size, 1)
        self.cell, self.out = nn.GRUCell(2 * size, size), nn.Linear(2 * size, vocabulary)
        self.dropout = nn.Dropout(0.5)
        for parameter in self.parameters():
            parameter.data.mul_(2.0)
        self.seen: list[tuple[int, int]] = []

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mask = source != PADDING
        values = self.source(source).masked_fill(~mask.unsqueeze(-1), 0.0)
        return values, self.keys(values), mask

    def start(self, memory: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        values, _, mask = memory
        return (values.sum(1) / mask.sum(1, keepdim=True)).tanh().unsqueeze(1)

    def step(self, tokens: Tensor, memory: tuple[Tensor, Tensor, Tensor], state: Tensor) -> tuple:
        values, keys, mask = memory
        self.seen.append(tuple(tokens.shape))
        energies = self.energy((keys.unsqueeze(1) + self.query(state).unsqueeze(2)).tanh()).squeeze(-1)
        weights = energies.float().masked_fill(~mask.unsqueeze(1), -torch.inf).softmax(-1)
        context = weights.to(values.dtype) @ values
        inputs = torch.cat([self.dropout(self.target(tokens)), context], -1)
        state = self.cell(inputs.flatten(0, 1), state.flatten(0, 1)).view(*tokens.shape, -1)
        return self.out(torch.cat([state, context], -1)).float(), weights, state


def _log_softmax(logits: Sequence[float]) -> list[float]:
    largest = max(logits)
    whole = largest + math.log(sum(math.exp(one - largest) for one in logits))
    return [one - whole for one in logits]


def padded(rows: Sequence[Sequence[int]], extra: int = 0) -> Tensor:
    width = max(map(len, rows)) + extra
    return torch.tensor([[*row, *[PADDING] * (width - len(row))] for row in rows])


def penalised(log_probability: float, looks: Sequence[Sequence[float]], alpha: float = 0.0, beta: float = 0.0) -> float:
    """Equation 14 of Wu et al. (2016), word by word; `looks` has a row a token, the end included."""
    coverage = [sum(column) for column in zip(*looks, strict=True)]
    penalty = ((5 + len(looks)) / 6) ** alpha
    return log_probability / penalty + beta * sum(math.log(min(one, 1.0)) for one in coverage)


def told(models: Sequence[Markov], source: Sequence[int], tokens: Sequence[int]) -> tuple[list[float], list[float]]:
    """What an ensemble of equal voices predicts next."""
    parts = [model.following(source, tokens) for model in models]
    mean = [
        math.log(sum(math.exp(one) for one in column) / len(models))
        for column in zip(*(p[0] for p in parts), strict=True)
    ]
    looks = [sum(column) / len(models) for column in zip(*(p[1] for p in parts), strict=True)]
    return mean, looks


def enumerated(
    models: Markov | Sequence[Markov], source: Sequence[int], longest: int, alpha: float = 0.0, beta: float = 0.0
) -> list[tuple[float, tuple[int, ...]]]:
    """Every output of at most `longest` tokens with its score, best first."""
    models = [models] if isinstance(models, Markov) else models
    letters = [token for token in range(models[0].vocabulary) if token not in (PADDING, BEGIN, END)]
    known: dict[tuple[int, ...], tuple[float, list]] = {(): (0.0, [])}
    found = []
    for length in range(longest + 1):
        for tokens in itertools.product(letters, repeat=length):
            total, looks = known[tokens]
            following, look = told(models, source, tokens)
            found.append((penalised(total + following[END], [*looks, look], alpha, beta), tokens))
            for letter in letters:
                known[(*tokens, letter)] = (total + following[letter], [*looks, look])
    return sorted(found, reverse=True)


@pytest.fixture
def markov() -> type[Markov]:
    """`markov(seed, vocabulary=7)`: a random step model of tables."""
    return Markov


@pytest.fixture
def attentive() -> Callable[..., Attentive]:
    """`attentive(seed, vocabulary=40)`: a random GRU with attention, in evaluation mode."""
    return lambda *arguments, **options: Attentive(*arguments, **options).eval()


@pytest.fixture
def pad() -> Callable[..., Tensor]:
    """`pad(rows, extra=0)`: sources as one tensor, with `extra` columns of padding."""
    return padded


@pytest.fixture
def enumerate_all() -> Callable[..., list]:
    """`enumerate_all(models, source, longest, alpha, beta)`: (score, tokens) of every output, best first."""
    return enumerated


@pytest.fixture
def penalise() -> Callable[..., float]:
    """`penalise(log_probability, looks, alpha, beta)`: equation 14."""
    return penalised


@pytest.fixture
def predict() -> Callable[..., tuple]:
    """`predict(models, source, tokens)`: next log-probabilities and attention weights, by plain loops."""
    return told


@pytest.fixture
def sentences() -> Callable[[int], list[list[int]]]:
    """`sentences(count)`: sources of lengths 1 to 9, each with its end, in no order."""

    def make(count: int, seed: int = 3) -> list[list[int]]:
        random = torch.Generator().manual_seed(seed)
        lengths = torch.randint(0, 9, (count,), generator=random).tolist()
        return [[*torch.randint(4, 40, (length,), generator=random).tolist(), END] for length in lengths]

    return make


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors: threads only cost."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
