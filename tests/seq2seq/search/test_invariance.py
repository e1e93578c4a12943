"""What stands beside a sentence changes nothing of its hypotheses, their scores and their weights."""

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, search

STRATEGIES = {
    "greedy": DecodeOptions(beam=1),
    "beam": DecodeOptions(beam=5, n_best=5, length_penalty=1.0, coverage_penalty=0.2),
    "stopping": DecodeOptions(beam=5, length_penalty=1.0),
    "diverse": DecodeOptions(strategy="diverse", beam=6, groups=3, n_best=4, diversity=0.7),
    "sample": DecodeOptions(strategy="sample", n_best=4, top_k=20, top_p=0.95),
    "mbr": DecodeOptions(strategy="mbr", samples=10, n_best=2, mbr_utility="edit_distance"),
    "rules": DecodeOptions(beam=5, n_best=2, no_repeat_ngram=2, min_length=3),
}
each_strategy = pytest.mark.parametrize("name", STRATEGIES)
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])


def constraints(name, rows):
    """Those of a sentence, of itself alone: `rules` has some for some."""
    if name != "rules":
        return {}
    return {
        "prefixes": [[9, 8][: sum(row) % 3] for row in rows],
        "must": [[[5, 6], [7]] if sum(row) % 2 else [] for row in rows],
        "must_not": [[[10], [11, 12]] if sum(row) % 5 else [] for row in rows],
    }


def same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a.tokens == b.tokens
        assert a.score == pytest.approx(b.score, abs=1e-5)
        assert a.token_log_probabilities == pytest.approx(b.token_log_probabilities, abs=1e-5)
        torch.testing.assert_close(a.weights, b.weights, rtol=1e-5, atol=1e-6)
        assert a.finished == b.finished


@each_dtype
@each_strategy
def test_batch_size_changes_nothing(attentive, sentences, pad, name, dtype):
    model, rows = attentive(0).to(dtype), sentences(24)
    together = search(model, pad(rows), STRATEGIES[name], **constraints(name, rows))
    for size in (1, 7):
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        apart = [one for part in parts for one in search(model, pad(part), STRATEGIES[name], **constraints(name, part))]
        for one, other in zip(together, apart, strict=True):
            same(one, other)


@each_dtype
@each_strategy
def test_order_and_padding_change_nothing(attentive, sentences, pad, name, dtype):
    model, rows = attentive(0).to(dtype), sentences(24)
    expected = search(model, pad(rows), STRATEGIES[name], **constraints(name, rows))
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0)).tolist()
    moved = [rows[index] for index in order]
    found = search(model, pad(moved, extra=11), STRATEGIES[name], **constraints(name, moved))
    for index, one in zip(order, found, strict=True):
        same(expected[index], one)


@each_strategy
def test_equal_logits_are_settled_alike_in_every_batch(sentences, pad, markov, name):
    """As few different logits as bfloat16 leaves: ties everywhere, also at the edge of the beam."""

    class Rough(markov):
        def __init__(self):
            super().__init__(0, vocabulary=40)
            self.table = self.table.round()

    rows = sentences(24)
    together = search(Rough(), pad(rows), STRATEGIES[name], **constraints(name, rows))
    for row, expected in zip(rows, together, strict=True):
        same(expected, search(Rough(), pad([row]), STRATEGIES[name], **constraints(name, [row]))[0])


def test_length_limits_are_those_of_the_own_source(markov, pad):
    model = markov(0)
    model.table[..., 3] = -20.0  # never ends by itself
    rows = [[5, 3], [5] * 9 + [3], [3]]
    options = DecodeOptions(beam=2, max_ratio=1.5, max_extra=1)
    assert [len(ranked[0].tokens) for ranked in search(model, pad(rows, 7), options)] == [4, 16, 2]
    assert not any(ranked[0].finished for ranked in search(model, pad(rows), options))
    capped = DecodeOptions(beam=2, max_ratio=1.5, max_extra=1, max_length=3)
    assert [len(ranked[0].tokens) for ranked in search(model, pad(rows), capped)] == [3, 3, 2]
