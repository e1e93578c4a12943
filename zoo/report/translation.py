"""What a sequence-to-sequence model made of its test examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.report.alignment import heatmap
from zoo.report.drawing import BLUE, RULE, Picture, count_examples, finished, new_figure, style
from zoo.report.fonts import clusters, lettering
from zoo.report.section import Section, Table

#: How data components show the end of a sequence and a space that is a token.
END, SPACE = "</s>", "␣"
#: Confusions are counted where there are at most so many different target tokens, of at most so many examples, and
#: while the tables of edit distances have at most so many cells in all.
MOST_TOKENS, MOST_CELLS = 200, 4_000_000
#: Rows of the table of confusions.
CONFUSIONS = 20
#: Ranges of lengths, and examples in each.
MOST_BINS, FEWEST = 30, 5
#: What a missing or an additional token is confused with.
NOTHING = "–"

Tokenize = Callable[[str], Sequence[str]]
Weights = NDArray[Any]


@dataclass(frozen=True)
class TranslationExample:
    """A source, what was made of it, and what would have been right.

    Attributes:
        source: the text.
        source_tokens: its S tokens, readable.
        predicted_tokens: the T tokens of the best hypothesis, readable.
        predicted: its text.
        references: all right answers, at least one.
        weights: of attention, (T, S); `None` where there are none, or no picture is wanted.
        log_probability: of the hypothesis; `None` where it is not known.
        place: where in its split.
    """

    source: str
    source_tokens: Sequence[str]
    predicted_tokens: Sequence[str]
    predicted: str
    references: Sequence[str]
    weights: Weights | None = None
    log_probability: float | None = None
    place: int = 0

    @property
    def right(self) -> bool:
        """Whether the prediction is one of the right answers."""
        return self.predicted in self.references


def report_translations(
    examples: Sequence[TranslationExample],
    *,
    rows: int = 30,
    pictures: int = 6,
    tokenize: Tokenize | None = None,
) -> Section:
    """Examples, attention of some, how the share right depends on the length, and what is taken for what.

    Args:
        examples: of the whole test split, in its order.
        rows: examples in the table, spread evenly over all.
        pictures: heatmaps at most, of the first right and the first wrong examples that have weights.
        tokenize: a text to target tokens, so that right answers can be compared with predictions token by token. By
            default it is told from the predictions whether tokens are words or characters; where they are neither,
            no confusions are counted.
    """
    if not examples:
        return Section("Test predictions", text="There is no test example.")
    right = sum(example.right for example in examples)
    text = f"{right:,} of {len(examples):,} test examples are right ({100 * right / len(examples):.1f} %)."
    if any(len(example.references) > 1 for example in examples):
        text += " Any of several right answers counts."
    content: list[Picture | Table] = [examples_table(examples, rows)]
    by_length = draw_lengths(examples)
    content += [by_length] if by_length else []
    confused = confusions_table(examples, tokenize)
    content += [confused] if confused else []
    drawn = drawn_examples(examples, pictures)
    content += [_draw(example, number) for number, example in enumerate(drawn, 1)]
    shown = lettering(token for one in drawn for token in (*one.source_tokens, *one.predicted_tokens, one.predicted))
    return Section("Test predictions", content, f"{text} {shown.note}".strip())


def examples_table(examples: Sequence[TranslationExample], count: int) -> Table:
    """Sources with predictions and right answers, spread evenly over all examples."""
    chosen = [examples[index] for index in _spread(len(examples), count)]
    scored = any(one.log_probability is not None for one in chosen)
    rows = []
    for one in chosen:
        row: list[str | float | Sequence[str] | None] = [one.source, one.predicted]
        row += [list(dict.fromkeys(one.references)), "yes" if one.right else "no"]
        rows.append([*row, one.log_probability] if scored else row)
    header = ["source", "predicted", "right answers", "right", *(["log-probability"] if scored else [])]
    caption = "" if len(chosen) == len(examples) else f"{len(chosen):,} of {len(examples):,} test examples."
    return Table(header, rows, caption, decimals=2, words=True)


def drawn_examples(examples: Sequence[TranslationExample], count: int) -> list[TranslationExample]:
    """Examples to draw the attention of: half of them right and half wrong, if there are enough of both."""
    usable = [one for one in examples if one.weights is not None and np.size(one.weights)]
    right, wrong = ([place for place, one in enumerate(usable) if one.right is kind] for kind in (True, False))
    of_wrong = min(len(wrong), max(count // 2, count - len(right)))
    return [usable[place] for place in sorted([*right[: count - of_wrong], *wrong[:of_wrong]])]


def draw_lengths(examples: Sequence[TranslationExample]) -> Picture | None:
    """`lengths.png`: the share that is right by the length of the source; none where that says nothing.

    Lengths with few examples are taken together. Bars of the upper axes are 95 % intervals (Wilson, 1927).
    """
    lengths = np.array([_length(one.source_tokens) for one in examples])
    right = np.array([one.right for one in examples])
    bins = length_bins(lengths)
    if len(bins) < 2 or not right.any():
        return None
    counts, shares, low, high = (
        np.array(column) for column in zip(*(_wilson(right[one]) for _, one in bins), strict=True)
    )
    with style():
        figure = new_figure(min(9.6, max(4.8, 1 + 0.4 * len(bins))), 3.6)
        grid = figure.add_gridspec(2, 1, height_ratios=[3, 1])
        upper, lower = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
        places = np.arange(len(bins))
        upper.set_title("Right by length of the source")
        upper.set_ylabel("share right")
        upper.set_ylim(0, 1.02)
        upper.vlines(places, low, high, color=BLUE, alpha=0.4)
        upper.plot(places, shares, "o-", color=BLUE, linewidth=1, markersize=5)
        lower.bar(places, counts, color=RULE, width=0.8)
        lower.set_xlabel("source tokens")
        count_examples(lower)
        names = [name for name, _ in bins]
        for axes in (upper, lower):
            axes.set_xlim(-0.6, len(bins) - 0.4)
            axes.set_xticks(places, names if axes is lower else [""] * len(bins), rotation=90 if len(bins) > 14 else 0)
            axes.grid(False, axis="x")
        caption = "Share of test examples that are right; bars are 95 % intervals. Below, the number of examples."
        said = ", ".join(f"{name}: {share:.0%}" for name, share in zip(names, shares.tolist(), strict=True))
        return finished(figure, "lengths", caption=caption, alternative=f"Share right by source length. {said}.")


def length_bins(lengths: NDArray[np.int64]) -> list[tuple[str, NDArray[np.bool_]]]:
    """The name of each range of lengths, and which examples are in it, (N,).

    A range is a single length if that has enough examples.
    """
    distinct, counts = np.unique(lengths, return_counts=True)
    enough = max(FEWEST, len(lengths) / MOST_BINS)
    found: list[tuple[int, int]] = []
    first, held = 0, 0
    for length, count in zip(distinct.tolist(), counts.tolist(), strict=True):
        first, held = (length if held == 0 else first), held + count
        if held >= enough:
            found.append((first, length))
            held = 0
    if held:  # the longest, too few on their own
        found = [*found[:-1], (found[-1][0] if found else first, int(distinct[-1]))]
    return [(str(low) if low == high else f"{low}–{high}", (lengths >= low) & (lengths <= high)) for low, high in found]


def confusions_table(examples: Sequence[TranslationExample], tokenize: Tokenize | None = None) -> Table | None:
    """The most frequent differences of wrong predictions to the nearest right answer.

    Tokens are matched by an alignment of least edit distance. Right predictions count as tokens seen, so that shares
    are of all occurrences.

    Args:
        examples: in the order of the split.
        tokenize: as for `report_translations`.

    Returns:
        `None` where target tokens are many or unknown, or where nothing is confused.
    """
    tokenize = tokenize or told_tokenizer(examples)
    if tokenize is None:
        return None
    seen: Counter[str] = Counter()
    confused: Counter[tuple[str, str]] = Counter()
    cells = compared = 0
    for one in examples:
        predicted = _without_end(one.predicted_tokens)
        answers = [list(tokenize(answer)) for answer in one.references]
        cells += 0 if one.right else sum(len(predicted) * len(answer) for answer in answers)
        if cells > MOST_CELLS:
            break
        compared += 1
        pairs = [(token, token) for token in predicted] if one.right else nearest(predicted, answers)
        seen.update(token for token, _ in pairs if token != NOTHING)
        confused.update(pair for pair in pairs if pair[0] != pair[1])
        if len(seen) > MOST_TOKENS:
            return None
    if not confused:
        return None
    ranked = sorted(confused.items(), key=lambda item: (-item[1], item[0]))[:CONFUSIONS]
    rows = [
        (right, taken, count, 100 * count / seen[right] if seen[right] else None) for (right, taken), count in ranked
    ]
    caption = (
        f"{NOTHING} is no token: missing on the right, added on the left. Shares are of the right token's occurrences."
    )
    if compared < len(examples):
        caption += f" The first {compared:,} test examples."
    return Table(["right token", "predicted", "times", "% of the token"], rows, caption, decimals=1)


def told_tokenizer(examples: Sequence[TranslationExample]) -> Tokenize | None:
    """How predicted texts become predicted tokens: at spaces, or character by character; `None` where it is neither."""
    shown = [one for one in examples if one.predicted][:1000]
    for tokenize in (str.split, characters):
        alike = sum(list(tokenize(one.predicted)) == _without_end(one.predicted_tokens) for one in shown)
        if shown and alike >= 0.98 * len(shown):  # unknown tokens may read otherwise
            return tokenize
    return None


def characters(text: str) -> list[str]:
    """Characters with their marks, a space as a sign, as character tokens are shown."""
    return [SPACE if one == " " else one for one in clusters(text)]


def nearest(predicted: Sequence[str], answers: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    """Pairs of a right and a predicted token, from the answer of the least edit distance; the first of several."""
    aligned = [edit_alignment(answer, predicted) for answer in answers]
    return min(aligned, key=lambda pairs: sum(right != taken for right, taken in pairs), default=[])


def edit_alignment(right: Sequence[str], predicted: Sequence[str]) -> list[tuple[str, str]]:
    """An alignment of least edit distance (Wagner and Fischer, 1974), from left to right.

    Of several, the one with most tokens opposite each other.

    Args:
        right: tokens.
        predicted: tokens.

    Returns:
        Pairs of a right and a predicted token, `NOTHING` where one side has none.
    """
    width = len(predicted) + 1
    # Each edit costs the same but for a rest too small to make one more edit worth while.
    gap = len(right) + len(predicted) + 1
    swap = gap - 1
    table = [[gap * column for column in range(width)]]
    for token in right:
        above = table[-1]
        row = [above[0] + gap]
        for column, other in enumerate(predicted, 1):
            diagonal = above[column - 1] + (0 if token == other else swap)
            row.append(min(diagonal, above[column] + gap, row[-1] + gap))
        table.append(row)
    i, j = len(right), len(predicted)
    pairs = []
    while i or j:
        if i and j and table[i][j] == table[i - 1][j - 1] + (0 if right[i - 1] == predicted[j - 1] else swap):
            i, j = i - 1, j - 1
            pairs.append((right[i], predicted[j]))
        elif i and table[i][j] == table[i - 1][j] + gap:
            i -= 1
            pairs.append((right[i], NOTHING))
        else:
            j -= 1
            pairs.append((NOTHING, predicted[j]))
    return pairs[::-1]


def _draw(example: TranslationExample, number: int) -> Picture:
    caption = "Right." if example.right else f"Wrong; right would be {' or '.join(dict.fromkeys(example.references))}."
    return heatmap(
        example.weights,
        example.source_tokens,
        example.predicted_tokens,
        f"{example.source} → {example.predicted}",
        name=f"attention-{number}",
        caption=caption,
        note=False,
    )


def _spread(total: int, count: int) -> list[int]:
    """`count` positions, evenly over `total`."""
    count = min(total, count)
    return [position * total // count for position in range(count)]


def _without_end(tokens: Sequence[str]) -> list[str]:
    return list(tokens[:-1] if tokens and tokens[-1] == END else tokens)


def _length(tokens: Sequence[str]) -> int:
    return len(_without_end(tokens))


def _wilson(right: NDArray[np.bool_]) -> tuple[int, float, float, float]:
    """Number, share of ones, and the ends of its 95 % interval."""
    count, share, z = len(right), float(right.mean()), 1.959964
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    return count, share, max(0.0, middle - half), min(1.0, middle + half)
