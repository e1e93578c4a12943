"""How to search."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

Strategy = Literal["beam", "sample", "diverse", "mbr"]
Utility = Literal["chrf", "edit_distance"]

_RANKED: tuple[Strategy, ...] = ("beam", "diverse", "sample")
_BEAMS: tuple[Strategy, ...] = ("beam", "diverse")
_DRAWN: tuple[Strategy, ...] = ("sample", "mbr")
#: The strategies that heed an option; it is refused with any other.
_HEEDED: dict[str, tuple[Strategy, ...]] = {
    "beam": _BEAMS,
    "length_penalty": _RANKED,
    "coverage_penalty": _RANKED,
    "temperature": _DRAWN,
    "top_k": _DRAWN,
    "top_p": _DRAWN,
    "samples": _DRAWN,
    "seed": _DRAWN,
    "groups": ("diverse",),
    "diversity": ("diverse",),
    "mbr_utility": ("mbr",),
    "must": _BEAMS,
}


def ignored_by(strategy: str) -> set[str]:
    """The options that a strategy does not heed."""
    return {name for name, heeded in _HEEDED.items() if strategy not in heeded}


@dataclass(frozen=True)
class DecodeOptions:
    """The options of a search. The defaults are beam search without penalties.

    An option that the strategy does not heed is refused unless it has its default value.

    Args:
        strategy: `beam` search; `diverse` beam search (Vijayakumar et al. 2018); `sample`; or `mbr`, the sample of
            minimum Bayes risk (Eikema & Aziz 2020).
        beam: hypotheses a sentence. One is greedy search.
        n_best: how many distinct hypotheses to return, fewer where fewer were found.
        length_penalty: α of lp(Y) = ((5 + |Y|) / 6)^α, Wu et al. (2016), equation 14; |Y| counts the end.
        coverage_penalty: β of cp(X; Y) = β Σ_i log min(Σ_j p_ij, 1), equation 14, over the positions of the source
            itself, its end included.
        temperature: τ of the distribution softmax(logits / τ) to draw from.
        top_k: draw from the k most probable tokens only; 0 for all.
        top_p: draw from the smallest set of tokens that has this probability, Holtzman et al. (2020).
        samples: draws a sentence; by default `n_best` for `sample` and 32 for `mbr`.
        seed: of the draws. Those of a sentence depend on it and on the source alone, never on the batch.
        groups: of the beam, which must be a multiple of it; by default each hypothesis is a group.
        diversity: λ, what a token costs for each earlier group's hypothesis that has chosen it at the same step.
        mbr_utility: similarity to the other samples: `chrf` of the texts, or one minus the `edit_distance` of the
            tokens divided by the longer length.
        min_length: tokens without the end.
        max_length: tokens without the end; `None` leaves it to ratio and extra alone.
        max_ratio: at most this times the length of the source, its end included,
        max_extra: plus this.
        no_repeat_ngram: no sequence of so many tokens appears twice; 0 allows all.
        must: phrases that appear in every output, as text. Whoever calls the search turns them into ids. Give a beam
            wider than the number of their tokens.
        must_not: phrases that appear in none.
        replace_unknown: whoever turns ids into text puts the most attended source token for an unknown one.

    Raises:
        ValueError: two options do not go together.
    """

    strategy: Strategy = "beam"
    beam: Annotated[int, Ge(1)] = 5
    n_best: Annotated[int, Ge(1)] = 1
    length_penalty: Annotated[float, Ge(0)] = 0.0
    coverage_penalty: Annotated[float, Ge(0)] = 0.0
    temperature: Annotated[float, Gt(0)] = 1.0
    top_k: Annotated[int, Ge(0)] = 0
    top_p: Annotated[float, Gt(0), Le(1)] = 1.0
    samples: Annotated[int, Ge(1)] | None = None
    seed: Annotated[int, Ge(0)] = 0
    groups: Annotated[int, Ge(1)] | None = None
    diversity: Annotated[float, Ge(0)] = 0.5
    mbr_utility: Utility = "chrf"
    min_length: Annotated[int, Ge(0)] = 0
    max_length: Annotated[int, Ge(0)] | None = None
    max_ratio: Annotated[float, Ge(0)] = 2.0
    max_extra: Annotated[int, Ge(0)] = 10
    no_repeat_ngram: Annotated[int, Ge(0)] = 0
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    replace_unknown: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            heeded = _HEEDED.get(field.name)
            if heeded and self.strategy not in heeded and getattr(self, field.name) != field.default:
                raise ValueError(
                    f"{field.name}={getattr(self, field.name)!r} does nothing with strategy={self.strategy}; "
                    f"leave it out, or use strategy={' or '.join(heeded)}"
                )
        if self.strategy == "diverse" and self.beam % self.group_count:
            raise ValueError(f"a beam of {self.beam} has no {self.groups} equal groups; make beam a multiple of groups")
        if self.n_best > self.width:
            name = "beam" if self.strategy in _BEAMS else "samples"
            raise ValueError(f"n_best={self.n_best} is more than {name}={self.width}; raise {name}")
        if self.max_length is not None and self.min_length > self.max_length:
            raise ValueError(f"min_length={self.min_length} is more than max_length={self.max_length}")

    @property
    def width(self) -> int:
        """Hypotheses a sentence: those of the beam, or draws."""
        if self.strategy in _BEAMS:
            return self.beam
        return self.samples or (self.n_best if self.strategy == "sample" else max(32, self.n_best))

    @property
    def group_count(self) -> int:
        """Groups of the beam."""
        return (self.groups or self.beam) if self.strategy == "diverse" else 1

    def greedy(self) -> DecodeOptions:
        """Greedy search within the same lengths: one hypothesis, neither phrases nor penalties."""
        kept = ("min_length", "max_length", "max_ratio", "max_extra", "no_repeat_ngram", "replace_unknown")
        return replace(DecodeOptions(beam=1), **{name: getattr(self, name) for name in kept})
