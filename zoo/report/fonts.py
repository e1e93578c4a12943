"""Which installed fonts have the characters of a text, and what stands for a character that none has.

matplotlib draws each glyph with the first font of a list that has it. The list is made for the text at hand: DejaVu
Sans, which comes with matplotlib (Latin, IPA, Greek, Cyrillic, Arabic, Hebrew, Armenian, Georgian), fonts that Python
packages carry, then the fonts of the machine. A package's font file is read from its folder; the package is never
imported, since most of them change matplotlib's settings when they are.

From matplotlib 3.11 on, Arabic letters are joined and ordered from right to left by matplotlib itself (libraqm,
HarfBuzz). Before, they are drawn in their isolated forms, from right to left.
"""

from __future__ import annotations

import functools
import importlib.util
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

#: Comes with matplotlib.
BASE = "DejaVu Sans"
#: The extra of this project that brings Hangul, Kana and Chinese characters.
EXTRA = "fonts"
#: Folders of installed Python packages that carry fonts, the one with most characters first. The extra installs the
#: first: Noto Sans CJK, under the SIL Open Font License.
PACKAGES = ("notojp_matplotlib", "noto_cjk_sans_jp_regular", "koreanize_matplotlib", "matplotlib_fontja")
#: Installed fonts that are looked at before others, by the start of their names.
PREFERRED = ("Noto Sans CJK", "Source Han Sans", "Noto Sans", "Malgun Gothic", "Yu Gothic", "Apple SD", "Hiragino")
#: Fonts whose glyphs are boxes, or pictures that cannot be drawn.
WITHOUT_GLYPHS = ("last resort", "lastresort", "blank", "emoji")
#: What the extra has: Hangul letters and syllables, Kana, Chinese characters and their punctuation.
IN_EXTRA = ((0x1100, 0x11FF), (0x2E80, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF))
#: White space that a token may be, or begin or end with, shown as a character.
SIGNS = {" ": "␣", "\t": "⇥", "\n": "⏎", "\r": "⏎"}
JOINERS = "\u200c\u200d"
LEFT_TO_RIGHT = "\u200e"
#: Writing directions of letters (Unicode annex 9).
RIGHT_TO_LEFT = ("R", "AL")
DOTTED_CIRCLE = "\u25cc"

#: The family that has a character, or `None`; looked up once in the life of a process.
_families: dict[str, str | None] = {}


@dataclass(frozen=True)
class Lettering:
    """How some texts are drawn.

    Attributes:
        families: names of fonts for matplotlib's `font.family`, in order of preference.
        missing: characters that none of them has.
    """

    families: tuple[str, ...]
    missing: frozenset[str]

    def show(self, text: str) -> str:
        """The text with every character drawable: `U+AC00` stands for one that no font has."""
        shown = visible(text)
        if self.missing:
            shown = " ".join("".join(map(self._drawable, clusters(shown))).split())
        return shown if _matplotlib_shapes() else _right_to_left(shown)

    def line(self, text: str) -> str:
        """As `show`; text of both writing directions goes from left to right as a whole."""
        shown = self.show(text)
        mixed = any(unicodedata.bidirectional(character) in RIGHT_TO_LEFT for character in shown)
        return LEFT_TO_RIGHT + shown if mixed and _matplotlib_shapes() else shown

    def _drawable(self, cluster: str) -> str:
        if self.missing.isdisjoint(cluster):
            return cluster
        notes = (notation(one) if one in self.missing else one for one in cluster.removeprefix(DOTTED_CIRCLE))
        return f" {' '.join(notes)} "

    @property
    def note(self) -> str:
        """What to install where a character is missing; empty where none is."""
        if not self.missing:
            return ""
        some = ", ".join(notation(one) for one in sorted(self.missing)[:3])
        more = f" and {len(self.missing) - 3:,} more" if len(self.missing) > 3 else ""
        said = f"No installed font has {some}{more}, shown as code points: "
        helps = any(low <= ord(one) <= high for one in self.missing for low, high in IN_EXTRA)
        if helps and not any(map(importlib.util.find_spec, PACKAGES[:1])):
            return f"{said}pip install 'attention-zoo[{EXTRA}]' brings one for Korean, Japanese and Chinese."
        return f"{said}install a font that does, such as one of the Noto fonts."


def lettering(texts: Iterable[str]) -> Lettering:
    """The fonts that together have all characters of these texts, as far as any installed font does."""
    wanted = sorted({character for text in texts for character in visible(text)} - set(SIGNS))
    _find([character for character in wanted if character not in _families])
    needed = {family for family in map(_families.get, wanted) if family}
    return Lettering(_in_order({BASE, *needed}), frozenset(one for one in wanted if _families[one] is None))


def in_bold(text: str) -> bool:
    """Whether the bold face of the base font has all of a text; most others have no such face."""
    from matplotlib.font_manager import FontProperties, fontManager, get_font

    font = get_font(fontManager.findfont(FontProperties(family=[BASE], weight="bold")))
    return all(font.get_char_index(ord(character)) for character in text)


def visible(text: str) -> str:
    """A token as people can read it, in composed form (NFC).

    White space around it becomes a sign, a mark that combines with nothing sits on a dotted circle, and what cannot be
    seen at all (control characters, direction marks, surrogates) is written as its code point.
    """
    text = unicodedata.normalize("NFC", text)
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    shown: list[str] = []
    for position, character in enumerate(text):
        category = unicodedata.category(character)
        if character in SIGNS and (character != " " or not start <= position < end):
            shown.append(SIGNS[character])
        elif category == "Zs":
            shown.append(" " if start <= position < end else SIGNS[" "])
        elif character in JOINERS and 0 < position < len(text) - 1:
            shown.append(character)
        elif category[0] == "C" or category in ("Zl", "Zp"):
            shown.append(notation(character))
        elif category[0] == "M" and (position == 0 or unicodedata.category(text[position - 1])[0] in "CZ"):
            shown.append(DOTTED_CIRCLE + character)
        elif not 0xFE00 <= ord(character) <= 0xFE0F:  # variants of a glyph that few fonts have
            shown.append(character)
    return "".join(shown)


def notation(character: str) -> str:
    """The code point of a character as Unicode writes it, such as `U+AC00`."""
    return f"U+{ord(character):04X}"


def clusters(text: str) -> list[str]:
    """Characters, each with the marks and joiners after it."""
    found: list[str] = []
    for character in text:
        if found and (unicodedata.category(character)[0] == "M" or character in JOINERS):
            found[-1] += character
        else:
            found.append(character)
    return found


def _find(characters: list[str]) -> None:
    """Look for the first font that has each character, opening no more fonts than that takes."""
    missing = set(characters)
    for family in _installed():
        if not missing:
            break
        found = _those_in(family, missing)
        _families.update(dict.fromkeys(sorted(found), family))
        missing -= found
    _families.update(dict.fromkeys(missing))


def _in_order(families: set[str]) -> tuple[str, ...]:
    """Those of packages before those of the machine, whichever was needed first."""
    rank = {family: number for number, family in enumerate((BASE, *_packaged()))}
    return tuple(sorted(families, key=lambda family: (rank.get(family, len(rank)), _taste(family))))


def _those_in(family: str, characters: set[str]) -> set[str]:
    from matplotlib.font_manager import FontProperties, fontManager, get_font

    try:
        path = fontManager.findfont(
            FontProperties(family=[family]), fallback_to_default=False, rebuild_if_missing=False
        )
        font = get_font(path)
    except (OSError, RuntimeError, ValueError):  # removed since matplotlib listed it, or damaged
        return set()
    return {one for one in characters if font.scalable and font.get_char_index(ord(one))}


def _installed() -> Iterator[str]:
    """Names of fonts, the best first."""
    yield BASE
    yield from _packaged()
    listed = _upright()
    yield from sorted(listed, key=_taste)
    _list_again()
    yield from sorted(_upright() - listed, key=_taste)


def _taste(family: str) -> tuple[int, bool, str]:
    preferred = (number for number, start in enumerate(PREFERRED) if family.startswith(start))
    return next(preferred, len(PREFERRED)), "Sans" not in family, family


def _upright() -> set[str]:
    """The machine's fonts that have an upright, regular face."""
    from matplotlib.font_manager import fontManager

    return {
        font.name
        for font in fontManager.ttflist
        if font.style == "normal"
        and font.weight in (400, "normal", "regular", "book")
        and not any(word in font.name.lower() for word in WITHOUT_GLYPHS)
    } - {BASE, *_packaged()}


@functools.cache
def _packaged() -> tuple[str, ...]:
    """The fonts of Python packages, made known to matplotlib."""
    from matplotlib.font_manager import fontManager

    names = []
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).rglob("*")):
                if path.suffix.lower() in (".ttf", ".otf", ".ttc"):
                    known = len(fontManager.ttflist)
                    fontManager.addfont(path)
                    names += [font.name for font in fontManager.ttflist[known:]]
    return tuple(dict.fromkeys(names))


@functools.cache
def _list_again() -> None:
    """Tell matplotlib of fonts installed since it wrote its list, which it keeps in a cache for good."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {str(font.fname) for font in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError):  # not a font that matplotlib reads
            continue


@functools.cache
def _matplotlib_shapes() -> bool:
    """Whether matplotlib joins and orders Arabic letters itself, as it does from 3.11 on."""
    from matplotlib import ft2font

    return hasattr(ft2font, "__libraqm_version__")


def _right_to_left(text: str) -> str:
    """A text with each run of right-to-left letters in the order in which it is seen."""
    shown: list[str] = []
    run: list[str] = []  # from a right-to-left letter on, the last one first
    between: list[str] = []  # what follows and may or may not belong to it, such as spaces
    for cluster in clusters(text):
        direction = unicodedata.bidirectional(cluster[0])
        if direction in RIGHT_TO_LEFT:
            run = [cluster, *between, *run]
            between = []
        elif run and direction not in ("L", "EN", "AN"):
            between.insert(0, cluster)
        else:
            shown += [*run, *reversed(between), cluster]
            run, between = [], []
    return "".join([*shown, *run, *reversed(between)])
