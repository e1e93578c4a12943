"""Text to ids and back."""

from __future__ import annotations

import io
import pickle
import unicodedata
from typing import Any

import numpy as np
import pytest
import torch

from zoo.data.text import (
    BEGIN,
    END,
    PADDING,
    SPECIAL,
    UNKNOWN,
    SentencePieceTokenizer,
    TokenizerOptions,
    Vocabulary,
    characters,
    draws,
    load_tokenizer,
)
from zoo.data.text.tokenizer import Tokenizer

CHOICES: list[dict[str, Any]] = [
    {"kind": "char"},
    {"kind": "char", "form": "NFD"},
    {"kind": "space"},
    {"kind": "sentencepiece", "vocab_size": 200, "alpha": 0.3},
    {"kind": "sentencepiece", "vocab_size": 200, "model_type": "bpe", "dropout": 0.2},
]
every_tokenizer = pytest.mark.parametrize("choice", CHOICES, ids=lambda c: "-".join(map(str, c.values())))


def fitted(choice: dict[str, Any], lines: list[str]) -> Tokenizer:
    return TokenizerOptions(**choice).fit(iter(lines))


@every_tokenizer
def test_text_survives_the_way_there_and_back(choice: dict[str, Any], lines: list[str]) -> None:
    tokenizer = fitted(choice, lines)
    assert [tokenizer.decode(tokenizer.encode(line)) for line in lines] == lines


@every_tokenizer
def test_sampled_ids_stand_for_the_same_text(choice: dict[str, Any], lines: list[str]) -> None:
    tokenizer = fitted(choice, lines)
    assert [tokenizer.decode(tokenizer.sample(line, draws(i))) for i, line in enumerate(lines)] == lines


@every_tokenizer
def test_ids_are_those_of_ordinary_tokens(choice: dict[str, Any], lines: list[str]) -> None:
    tokenizer = fitted(choice, lines)
    ids = {index for line in lines for index in tokenizer.encode(line)}
    assert min(ids) >= len(SPECIAL)
    assert max(ids) < tokenizer.size


@every_tokenizer
def test_special_tokens_in_the_text_never_become_special_ids(choice: dict[str, Any], lines: list[str]) -> None:
    ids = fitted(choice, lines).encode("ka <pad> <s> </s> to")
    assert not {PADDING, BEGIN, END} & set(ids)


@every_tokenizer
def test_padding_begin_and_end_are_not_text(choice: dict[str, Any], lines: list[str]) -> None:
    tokenizer = fitted(choice, lines)
    ids = tokenizer.encode(lines[0])
    assert tokenizer.decode([BEGIN, *ids, END, PADDING, PADDING]) == lines[0]
    assert tokenizer.tokens([PADDING, UNKNOWN, BEGIN, END]) == list(SPECIAL)


@every_tokenizer
def test_empty_text_has_no_ids(choice: dict[str, Any], lines: list[str]) -> None:
    tokenizer = fitted(choice, lines)
    assert tokenizer.encode("") == tokenizer.sample("", draws(0)) == []
    assert tokenizer.decode([]) == ""


@every_tokenizer
def test_many_lines_at_once_are_the_lines_one_by_one(choice: dict[str, Any], lines: list[str]) -> None:
    tokenizer = fitted(choice, lines)
    some = ["", *lines[:20], "☃☃ ka"]
    values, lengths = tokenizer.encode_lines(some)
    rows = np.split(values, np.cumsum(lengths)[:-1])
    assert [row.tolist() for row in rows] == [tokenizer.encode(line) for line in some]


@every_tokenizer
def test_a_token_for_every_id(choice: dict[str, Any], lines: list[str]) -> None:
    tokenizer = fitted(choice, lines)
    ids = tokenizer.encode(lines[3])
    tokens = tokenizer.tokens(ids)
    assert len(tokens) == len(ids)
    assert all(token and not token.isspace() for token in tokens)


@every_tokenizer
def test_state_survives_a_checkpoint(choice: dict[str, Any], lines: list[str]) -> None:
    tokenizer = fitted(choice, lines)
    file = io.BytesIO()
    torch.save(tokenizer.state_dict(), file)
    file.seek(0)
    again = load_tokenizer(torch.load(file, weights_only=True))
    pickled = pickle.loads(pickle.dumps(tokenizer))
    for line in [*lines[:50], "☃"]:
        assert again.encode(line) == pickled.encode(line) == tokenizer.encode(line)
        assert again.sample(line, draws(5)) == pickled.sample(line, draws(5)) == tokenizer.sample(line, draws(5))
    assert again.fingerprint == tokenizer.fingerprint
    assert again.size == tokenizer.size


@every_tokenizer
def test_a_replacement_stands_where_the_unknown_token_was(choice: dict[str, Any], lines: list[str]) -> None:
    tokenizer = fitted(choice, lines)
    ids = [BEGIN, *tokenizer.encode("ka ☃ to"), END]
    place = ids.index(UNKNOWN)
    assert tokenizer.decode(ids, {place: "☃"}) == "ka ☃ to"


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_a_replacement_with_a_space_mark_makes_one_space(model_type: Any, lines: list[str]) -> None:
    tokenizer = SentencePieceTokenizer.fit(lines, vocab_size=200, model_type=model_type)
    ids = tokenizer.encode("ka ☃ to")
    assert tokenizer.decode(ids, {ids.index(UNKNOWN): "▁Haus"}) == "ka Haus to"


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_replacing_tokens_by_themselves_changes_nothing(model_type: Any, lines: list[str]) -> None:
    tokenizer = SentencePieceTokenizer.fit(lines, vocab_size=200, model_type=model_type)
    for line in [*lines[:50], "☃ ka ☃☃ to", "ka ☃"]:
        ids = tokenizer.encode(line)
        known = {place: token for place, token in enumerate(tokenizer.tokens(ids)) if ids[place] != UNKNOWN}
        assert tokenizer.decode(ids, known) == tokenizer.decode(ids)


def test_one_vocabulary_of_two_texts_knows_both(lines: list[str]) -> None:
    other = [line.upper() for line in lines]
    tokenizer = TokenizerOptions(kind="space").fit(lines + other)
    assert UNKNOWN not in tokenizer.encode(f"{lines[0]} {other[0]}")
    assert UNKNOWN in TokenizerOptions(kind="space").fit(lines).encode(other[0])


# Characters.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e\u0301a", ["e\u0301", "a"]),
        ("tʃ\u0361ɔ̃", ["t", "ʃ\u0361", "ɔ̃"]),
        ("नि", ["नि"]),
        ("👩\u200d🚀!", ["👩\u200d🚀", "!"]),
        ("👍🏽👍", ["👍🏽", "👍"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("한국", ["한", "국"]),
        ("a b", ["a", " ", "b"]),
    ],
)
def test_characters_are_what_a_reader_takes_for_one(text: str, expected: list[str]) -> None:
    assert characters(text) == expected


def test_marks_stay_with_their_letter_however_they_are_written() -> None:
    tokenizer = TokenizerOptions(kind="char").fit(["é"])
    assert tokenizer.encode("e\u0301") == tokenizer.encode("\u00e9") == [4]


def test_nfd_takes_hangul_syllables_apart_and_decoding_puts_them_together() -> None:
    tokenizer = TokenizerOptions(kind="char", form="NFD").fit(["한국말", "각"])
    assert tokenizer.tokens(tokenizer.encode("한")) == list(unicodedata.normalize("NFD", "한"))
    assert tokenizer.decode(tokenizer.encode("말한")) == "말한"
    assert UNKNOWN not in tokenizer.encode("학")  # a syllable never seen, of jamo seen
    assert UNKNOWN in TokenizerOptions(kind="char").fit(["한국말", "각"]).encode("학")


def test_a_space_is_shown_as_a_sign() -> None:
    tokenizer = TokenizerOptions(kind="char").fit(["a b"])
    assert tokenizer.tokens(tokenizer.encode("a b")) == ["a", "␣", "b"]


# SentencePiece.


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_the_same_lines_train_the_same_model_byte_for_byte(model_type: Any, lines: list[str]) -> None:
    once, again = (SentencePieceTokenizer.fit(iter(lines), vocab_size=150, model_type=model_type) for _ in range(2))
    assert once.model == again.model
    other = SentencePieceTokenizer.fit(lines[:-200], vocab_size=150, model_type=model_type)
    assert other.model != once.model


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_a_small_text_lowers_the_vocabulary_and_says_so(model_type: Any) -> None:
    tokenizer = SentencePieceTokenizer.fit(["ab abc", "b c"], vocab_size=8000, model_type=model_type)
    assert tokenizer.size < 30
    assert len(tokenizer.notes) == 1
    assert str(tokenizer.size) in tokenizer.notes[0]
    assert "8000" in tokenizer.notes[0]


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_a_vocabulary_that_fits_is_as_large_as_asked_for(model_type: Any, lines: list[str]) -> None:
    tokenizer = SentencePieceTokenizer.fit(lines, vocab_size=123, model_type=model_type)
    assert tokenizer.size == 123
    assert tokenizer.notes == []


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_fewer_ids_than_characters_is_refused_with_the_least_number(model_type: Any, lines: list[str]) -> None:
    with pytest.raises(ValueError, match=r"vocab_size=10 .* at least") as refusal:
        SentencePieceTokenizer.fit(lines, vocab_size=10, model_type=model_type)
    least = int(str(refusal.value).split("at least ")[1].split(",")[0])
    assert SentencePieceTokenizer.fit(lines, vocab_size=least, model_type=model_type).size == least
    with pytest.raises(ValueError, match="at least"):
        SentencePieceTokenizer.fit(lines, vocab_size=least - 1, model_type=model_type)


@pytest.mark.parametrize("text", [[], ["", "  "]])
@pytest.mark.parametrize("kind", ["char", "space", "sentencepiece"])
def test_a_text_without_tokens_is_refused(kind: Any, text: list[str]) -> None:
    if kind == "char" and text:
        assert TokenizerOptions(kind="char").fit(text).size == 5  # white space is a character
        return
    with pytest.raises(ValueError, match="empty"):
        TokenizerOptions(kind=kind).fit(text)


def test_characters_beyond_the_coverage_are_unknown(lines: list[str]) -> None:
    text = [*lines, "☃"]
    assert UNKNOWN not in SentencePieceTokenizer.fit(text, vocab_size=150).encode("☃")
    assert UNKNOWN in SentencePieceTokenizer.fit(text, vocab_size=150, character_coverage=0.999).encode("☃")


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [("identity", "Ⅷ ka"), ("nmt_nfkc", "VIII ka"), ("nfkc", "VIII ka"), ("nmt_nfkc_cf", "viii ka")],
)
def test_normalization_is_the_one_chosen(normalization: Any, expected: str, lines: list[str]) -> None:
    text = [*lines, "Ⅷ VIII viii"]
    tokenizer = SentencePieceTokenizer.fit(text, vocab_size=150, normalization=normalization)
    assert tokenizer.decode(tokenizer.encode("Ⅷ ka")) == expected


def test_of_a_long_text_as_many_lines_are_drawn_as_allowed(lines: list[str]) -> None:
    whole = SentencePieceTokenizer.fit(lines, vocab_size=100)
    drawn = SentencePieceTokenizer.fit(lines, vocab_size=100, max_lines=200, seed=1)
    assert drawn.model == SentencePieceTokenizer.fit(lines, vocab_size=100, max_lines=200, seed=1).model
    assert drawn.model != SentencePieceTokenizer.fit(lines, vocab_size=100, max_lines=200, seed=2).model
    assert drawn.model != whole.model
    assert SentencePieceTokenizer.fit(lines, vocab_size=100, max_lines=600, seed=3).model == whole.model


def test_training_prints_nothing(lines: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    SentencePieceTokenizer.fit([*lines, "\0 odd \t characters \u2028"], vocab_size=150)
    assert capfd.readouterr() == ("", "")


def test_a_model_with_other_special_ids_is_refused(lines: list[str]) -> None:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=100, minloglevel=2
    )
    with pytest.raises(ValueError, match="pad_id=0"):
        SentencePieceTokenizer(model.getvalue(), "unigram")


# Options.


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"kind": "words"}, "char, space, sentencepiece"),
        ({"kind": "char", "model_type": "bpe"}, "model_type"),
        ({"kind": "space", "form": "NFD"}, "form"),
        ({"kind": "space", "alpha": 0.1}, "alpha"),
        ({"kind": "sentencepiece", "min_count": 2}, "min_count"),
        ({"kind": "sentencepiece", "model_type": "bpe", "alpha": 0.1}, "dropout instead of alpha"),
        ({"kind": "sentencepiece", "dropout": 0.1}, "alpha instead of dropout"),
        ({"kind": "sentencepiece", "model_type": "bpe", "dropout": 1.5}, "between 0 and 1"),
        ({"kind": "sentencepiece", "alpha": -1.0}, "0 or more"),
        ({"kind": "sentencepiece", "model_type": "wordpiece"}, "unigram, bpe"),
        ({"kind": "char", "form": "NFKC"}, "NFC, NFD"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], problem: str, lines: list[str]) -> None:
    with pytest.raises(ValueError, match=problem):
        TokenizerOptions(**options).fit(lines)


@pytest.mark.parametrize("kind", ["char", "space"])
def test_size_and_count_limit_the_vocabulary(kind: Any) -> None:
    text = ["x x x y y", "z"]
    whole = TokenizerOptions(kind=kind).fit(text)
    assert TokenizerOptions(kind=kind, vocab_size=whole.size - 1).fit(text).size == whole.size - 1
    rare = TokenizerOptions(kind=kind, min_count=2).fit(text)
    assert [UNKNOWN in rare.encode(token) for token in "xyz"] == [False, False, True]


def test_fingerprints_tell_encodings_apart_and_nothing_else(lines: list[str]) -> None:
    plain, sampling = (SentencePieceTokenizer.fit(lines, vocab_size=100, alpha=alpha) for alpha in (None, 0.1))
    assert plain.fingerprint == sampling.fingerprint  # how an example is drawn does not change how it is stored
    others = {TokenizerOptions(**choice).fit(lines).fingerprint for choice in CHOICES}
    assert len({plain.fingerprint, *others}) == len(CHOICES) + 1


def test_vocabularies_that_differ_have_other_fingerprints() -> None:
    from zoo.data.text import SpaceTokenizer

    one, other = (SpaceTokenizer(Vocabulary(tokens)) for tokens in (("a", "b"), ("b", "a")))
    assert one.fingerprint != other.fingerprint
