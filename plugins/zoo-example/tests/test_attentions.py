"""Location-aware attention against the paper's equations, and in the toolkit's model and search."""

import math

import numpy as np
import pytest
import torch
import zoo
from torch import nn
from torch.func import functional_call
from zoo.seq2seq.attention import Attention
from zoo.seq2seq.search import DecodeOptions, search

from zoo_example.attentions import location_aware

SCOPES = ["global", "local_m", "local_p"]
#: Lengths of the sentences of a batch, one of them without a token.
LENGTHS = (9, 1, 0, 4)
QUERY, KEY = 3, 5


def build(**options) -> Attention:
    """An attention far from its initial values, in float64 and evaluation mode."""
    attention = location_aware(QUERY, KEY, **{"hidden_size": 4, "filters": 2, "kernel_width": 3, **options})
    torch.manual_seed(0)
    for parameter in attention.parameters():
        nn.init.normal_(parameter)
    return attention.double().eval()


def sentences(lengths=LENGTHS, steps=4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Keys (B, S, K), mask (B, S) and queries (B, T, Q)."""
    random = torch.Generator().manual_seed(1)
    keys = torch.randn(len(lengths), max(lengths), KEY, generator=random, dtype=torch.float64)
    queries = torch.randn(len(lengths), steps, QUERY, generator=random, dtype=torch.float64)
    return keys, torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1), queries


def attend(attention: Attention, keys, mask, queries) -> tuple[torch.Tensor, torch.Tensor]:
    """Contexts (B, T, K) and weights (B, T, S), one step after the other."""
    memory, state = attention.prepare(keys, mask), None
    contexts, all_weights = [], []
    for query in queries.unbind(1):
        context, weights, state = attention(query, memory, state)
        contexts.append(context)
        all_weights.append(weights)
    return torch.stack(contexts, 1), torch.stack(all_weights, 1)


def allowed_and_factor(scope: str, state: dict, query: np.ndarray, t: int, length: int, window: int):
    """Positions that a step may attend to, and what multiplies their weights; Luong et al. (2015), section 3.2."""
    if scope == "global":
        return list(range(length)), np.ones(length)
    p = t
    if scope == "local_p":
        hidden = np.tanh(state["scope.hidden.weight"] @ query)
        v = state["scope.position.weight"][0] / len(hidden)
        p = length / (1 + math.exp(-(v @ hidden)))
    centre = min(math.floor(p), length - 1) if scope == "local_m" else math.floor(p)
    allowed = [j for j in range(length) if abs(j - centre) <= window]
    gaussian = np.exp([-((j - p) ** 2) / (2 * (window / 2) ** 2) for j in range(length)])
    return allowed, gaussian if scope == "local_p" else np.ones(length)


def plain_attention(state: dict, keys: np.ndarray, queries: np.ndarray, *, scope: str, window: int, hard: bool):
    """Chorowski et al. (2015), equations 8 and 9, position by position for one sentence without padding."""
    length, taps = len(keys), state["score.filters.weight"][:, 0]
    width, half = taps.shape[1], taps.shape[1] // 2
    # Equation 8 convolves: f_j = Σ_d F_d α_{j-d}. Tap m of the module multiplies α_{j+m-half}, so that d = half - m.
    filters = {half - m: taps[:, m] for m in range(width)}
    alpha, covered, contexts, rows = np.zeros(length), np.zeros(length), [], []
    for t, s in enumerate(queries):
        energies = np.zeros(length)
        for j, h in enumerate(keys):
            f = sum((F_d * alpha[j - d] for d, F_d in filters.items() if 0 <= j - d < length), np.zeros(len(taps)))
            inside = state["score.query.weight"] @ s + state["score.key.weight"] @ h + state["score.query.bias"]
            energies[j] = state["score.energy.weight"][0] @ np.tanh(inside + state["score.location.weight"] @ f)
            if "covered.weight" in state:
                energies[j] += (state["covered.weight"][0] @ s + state["covered.bias"][0]) * covered[j]
        allowed, factor = allowed_and_factor(scope, state, s, t, length, window)
        alpha = np.zeros(length)
        if hard:
            alpha[max(allowed, key=lambda j, e=energies: e[j])] = 1
        else:
            alpha[allowed] = np.exp(energies[allowed]) / np.exp(energies[allowed]).sum()
        alpha = alpha * factor
        covered = covered + alpha
        contexts.append(sum(a * h for a, h in zip(alpha, keys, strict=True)))
        rows.append(alpha)
    return np.array(contexts), np.array(rows)


@pytest.mark.parametrize("kernel_width", [1, 3, 21])
@pytest.mark.parametrize("coverage", [False, True], ids=["plain", "coverage"])
@pytest.mark.parametrize("selection", ["softmax", "hard"])
@pytest.mark.parametrize("scope", SCOPES)
def test_every_step_is_the_papers(scope, selection, coverage, kernel_width):
    attention = build(scope=scope, window=2, selection=selection, coverage=coverage, kernel_width=kernel_width)
    keys, mask, queries = sentences()
    contexts, weights = attend(attention, keys, mask, queries)
    state = {name: value.numpy() for name, value in attention.state_dict().items()}
    for row, length in enumerate(LENGTHS):
        if not length:
            assert not contexts[row].any()
            assert not weights[row].any()
            continue
        expected = plain_attention(
            state, keys[row, :length].numpy(), queries[row].numpy(), scope=scope, window=2, hard=selection == "hard"
        )
        np.testing.assert_allclose(contexts[row].detach(), expected[0], rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(weights[row, :, :length].detach(), expected[1], rtol=1e-9, atol=1e-10)


def test_a_filter_that_looks_one_to_the_left_walks_along_the_sentence():
    attention = build(selection="hard", filters=1, hidden_size=1)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.zero_()
        attention.score.filters.weight[0, 0, 0] = attention.score.location.weight[0, 0] = 1
        attention.score.energy.weight[0, 0] = 1
    keys, mask, queries = sentences((6, 3), steps=6)
    _, weights = attend(attention, keys, mask, queries)
    # All energies are equal at the first step, and again after the last position: the first of them is taken.
    assert weights.argmax(-1).tolist() == [[0, 1, 2, 3, 4, 5], [0, 1, 2, 0, 1, 2]]


@pytest.mark.parametrize("coverage", [False, True], ids=["plain", "coverage"])
@pytest.mark.parametrize("selection", ["softmax", "top_k"])
@pytest.mark.parametrize("scope", SCOPES)
def test_gradients_also_through_the_weights_of_earlier_steps(scope, selection, coverage):
    attention = build(scope=scope, window=1, selection=selection, k=2, coverage=coverage, hidden_size=2)
    keys, mask, queries = sentences((3, 0), steps=3)

    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = attention

        def forward(self, keys, queries):
            return torch.cat(attend(self.attention, keys, mask, queries), -1)

    steps = Steps()
    names = [name for name, _ in steps.named_parameters()]

    def function(keys, queries, *values):
        return functional_call(steps, dict(zip(names, values, strict=True)), (keys, queries))

    inputs = [keys, queries, *(parameter.detach() for parameter in steps.parameters())]
    assert torch.autograd.gradcheck(function, [one.clone().requires_grad_() for one in inputs])


@pytest.mark.parametrize("kernel_width", [3, 31])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6), (torch.bfloat16, 0.02)]
)
@pytest.mark.parametrize("scope", SCOPES)
def test_padding_changes_nothing_whatever_stands_there(scope, dtype, tolerance, kernel_width):
    attention = build(scope=scope, window=2, coverage=True, kernel_width=kernel_width).to(dtype)
    keys, mask, queries = sentences()
    keys, queries = keys.to(dtype), queries.to(dtype)
    padded = torch.cat([keys, torch.zeros(len(keys), 20, KEY, dtype=dtype)], 1)
    more = torch.cat([mask, torch.zeros(len(mask), 20, dtype=torch.bool)], 1)
    contexts, weights = attend(attention, padded.masked_fill(~more.unsqueeze(-1), float("nan")), more, queries)
    for row, length in enumerate(LENGTHS):
        assert not weights[row, :, length:].any()
        if length:
            own = slice(row, row + 1)
            alone = attend(attention, keys[own, :length], mask[own, :length], queries[own])
            torch.testing.assert_close(contexts[own], alone[0], rtol=tolerance, atol=tolerance)
            torch.testing.assert_close(weights[own, :, :length], alone[1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("half", ["autocast", "weights"])
def test_half_precision_tells_apart_energies_that_it_could_not_write(half):
    attention = location_aware(1, 1, selection="hard").eval()
    for parameter in attention.parameters():
        nn.init.zeros_(parameter)
    for one in (attention.score.key, attention.score.energy):
        nn.init.ones_(one.weight)
    keys = torch.tensor([[[3.0], [3.015625]]])  # themselves exact in bfloat16, and tanh of both rounds to one number
    assert len(keys.tanh().bfloat16().unique()) == 1
    queries, mask = torch.zeros(1, 2, 1), torch.ones(1, 2, dtype=torch.bool)
    if half == "weights":
        attention, keys, queries = attention.bfloat16(), keys.bfloat16(), queries.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=half == "autocast"):
        _, weights = attend(attention, keys, mask, queries)
    assert weights.tolist() == [[[0.0, 1.0], [0.0, 1.0]]]


@pytest.mark.parametrize("coverage", [False, True], ids=["plain", "coverage"])
@pytest.mark.parametrize("scope", SCOPES)
def test_hypotheses_of_a_sentence_keep_their_own_previous_weights(scope, coverage):
    attention = build(scope=scope, window=2, coverage=coverage)
    keys, mask, _ = sentences()
    steps = [torch.randn(len(LENGTHS), 3, QUERY, generator=torch.Generator().manual_seed(t)).double() for t in range(3)]
    parents = torch.tensor([[2, 0, 2], [1, 1, 0], [0, 1, 2], [2, 1, 0]])
    memory = attention.prepare(keys, mask)
    _, _, state = attention(steps[0], memory, None)
    _, _, state = attention(steps[1], memory, state)
    contexts, weights, _ = attention(steps[2], memory, state.follow(parents))
    row = torch.arange(len(LENGTHS))
    for n in range(3):
        history = [steps[0][row, parents[:, n]], steps[1][row, parents[:, n]], steps[2][:, n]]
        alone = attend(attention, keys, mask, torch.stack(history, 1))
        torch.testing.assert_close(contexts[:, n], alone[0][:, -1], rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(weights[:, n], alone[1][:, -1], rtol=1e-10, atol=1e-12)


def model(decoder: str, **options) -> nn.Module:
    """A tiny sequence-to-sequence model whose attention moves a lot, in float64."""
    attention = {"name": "location_aware", "filters": 3, "kernel_width": 5, **options}
    sizes = {"source_vocab_size": 12, "target_vocab_size": 11, "embedding_size": 6, "decoder_size": 8}
    built = zoo.build("model", "seq2seq", **sizes, decoder=decoder, attention=attention)
    torch.manual_seed(2)
    for parameter in built.parameters():
        nn.init.normal_(parameter, std=0.7)
    return built.double().eval()


SOURCES = torch.tensor([[4, 9, 5, 11, 6, 7, 3], [8, 4, 3, 0, 0, 0, 0], [10, 7, 7, 9, 3, 0, 0]])


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("decoder", ["bahdanau", "luong"])
def test_teacher_forced_is_step_by_step(decoder, scope):
    own = model(decoder, scope=scope, window=2)
    prefix = torch.tensor([[2, 5, 6, 7, 8], [2, 4, 9, 0, 0], [2, 10, 4, 4, 0]])
    logits, weights = own.teacher_forced(SOURCES, prefix)
    memory = own.encode(SOURCES)
    state, rows, looks = own.start(memory), [], []
    for tokens in prefix.split(1, 1):
        row, look, state = own.step(tokens, memory, state)
        rows.append(row)
        looks.append(look)
    torch.testing.assert_close(logits, torch.cat(rows, 1)[prefix != 0], rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(weights, torch.cat(looks, 1), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("coverage", [False, True], ids=["plain", "coverage"])
@pytest.mark.parametrize("decoder", ["bahdanau", "luong"])
def test_every_hypothesis_of_a_beam_is_what_teacher_forcing_makes_of_its_tokens(decoder, coverage):
    own = model(decoder, coverage=coverage)
    found = search(own, SOURCES, DecodeOptions(beam=6, n_best=6, max_length=7))
    assert max(len(one.tokens) for ranked in found for one in ranked) > 2
    for source, ranked in zip(SOURCES, found, strict=True):
        source = source[source != 0].unsqueeze(0)
        for one in ranked:
            prefix = torch.tensor([[2, *one.tokens]])
            logits, weights = own.teacher_forced(source, prefix)
            torch.testing.assert_close(one.weights.double(), weights[0], rtol=1e-6, atol=1e-7)
            # Nothing but the end is allowed where a hypothesis is cut, so its probability is not the model's.
            count = len(one.tokens) + one.finished
            expected = logits.log_softmax(-1)[range(count), [*one.tokens, 3][:count]]
            given = torch.tensor(one.token_log_probabilities[:count]).double()
            torch.testing.assert_close(given, expected, rtol=1e-6, atol=1e-6)


def test_a_filter_without_a_middle_is_refused():
    with pytest.raises(ValueError, match=r"kernel_width=4 is even, .* give 3 or 5"):
        location_aware(QUERY, KEY, kernel_width=4)
