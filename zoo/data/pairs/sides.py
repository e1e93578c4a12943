"""The tokenizers of both sides: texts to ids and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from zoo.data.pairs.lines import cleaned
from zoo.data.pairs.options import TextOptions
from zoo.data.pairs.survey import Survey
from zoo.data.text import END, SPECIAL, UNKNOWN, Tokenizer, fit_tokenizer, load_tokenizer
from zoo.errors import DataError

_HOLE = "\x00"


@dataclass(frozen=True)
class Sides:
    """A tokenizer for the sources and one for the targets, the same object where they share a vocabulary.

    Args:
        source: of the sources.
        target: of the targets.
    """

    source: Tokenizer
    target: Tokenizer

    @property
    def joint(self) -> bool:
        """Whether both share a vocabulary."""
        return self.source is self.target

    @property
    def samples(self) -> bool:
        """Whether training sentences are segmented at random."""
        return self.source.samples or self.target.samples

    @property
    def notes(self) -> list[str]:
        """What fitting them has shown."""
        if self.joint:
            return list(self.source.notes)
        named = (("source", self.source), ("target", self.target))
        return [f"{side}: {note}" for side, tokenizer in named for note in tokenizer.notes]

    def encode_source(self, text: str) -> list[int]:
        """Ids of a source, the end among them."""
        return [*self.source.encode(cleaned(text)), END]

    def encode_target(self, text: str) -> list[int]:
        """Ids of a target, without begin and end."""
        return list(self.target.encode(cleaned(text)))

    def to_state(self) -> dict[str, Any]:
        """Plain data, for a checkpoint."""
        return {"source": self.source.state_dict(), "target": None if self.joint else self.target.state_dict()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Sides:
        """The same again."""
        source = load_tokenizer(state["source"])
        return cls(source, source if state["target"] is None else load_tokenizer(state["target"]))


def fit_sides(survey: Survey, options: TextOptions) -> Sides:
    """Tokenizers of the training pairs alone; fitted before, where the cache has them.

    Raises:
        DataError: the text does not go with the options.
    """
    parts = [*survey.corpus.parts, asdict(survey.cut)]

    def sources() -> Iterator[str]:
        return (pair.source for pair in survey.training_pairs())

    def targets() -> Iterator[str]:
        return (pair.target for pair in survey.training_pairs())

    def both() -> Iterator[str]:
        return (text for pair in survey.training_pairs() for text in (pair.source, pair.target))

    try:
        if options.joint:
            tokenizer = fit_tokenizer([*parts, "both"], options.of("source"), both, options.cache)
            return Sides(tokenizer, tokenizer)
        source = fit_tokenizer([*parts, "source"], options.of("source"), sources, options.cache)
        target = fit_tokenizer([*parts, "target"], options.of("target"), targets, options.cache)
    except ValueError as error:
        raise DataError(survey.corpus.label, problem=f"no vocabulary: {error}") from error
    return Sides(source, target)


def pieces_of(tokenizer: Tokenizer, text: str, ids: Sequence[int]) -> list[str]:
    """The tokens of a text as they are written in it, unknown ones too.

    Args:
        tokenizer: of the text.
        text: cleaned.
        ids: that it is encoded as, special ones at the end or none.
    """
    tokens = tokenizer.tokens(ids)
    unknown = [place for place, index in enumerate(ids) if index == UNKNOWN]
    if not unknown:
        return tokens
    # What stands in the text where the known tokens leave holes.
    known = tokenizer.decode(ids, dict.fromkeys(unknown, _HOLE))
    found = re.fullmatch("(.+?)".join(re.escape(part) for part in known.split(_HOLE)), text, re.DOTALL)
    if found is not None:
        for place, written in zip(unknown, found.groups(), strict=True):
            tokens[place] = written.strip()
    return tokens


def copied(pieces: Sequence[str], tokens: Sequence[int], positions: Iterable[int]) -> dict[int, str]:
    """For each unknown token, by its place, the source token at its position; none for the end of the source.

    Args:
        pieces: tokens of the source.
        tokens: of a hypothesis.
        positions: in the source, one for every token.
    """
    places = zip(range(len(tokens)), tokens, (int(position) for position in positions), strict=False)
    return {
        place: pieces[position]
        for place, token, position in places
        if token == UNKNOWN and position < len(pieces) and pieces[position] not in SPECIAL
    }
