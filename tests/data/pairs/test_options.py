"""Choices of tokenizers that fit together."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.data.pairs.options import TextOptions, chosen_tokenizer
from zoo.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"vocabulary": "joint"}, r"data\.vocabulary: joint needs one tokenizer, and there are char and space"),
        ({"model_type": "bpe"}, r"data\.model_type: is for sentencepiece; leave it out"),
        ({"subword_sampling": 0.1}, r"data\.subword_sampling: is for sentencepiece"),
        ({"character_coverage": 0.9}, r"data\.character_coverage: is for sentencepiece"),
        ({"source_tokenizer": "space", "form": "NFD"}, r"data\.form: is for char"),
        (
            {"source_tokenizer": "sentencepiece", "target_tokenizer": "sentencepiece", "min_count": 2},
            r"data\.min_count: is for char and space",
        ),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        TextOptions(**{"source_tokenizer": "char", "target_tokenizer": "space", **options})


def test_an_option_reaches_the_side_that_has_it() -> None:
    options = TextOptions("char", "sentencepiece", form="NFD", min_count=2, model_type="bpe", subword_sampling=0.2)
    source, target = options.of("source"), options.of("target")
    assert (source.kind, source.form, source.min_count) == ("char", "NFD", 2)
    assert (target.kind, target.model_type, target.dropout, target.alpha) == ("sentencepiece", "bpe", 0.2, None)
    assert TextOptions("space", "sentencepiece", subword_sampling=0.2).of("target").alpha == 0.2
    assert TextOptions("space", "sentencepiece").of("target").alpha is None


def test_what_is_said_of_a_side_goes_before_what_is_said_of_both() -> None:
    assert chosen_tokenizer("char", "space", "sentencepiece") == "char"
    assert chosen_tokenizer(None, "space", "sentencepiece") == "space"
    assert chosen_tokenizer(None, None, "sentencepiece") == "sentencepiece"
