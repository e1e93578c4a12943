"""Shares of right texts and edit distances, against plain definitions."""

import copy
import doctest
import random
import time
from functools import cache
from itertools import product

import pytest
import torch

from zoo.metrics import edit_distance as distance_module
from zoo.metrics import sequences
from zoo.metrics.edit_distance import edit_distance
from zoo.metrics.sequences import cer, edit_distance_rate, exact_match, per, wer

CASES = range(20)


def plain_distance(first, second) -> int:
    """The recursive definition."""

    @cache
    def between(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        replaced = between(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        return min(between(i - 1, j) + 1, between(i, j - 1) + 1, replaced)

    return between(len(first), len(second))


def corpus(case: int, examples: int = 40) -> tuple[list[str], list[list[str]]]:
    """Short texts over few words, with one to three right answers; some predictions are right, some empty."""
    chance = random.Random(case)
    references = [
        [" ".join(chance.choices(["a", "bb", "cé"], k=chance.randint(0, 6))) for _ in range(chance.randint(1, 3))]
        for _ in range(examples)
    ]
    predicted = [
        chance.choice(right)
        if chance.random() < 0.4
        else " ".join(chance.choices(["a", "bb", "d"], k=chance.randint(0, 6)))
        for right in references
    ]
    return predicted, references


def value_in_batches(metric, predicted, references, case: int = 0) -> float:
    """The value after batches of random sizes, one of them empty."""
    chance, start = random.Random(case), 0
    metric.update([], [])
    while start < len(predicted):
        end = start + chance.randint(1, 9)
        metric.update(predicted[start:end], references[start:end])
        start = end
    return metric.compute().item()


def value_on_two_ranks(metric, predicted, references) -> float:
    """The value of the first of two ranks, through torchmetrics' own synchronisation."""
    other, half = copy.deepcopy(metric), len(predicted) // 3
    metric.update(predicted[:half], references[:half])
    other.update(predicted[half:], references[half:])
    theirs = [getattr(other, name) for name in other._reductions]
    metric.distributed_available_fn = lambda: True
    metric.dist_sync_fn = lambda state, group: [state, theirs.pop(0)]
    return metric.compute().item()


@pytest.mark.parametrize("case", range(300))
def test_the_edit_distance_is_that_of_the_recursive_definition(case):
    chance = random.Random(case)
    letters = "ab" if case % 2 else "abcdefgh"
    first, second = ("".join(chance.choices(letters, k=chance.randint(0, 12))) for _ in range(2))
    assert edit_distance(first, second) == plain_distance(first, second)
    assert edit_distance(list(first), tuple(second)) == plain_distance(first, second)


def test_the_edit_distance_of_all_short_texts():
    texts = ["".join(one) for size in range(4) for one in product("ab", repeat=size)]
    for first, second in product(texts, texts):
        assert edit_distance(first, second) == plain_distance(first, second)


@pytest.mark.parametrize("lengths", [(63, 64), (64, 65), (70, 130), (1, 90), (200, 0)])
def test_the_edit_distance_of_long_texts(lengths):
    chance = random.Random(sum(lengths))
    first, second = (chance.choices(range(5), k=length) for length in lengths)
    assert edit_distance(first, second) == edit_distance(second, first) == plain_distance(first, second)


def test_five_thousand_words_of_ten_sounds_take_less_than_a_second():
    chance = random.Random(0)
    texts = [" ".join(chance.choices([f"P{i}" for i in range(40)], k=10)) for _ in range(10_000)]
    metric = per()
    start = time.process_time()
    metric.update(texts[:5000], [[one] for one in texts[5000:]])
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("unit", "cut"), [("token", str.split), ("character", list)])
def test_the_edit_distance_rate_is_edits_to_the_nearest_answer_over_its_length(case, unit, cut):
    predicted, references = corpus(case)
    edits = length = 0
    for one, right in zip(predicted, references, strict=True):
        distances = [plain_distance(cut(one), cut(other)) for other in right]
        edits += min(distances)
        nearest = [other for other, d in zip(right, distances, strict=True) if d == min(distances)]
        length += min(len(cut(other)) for other in nearest)
    assert value_in_batches(edit_distance_rate(unit), predicted, references, case) == edits / length
    assert value_on_two_ranks(edit_distance_rate(unit), predicted, references) == edits / length
    named = {"token": per, "character": cer}[unit]
    assert value_in_batches(named(), predicted, references, case) == edits / length


@pytest.mark.parametrize("case", CASES)
def test_exact_match_and_wer_are_shares_of_examples_right_and_not_right(case):
    predicted, references = corpus(case)
    right = 0
    for one, answers in zip(predicted, references, strict=True):
        right += any(one == answer for answer in answers)
    assert 0 < right < len(predicted)
    assert value_in_batches(exact_match(), predicted, references, case) == right / len(predicted)
    assert value_in_batches(wer(), predicted, references, case) == (len(predicted) - right) / len(predicted)
    assert value_on_two_ranks(exact_match(), predicted, references) == right / len(predicted)


def test_among_answers_at_the_same_distance_the_shortest_counts_whatever_their_order():
    for right in (["a", "a b c"], ["a b c", "a"]):
        metric = edit_distance_rate()
        metric.update(["a b"], [right])
        assert metric.compute().item() == 1.0


def test_an_empty_prediction_needs_every_unit_inserted():
    for metric in (per(), cer()):
        metric.update([""], [["ab cd"]])
        assert metric.compute().item() == 1.0


def test_an_empty_right_answer_adds_edits_and_no_length():
    metric = per()
    metric.update(["a b"], [[""]])
    assert metric.compute().isnan()
    metric.update(["a b c d"], [["a b c d"]])
    assert metric.compute().item() == 2 / 4
    match = exact_match()
    match.update(["", "a"], [[""], [""]])
    assert match.compute().item() == 0.5


def test_a_letter_and_its_combining_accent_are_two_characters():
    composed, decomposed = "\u00e9", "e\u0301"
    metric = cer()
    metric.update(["e", composed], [[decomposed], [decomposed]])
    assert metric.compute().item() == (1 + 2) / 4
    match = exact_match()
    match.update([composed], [[decomposed]])
    assert match.compute().item() == 0.0


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
@pytest.mark.parametrize("factory", [exact_match, wer, per, cer, edit_distance_rate])
def test_without_examples_there_is_no_number(factory):
    assert factory().compute().isnan()


@pytest.mark.parametrize("factory", [exact_match, wer, per])
def test_predictions_and_right_answers_must_be_as_many(factory):
    with pytest.raises(ValueError, match="argument"):
        factory().update(["a", "b"], [["a"]])


def test_an_edit_distance_to_no_answer_is_refused():
    with pytest.raises(ValueError, match="'b c' has no right answer"):
        per().update(["a", "b c"], [["a"], []])


def test_directions_are_known():
    assert [one().higher_is_better for one in (exact_match, wer, per, cer, edit_distance_rate)] == [
        True,
        *[False] * 4,
    ]


def test_the_state_is_two_numbers_that_load_safely(tmp_path):
    metric = per()
    metric.persistent(True)
    metric.update(["a b", "c"], [["a"], ["c"]])
    torch.save(metric.state_dict(), tmp_path / "state.pt")
    other = per()
    other.persistent(True)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    other._update_count = 1
    assert other.compute().item() == metric.compute().item() == 0.5


@pytest.mark.parametrize("module", [sequences, distance_module])
def test_the_examples_in_the_documentation_hold(module):
    results = doctest.testmod(module)
    assert results.attempted
    assert results.failed == 0
