"""Pairs of tokenised sentences, tokenised once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.data.text.cache import cached, fingerprint
from zoo.data.text.sequences import Sequences, SequenceWriter
from zoo.data.text.special import BEGIN, END, PADDING
from zoo.data.text.tokenizer import Tokenizer

__all__ = ["Pair", "PairStore", "padded", "store_pairs"]

# Pairs tokenised together.
_CHUNK = 4096

_LINES = "line.values"
_SIDES = ("source", "target")

Drop = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]


class Pair(NamedTuple):
    """A source, its target, and the line of the file that they are from, counted from 1."""

    source: str
    target: str
    line: int


class PairStore:
    """Token ids of both sides of every pair, without begin and end, and the texts, if they are kept.

    Args:
        sides: ids by "source" and "target".
        texts: UTF-8 bytes by "source" and "target", or nothing.
        lines: the file with the line of each pair, (N,) int64.
        dropped: pairs left out, by reason.
        facts: what reading the files has shown.
    """

    def __init__(
        self,
        sides: Mapping[str, Sequences],
        texts: Mapping[str, Sequences],
        lines: Path,
        dropped: Mapping[str, int],
        facts: Mapping[str, Any],
    ) -> None:
        self.source, self.target = sides["source"], sides["target"]
        self._texts, self._lines = dict(texts), lines
        self.dropped, self.facts = dict(dropped), dict(facts)

    @classmethod
    def open(cls, folder: Path, kept: Mapping[str, Any]) -> PairStore:
        """A store on disk."""
        opened = {name: Sequences.open(folder, name, facts) for name, facts in kept["sequences"].items()}
        texts = {side: opened[f"{side}_text"] for side in _SIDES if f"{side}_text" in opened}
        return cls(opened, texts, folder / _LINES, kept["dropped"], kept["facts"])

    def __len__(self) -> int:
        return len(self.source)

    def lines(self) -> NDArray[np.int64]:
        """Line of each pair in its file, (N,)."""
        return np.fromfile(self._lines, "<i8")

    def text(self, side: str, index: int) -> str:
        """The source or target of a pair, as it is in the file.

        Raises:
            KeyError: the texts were not kept.
        """
        return self._texts[side][index].tobytes().decode("utf-8")


def padded(
    sequences: Sequences, indices: Sequence[int] | NDArray[Any], *, begin: bool = False, end: bool = False
) -> NDArray[np.int64]:
    """Several sequences as one matrix, (B, L), padding on the right.

    Args:
        sequences: of ids.
        indices: of the rows.
        begin: put the begin token before each.
        end: put the end token after each.
    """
    values, lengths = sequences.take(indices)
    width = int(lengths.max(initial=0)) + begin + end
    matrix = np.full((len(lengths), width), PADDING, np.int64)
    matrix[:, :begin] = BEGIN
    columns = np.arange(width)
    inside = (columns >= begin) & (columns < (lengths + begin)[:, None])
    matrix[inside] = values
    if end:
        matrix[np.arange(len(lengths)), lengths + begin] = END
    return matrix


def store_pairs(
    parts: Sequence[Any],
    pairs: Callable[[], Iterable[Pair]],
    source: Tokenizer,
    target: Tokenizer,
    *,
    keep_text: bool = False,
    drop: Mapping[str, Drop] | None = None,
    facts: Callable[[], Mapping[str, Any]] = dict,
    folder: str | Path | None = None,
) -> PairStore:
    """The store of these pairs, tokenised now or before, by this process or another.

    Args:
        parts: what the pairs depend on: files (`Path`s, of which the contents count) and options (plain data; of
            `drop`, too). The tokenizers need not be among them.
        pairs: reads the pairs, called when there is no store yet.
        source: tokenizer.
        target: tokenizer.
        keep_text: keep the texts as well, for sampling tokens anew and for references.
        drop: by a reason, which pairs to leave out, given the numbers of tokens of source and target, (N,) each.
            The first reason that holds is counted.
        facts: what reading the pairs has shown, plain data; called after the last pair.
        folder: of the cache; None: see `cache_folder`.

    Raises:
        DataError: the cache cannot be written.
    """
    reasons = dict(drop or {})

    def make(place: Path) -> dict[str, Any]:
        return _write(place, pairs(), source, target, keep_text, reasons) | {"facts": dict(facts())}

    key = fingerprint("pairs", source.fingerprint, target.fingerprint, keep_text, list(reasons), *parts)
    return PairStore.open(*cached(key, make, folder))


def _write(
    folder: Path,
    pairs: Iterable[Pair],
    source: Tokenizer,
    target: Tokenizer,
    keep_text: bool,
    reasons: Mapping[str, Drop],
) -> dict[str, Any]:
    types: dict[str, Any] = {
        side: np.uint16 if tokenizer.size <= 1 << 16 else np.uint32
        for side, tokenizer in (("source", source), ("target", target))
    }
    if keep_text:
        types |= {f"{side}_text": np.uint8 for side in _SIDES}
    dropped = dict.fromkeys(reasons, 0)
    with ExitStack() as files:
        writers = {name: files.enter_context(SequenceWriter(folder, name, dtype)) for name, dtype in types.items()}
        line_file = files.enter_context((folder / _LINES).open("wb"))
        for chunk in _chunks(pairs):
            rows: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = {
                "source": source.encode_lines([pair.source for pair in chunk]),
                "target": target.encode_lines([pair.target for pair in chunk]),
            }
            if keep_text:
                rows |= {f"{side}_text": _bytes([getattr(pair, side) for pair in chunk]) for side in _SIDES}
            kept = np.ones(len(chunk), np.bool_)
            for reason, chosen in reasons.items():
                without = kept & ~chosen(rows["source"][1], rows["target"][1])
                dropped[reason] += int(kept.sum() - without.sum())
                kept = without
            for name, (values, lengths) in rows.items():
                writers[name].append(values[np.repeat(kept, lengths)], lengths[kept])
            line_file.write(np.array([pair.line for pair in chunk], "<i8")[kept].tobytes())
    return {"sequences": {name: writer.facts for name, writer in writers.items()}, "dropped": dropped}


def _chunks(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    stream = iter(pairs)
    while chunk := list(islice(stream, _CHUNK)):
        yield chunk


def _bytes(texts: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    encoded = [text.encode("utf-8") for text in texts]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return np.frombuffer(b"".join(encoded), np.uint8), lengths
