"""Minimum Bayes risk: utilities against plain loops, and the choice against enumeration."""

import math
from collections import Counter

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, search
from zoo.seq2seq.search.risk import chrf, edit_similarity, expected_utilities

TEXTS = [
    "the cat sat",
    "the cat sat on the mat",
    "a cat",
    "",
    " ",
    "dog",
    "catcat cat",
    "das Straßenschild",
    "ねこ",
    "t",
]


def chrf_by_loops(hypothesis, reference):
    """Popović (2015): β = 2, orders 1 to 6, of those that both have."""
    one, two = hypothesis.replace(" ", ""), reference.replace(" ", "")
    if not one and not two:
        return 1.0
    precisions, recalls = [], []
    for n in range(1, 7):
        mine = Counter(one[at : at + n] for at in range(len(one) - n + 1))
        theirs = Counter(two[at : at + n] for at in range(len(two) - n + 1))
        if mine and theirs:
            common = sum((mine & theirs).values())
            precisions.append(common / mine.total())
            recalls.append(common / theirs.total())
    if not precisions or not any(precisions):
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 5 * precision * recall / (4 * precision + recall)


def distance(one, two):
    if not one or not two:
        return len(one) + len(two)
    return min(distance(one[1:], two) + 1, distance(one, two[1:]) + 1, distance(one[1:], two[1:]) + (one[0] != two[0]))


def test_chrf_is_that_of_loops():
    expected = [[chrf_by_loops(one, two) for two in TEXTS] for one in TEXTS]
    torch.testing.assert_close(chrf(TEXTS), torch.tensor(expected, dtype=torch.float64))


def test_chrf_is_sacrebleus():
    sacrebleu = pytest.importorskip("sacrebleu")
    words = [text for text in TEXTS if text.strip()]
    expected = [[sacrebleu.sentence_chrf(one, [two]).score / 100 for two in words] for one in words]
    torch.testing.assert_close(chrf(words), torch.tensor(expected, dtype=torch.float64))


def test_edit_similarity_is_that_of_the_recursion():
    random = torch.Generator().manual_seed(0)
    lengths = torch.randint(0, 6, (12,), generator=random).tolist()
    sequences = [torch.randint(0, 3, (length,), generator=random).tolist() for length in lengths]
    expected = [[1 - distance(one, two) / max(len(one), len(two), 1) for two in sequences] for one in sequences]
    torch.testing.assert_close(edit_similarity(sequences), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("similarity", [chrf, edit_similarity])
def test_a_sample_of_one_is_like_itself(similarity):
    assert similarity([""] if similarity is chrf else [[]]).tolist() == [[1.0]]


def test_expected_utility_counts_every_draw():
    found = expected_utilities([[1, 2], [1, 3], []], [3, 1, 4])
    assert found == pytest.approx([(3 + 0.5) / 8, (3 * 0.5 + 1) / 8, 4 / 8])


@pytest.mark.parametrize("utility", ["chrf", "edit_distance"])
def test_the_choice_is_the_sample_most_like_the_others(markov, pad, utility):
    """The draws themselves are those of strategy=sample with the same seed, which here are all distinct."""
    model = markov(4, vocabulary=12, spread=1.0)

    def text(tokens):
        return " ".join("abcdefghijkl"[token] * 3 for token in tokens)

    source = pad([[5, 6, 3]])
    drawn = search(model, source, DecodeOptions(strategy="sample", n_best=12))[0]
    draws = [tuple(one.tokens) for one in drawn]
    assert len(draws) == 12
    options = DecodeOptions(strategy="mbr", samples=12, n_best=12, mbr_utility=utility)
    ranked = search(model, source, options, text=text)[0]
    for one in ranked:
        if utility == "chrf":
            parts = [chrf_by_loops(text(one.tokens), text(other)) for other in draws]
        else:
            parts = [1 - levenshtein(one.tokens, other) / max(len(one.tokens), len(other), 1) for other in draws]
        assert one.score == pytest.approx(sum(parts) / 12)
    assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    assert {tuple(one.tokens) for one in ranked} == set(draws)
    assert all(one.log_probability < 0 for one in ranked)


def levenshtein(one, two):
    row = list(range(len(two) + 1))
    for at, left in enumerate(one, 1):
        before, row = row, [at]
        for column, right in enumerate(two, 1):
            row.append(min(before[column] + 1, row[-1] + 1, before[column - 1] + (left != right)))
    return row[-1]


def test_a_peaked_model_gives_its_mode(markov, pad):
    """Nearly all draws are the same one."""
    model = markov(0, spread=30.0)
    [[greedy]] = search(model, pad([[5, 3]]), DecodeOptions(beam=1))
    [[chosen]] = search(model, pad([[5, 3]]), DecodeOptions(strategy="mbr", mbr_utility="edit_distance"))
    assert chosen.tokens == greedy.tokens
    assert chosen.score > 0.9


def test_chrf_without_texts_is_refused(markov, pad):
    with pytest.raises(ValueError, match="mbr_utility=chrf compares texts; give text="):
        search(markov(0), pad([[5, 3]]), DecodeOptions(strategy="mbr"))


def test_outputs_that_are_all_empty_are_alike(markov, pad):
    model = markov(0)
    model.table[..., 3] = 60.0
    [[found]] = search(model, pad([[5, 3]]), DecodeOptions(strategy="mbr"), text=lambda tokens: "")
    assert found.tokens == []
    assert math.isclose(found.score, 1.0)
