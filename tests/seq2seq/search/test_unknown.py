"""Unknown tokens take the source token that was looked at most."""

import pytest
import torch

from zoo.seq2seq.search import replace_unknown

WEIGHTS = torch.tensor([[0.1, 0.7, 0.2], [0.6, 0.2, 0.2], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4]])


def test_only_unknown_tokens_are_replaced():
    found = replace_unknown(["the", "<unk>", "cat"], [4, 1, 5], WEIGHTS, ["Gato", "negro"])
    assert found == ["the", "Gato", "cat"]


def test_the_end_of_the_source_is_never_copied():
    """The third token looks at it most; of the words, at the second."""
    assert replace_unknown(["<unk>"] * 3, [1, 1, 1], WEIGHTS, ["Gato", "negro"]) == ["negro", "Gato", "negro"]


def test_without_weights_or_words_nothing_is_replaced():
    assert replace_unknown(["<unk>"], [1], None, ["Gato"]) == ["<unk>"]
    assert replace_unknown(["<unk>"], [1], WEIGHTS[:2, :1], []) == ["<unk>"]


def test_another_id_of_unknown_tokens():
    assert replace_unknown(["?", "b"], [7, 1], WEIGHTS, ["x", "y"], unknown_id=7) == ["y", "b"]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 tokens with 1 ids"):
        replace_unknown(["a", "b"], [1], WEIGHTS, ["x"])
    with pytest.raises(ValueError, match="give those of the same hypothesis"):
        replace_unknown(["a"], [1], WEIGHTS, ["x"] * 4)
