"""Random segmentations: their distribution, and that they depend on nothing but the numbers given."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from typing import Any

import pytest
import sentencepiece

from zoo.data.text import UNKNOWN, SentencePieceTokenizer, draws
from zoo.data.text.segmentation import BPEDropout, UnigramSampling

SCORES = {"▁": -2.0, "a": -3.0, "b": -3.5, "ab": -2.5, "▁a": -2.2, "▁ab": -4.0, "ba": -4.5, "bab": -5.0}
UNIGRAM_IDS = {piece: index for index, piece in enumerate(SCORES, 4)}

MERGES = {"ab": 0.0, "abc": 1.0, "bc": 2.0, "▁a": 3.0}
BPE_IDS = {piece: index for index, piece in enumerate([*MERGES, "▁", "a", "b", "c"], 4)}

Sample = Callable[[random.Random], list[int]]


def frequencies(sample: Sample, draws_made: int) -> dict[tuple[int, ...], float]:
    counts = Counter(tuple(sample(draws(3, index))) for index in range(draws_made))
    return {ids: count / draws_made for ids, count in counts.items()}


def assert_same_distribution(found: dict[Any, float], expected: dict[Any, float], draws_made: int) -> None:
    """Every frequency within five standard deviations of its probability, and nothing impossible drawn."""
    assert set(found) <= set(expected)
    for ids, probability in expected.items():
        deviation = math.sqrt(probability * (1 - probability) / draws_made)
        assert abs(found.get(ids, 0.0) - probability) <= 5 * deviation + 1e-12


def segmentations(word: str, pieces: dict[str, float]) -> Iterator[list[str]]:
    """Every way to write a word in pieces, by cutting or not cutting at each place."""
    for cuts in product((False, True), repeat=len(word) - 1):
        edges = [0, *(place for place, cut in enumerate(cuts, 1) if cut), len(word)]
        segments = [word[start:end] for start, end in pairwise(edges)]
        if all(segment in pieces for segment in segments):
            yield segments


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0, 3.0])
def test_unigram_sampling_draws_each_segmentation_with_kudos_probability(alpha: float) -> None:
    word, number = "▁ababba", 20_000
    weights = {
        tuple(UNIGRAM_IDS[piece] for piece in pieces): math.exp(alpha * sum(SCORES[piece] for piece in pieces))
        for pieces in segmentations(word, SCORES)
    }
    assert len(weights) > 10
    expected = {ids: weight / sum(weights.values()) for ids, weight in weights.items()}
    sampling = UnigramSampling(SCORES, UNIGRAM_IDS, alpha)
    assert_same_distribution(frequencies(lambda rng: sampling.draw(word, rng), number), expected, number)


def merged(pieces: tuple[str, ...], dropout: float) -> dict[tuple[str, ...], float]:
    """Outcomes of BPE-dropout and their probabilities: all ways to leave out merges, step by step."""
    places = [place for place in range(len(pieces) - 1) if pieces[place] + pieces[place + 1] in MERGES]
    outcomes: Counter[tuple[str, ...]] = Counter()
    for left_out in product((False, True), repeat=len(places)):
        chance = math.prod(dropout if out else 1 - dropout for out in left_out)
        possible = [place for place, out in zip(places, left_out, strict=True) if not out]
        if not chance:
            continue
        if not possible:
            outcomes[pieces] += chance
            continue
        first = min(possible, key=lambda place: (MERGES[pieces[place] + pieces[place + 1]], place))
        after = (*pieces[:first], pieces[first] + pieces[first + 1], *pieces[first + 2 :])
        for outcome, probability in merged(after, dropout).items():
            outcomes[outcome] += chance * probability
    return dict(outcomes)


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.5, 1.0])
def test_bpe_dropout_leaves_out_merges_as_in_the_paper(dropout: float) -> None:
    word, number = "▁abcab", 20_000
    expected = {
        tuple(BPE_IDS[piece] for piece in pieces): probability
        for pieces, probability in merged(tuple(word), dropout).items()
    }
    assert math.isclose(sum(expected.values()), 1.0)
    sampling = BPEDropout(MERGES, BPE_IDS, dropout)
    assert_same_distribution(frequencies(lambda rng: sampling.draw(word, rng), number), expected, number)


# With real models.


@pytest.fixture(scope="module")
def unigram(lines: list[str]) -> SentencePieceTokenizer:
    return SentencePieceTokenizer.fit(lines, vocab_size=200, alpha=0.2)


@pytest.fixture(scope="module")
def bpe(lines: list[str]) -> SentencePieceTokenizer:
    return SentencePieceTokenizer.fit(lines, vocab_size=200, model_type="bpe", dropout=0.2)


ODD = ["", "  ka   to ", "☃", "ka☃☃to ☃", "▁ka", "Ⅷ", "ka\u3000to", "K\u0308a"]


def test_unigram_sampling_without_chance_is_the_library(lines: list[str], unigram: SentencePieceTokenizer) -> None:
    certain = SentencePieceTokenizer(unigram.model, "unigram", alpha=1e5)
    assert [certain.sample(line, draws(1)) for line in lines + ODD] == [unigram.encode(line) for line in lines + ODD]


def test_bpe_dropout_without_dropout_is_the_library(lines: list[str], bpe: SentencePieceTokenizer) -> None:
    certain = SentencePieceTokenizer(bpe.model, "bpe", dropout=1e-12)
    assert [certain.sample(line, draws(1)) for line in lines + ODD] == [bpe.encode(line) for line in lines + ODD]


def test_full_dropout_leaves_characters(lines: list[str], bpe: SentencePieceTokenizer) -> None:
    characters = SentencePieceTokenizer(bpe.model, "bpe", dropout=1.0)
    ids = characters.sample(lines[0], draws(1))
    assert characters.tokens(ids) == list("▁" + lines[0].replace(" ", "▁"))


def test_unigram_sampling_is_distributed_as_the_librarys(unigram: SentencePieceTokenizer) -> None:
    number, text = 20_000, "tomi ka"
    sentencepiece.set_random_generator_seed(1)
    library = sentencepiece.SentencePieceProcessor(model_proto=unigram.model)
    theirs = Counter(
        tuple(library.encode(text, out_type=int, enable_sampling=True, nbest_size=-1, alpha=0.2)) for _ in range(number)
    )
    ours = Counter(tuple(unigram.sample(text, draws(index))) for index in range(number))
    common = [ids for ids, count in theirs.items() if count > 100]
    assert len(common) > 5
    for ids in common:
        assert abs(ours[ids] - theirs[ids]) < 5 * math.sqrt(ours[ids] + theirs[ids])


def test_unknown_characters_side_by_side_are_one_token(
    unigram: SentencePieceTokenizer, bpe: SentencePieceTokenizer
) -> None:
    for tokenizer in (unigram, bpe):
        assert tokenizer.sample("☃☃☃", draws(1)).count(UNKNOWN) == tokenizer.encode("☃☃☃").count(UNKNOWN) == 1


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_each_visit_draws_anew_and_the_same_visit_draws_the_same(
    kind: str, lines: list[str], request: pytest.FixtureRequest
) -> None:
    tokenizer = request.getfixturevalue(kind)
    seen = {
        (seed, epoch): [tokenizer.sample(line, draws(seed, epoch, example)) for example, line in enumerate(lines)]
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    for (seed, epoch), drawn in seen.items():
        # The other way round, with the library's own generator disturbed.
        sentencepiece.set_random_generator_seed(seed + 99)
        for example in reversed(range(len(lines))):
            assert tokenizer.sample(lines[example], draws(seed, epoch, example)) == drawn[example]
    different = [sum(a != b for a, b in zip(seen[0, 0], seen[other], strict=True)) for other in ((0, 1), (1, 0))]
    assert min(different) > 0.75 * len(lines)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_threads_do_not_disturb_one_another(kind: str, lines: list[str], request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(kind)
    alone = [tokenizer.sample(line, draws(4, example)) for example, line in enumerate(lines)]
    fresh = SentencePieceTokenizer.from_state(tokenizer.state_dict())
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda e: fresh.sample(lines[e], draws(4, e)), range(len(lines))))
    assert together == alone


def test_draws_differ_for_every_part_of_the_key() -> None:
    keys = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0), (0, 0, 0, 0), (0, 1), (2**64 - 1, 0, 0)]
    assert len({draws(*key).random() for key in keys}) == len(keys)


def test_draws_refuse_numbers_that_would_run_into_others() -> None:
    for key in ((-1,), (0, 2**64)):
        with pytest.raises(ValueError, match="within 0 and 2"):
            draws(*key)
