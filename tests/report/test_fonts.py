"""Characters are drawn by a font that has them, and written as code points where none does."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.font_manager
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from matplotlib.backends import backend_agg
from matplotlib.font_manager import FontProperties, fontManager

from zoo.report import fonts
from zoo.report.drawing import style
from zoo.report.fonts import clusters, in_bold, lettering, visible

#: matplotlib gives it no types.
RendererAgg: Any = backend_agg.RendererAgg
MakeFont = Callable[..., Path]
SCRIPTS = {
    "Latin": ["straße", "naïve", "Đặng", "ﬁ"],
    "IPA": ["t͡ʃ", "ɑ̃", "ɹ̩", "kʰ", "s͈", "ɡ", "ˈ", "ː", "ʌ̹"],
    "Cyrillic": ["здравствуйте", "ћ", "й"],
    "Greek": ["καλημέρα", "ᾧ"],
    "Arabic": ["مرحبا", "می‌خواهم", "بِسْمِ"],
    "Hebrew": ["שלום"],
    "Armenian": ["բարև"],
    "Georgian": ["გამარჯობა"],
    "signs": ["▁the", "␣", "</s>", "$x_2$", "a_b^c", "\\frac", "→", "’"],
}


def forget() -> None:
    """Let the next look-up start anew."""
    fonts._families.clear()
    fonts._packaged.cache_clear()
    fonts._list_again.cache_clear()


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has no fonts but those which matplotlib brings."""
    own = [font for font in fontManager.ttflist if Path(font.fname).is_relative_to(matplotlib.get_data_path())]
    monkeypatch.setattr(fontManager, "ttflist", own)
    monkeypatch.setattr(matplotlib.font_manager, "findSystemFonts", lambda *_, **__: [])
    monkeypatch.setattr(fonts, "PACKAGES", ("surely_not_installed",))
    forget()
    yield
    forget()


@pytest.fixture
def make_font(tmp_path: Path) -> MakeFont:
    """Write a font of solid squares for some characters."""

    def make(family: str, characters: str, folder: Path = tmp_path) -> Path:
        pen = TTGlyphPen(None)
        for move, point in zip((pen.moveTo, pen.lineTo, pen.lineTo, pen.lineTo), SQUARE, strict=True):
            move(point)
        pen.closePath()
        names = [".notdef", *(f"u{ord(one):04X}" for one in characters)]
        builder = FontBuilder(1000, isTTF=True)
        builder.setupGlyphOrder(names)
        builder.setupCharacterMap({ord(one): f"u{ord(one):04X}" for one in characters})
        builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
        builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
        builder.setupHorizontalHeader(ascent=800, descent=-200)
        builder.setupNameTable({"familyName": family, "styleName": "Regular"})
        builder.setupOS2()
        builder.setupPost()
        path = folder / f"{family}.ttf"
        builder.save(path)
        return path

    return make


SQUARE = ((0, 0), (0, 700), (700, 700), (700, 0))


def has(family: str, character: str) -> bool:
    """What the font file itself says."""
    return ord(character) in (TTFont(fontManager.findfont(family)).getBestCmap() or {})


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_matplotlib_brings_is_enough_for_most_alphabets(script: str) -> None:
    found = lettering(SCRIPTS[script])
    assert found.families == ("DejaVu Sans",)
    assert found.missing == frozenset()
    assert found.note == ""
    for token in SCRIPTS[script]:
        assert all(has("DejaVu Sans", one) for one in found.show(token))


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("안녕", "U+C548 U+B155"),
        ("a안b", "a U+C548 b"),
        ("かな", "U+304B U+306A"),
        ("漢", "U+6F22"),
        ("가 나", "U+AC00 U+B098"),
        ("👍", "U+1F44D"),
        ("𐍈", "U+10348"),
    ],
)
def test_a_character_without_a_font_is_written_as_its_code_point(token: str, shown: str) -> None:
    assert lettering([token]).show(token) == shown


def test_nothing_that_is_shown_makes_matplotlib_warn() -> None:
    texts = [token for tokens in SCRIPTS.values() for token in tokens]
    texts += [
        "한국어",
        "かな漢字",
        "ខ្មែរ",
        "क्षि",
        "\x1b[31m",
        "\u0303",
        "👍🏽",
        "\u202eabc",
        "\ud800",
        "\ue000",
        "\u200d",
    ]
    found = lettering(texts)
    with (
        matplotlib.rc_context({"font.family": list(found.families), "text.parse_math": False}),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        for text in texts:
            for shown in (found.show(text), found.line(text)):
                RendererAgg(9, 9, 72).get_text_width_height_descent(shown, FontProperties(), False)


def test_one_note_names_the_extra_where_it_helps_and_another_font_where_it_does_not() -> None:
    assert "pip install 'attention-zoo[fonts]'" in lettering(["안녕"]).note
    assert "U+B155, U+C548" in lettering(["안녕"]).note
    assert "and 5 more" in lettering(["가나다라마바사아"]).note
    note = lettering(["ខ"]).note
    assert "U+1781" in note
    assert "pip" not in note


def test_the_font_of_a_package_is_used_without_importing_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_font: MakeFont
) -> None:
    package = tmp_path / "package_with_hangul"
    (package / "fonts").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    make_font("Squares of a Package", "가나", package / "fonts")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(fonts, "PACKAGES", ("surely_not_installed", "package_with_hangul"))
    found = lettering(["가나다", "abc"])
    assert found.families == ("DejaVu Sans", "Squares of a Package")
    assert found.missing == {"다"}
    assert found.show("가나다") == "가나 U+B2E4"
    assert "package_with_hangul" not in sys.modules


def test_an_installed_font_is_used_and_only_where_it_is_needed(make_font: MakeFont) -> None:
    fontManager.addfont(make_font("Squares Installed", "한abc"))
    assert lettering(["abc"]).families == ("DejaVu Sans",)
    assert lettering(["한"]).families == ("DejaVu Sans", "Squares Installed")


def test_a_font_installed_after_matplotlib_made_its_list_is_found(
    make_font: MakeFont, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    paths = [str(make_font("Squares Brand New", "국")), str(tmp_path / "broken.ttf")]
    monkeypatch.setattr(matplotlib.font_manager, "findSystemFonts", lambda *_, **__: paths)
    assert lettering(["국"]).families == ("DejaVu Sans", "Squares Brand New")


def test_the_order_of_fonts_depends_on_what_is_installed_not_on_what_was_asked_first(make_font: MakeFont) -> None:
    for name, characters in (("Squares Serif", "각갂"), ("Noto Sans Squares", "갃갂"), ("Squares Sans", "갂갅")):
        fontManager.addfont(make_font(name, characters))
    orders = set()
    for texts in (["각", "갃", "갅"], ["갅", "갃", "각"], ["갂갅갃각"]):
        forget()
        for text in texts:
            lettering([text])
        orders.add(lettering(["각갃갅"]).families)
    assert orders == {("DejaVu Sans", "Noto Sans Squares", "Squares Sans", "Squares Serif")}
    assert lettering(["갂"]).families == ("DejaVu Sans", "Noto Sans Squares")


def test_fonts_of_boxes_are_no_fonts(make_font: MakeFont) -> None:
    for name in ("Last Resort Squares", "Squares Emoji", "Adobe Blank Squares"):
        fontManager.addfont(make_font(name, "뷁"))
    assert lettering(["뷁"]).missing == {"뷁"}


def test_a_font_that_was_removed_is_passed_over(make_font: MakeFont) -> None:
    path = make_font("Squares Removed", "꿹")
    fontManager.addfont(path)
    path.unlink()
    assert lettering(["꿹"]).missing == {"꿹"}


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" ", "␣"),
        (" a", "␣a"),
        ("a ", "a␣"),
        ("a b", "a b"),
        ("\u3000", "␣"),
        ("\n", "⏎"),
        ("\t", "⇥"),
        ("\u0303", "◌\u0303"),
        ("a \u0303", "a ◌\u0303"),
        ("e\u0301", "é"),
        ("\u1112\u1161\u11ab", "한"),
        ("\x1b[2J", "U+001B[2J"),
        ("\u202etxt", "U+202Etxt"),
        ("\ud800", "U+D800"),
        ("\u200d", "U+200D"),
        ("می\u200cخ", "می\u200cخ"),
        ("☂\ufe0f", "☂"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_made_visible(token: str, shown: str) -> None:
    assert visible(token) == shown


def test_marks_stay_with_their_letters() -> None:
    assert clusters("ɑ̃t͡ʃ") == ["ɑ̃", "t͡", "ʃ"]
    assert clusters("\u0303a") == ["\u0303", "a"]
    assert "".join(clusters("ខ្មែរ")) == "ខ្មែរ"


def widths(texts: list[str]) -> list[float]:
    with style():
        renderer = RendererAgg(9, 9, 288)
        return [renderer.get_text_width_height_descent(text, FontProperties(), False)[0] for text in texts]


@pytest.mark.skipif(not fonts._matplotlib_shapes(), reason="joined by matplotlib from 3.11 on")
def test_arabic_letters_are_joined_and_the_token_is_left_to_matplotlib() -> None:
    token = "مرحبا"
    shown = lettering([token]).show(token)
    assert shown == token
    joined, *isolated = widths([shown, *token])
    assert joined < 0.9 * sum(isolated)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("مرحبا", "ابحرم"),
        ("بِسْ", "سْبِ"),
        ("שלום עולם", "םלוע םולש"),
        ("abc", "abc"),
        ("aשלb", "aלשb"),
        ("של ab", "לש ab"),
        ("של →", "לש →"),
        ("12 של", "12 לש"),
    ],
)
def test_before_matplotlib_3_11_letters_are_put_from_right_to_left(
    monkeypatch: pytest.MonkeyPatch, text: str, shown: str
) -> None:
    monkeypatch.setattr(fonts, "_matplotlib_shapes", lambda: False)
    assert lettering([text]).show(text) == unicodedata.normalize("NFC", shown)


@pytest.mark.skipif(not fonts._matplotlib_shapes(), reason="ordered by matplotlib from 3.11 on")
def test_a_line_of_two_directions_starts_at_the_left() -> None:
    text = "של → shel"
    assert lettering([text]).line(text) == "\u200e" + text
    assert lettering(["a → b"]).line("a → b") == "a → b"


def test_bold_is_only_asked_of_text_that_has_it() -> None:
    bold = TTFont(fontManager.findfont(FontProperties(family="DejaVu Sans", weight="bold"))).getBestCmap()
    for text in ("abc → ɑ", "مرحبا", "\u2e18", "안"):
        assert in_bold(text) == all(ord(one) in bold for one in text)


def test_looking_at_the_module_needs_no_matplotlib() -> None:
    code = "import sys, zoo.report.fonts as f; f.visible('a'); assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
