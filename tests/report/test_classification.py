"""Confusion, and measures of every class and label, are scikit-learn's."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from zoo.report.classification import confusion_counts, draw_confusion, report_classes, report_labels
from zoo.report.drawing import Picture
from zoo.report.section import Section, Table


def guesses(examples: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities that are right more often than not, (N, C), and true classes, (N,)."""
    generator = torch.Generator().manual_seed(classes)
    targets = torch.randint(classes, (examples,), generator=generator)
    logits = torch.randn(examples, classes, generator=generator)
    logits[torch.arange(examples), targets] += 1.5
    return logits.softmax(dim=1), targets


def table_of(section: Section) -> Table:
    return next(one for one in section.content if isinstance(one, Table) and one.header[0] in ("class", "label"))


def numbers(table: Table) -> np.ndarray:
    return np.array([[0 if cell is None else cell for cell in row[1:7]] for row in table.rows], dtype=float)


@pytest.mark.parametrize("classes", [2, 3, 10, 45])
def test_counts_are_scikit_learns(classes: int) -> None:
    probabilities, targets = guesses(400, classes)
    predicted = probabilities.argmax(dim=1)
    expected = confusion_matrix(targets.numpy(), predicted.numpy(), labels=range(classes))
    assert confusion_counts(targets, predicted, classes).tolist() == expected.tolist()


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_measures_of_classes_are_scikit_learns(classes: int) -> None:
    probabilities, targets = guesses(60, classes)
    predicted = probabilities.argmax(dim=1).numpy()
    precision, recall, f1, support = precision_recall_fscore_support(
        targets.numpy(), predicted, labels=range(classes), zero_division=0
    )
    found = numbers(table_of(report_classes(probabilities, targets, None)))
    right = confusion_matrix(targets.numpy(), predicted, labels=range(classes)).diagonal()
    taken = np.bincount(predicted, minlength=classes)
    np.testing.assert_allclose(found, np.stack([support, taken, right, precision, recall, f1], axis=1))


def test_measures_of_labels_are_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(50, 4, generator=generator)
    targets = (torch.rand(50, 4, generator=generator) < probabilities).float()
    for threshold in (0.5, 0.8):
        expected = precision_recall_fscore_support(
            targets.numpy(), (probabilities > threshold).numpy(), zero_division=0
        )
        found = numbers(table_of(report_labels(probabilities, targets, list("abcd"), threshold=threshold)))
        np.testing.assert_allclose(found[:, [3, 4, 5, 0]], np.stack(expected, axis=1))


def test_what_is_not_defined_is_empty_not_zero() -> None:
    probabilities = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]])
    table = table_of(report_classes(probabilities, torch.tensor([0, 1]), ["a", "b", "c"]))
    assert list(table.rows) == [
        ("a", 1, 2, 1, 0.5, 1.0, pytest.approx(2 / 3), 1.0, 1.0),
        ("b", 1, 0, 0, None, 0.0, 0.0, 1.0, 1.0),
        ("c", 0, 0, 0, None, None, None, None, None),
    ]


def test_of_two_classes_the_threshold_decides() -> None:
    probabilities = torch.tensor([[0.9, 0.1], [0.65, 0.35], [0.45, 0.55], [0.1, 0.9]])
    targets = torch.tensor([0, 1, 0, 1])
    rows = {threshold: table_of(report_classes(probabilities, targets, None, threshold=threshold)).rows[1][1:4]
            for threshold in (0.3, 0.5, 0.95)}  # fmt: skip
    assert rows == {0.3: (2, 3, 2), 0.5: (2, 2, 1), 0.95: (2, 0, 0)}


def test_examples_without_a_class_are_left_out() -> None:
    probabilities = torch.eye(3)
    section = report_classes(probabilities, torch.tensor([0, -100, 2]), None)
    assert [row[1] for row in table_of(section).rows] == [1, 0, 1]
    assert section.text == ""


def test_the_caption_names_the_most_frequent_confusions() -> None:
    counts = torch.tensor([[5, 0, 3], [1, 7, 0], [0, 0, 4]])
    caption = draw_confusion(counts, ["ant", "bee", "cat"]).caption
    assert "16 of 20 test examples are right" in caption
    assert "ant taken for cat (3×), bee taken for ant (1×)." in caption


@pytest.mark.parametrize("classes", [1, 2, 12, 13, 40, 41, 150])
def test_any_number_of_classes_can_be_drawn(classes: int) -> None:
    picture = draw_confusion(torch.eye(classes, dtype=torch.long), [f"a rather long name {i}" for i in range(classes)])
    assert 200 < picture.width < 1600
    assert 200 < picture.height < 1600


def test_too_many_classes_are_a_table_alone() -> None:
    probabilities = torch.zeros(3, 1500)
    probabilities[:, 7] = 1
    section = report_classes(probabilities, torch.tensor([7, 7, 8]), None)
    assert [one.name for one in section.pictures] == ["reliability"]
    assert table_of(section).rows[7][1:4] == (2, 3, 2)


@pytest.mark.parametrize("name", ["$\\frac{$", "$x$", "猫", "a\nb", "", "x" * 300, "\\", "%", "_^{"])
def test_any_name_can_be_drawn(name: str, recwarn: pytest.WarningsRecorder) -> None:
    draw_confusion(torch.tensor([[2, 1], [0, 3]]), [name, "other"])
    assert not [one for one in recwarn if "lyph" in str(one.message)]


def test_names_that_do_not_fit_the_outputs_are_replaced_by_numbers() -> None:
    rows = table_of(report_classes(torch.eye(3), torch.arange(3), ["only", "two"])).rows
    assert [row[0] for row in rows] == ["0", "1", "2"]


def test_right_is_blue_and_wrong_is_orange() -> None:
    def colours(counts: list[list[int]]) -> set[tuple[int, ...]]:
        picture: Picture = draw_confusion(torch.tensor(counts), ["a", "b"])
        image = Image.open(io.BytesIO(picture.png)).convert("RGB")
        return {tuple(colour) for count, colour in image.getcolors(maxcolors=100_000) or [] if count > 500}

    blue, orange = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
    assert blue in colours([[3, 0], [0, 3]])
    assert orange not in colours([[3, 0], [0, 3]])
    assert orange in colours([[0, 3], [3, 0]])
    assert blue not in colours([[0, 3], [3, 0]])
