"""logs/metrics.csv."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.loggers.csv import CSVLogger


def logger(folder: Path) -> CSVLogger:
    return CSVLogger(str(folder / "logs"))


def text(folder: Path) -> str:
    return (folder / "logs" / "metrics.csv").read_text()


def test_a_row_a_step_and_a_column_a_name(tmp_path: Path) -> None:
    one = logger(tmp_path)
    one.log_metrics({"a": 1.0}, step=5)
    one.log_metrics({"b": 2.5}, step=5)
    one.log_metrics({"a": 3.0}, step=10)
    one.save()
    assert text(tmp_path).splitlines() == ["step,a,b", "5,1.0,2.5", "10,3.0,"]


def test_columns_that_come_later_appear_and_old_rows_stay(tmp_path: Path) -> None:
    one = logger(tmp_path)
    one.log_metrics({"a": 1.0}, step=1)
    one.save()
    one.log_metrics({"a": 2.0, "late": 0.5}, step=2)
    one.save()
    one.log_metrics({"a": 3.0}, step=3)
    one.save()
    assert text(tmp_path).splitlines() == ["step,a,late", "1,1.0,", "2,2.0,0.5", "3,3.0,"]


def test_a_value_logged_twice_at_a_step_is_not_lost(tmp_path: Path) -> None:
    one = logger(tmp_path)
    one.log_metrics({"a": 1.0}, step=1)
    one.log_metrics({"a": 2.0}, step=1)
    one.save()
    assert text(tmp_path).splitlines() == ["step,a", "1,1.0", "1,2.0"]


def test_saving_again_writes_nothing_twice(tmp_path: Path) -> None:
    one = logger(tmp_path)
    for step in range(3):
        one.log_metrics({"a": float(step)}, step=step)
        one.save()
        one.save()
    one.finalize("success")
    assert text(tmp_path).splitlines() == ["step,a", "0,0.0", "1,1.0", "2,2.0"]


def test_half_a_line_at_the_end_is_dropped(tmp_path: Path) -> None:
    one = logger(tmp_path)
    one.log_metrics({"a": 1.0, "b": 1.5}, step=1)
    one.save()
    with (tmp_path / "logs" / "metrics.csv").open("a") as file:
        file.write("2,0.123")
    again = logger(tmp_path)
    again.resume_at(5)
    again.log_metrics({"a": 2.0, "b": 3.0}, step=2)
    again.save()
    assert text(tmp_path).splitlines() == ["step,a,b", "1,1.0,1.5", "2,2.0,3.0"]


@pytest.mark.parametrize(("step", "left"), [(0, []), (1, ["1"]), (2, ["1", "2"]), (9, ["1", "2", "3"])])
def test_resuming_forgets_what_lies_behind_the_checkpoint(step: int, left: list[str], tmp_path: Path) -> None:
    one = logger(tmp_path)
    for number in (1, 2, 3):
        one.log_metrics({"a": 0.1 * number}, step=number)
    one.save()
    again = logger(tmp_path)
    again.resume_at(step)
    again.log_metrics({"a": 0.5}, step=20)
    again.save()
    assert [line.split(",")[0] for line in text(tmp_path).splitlines()] == ["step", *left, "20"]


def test_numbers_survive_being_read_back_to_the_last_bit(tmp_path: Path) -> None:
    values = [0.1 + 0.2, 1 / 3, 1e-300, float("inf"), -0.0]
    one = logger(tmp_path)
    for number, value in enumerate(values):
        one.log_metrics({"a": value}, step=number)
    one.save()
    before = text(tmp_path)
    again = logger(tmp_path)
    again.resume_at(100)
    again.log_metrics({"a": 1.0}, step=100)
    again.save()
    assert text(tmp_path).splitlines() == [*before.splitlines(), "100,1.0"]
