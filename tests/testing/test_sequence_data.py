"""Data for sequence to sequence against the kit: each fault is caught by the check meant for it."""

from __future__ import annotations

from typing import Any

import pytest

import zoo.testing
from zoo.data.pairs.dataset import PairDataset
from zoo.data.pairs.synthetic import Copy


class Changed(PairDataset):
    """A data set whose batches go through a function."""

    change: Any = None

    def __getitems__(self, indices: Any) -> Any:
        inputs, target, examples = super().__getitems__(indices)
        return type(self).change(dict(inputs), target.clone(), examples)


def changing(function: Any) -> type[Copy]:
    class Wrong(Copy):
        def dataset(self, split: str) -> Any:
            dataset = super().dataset(split)
            kind = type("Kind", (Changed,), {"change": staticmethod(function)})
            return kind(dataset.source, dataset.target)

    return Wrong


def without_end(inputs: Any, target: Any, examples: Any) -> Any:
    target[target == 3] = 4
    return inputs, target, examples


def prefix_of_another(inputs: Any, target: Any, examples: Any) -> Any:
    inputs["prefix"][:, 0] = 4
    return inputs, target, examples


def beyond(inputs: Any, target: Any, examples: Any) -> Any:
    inputs["source"][0, 0] = 99
    return inputs, target, examples


def floats(inputs: Any, target: Any, examples: Any) -> Any:
    return {**inputs, "source": inputs["source"].float()}, target, examples


def two_parts(inputs: Any, target: Any, examples: Any) -> Any:
    return inputs, target


def rolled(inputs: Any, target: Any, examples: Any) -> Any:
    return {**inputs, "source": inputs["source"].roll(1, 0)}, target, examples


class ForgetsVocabulary(Copy):
    @property
    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in super().facts.items() if name != "end_id"}


class OneAnswerTooFew(Copy):
    def references(self, split: str) -> Any:
        return list(super().references(split))[1:]


class AnswersOfOthers(Copy):
    def references(self, split: str) -> Any:
        return list(super().references(split))[::-1]


class SharesTrainingPairs(Copy):
    def setup(self) -> None:
        super().setup()
        self._datasets["test"] = self._datasets["train"]
        self._facts["examples"]["test"] = self._facts["examples"]["train"]
        self._references["test"] = self.references("train")


WithoutEnd, PrefixOfAnother, Beyond = changing(without_end), changing(prefix_of_another), changing(beyond)
Floats, TwoParts, Rolled = changing(floats), changing(two_parts), changing(rolled)


@pytest.mark.parametrize(
    ("name", "check", "problem"),
    [
        ("WithoutEnd", "batches", "lacks its end"),
        ("PrefixOfAnother", "batches", "prefix is not the target moved by one"),
        ("Beyond", "batches", "source has an id outside"),
        ("Floats", "batches", "source is .*float32, expected"),
        ("TwoParts", "batches", "not \\(inputs, target, examples\\)"),
        ("ForgetsVocabulary", "plain_facts", "facts lacks end_id, which seq2seq needs"),
        ("OneAnswerTooFew", "batches", "references\\('train'\\) has 29 entries"),
        ("AnswersOfOthers", "batches", "not among its references"),
        ("SharesTrainingPairs", "splits_disjoint", "in more than one split"),
        ("Rolled", "items_equal_batches", "example 0 alone and in a batch differ"),
    ],
)
def test_wrong_data_are_caught_by_the_check_meant_for_them(
    name: str, check: str, problem: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re
    import sys
    from types import ModuleType

    module = ModuleType("zoo_wrong_sequences")
    setattr(module, name, globals()[name])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    suite = zoo.testing.data_checks(
        f"{module.__name__}:{name}",
        config={"train": 30, "val": 5, "test": 5, "cache": str(tmp_path)},
    )
    failed = {result.name: result.message for result in suite.report().wrong}
    assert check in failed, failed
    assert re.search(problem, failed[check])
