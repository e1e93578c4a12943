"""What holds for every decoder: hypotheses, dropout, feeding, attentions of the bare contract."""

import pytest
import torch
from torch import nn

from zoo.seq2seq.attention.scores.general import general
from zoo.seq2seq.dropout import Dropout

every_decoder = pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("bahdanau", {}),
        ("bahdanau", {"readout": "tanh"}),
        ("luong", {"input_feeding": True}),
        ("luong", {"input_feeding": False}),
    ],
    ids=["bahdanau", "bahdanau tanh", "luong", "luong without feeding"],
)


class Bare(nn.Module):
    """A third party's attention: one query a sentence, memory in a dict, and a state of its own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Linear(6, 4, bias=False)
        self.rows = []

    def prepare(self, keys, mask):
        return {"keys": keys, "mask": mask, "projected": self.weight(keys)}

    def forward(self, query, memory, state):
        assert query.dim() == 2
        self.rows.append(len(query))
        energies = (memory["projected"] @ query.unsqueeze(-1)).squeeze(-1)
        if state is not None:
            energies = energies - state["seen"]
        weights = energies.masked_fill(~memory["mask"], -torch.inf).softmax(-1)
        seen = weights if state is None else state["seen"] + weights
        return (weights.unsqueeze(1) @ memory["keys"]).squeeze(1), weights, {"seen": seen}


@pytest.fixture(params=[False, True], ids=["ours", "bare"])
def attention(request):
    return Bare() if request.param else general(query_size=4, key_size=6, coverage=True)


@every_decoder
def test_all_steps_are_one_after_the_other(build, batch, first, step_by_step, attention, kind, options):
    decoder = build(kind, attention, cell="lstm", layers=2, **options)
    states, mask, embedded = batch
    memory, start = decoder.prepare(states, mask), first(decoder)
    at_once = decoder(embedded, memory, decoder.start(start))
    for one, other in zip(at_once, step_by_step(decoder, embedded, memory, start), strict=True):
        torch.testing.assert_close(one, other)


@every_decoder
def test_hypotheses_of_a_sentence_are_sentences_with_its_memory(build, batch, first, attention, kind, options):
    """Three steps of two hypotheses each, against a batch with every sentence twice."""
    decoder = build(kind, attention, cell="lstm", **options)
    states, mask, embedded = batch
    start = first(decoder)
    memory, copied = (
        decoder.prepare(states, mask),
        decoder.prepare(*(x.repeat_interleave(2, 0) for x in (states, mask))),
    )
    tokens = torch.randn(3, 3, 2, 3, dtype=torch.float64)
    _, _, state = decoder.step(embedded[:, :1], memory, decoder.start(start))
    doubled = tuple(tuple(part.repeat_interleave(2, 0) for part in layer) for layer in start)
    _, _, single = decoder.step(embedded[:, :1].repeat_interleave(2, 0), copied, decoder.start(doubled))

    def spread(value):
        if isinstance(value, torch.Tensor):
            return value.expand(-1, 2, *value.shape[2:])
        if isinstance(value, dict):
            return {key: spread(one) for key, one in value.items()}
        if hasattr(value, "_fields"):
            return type(value)(*map(spread, value))
        return tuple(map(spread, value)) if isinstance(value, tuple) else value

    state = spread(state)
    for step in range(3):
        features, weights, state = decoder.step(tokens[:, step], memory, state)
        expected, expected_weights, single = decoder.step(tokens[:, step].flatten(0, 1).unsqueeze(1), copied, single)
        torch.testing.assert_close(features.flatten(0, 1), expected.squeeze(1))
        torch.testing.assert_close(weights.flatten(0, 1), expected_weights.squeeze(1))


def test_only_input_feeding_carries_the_attentional_vector(build, batch, first):
    states, mask, embedded = batch
    for kind, options, carried in (
        ("bahdanau", {}, False),
        ("luong", {"input_feeding": True}, True),
        ("luong", {"input_feeding": False}, False),
    ):
        decoder = build(kind, **options)
        features, _, state = decoder.step(embedded[:, :1], decoder.prepare(states, mask), decoder.start(first(decoder)))
        assert (state.attentional is not None) == carried
        assert not carried or torch.equal(state.attentional, features)


def test_without_input_feeding_attention_is_called_once_for_all_steps(build, batch, first, monkeypatch):
    states, mask, embedded = batch
    for feeding, calls in ((False, [5]), (True, [1] * 5)):
        decoder = build("luong", input_feeding=feeding)
        score, seen = decoder.attend.attention.score, []
        energies = score.energies

        def noted(query, memory, state, seen=seen, energies=energies):
            seen.append(query.shape[1])
            return energies(query, memory, state)

        monkeypatch.setattr(score, "energies", noted)
        decoder(embedded, decoder.prepare(states, mask), decoder.start(first(decoder)))
        assert seen == calls


def test_bahdanau_attends_with_the_state_before_and_luong_with_the_state_reached(build, batch, first):
    """At the first step: Bahdanau's weights do not depend on the token, Luong's do."""
    states, mask, embedded = batch
    for kind, depends in (("bahdanau", False), ("luong", True)):
        decoder = build(kind)
        memory, start = decoder.prepare(states, mask), decoder.start(first(decoder))
        _, one, _ = decoder.step(embedded[:, :1], memory, start)
        _, other, _ = decoder.step(embedded[:, 1:2], memory, start)
        assert torch.equal(one, other) != depends


@every_decoder
@pytest.mark.parametrize("variational", [False, True])
def test_dropout_of_features(build, batch, first, monkeypatch, kind, options, variational):
    """With input feeding, the next step is fed what is left, too; variational, every step loses the same."""
    decoder = build(kind, dropout=0.5, variational=variational, **options)
    states, mask, embedded = batch
    memory, start = decoder.prepare(states, mask), decoder.start(first(decoder))
    drawn = []
    factor = Dropout.factor

    def noted(self, like, *, time=None):
        made = factor(self, like, time=time)
        if self is decoder.dropout:
            drawn.append(made)
            return made
        return None  # what the recurrence drops is tested elsewhere

    monkeypatch.setattr(Dropout, "factor", noted)
    torch.manual_seed(3)
    features, _ = decoder(embedded, memory, start)
    (factors,) = drawn
    if factors.dim() == 4:  # (T, B, 1, F)
        factors = factors.squeeze(2).transpose(0, 1)
    factors = factors.expand(3, 5, decoder.feature_size)
    assert torch.equal(factors[:, 0], factors[:, 1]) == variational
    assert {round(value, 6) for value in factors.unique().tolist()} == {0.0, 2.0}
    decoder.eval()
    state = start
    for t in range(5):
        expected, _, state = decoder.step(embedded[:, t : t + 1], memory, state)
        expected = expected * factors[:, t : t + 1]
        if state.attentional is not None:
            state = state._replace(attentional=expected)
        torch.testing.assert_close(features[:, t : t + 1], expected)


@every_decoder
def test_recurrent_dropout_reaches_the_decoder(build, batch, first, kind, options):
    """Variational dropout is also within the recurrence: without any of the features, results still differ."""
    decoder = build(kind, dropout=0.5, variational=True, **options)
    decoder.dropout.p = 0.0
    states, mask, embedded = batch
    memory, start = decoder.prepare(states, mask), decoder.start(first(decoder))
    torch.manual_seed(0)
    trained = decoder(embedded, memory, start)[0]
    assert not torch.allclose(trained, decoder.eval()(embedded, memory, start)[0])


@every_decoder
def test_fed_tokens_stand_in_for_the_given_ones(build, batch, first, kind, options):
    """`feed` sees the features of every step but the last, in order, and what it returns is the next input."""
    decoder = build(kind, cell="lstm", **options)
    states, mask, embedded = batch
    memory, start = decoder.prepare(states, mask), decoder.start(first(decoder))
    expected, expected_weights = decoder(embedded, memory, start)
    asked = []

    def feed(t, features):
        asked.append((t, features))
        return embedded[:, t + 1 : t + 2]

    wrong_but_first = torch.cat([embedded[:, :1], torch.randn_like(embedded[:, 1:])], 1)
    features, weights = decoder(wrong_but_first, memory, start, feed)
    torch.testing.assert_close(features, expected)
    torch.testing.assert_close(weights, expected_weights)
    assert [t for t, _ in asked] == [0, 1, 2, 3]
    torch.testing.assert_close(torch.cat([one for _, one in asked], 1), expected[:, :-1])


def test_a_bare_attention_sees_one_row_a_hypothesis(build, batch, first):
    attention = Bare()
    decoder = build("luong", attention)
    states, mask, embedded = batch
    decoder(embedded, decoder.prepare(states, mask), decoder.start(first(decoder)))
    assert attention.rows == [3] * 5
