"""Options that do nothing, or not together, are refused."""

from dataclasses import fields

import pytest

from zoo.registry.signature import options_of
from zoo.seq2seq.search import DecodeOptions

REFUSED = [
    ({"temperature": 0.5}, "temperature=0.5 does nothing with strategy=beam; .* strategy=sample or mbr"),
    ({"top_k": 5}, "top_k=5 does nothing"),
    ({"top_p": 0.9}, "top_p=0.9 does nothing"),
    ({"samples": 8}, "samples=8 does nothing"),
    ({"seed": 1}, "seed=1 does nothing"),
    ({"groups": 5}, "groups=5 does nothing with strategy=beam; .* strategy=diverse"),
    ({"diversity": 1.0}, "diversity=1.0 does nothing"),
    ({"mbr_utility": "edit_distance"}, "mbr_utility='edit_distance' does nothing"),
    ({"strategy": "sample", "beam": 3}, "beam=3 does nothing with strategy=sample"),
    ({"strategy": "sample", "must": ("a",)}, "must=.* does nothing"),
    ({"strategy": "mbr", "length_penalty": 1.0}, "length_penalty=1.0 does nothing with strategy=mbr"),
    ({"strategy": "mbr", "coverage_penalty": 1.0}, "coverage_penalty=1.0 does nothing"),
    ({"strategy": "diverse", "beam": 5, "groups": 2}, "a beam of 5 has no 2 equal groups"),
    ({"n_best": 6}, "n_best=6 is more than beam=5; raise beam"),
    ({"strategy": "sample", "samples": 2, "n_best": 3}, "n_best=3 is more than samples=2; raise samples"),
    ({"min_length": 5, "max_length": 4}, "min_length=5 is more than max_length=4"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=lambda value: str(value))
def test_what_does_nothing_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        DecodeOptions(**given)


def test_every_option_can_be_set_from_a_configuration():
    options = options_of(DecodeOptions)
    assert set(options) == {field.name for field in fields(DecodeOptions)}
    assert not any(option.required for option in options.values())


def test_every_option_is_documented():
    assert all(f"        {field.name}: " in DecodeOptions.__doc__ for field in fields(DecodeOptions))


@pytest.mark.parametrize(
    ("given", "width"),
    [
        ({"beam": 3}, 3),
        ({"strategy": "diverse", "beam": 6}, 6),
        ({"strategy": "sample"}, 1),
        ({"strategy": "sample", "n_best": 4}, 4),
        ({"strategy": "sample", "n_best": 4, "samples": 9}, 9),
        ({"strategy": "mbr"}, 32),
        ({"strategy": "mbr", "n_best": 40}, 40),
        ({"strategy": "mbr", "samples": 5}, 5),
    ],
)
def test_as_many_draws_as_are_wanted(given, width):
    assert DecodeOptions(**given).width == width
