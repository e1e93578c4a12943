"""Errors of every target are scikit-learn's; every scale and number of targets can be drawn."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from zoo.report.drawing import Picture
from zoo.report.regression import DRAWN_TARGETS, POINTS_UP_TO, draw_predictions, report_values
from zoo.report.section import Table


def test_errors_of_several_targets_are_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(70, 3, generator=generator) * torch.tensor([1.0, 100.0, 1e-3]) + 5
    values = targets + 0.3 * torch.randn(70, 3, generator=generator)
    picture, table = report_values(values, targets, ["a", "b", "c"]).content
    assert isinstance(picture, Picture)
    assert isinstance(table, Table)
    for column, (name, *found) in enumerate(table.rows):
        pair = targets[:, column].double().numpy(), values[:, column].double().numpy()
        assert name == "abc"[column]
        expected = [root_mean_squared_error(*pair), mean_absolute_error(*pair), r2_score(*pair)]
        assert found == pytest.approx(expected, rel=1e-9)


def test_one_target_needs_no_table() -> None:
    section = report_values(torch.randn(5), torch.randn(5), ["price"])
    assert [type(one) for one in section.content] == [Picture]


def test_a_target_that_does_not_vary_has_no_r2() -> None:
    targets = torch.tensor([[1.0, 4.0], [1.0, 5.0]])
    table = report_values(targets + 1, targets, None).content[1]
    assert isinstance(table, Table)
    assert [row[3] for row in table.rows] == [None, pytest.approx(-3.0)]


def test_many_targets_are_drawn_in_part_and_the_caption_says_so() -> None:
    values = torch.randn(20, DRAWN_TARGETS + 2)
    few = draw_predictions(values[:, :2], values[:, :2], ["a", "b"])
    many = draw_predictions(values, values, [str(i) for i in range(values.shape[1])])
    assert f"The first {DRAWN_TARGETS} of {DRAWN_TARGETS + 2} targets." in many.caption
    assert "first" not in few.caption
    assert many.height == pytest.approx(few.height * DRAWN_TARGETS / 2, rel=0.01)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e12])
@pytest.mark.parametrize("examples", [1, 2, 300, POINTS_UP_TO + 1])
def test_any_scale_and_any_number_of_examples_can_be_drawn(scale: float, examples: int) -> None:
    targets = scale * torch.randn(examples, 1, dtype=torch.float64)
    assert draw_predictions(0.9 * targets, targets, ["x"]).width == 960


@pytest.mark.parametrize("constant", [0.0, 7.5])
def test_values_that_do_not_vary_can_be_drawn(constant: float) -> None:
    values = torch.full((4, 1), constant, dtype=torch.float64)
    assert draw_predictions(values, values, ["$x_"]).png.startswith(b"\x89PNG")
