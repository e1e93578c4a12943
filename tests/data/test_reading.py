"""Files as tables, and every way in which a file can be wrong."""

from __future__ import annotations

import csv
import gzip
import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zoo.data.reading import Format, read_table
from zoo.data.table import as_numbers
from zoo.errors import DataError

Write = Callable[..., str]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_first_line(write: Write, delimiter: str) -> None:
    table = read_table(write([delimiter.join("ab"), delimiter.join("12")]), Format())
    assert table.names == ("a", "b")
    assert as_numbers(table, "b").tolist() == [2]


def test_a_delimiter_in_quotation_marks_does_not_count(write: Write) -> None:
    table = read_table(write(['"x,y,z";b', "1;2"]), Format())
    assert table.names == ("x,y,z", "b")


def test_a_tsv_file_is_split_at_tabs_whatever_its_header_has(write: Write) -> None:
    assert read_table(write(["a,b,c\td", "1\t2"], "data.tsv"), Format()).names == ("a,b,c", "d")


@pytest.mark.parametrize("spelled", ["\t", "tab", "\\t"])
def test_the_tab_can_be_spelled(write: Write, spelled: str) -> None:
    assert read_table(write(["a,b\tc", "1\t2"]), Format(spelled)).names == ("a,b", "c")


@pytest.mark.parametrize("name", ["data.csv.gz", "data.tsv.gz"])
def test_compressed_files_are_read(write: Write, name: str) -> None:
    delimiter = "\t" if "tsv" in name else ","
    path = write(gzip.compress(f"a{delimiter}b\n1{delimiter}2\n".encode()), name)
    assert as_numbers(read_table(path, Format()), "b").tolist() == [2]


def test_parquet_equals_csv(write: Write, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": [1.5, None, 3.0],
            "i": pd.array([1, None, 3], dtype="Int64"),
            "t": ["x", None, "y"],
            "b": pd.array([True, None, False], dtype="boolean"),
            "c": pd.Categorical(["u", "v", None]),
        }
    )
    frame.to_parquet(tmp_path / "data.parquet")
    frame.to_csv(tmp_path / "data.csv", index=False)
    parquet, text = (read_table(tmp_path / f"data.{ending}", Format()) for ending in ("parquet", "csv"))
    assert parquet.names == text.names
    for name in parquet.names:
        one, other = parquet.get(name), text.get(name)
        assert (one.kind, one.texts) == (other.kind, other.texts)
        np.testing.assert_array_equal(one.values, other.values)


def test_parquet_without_pyarrow_names_the_extra(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"attention-zoo\[parquet\]"):
        read_table(write("x", "data.parquet"), Format())


def test_a_file_that_is_no_parquet_is_named(write: Write) -> None:
    with pytest.raises(DataError, match=r"data.parquet: cannot be read as Parquet"):
        read_table(write("a,b\n1,2\n", "data.parquet"), Format())


def test_a_byte_order_mark_is_not_part_of_the_first_name(write: Write) -> None:
    assert read_table(write(b"\xef\xbb\xbfa,b\n1,2\n"), Format()).names == ("a", "b")


def test_blanks_around_names_and_values_are_not_part_of_them(write: Write) -> None:
    table = read_table(write(["a , b", "x , 1", "x, 2"]), Format())
    assert table.names == ("a", "b")
    assert table.get("a").texts == ("x",)


def test_without_a_header_columns_are_numbered(write: Write) -> None:
    table = read_table(write(["1,2", "3,4"]), Format(header=False))
    assert table.names == ("0", "1")
    assert table.rows == 2


def test_decimal_commas_are_read_where_asked_for(write: Write) -> None:
    table = read_table(write(["a;b", "1,5;2"]), Format(decimal=","))
    assert as_numbers(table, "a").tolist() == [1.5]


def test_other_marks_of_missing_values_are_read_where_named(write: Write) -> None:
    path = write(["a,b", "?,1", "2,1"])
    np.testing.assert_array_equal(as_numbers(read_table(path, Format(missing=("?",))), "a"), [np.nan, 2])
    with pytest.raises(DataError, match=r"line 2, column 'a': '\?' is not a number"):
        as_numbers(read_table(path, Format()), "a")


def test_a_column_without_a_name_is_left_out_and_noted(write: Write) -> None:
    table = read_table(write([",a", "0,5", "1,6"]), Format())
    assert table.names == ("a",)
    assert "column 1" in table.notes[0]


def test_a_text_stream_is_read() -> None:
    table = read_table(io.StringIO("a,b\n1,2\n"), Format())
    assert as_numbers(table, "b").tolist() == [2]


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a,b\n1,x\n"))
    table = read_table("-", Format())
    with pytest.raises(DataError, match=r"standard input, line 2, column 'b': 'x' is not a number"):
        as_numbers(table, "b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX systems")
def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("a,b\n1,2\n"))
    writer.start()
    table = read_table(pipe, Format())
    writer.join()
    assert as_numbers(table, "b").tolist() == [2]


def test_the_line_of_a_row_counts_header_blank_lines_and_line_breaks_in_quotation_marks(write: Write) -> None:
    content = 'a,b\n1,2\n\n"x\ny",3\n  \n5,wrong\n'
    path = write(content)
    table = read_table(path, Format())
    wrong = next(row for row in range(table.rows) if table.get("b").values[row] == table.get("b").texts.index("wrong"))
    assert table.line is not None
    assert Path(path).read_text().splitlines()[table.line(wrong) - 1] == "5,wrong"


def test_every_row_has_the_line_that_a_plain_count_gives(write: Write) -> None:
    lines = ["a,b", *(f"{i},{i}" for i in range(50))]
    table = read_table(write(lines), Format())
    assert table.line is not None
    assert [table.line(row) for row in range(50)] == list(range(2, 52))
    table = read_table(write(lines[1:]), Format(header=False))
    assert table.line is not None
    assert [table.line(row) for row in range(50)] == list(range(1, 51))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b\n", "has a header and no rows"),
        ("a,b,a\n1,2,3\n", "several columns are named 'a'"),
        ("a,b\n1,2\n3\n4,5\n", "line 3: 1 columns, expected 2"),
        ("a,b\n1,2\n3,4,5\n", "line 3: 3 columns, expected 2"),
        ("a,b\n1,2,3\n4,5,6\n", "line 2: 3 columns, expected 2"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 3: a quotation mark is never closed"),
        (b"a,b\n1,2\n3,\xe9\n", "line 3: is not UTF-8 text"),
        (b"a,\xe9\n1,2\n", "line 1: is not UTF-8 text"),
    ],
)
def test_a_faulty_file_is_refused_in_one_line(write: Write, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_table(write(content), Format())
    assert "data.csv" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_an_empty_last_cell_is_no_fault(write: Write) -> None:
    table = read_table(write("a,b\n1,\n2,3\n"), Format())
    assert table.get("b").missing.tolist() == [True, False]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.csv: no such file"):
        read_table(tmp_path / "absent.csv", Format())


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path, Format())


@pytest.mark.parametrize("damage", [lambda packed: packed[:-20], lambda packed: b"plain text"])
def test_a_damaged_compressed_file_is_refused(write: Write, damage: Callable[[bytes], bytes]) -> None:
    packed = gzip.compress(("a,b\n" + "".join(f"{i},{i * 7919}\n" for i in range(1000))).encode())
    with pytest.raises(DataError, match="cannot be read"):
        read_table(write(damage(packed), "data.csv.gz"), Format())


def test_a_cell_beyond_all_measure_is_refused_and_not_a_crash(write: Write) -> None:
    cell = "x" * (csv.field_size_limit() + 1)
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_table(write(["a,b", f"{cell},", "1,2"]), Format())


def test_infinite_values_are_named(write: Write) -> None:
    table = read_table(write(["a,b", "1,2", "inf,3"]), Format())
    with pytest.raises(DataError, match=r"line 3, column 'a': infinite value"):
        as_numbers(table, "a")


def test_a_decimal_comma_gets_its_own_advice(write: Write) -> None:
    table = read_table(write(["a;b", "1,5;2"]), Format())
    with pytest.raises(DataError, match=r"data.decimal=','"):
        as_numbers(table, "a")
