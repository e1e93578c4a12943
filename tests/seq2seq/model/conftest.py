"""Small models built by name, and sentences of several lengths."""

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn

import zoo
from zoo.seq2seq.model import Seq2Seq

PADDING, BEGIN, END = 0, 2, 3
#: Lengths of sources and targets: unsorted, with ties, and one token alone.
SOURCES, TARGETS = (3, 6, 1, 4, 3), (4, 2, 5, 1, 3)
DECODERS = {
    "bahdanau": {"decoder": "bahdanau"},
    "luong": {"decoder": "luong", "input_feeding": True},
    "parallel": {"decoder": "luong", "input_feeding": False},
}


@pytest.fixture
def build() -> Callable[..., Seq2Seq]:
    """`build(attention, decoder, **options)`: in evaluation mode; "parallel" is luong without input feeding.

    Sizes are 4 for all, of both directions together, so that dot products fit.
    """

    def make(attention: object = "general", decoder: str = "luong", **options: object) -> Seq2Seq:
        sizes = {"source_vocab_size": 11, "target_vocab_size": 9, "embedding_size": 4, "decoder_size": 4}
        torch.manual_seed(0)
        node = {"name": attention} if isinstance(attention, str) else attention
        given = {**sizes, "dropout": 0.0, **DECODERS[decoder], **options}
        model = zoo.build("model", "seq2seq", attention=node, **given)
        for name, parameter in model.named_parameters():
            if "attention" in name:  # far from the same weight everywhere
                nn.init.normal_(parameter, std=0.5)
        return model.eval()

    return make


def ids(lengths: Sequence[int], vocabulary: int, seed: int, steps: int | None = None) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    rows = torch.randint(4, vocabulary, (len(lengths), steps or max(lengths)), generator=random)
    return rows.masked_fill(torch.arange(rows.shape[1]) >= torch.tensor(lengths).unsqueeze(1), PADDING)


@pytest.fixture
def batch() -> Callable[..., tuple[Tensor, Tensor]]:
    """`batch(sources, targets)` of lengths: sources (B, S) with their ends, and prefixes (B, T) with their begins."""

    def make(sources: Sequence[int] = SOURCES, targets: Sequence[int] = TARGETS) -> tuple[Tensor, Tensor]:
        source, prefix = ids(sources, 11, 1), ids(targets, 9, 2)
        source[range(len(sources)), [length - 1 for length in sources]] = END
        prefix[:, 0] = BEGIN
        return source, prefix

    return make


@pytest.fixture
def step_by_step() -> Callable[[Seq2Seq, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """`step_by_step(model, source, prefix)`: logits of the real positions (M, V), and weights (B, T, S)."""

    @torch.no_grad()
    def run(model: Seq2Seq, source: Tensor, prefix: Tensor) -> tuple[Tensor, Tensor]:
        memory = model.encode(source)
        state, logits, all_weights = model.start(memory), [], []
        for tokens in prefix.split(1, 1):
            step_logits, weights, state = model.step(tokens, memory, state)
            logits.append(step_logits)
            all_weights.append(weights)
        return torch.cat(logits, 1)[prefix != PADDING], torch.cat(all_weights, 1)

    return run


@pytest.fixture
def by_row() -> Callable[[Tensor, Tensor], list[Tensor]]:
    """`by_row(logits, prefix)`: logits (M, V) of the real positions as one tensor a sentence."""
    return lambda logits, prefix: list(logits.split((prefix != PADDING).sum(1).tolist()))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors: threads only cost."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
