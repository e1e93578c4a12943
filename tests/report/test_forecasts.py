"""Forecasts of series: errors are those of the formula, what is drawn goes from best to worst."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo.report.drawing import Picture
from zoo.report.forecasts import DRAWN, Histories, actual_values, draw_forecasts, draw_steps, errors, report_forecasts
from zoo.report.section import Table

METRICS = {
    "test/smape": 9.5,
    "test/mase": 1.1,
    "test/naive/smape": 40.0,
    "test/naive/mase": 11.0,
    "test/seasonal_naive/smape": 14.0,
    "test/seasonal_naive/mase": 1.2,
}


def series(count: int, horizon: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, Histories]:
    rng = np.random.default_rng(seed)
    values = [10 + rng.normal(size=20 + place).cumsum() for place in range(count)]
    actual = torch.from_numpy(rng.normal(10, 2, (count, horizon)))
    names = [f"series {place}" for place in range(count)]
    others = {"naive": np.stack([np.full(horizon, one[-1]) for one in values])}
    return actual + torch.from_numpy(rng.normal(size=(count, horizon))), actual, Histories(names, values, others)


def test_errors_are_those_of_a_loop_and_zero_where_nothing_came_and_nothing_was_said() -> None:
    forecasts, actual, _ = series(3)
    expected = [
        [200 * abs(y - f) / (abs(y) + abs(f)) for y, f in zip(*rows, strict=True)]
        for rows in zip(actual.tolist(), forecasts.tolist(), strict=True)
    ]
    np.testing.assert_allclose(errors(forecasts.numpy(), actual.numpy()), expected)
    assert errors(np.zeros((1, 2)), np.zeros((1, 2))).tolist() == [[0, 0]]


def test_the_model_stands_beside_naive_forecasts() -> None:
    forecasts, actual, histories = series(8)
    section = report_forecasts(forecasts, actual, METRICS, histories)
    table, *pictures = section.content
    assert isinstance(table, Table)
    assert table.rows == [("this model", 9.5, 1.1), ("seasonal naive", 14.0, 1.2), ("naive", 40.0, 11.0)]
    assert [one.name for one in pictures if isinstance(one, Picture)] == ["forecasts", "forecast_steps"]


def test_the_best_and_the_worst_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    forecasts, actual, histories = series(40)
    drawn = []
    monkeypatch.setattr("zoo.report.forecasts._draw_series", lambda axes, forecast, *rest: drawn.append(forecast))
    monkeypatch.setattr("matplotlib.axes.Axes.get_legend_handles_labels", lambda axes: ([], []))
    draw_forecasts(forecasts.numpy(), actual.numpy(), histories)
    rates = [
        errors(one[None], actual.numpy()[forecasts.numpy().tolist().index(one.tolist())][None]).mean() for one in drawn
    ]
    every = errors(forecasts.numpy(), actual.numpy()).mean(1)
    assert len(rates) == DRAWN
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (every.min(), every.max())


@pytest.mark.parametrize("count", [1, 2, 5, 30])
@pytest.mark.parametrize("horizon", [1, 6])
@pytest.mark.parametrize("known", [True, False])
def test_any_number_of_series_can_be_drawn(count: int, horizon: int, known: bool) -> None:
    forecasts, actual, histories = series(count, horizon)
    pair = forecasts.numpy(), actual.numpy()
    assert draw_forecasts(*pair, histories if known else None).png.startswith(b"\x89PNG")
    assert draw_steps(*pair, histories if known else None).png.startswith(b"\x89PNG")


def test_forecasts_that_are_no_numbers_are_counted_and_left_out() -> None:
    forecasts, actual, histories = series(5)
    forecasts[2, 1] = torch.nan
    section = report_forecasts(forecasts, actual, {}, histories)
    assert section.text == "1 of 5 forecasts are not numbers and left out."
    assert "4 of 4 series" in section.pictures[0].caption
    assert report_forecasts(forecasts * torch.nan, actual, METRICS).pictures == []


def test_targets_may_hold_scales_beside_values() -> None:
    targets = torch.rand(3, 4, 2)
    assert torch.equal(actual_values(targets), targets[..., 0])
    assert torch.equal(actual_values(targets[..., 1]), targets[..., 1])
