"""Columns as numbers and as names."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.data.table import Column, as_texts, looks_like_dates, meant_as_numbers, natural_order, number_in


def text_column(*texts: str) -> Column:
    return Column("text", np.arange(len(texts)), texts)


def test_numbers_are_ordered_by_value_and_come_before_texts() -> None:
    assert natural_order(["10", "b", "2", "-1", "a", "1.5"]) == ["-1", "1.5", "2", "10", "a", "b"]


@pytest.mark.parametrize(("text", "number"), [("1", 1.0), (" 2.5 ", 2.5), ("-1e3", -1000.0), ("+4", 4.0)])
def test_a_number_in_text_is_read(text: str, number: float) -> None:
    assert number_in(text) == number


@pytest.mark.parametrize("text", ["abc", "1,5", "1_000", "nan", "", "12 kg"])
def test_other_text_is_no_number(text: str) -> None:
    assert number_in(text) is None


def test_text_is_meant_as_numbers_from_half_of_the_distinct_values_on() -> None:
    assert meant_as_numbers(text_column("1", "2", "x", "y"), ".")
    assert not meant_as_numbers(text_column("1", "x", "y"), ".")
    assert not meant_as_numbers(text_column(), ".")


@pytest.mark.parametrize(
    "date",
    ["2020-01-31", "2020/1/5", "2020-01-31T12:00:00", "2020-01-31 12:00", "31.12.2020", "12/31/2020",
     "1/2/20", "31 Jan 2020", "January 5, 2021", "2020-01"],
)  # fmt: skip
def test_a_date_looks_like_one(date: str) -> None:
    assert looks_like_dates(text_column(date))


@pytest.mark.parametrize("text", ["1-2", "2020-13-01", "NEAR BAY", "1.2.3", "A-10-2020", "99/99/2020", "12", "May"])
def test_what_is_no_date_does_not(text: str) -> None:
    assert not looks_like_dates(text_column(text))


def test_whole_numbers_are_named_without_a_point_however_they_were_read() -> None:
    numbers = Column("number", np.array([2.0, np.nan, 1.0, 2.0]))
    texts = Column("text", np.array([0, -1, 1, 2]), ("2", "1.0", "2.0"))
    for column in (numbers, texts):
        codes, names = as_texts(column)
        assert [names[code] if code >= 0 else None for code in codes] == ["2", None, "1", "2"]
        assert len(set(names)) == len(names)


def test_booleans_are_named_false_and_true() -> None:
    codes, names = as_texts(Column("boolean", np.array([1.0, 0.0, np.nan])))
    assert [names[code] if code >= 0 else None for code in codes] == ["True", "False", None]
