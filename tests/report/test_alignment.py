"""Heatmaps show where each target token looks, for any script and any length, the same on every machine."""

from __future__ import annotations

import hashlib
import io
import itertools
import multiprocessing
import os
import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.font_manager import fontManager
from PIL import Image

from zoo.report import fonts
from zoo.report.alignment import heatmap
from zoo.report.drawing import FILE_DPI

NONE, ALL, NOT_A_NUMBER = (0xF4, 0xF5, 0xF6), (0x00, 0x26, 0x3D), (0xD5, 0xDA, 0xDE)
SOURCE, TARGET = list("source"), list("goal")
EXAMPLES = {
    "words": (["ein", "kleines", "mädchen"], ["a", "little", "girl"]),
    "Hangul": ([*"안녕하세요", "</s>"], [*"annjʌŋɦa", "s͈", "e", "j", "o"]),
    "Kana and Kanji": (list("かんじカタカナ漢字"), ["t͡ʃ", "ɑ̃"]),
    "Cyrillic": (list("здравствуйте"), ["z", "d"]),
    "Arabic": (["مرحبا", "بكم"], ["welcome"]),
    "Greek": (list("καλημέρα"), ["k"]),
    "Khmer": (list("ខ្មែរ"), ["k"]),
    "marks alone": (["\u0303", "◌̃", " ", "\n"], ["a\u0301"]),
    "unseen": (["\x1b", "\u202e", "\ud800", ""], ["\u200d"]),
    "markup": (["$x$", "<b>", "\\frac{", "^"], ["_", "%"]),
    "long": (["Donaudampfschifffahrtsgesellschaft" * 3, "a"], ["x" * 400, "y"]),
}


def pixels(png: bytes) -> np.ndarray:
    """(height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def weights_of(rows: int, columns: int) -> np.ndarray:
    """Rows that sum to one, (T, S)."""
    weights: np.ndarray = np.exp(3 * np.random.default_rng(rows * 1000 + columns).normal(size=(rows, columns)))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 5), (1, 2), (3, 0), (3, 5)])
def test_target_tokens_go_down_and_source_tokens_across(row: int, column: int) -> None:
    weights = np.zeros((4, 6))
    weights[row, column] = 1
    image = pixels(heatmap(weights, SOURCE, TARGET).png)
    part = image[:, : int(image.shape[1] - 0.67 * FILE_DPI)]  # without the scale
    full, empty = (np.abs(part - colour).max(axis=2) <= 3 for colour in (ALL, NONE))
    drawn = full | empty  # lines of a hundred such pixels: weights, not letters
    rows, columns = (np.flatnonzero(drawn.sum(axis=axis) > 100) for axis in (1, 0))
    down, across = (np.flatnonzero(full.sum(axis=axis) > 30).mean() for axis in (1, 0))
    assert int(4 * (down - rows[0]) / (rows[-1] + 1 - rows[0])) == row
    assert int(6 * (across - columns[0]) / (columns[-1] + 1 - columns[0])) == column


def colours(weights: list[float]) -> list[tuple[int, ...]]:
    """Of the cells of a single row, from left to right: colours that run over at least thirty pixels."""
    image = pixels(heatmap([weights], ["s"] * len(weights), ["t"]).png)
    image = image[:, : int(image.shape[1] - 0.67 * FILE_DPI)]
    same = (image[:, 1:] == image[:, :-1]).all(axis=2) & (image[:, 1:] != 255).any(axis=2)
    row = image[int(np.median(np.flatnonzero(same.sum(axis=1) > 30)))]
    runs = [(colour, len(list(run))) for colour, run in itertools.groupby(map(tuple, row.tolist()))]
    return [colour for colour, length in runs if length >= 30 and colour != (255, 255, 255)]


def test_stronger_weights_are_darker_and_the_same_weight_has_the_same_colour_in_every_picture() -> None:
    weights = [0.0, 0.02, 0.1, 0.3, 0.6, 1.0]
    found = colours(weights)
    assert len(found) == len(weights)
    assert (found[0], found[-1]) == (NONE, ALL)
    assert [sum(colour) for colour in found] == sorted({sum(colour) for colour in found}, reverse=True)
    assert [colours([weight, 0.05])[0] for weight in weights] == found


def test_weights_that_are_not_numbers_are_grey_and_counted() -> None:
    found = colours([0.5, float("nan"), 0.0, float("inf")])
    assert found[1] == found[3] == NOT_A_NUMBER
    assert NOT_A_NUMBER not in (found[0], found[2])
    assert "2 weights are not numbers" in heatmap([[0.5, float("nan"), float("inf")]], ["s"] * 3, ["t"]).caption
    assert heatmap([[0.5, 0.5]], ["s"] * 2, ["t"]).caption == ""


def test_weights_may_be_a_tensor_lists_or_an_array() -> None:
    weights = weights_of(4, 6)
    given = [weights, torch.from_numpy(weights), weights.tolist()]
    assert len({heatmap(one, SOURCE, TARGET).png for one in given}) == 1


@pytest.mark.parametrize("shape", [(6, 4), (4, 5), (3, 6), (4, 6, 1), (24,), (0, 6)])
def test_weights_that_do_not_fit_the_tokens_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"4 target and 6 source tokens"):
        heatmap(np.zeros(shape), SOURCE, TARGET)


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_can_be_drawn(rows: int, columns: int) -> None:
    picture = heatmap(np.zeros((rows, columns)), ["s"] * columns, ["t"] * rows, "empty")
    assert picture.png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("rows", "columns", "width", "height"),
    [
        (1, 1, (100, 300), (100, 300)),
        (3, 3, (150, 350), (120, 350)),
        (12, 10, (350, 700), (350, 700)),
        (2, 40, (500, 900), (120, 300)),
        (60, 80, (1000, 1500), (800, 1300)),
        (300, 300, (1000, 1600), (1000, 1600)),
        (1, 1000, (1000, 1600), (100, 400)),
    ],
)
def test_pictures_have_a_sane_size(rows: int, columns: int, width: tuple[int, int], height: tuple[int, int]) -> None:
    picture = heatmap(
        weights_of(rows, columns), [f"word{i}" for i in range(columns)], [f"w{i}" for i in range(rows)], "title"
    )
    assert width[0] <= picture.width <= width[1]
    assert height[0] <= picture.height <= height[1]
    shape = pixels(picture.png).shape
    assert shape[1] / picture.width == pytest.approx(FILE_DPI / 96, rel=0.02)
    assert shape[0] / picture.height == pytest.approx(FILE_DPI / 96, rel=0.02)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("title", ["", "a title", "a very long title " * 30, "안" * 100])
def test_nothing_reaches_over_the_edge(name: str, title: str) -> None:
    source, target = EXAMPLES[name]
    picture = heatmap(weights_of(len(target), len(source)), source, target, title)
    image = pixels(picture.png)
    for edge in (image[:6], image[-6:], image[:, :6], image[:, -6:]):
        assert (edge == 255).all()
    assert picture.width < 1000


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_token_makes_matplotlib_warn(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source, target = EXAMPLES[name]
    monkeypatch.setattr(warnings, "filterwarnings", lambda *_, **__: None)  # what the report's style leaves out
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heatmap(weights_of(len(target), len(source)), source, target, " ".join(source + target))
    assert not [record for record in caplog.records if record.name.startswith("matplotlib")]


def test_a_missing_font_is_noted_once_and_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fonts._families, "가", None)
    noted, silent = (heatmap(weights_of(1, 2), ["가", "가"], ["a"], "가", note=note) for note in (True, False))
    assert noted.caption.count("No installed font has U+AC00") == 1
    assert silent.caption == ""
    assert noted.png == silent.png
    assert heatmap(weights_of(1, 2), ["a", "b"], ["a"]).caption == ""


def test_when_there_are_too_many_tokens_the_caption_says_which_are_named() -> None:
    picture = heatmap(weights_of(2, 250), ["s"] * 250, ["t"] * 2, caption="Said first.")
    assert picture.caption == "Said first. Every third token is named."


def test_the_picture_is_told_in_words() -> None:
    picture = heatmap([[0.1, 0.9], [0.8, 0.2]], ["ja", "nein"], ["no", "yes"])
    assert "2 target tokens over 2 source tokens" in picture.alternative
    assert "no to nein, yes to ja" in picture.alternative


def draw_one(name: str) -> str:
    source, target = EXAMPLES[name]
    return hashlib.sha256(heatmap(weights_of(len(target), len(source)), source, target, "안녕 → hi").png).hexdigest()


def test_worker_processes_draw_the_same() -> None:
    names = list(EXAMPLES)[:4]
    expected = [draw_one(name) for name in names]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(draw_one, names) == expected


def test_the_picture_depends_on_neither_display_nor_settings_nor_hash_seed_and_pyplot_stays_away() -> None:
    code = (
        "import sys, hashlib, matplotlib; matplotlib.rcParams['font.size'] = {size}\n"
        "from zoo.report.alignment import heatmap\n"
        "png = heatmap([[.1, .9]], list('안녕'), ['ɑ̃'], 'مرحبا → a').png\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "print(hashlib.sha256(png).hexdigest())"
    )
    found = set()
    for seed, size in (("1", 10), ("2", 22)):
        environment = {key: value for key, value in os.environ.items() if "DISPLAY" not in key}
        environment |= {"PYTHONHASHSEED": seed, "MPLBACKEND": "TkAgg", "PYTHONUTF8": "1"}
        command = [sys.executable, "-c", code.format(size=size)]
        found.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert len(found) == 1


def test_the_users_settings_are_back_afterwards() -> None:
    with matplotlib.rc_context({"font.family": ["serif"], "axes.titleweight": "light"}):
        heatmap(weights_of(2, 2), ["안", "b"], ["c", "d"], "안")
        assert matplotlib.rcParams["font.family"] == ["serif"]
        assert matplotlib.rcParams["axes.titleweight"] == "light"


def test_fonts_are_made_known_only_once() -> None:
    draw_one("Hangul")
    known = len(fontManager.ttflist)
    draw_one("Hangul")
    draw_one("Khmer")
    assert len(fontManager.ttflist) == known
