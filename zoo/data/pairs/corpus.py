"""Pairs of texts, one after the other, as often as needed, and never all in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zoo.data.text import Pair

__all__ = ["Corpus", "Example", "Listed", "Pair", "examples_of"]


class Corpus(Protocol):
    """Pairs of cleaned texts that can be gone through again and again.

    Attributes:
        skipped: pairs left out in the last pass because a side was empty.
    """

    skipped: int

    @property
    def label(self) -> str:
        """What errors and notes call it."""
        ...

    @property
    def parts(self) -> list[Any]:
        """What the pairs depend on, as `store_pairs` takes it: files and plain data."""
        ...

    def __iter__(self) -> Iterator[Pair]:
        """The pairs in order."""
        ...


@dataclass
class Listed:
    """A corpus that is in memory.

    Args:
        label: what errors and notes call it.
        texts: source and target of each pair.
    """

    label: str
    texts: Sequence[tuple[str, str]]
    skipped: int = 0

    @property
    def parts(self) -> list[Any]:
        """All texts."""
        return [list(self.texts)]

    def __iter__(self) -> Iterator[Pair]:
        """The pairs in order; their place stands for a line."""
        for line, (source, target) in enumerate(self.texts, start=1):
            yield Pair(source, target, line)


@dataclass(frozen=True)
class Example:
    """A source with every right answer.

    Args:
        source: its text.
        references: the right answers, at least one, each once.
        line: where the source stands first.
    """

    source: str
    references: list[str]
    line: int


def examples_of(pairs: Iterable[Pair], *, group: bool) -> list[Example]:
    """Examples for evaluation, in the order of the pairs.

    Args:
        pairs: to be read to the end.
        group: make one example of all pairs with the same source; otherwise of those of one line.
    """
    found: dict[tuple[str, int], tuple[int, dict[str, None]]] = {}
    for source, target, line in pairs:
        _, references = found.setdefault((source, 0 if group else line), (line, {}))
        references[target] = None
    return [Example(source, list(references), line) for (source, _), (line, references) in found.items()]
