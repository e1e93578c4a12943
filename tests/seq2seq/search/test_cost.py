"""What is finished costs nothing, and memory is held once a sentence."""

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, score, search

END = 3


SOURCES = [[7, 3], [4, 3], [5, 4, 3], [3, 0], [8, 3]]  # kinds 10, 7, 1, 3, 0
KINDS = [10, 7, 1, 3, 0]


@pytest.fixture
def model(markov):
    class Counting(markov):
        def __init__(self):
            super().__init__(0, vocabulary=7)

        def step(self, tokens, memory, state):
            _, weights, state = super().step(tokens, memory, state)
            logits = torch.zeros(*tokens.shape, 7)
            logits[..., 4] = 30.0
            logits[..., END] = torch.where(state[1][..., 0] - 1 == memory["kind"].unsqueeze(1), 60.0, -30.0)
            return logits, weights, state

    return Counting()


def test_greedy_steps_over_the_sentences_that_are_left(model, pad):
    found = search(model, pad(SOURCES), DecodeOptions(beam=1))
    assert [len(ranked[0].tokens) for ranked in found] == KINDS
    assert model.seen == [(sum(kind >= step for kind in KINDS), 1) for step in range(11)]


def test_a_beam_steps_over_the_sentences_that_are_left(model, pad):
    """Here the best hypothesis of a sentence ends far above all others, which ends the search for it."""
    found = search(model, pad(SOURCES), DecodeOptions(beam=4))
    assert [len(ranked[0].tokens) for ranked in found] == KINDS
    assert [rows for rows, _ in model.seen] == [sum(kind >= step for kind in KINDS) for step in range(11)]
    assert [width for _, width in model.seen] == [1] + [4] * 10


def test_scoring_steps_over_the_targets_that_are_left(markov, pad):
    model = markov(0)
    score(model, pad(SOURCES), [[4], [], [4, 4, 4], [5], []])
    assert model.seen == [(5, 1), (3, 1), (1, 1), (1, 1)]


def test_hypotheses_that_end_leave_the_beam(markov, pad):
    """All of a beam are wanted, and the sentence is alone: the places left are those not yet taken by an end."""
    narrowed = 0
    for seed in range(20):
        model = markov(seed, vocabulary=9)
        [ranked] = search(model, pad([[5, 6, 3]]), DecodeOptions(beam=6, n_best=6))
        widths = [width for _, width in model.seen]
        ended = [len(one.tokens) for one in ranked]
        assert widths[0] == 1
        assert widths[1:] == [6 - sum(length < step for length in ended) for step in range(1, len(widths))]
        narrowed += widths[-1] < 6
    assert narrowed > 10


def test_draws_that_end_are_not_continued(markov, pad):
    model = markov(1, vocabulary=9, spread=1.0)
    search(model, pad([[5, 6, 3]]), DecodeOptions(strategy="sample", samples=200, n_best=200))
    widths = [width for _, width in model.seen]
    assert widths[0] == 1
    assert widths[1:] == sorted(widths[1:], reverse=True)
    assert widths[-1] < 50


@pytest.mark.parametrize("strategy", ["beam", "diverse", "sample", "mbr"])
def test_sources_are_encoded_once_and_memory_is_never_copied_over_the_beam(markov, pad, strategy):
    width = {"beam": 4} if strategy in ("beam", "diverse") else {"samples": 4}
    utility = {"mbr_utility": "edit_distance"} if strategy == "mbr" else {}
    model = markov(0)
    search(model, pad(SOURCES), DecodeOptions(strategy=strategy, **width, **utility))
    assert model.encoded == 1
    assert model.memories == [rows for rows, _ in model.seen]
    assert 1 < max(width for _, width in model.seen) <= 4
    assert max(model.memories) == len(SOURCES)
