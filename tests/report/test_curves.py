"""Curves show what was logged, and which step was best."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.report.curves import draw_curves, group_metrics, pick_losses
from zoo.report.drawing import Picture
from zoo.report.logs import Curve, read_curves

VERMILION = (0xD5, 0x5E, 0x00)


def orange_pixels(picture: Picture | None) -> list[tuple[int, int]]:
    assert picture is not None
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
    rows, columns = np.nonzero((pixels == VERMILION).all(axis=2))
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


def test_a_log_is_read_by_name_without_its_gaps(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,val/loss,lr\n5,,0.1\n10,0.5,\n15,nan,0.2\n")
    curves = read_curves(path)
    assert list(curves) == ["lr", "val/loss"]
    assert (curves["lr"].steps, curves["lr"].values) == ([5, 15], [0.1, 0.2])
    assert curves["val/loss"].steps == [10, 15]
    assert curves["val/loss"].values == pytest.approx([0.5, math.nan], nan_ok=True)


@pytest.mark.parametrize("text", ["", "step\n", "val/loss\n1\n", "step,val/loss\nx,1\n", "step,val/loss\n3,y\n"])
def test_a_damaged_log_has_no_curves(tmp_path: Path, text: str) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    assert read_curves(path) == {}


def test_half_a_line_at_the_end_loses_nothing_before_it(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,val/loss,lr\n5,1.0,0.1\n10")
    assert read_curves(path) == {"val/loss": Curve([5], [1.0]), "lr": Curve([5], [0.1])}


def test_metrics_between_zero_and_one_share_a_panel() -> None:
    curves = {
        "val/rmse": Curve([1, 2], [50.0, 40.0]),
        "val/accuracy": Curve([1, 2], [0.5, math.nan]),
        "val/r2": Curve([1, 2], [-0.1, 0.4]),
        "val/f1": Curve([1, 2], [0.0, 1.0]),
        "val/broken": Curve([1], [math.nan]),
    }
    assert group_metrics(curves) == [["val/rmse"], ["val/accuracy", "val/f1"], ["val/r2"], ["val/broken"]]


def test_the_loss_between_logs_is_drawn_only_where_it_is_finer() -> None:
    epochs = Curve([10, 20], [1.0, 0.5])
    assert set(pick_losses({"train/epoch_loss": epochs, "train/loss": Curve([15], [0.7])})) == {"train/epoch_loss"}
    fine = Curve([5, 10, 15, 20], [1.0] * 4)
    assert set(pick_losses({"train/epoch_loss": epochs, "train/loss": fine})) == {"train/epoch_loss", "train/loss"}
    assert set(pick_losses({"train/loss": Curve([15], [0.7])})) == {"train/loss"}


def test_nothing_logged_is_no_picture() -> None:
    assert draw_curves({}, monitor="val/loss", best_step=3) is None
    assert draw_curves({"test/loss": Curve([3], [1.0])}, monitor="val/loss", best_step=3) is None


def test_the_best_step_is_marked_where_it_is() -> None:
    curves = {"val/loss": Curve([10, 20, 30, 40], [4.0, 1.0, 2.0, 3.0])}
    assert not orange_pixels(draw_curves(curves, monitor="val/loss", best_step=None))
    middles = []
    for best in (10, 20, 40):
        columns = [x for x, _ in orange_pixels(draw_curves(curves, monitor="val/loss", best_step=best))]
        middles.append((min(columns) + max(columns)) / 2)
    assert (middles[2] - middles[1]) / (middles[1] - middles[0]) == pytest.approx(2, rel=0.02)


def test_the_ring_is_on_the_monitored_curve() -> None:
    curves = {"val/loss": Curve([10, 20], [4.0, 1.0]), "val/rmse": Curve([10, 20], [9.0, 8.0])}
    loss, rmse, neither = (
        orange_pixels(draw_curves(curves, monitor=monitor, best_step=20))
        for monitor in ("val/loss", "val/rmse", "val/unknown")
    )
    assert len(set(loss) - set(rmse)) > 20
    assert len(set(rmse) - set(loss)) > 20
    assert set(neither) <= set(loss) | set(rmse)


def test_the_ring_is_as_high_as_the_best_value() -> None:
    curves = {"val/loss": Curve([10, 20, 30], [4.0, 1.0, 2.5])}
    heights = []
    for best in (10, 20, 30):
        pixels = orange_pixels(draw_curves(curves, monitor="val/loss", best_step=best))
        left = min(column for column, _ in pixels)
        heights.append(np.mean([row for column, row in pixels if column <= left + 2]))
    assert (heights[1] - heights[2]) / (heights[1] - heights[0]) == pytest.approx(0.5, abs=0.02)


def test_the_caption_says_which_step_was_best_and_by_what() -> None:
    curves = {"val/loss": Curve([1000, 2000], [4.0, 1.25])}
    picture = draw_curves(curves, monitor="val/loss", best_step=2000)
    assert picture is not None
    assert picture.caption == "Dashed: step 2,000, the best by val/loss (1.25)."


def test_a_picture_is_the_same_each_time() -> None:
    curves = {"val/loss": Curve([1, 2], [4.0, 1.25]), "lr": Curve([1, 2], [0.1, 0.2])}
    first, second = (draw_curves(curves, monitor="val/loss", best_step=2) for _ in range(2))
    assert first == second
