"""One memory for many queries: hypotheses of a search, all steps at once, and sentences that leave the batch."""

import pytest
import torch
from torch import nn

from zoo.seq2seq.attention import Attention, Score
from zoo.seq2seq.attention.scores.tanh import TanhScore

SCORES = ["additive", "concat", "dot", "scaled_dot", "general", "location", "multihead", "none"]
SCOPES = ["global", "local_m", "local_p"]


class PreviousWeights(Score):
    """A score as a third party would write it: what stands to the left of where attention was before."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv1d(1, 1, 3, padding=1)
        self.key = nn.Linear(4, 4)

    def prepare(self, keys, mask):
        return {"keys": self.key(keys).transpose(1, 2)}

    def energies(self, query, memory, state):
        energies = query @ memory.projected["keys"]
        if state is None:
            return energies
        previous = state.weights.to(query.dtype)
        return energies + self.convolution(previous.flatten(0, 1).unsqueeze(1)).squeeze(1).view_as(previous)


@pytest.fixture(params=[*SCORES, "third party"])
def score(request):
    return request.param


@pytest.fixture(params=SCOPES)
def scope(request):
    return request.param


@pytest.fixture(params=["softmax", "sparsemax", "hard"])
def selection(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["plain", "coverage"])
def coverage(request):
    return request.param


@pytest.fixture
def attention(build, score, scope, selection, coverage):
    options = {"scope": scope, "window": 1, "selection": selection, "coverage": coverage}
    if score == "none":
        return build("none")
    if score != "third party":
        return build(score, **options)
    torch.manual_seed(0)
    return Attention(PreviousWeights(), 4, **options).double().eval()


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("lengths", [(6, 1, 0, 3), (60, 2)], ids=["short", "long"])
def test_all_steps_at_once_are_one_after_the_other(attention, sentences, loop, lengths):
    keys, mask, queries = sentences(lengths, steps=4)
    contexts, weights, _ = attention.steps(queries, attention.prepare(keys, mask))
    expected_contexts, expected_weights = loop(attention, keys, mask, queries)
    close(contexts, expected_contexts)
    close(weights, expected_weights)


def test_steps_go_on_from_a_state_and_leave_one(attention, sentences, loop):
    """A prefix is attended to at once, the rest step by step."""
    keys, mask, queries = sentences((6, 1, 0, 3), steps=5)
    expected, _ = loop(attention, keys, mask, queries)
    memory = attention.prepare(keys, mask)
    first, _, state = attention(queries[:, 0], memory, None)
    prefix, _, state = attention.steps(queries[:, 1:4], memory, state)
    last, _, _ = attention(queries[:, 4], memory, state)
    close(torch.cat([first.unsqueeze(1), prefix, last.unsqueeze(1)], 1), expected)


@pytest.mark.parametrize("lengths", [(6, 1, 0, 3), (60, 2)], ids=["short", "long"])
def test_hypotheses_are_attended_to_as_if_each_had_a_memory(attention, sentences, lengths):
    """Three steps of three hypotheses a sentence, which continue others, against copies of the memory."""
    keys, mask, queries = sentences(lengths, steps=9)
    batch = len(lengths)
    queries = queries.view(batch, 3, 3, 4)
    memory, state = attention.prepare(keys, mask), None
    copied_memory = attention.prepare(keys.repeat_interleave(3, 0), mask.repeat_interleave(3, 0))
    copied_state = None
    random = torch.Generator().manual_seed(2)
    for step in range(3):
        context, weights, state = attention(queries[:, step], memory, state)
        copied = attention(queries[:, step].flatten(0, 1), copied_memory, copied_state)
        close(context.flatten(0, 1), copied[0])
        close(weights.flatten(0, 1), copied[1])
        parents = torch.randint(0, 3, (batch, 3), generator=random)
        flat = (parents + 3 * torch.arange(batch).unsqueeze(1)).flatten()
        state = state and state.follow(parents)
        copied_state = copied[2] and copied[2].select(flat)


def test_one_query_of_the_first_step_spreads_over_a_beam(attention, sentences):
    keys, mask, queries = sentences(steps=2)
    memory = attention.prepare(keys, mask)
    _, _, state = attention(queries[:, 0], memory, None)
    expected, _, _ = attention(queries[:, 1], memory, state)
    wide = state and state.follow(torch.zeros(4, 5, dtype=torch.long))
    contexts, _, _ = attention(queries[:, 1:].expand(-1, 5, -1), memory, wide)
    close(contexts, expected.unsqueeze(1).expand(-1, 5, -1))


def test_finished_sentences_leave_the_memory(attention, sentences):
    keys, mask, queries = sentences(steps=2)
    memory = attention.prepare(keys, mask)
    _, _, state = attention(queries[:, 0], memory, None)
    expected, expected_weights, _ = attention(queries[:, 1], memory, state)
    rows = torch.tensor([3, 0])
    context, weights, _ = attention(queries[rows, 1], memory.select(rows), state and state.select(rows))
    close(context, expected[rows])
    close(weights, expected_weights[rows])
    for before, after in zip(memory, memory.select(rows), strict=True):
        assert not isinstance(before, torch.Tensor) or after.shape[0] == 2


def test_nothing_is_carried_that_no_step_needs(build, sentences):
    keys, mask, queries = sentences()
    for options, carried in (
        ({}, []),
        ({"scope": "local_p"}, []),
        ({"scope": "local_m"}, ["position"]),
        ({"coverage": True}, ["coverage"]),
    ):
        attention = build("general", **options)
        _, _, state = attention(queries[:, 0], attention.prepare(keys, mask), None)
        assert [name for name in state._fields if getattr(state, name) is not None] == carried if state else not carried


@pytest.mark.parametrize("name", ["additive", "concat", "general", "multihead"])
def test_keys_are_projected_once_a_sentence(build, sentences, monkeypatch, name):
    """However many steps and hypotheses: whatever linear layer sees tensors as long as the source is counted."""
    keys, mask, queries = sentences((7, 3), steps=6)
    attention, calls = build(name), []
    linear = torch.nn.functional.linear

    def counted(inputs, *rest):
        calls.append(inputs.shape)
        return linear(inputs, *rest)

    monkeypatch.setattr(torch.nn.functional, "linear", counted)
    monkeypatch.setattr("zoo.seq2seq.attention.scores.concat.linear", counted)
    memory, state = attention.prepare(keys, mask), None
    for query in queries.unbind(1):
        _, _, state = attention(query, memory, state)
    attention(queries, memory, None)
    attention.steps(queries, memory)
    assert len([shape for shape in calls if shape == keys.shape]) == (2 if name == "multihead" else 1)


def test_the_tanh_of_a_long_target_is_one_product(build, sentences, monkeypatch):
    """All steps of a stateless attention are one call of its score."""
    calls = []
    energies = TanhScore.energies
    monkeypatch.setattr(TanhScore, "energies", lambda *args: calls.append(1) or energies(*args))
    keys, mask, queries = sentences(steps=8)
    for options, count in (({}, 1), ({"scope": "local_m"}, 1), ({"scope": "local_p"}, 1), ({"coverage": True}, 8)):
        attention = build("additive", **options)
        calls.clear()
        attention.steps(queries, attention.prepare(keys, mask))
        assert len(calls) == count


def test_a_step_changes_neither_memory_nor_state(attention, sentences):
    keys, mask, queries = sentences(steps=2)
    memory = attention.prepare(keys, mask)
    _, _, state = attention(queries[:, 0], memory, None)
    kept = [one.clone() for one in state or () if one is not None]
    one = attention(queries[:, 1], memory, state)
    other = attention(queries[:, 1], memory, state)
    assert torch.equal(one[0], other[0])
    for before, after in zip(kept, [one for one in state or () if one is not None], strict=True):
        assert torch.equal(before, after)
