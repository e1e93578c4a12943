"""Series: files of both layouts, windows that see no future, baselines, faults by line."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
import torch

from zoo.data.series.naive import naive, scores, seasonal_naive, seasonal_scale
from zoo.data.series.reading import read_series
from zoo.data.series.series import Series
from zoo.errors import ConfigError, DataError
from zoo.harness.batches import IndexList


@pytest.fixture
def write(tmp_path):
    def build(name: str, text: str):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return build


def wide(count: int, length: int, following: int = 0) -> tuple[str, str]:
    """Rows of series i with the values 100 i + t, and those that follow, as M4's files."""
    rows, after = [], []
    for i in range(1, count + 1):
        values = [100 * i + t for t in range(length + i)]
        rows.append(f'"S{i}",' + ",".join(map(str, values)) + "," * (count - i))
        after.append(f'"S{i}",' + ",".join(str(100 * i + length + i + t) for t in range(following)))
    header = ",".join(f'"V{i}"' for i in range(1, length + count + 2))
    return "\n".join([header, *rows]), "\n".join([header, *after])


def test_wide_files_are_rows_of_any_length(write):
    found = read_series(write("a.csv", wide(3, 5)[0]))
    assert found.names == ["S1", "S2", "S3"]
    assert [one.tolist() for one in found.values] == [[100.0 * i + t for t in range(5 + i)] for i in (1, 2, 3)]
    assert read_series(write("b.csv", "x;1;2;3\ny;4;5;\n")).values[1].tolist() == [4, 5]


def test_long_files_have_a_row_for_each_value(write):
    text = "unique_id,ds,y\na,2024-01-01,1\nb,2024-01-01,5\na,2024-01-02,2\nb,2024-01-03 12:00,6\n"
    found = read_series(write("long.csv", text))
    assert dict(zip(found.names, map(list, found.values), strict=True)) == {"a": [1, 2], "b": [5, 6]}
    assert read_series(write("one.tsv", "time\tvalue\n1\t3\n2\t4\n")).values[0].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,V1,V2\nx,1,two\n", r"line 2: series 'x': 'two' is not a number"),
        ("id,V1,V2,V3\nx,1,2,3\ny,1,,3\n", r"line 3: series 'y': a value is missing"),
        ("id,V1\nx,1\nx,2\n", r"line 3: a second series 'x'"),
        ("id,V1\nx,\n", r"line 2: series 'x' has no values"),
        ("series,time,value\na,2,1\na,1,2\n", r"line 3: series 'a': time '1' stands after a later one"),
        ("series,time,value\na,1,1\na,1,2\n", r"line 3: series 'a': time '1' stands twice"),
        ("series,time,value\na,soon,1\n", r"line 2: series 'a': 'soon' is no time"),
        ("series,time,value\na,1\n", r"line 2: 2 columns, the header has 3"),
        ("id,V1,V2\n", "has no series"),
        ("id,date,sales\na,2024-01-01,5\n", r"line 1: a column of times, and none of values among id, date, sales"),
    ],
)
def test_what_is_wrong_with_a_file_is_named_with_its_line(write, text, problem):
    with pytest.raises(DataError, match=problem):
        read_series(write("wrong.csv", text))


@pytest.mark.parametrize("header", ["id,1,2", ",0,1", "unique_id,2020,2021"])
def test_a_header_of_numbers_is_no_series(write, header):
    found = read_series(write("a.csv", f"{header}\na,3,4\n"))
    assert (found.names, found.values[0].tolist()) == (["a"], [3, 4])


def test_streams_are_read_as_files_are():
    assert read_series(io.StringIO("a,1,2\nb,3,4\n")).names == ["a", "b"]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone of a process is fixed here")
def test_clocks_of_this_machine_do_not_matter(write, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        hours = ["2024-03-31 01:30,1", "2024-03-31 02:30,2", "2024-03-31 03:30,3"]  # half past two is skipped there
        assert read_series(write("a.csv", "\n".join(["ds,y", *hours]))).values[0].tolist() == [1, 2, 3]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_times_that_are_left_out_are_told(write):
    months = "ds,y\n2024-01-01,1\n2024-02-01,1\n2024-03-01,1\n2024-04-01,1\n"
    assert read_series(write("a.csv", months)).notes == []
    (note,) = read_series(write("b.csv", months + "2024-06-01,1\n2024-08-01,1\n")).notes
    assert "in 2 places, first before line 6, series 'series'" in note
    data = Series(str(write("c.csv", "t,y\n" + "".join(f"{t + (t > 20)},{t % 3}\n" for t in range(30)))), 2, season=3)
    data.setup()
    assert "in 1 places, first before line 23" in data.notes[0]


def test_scores_are_those_of_the_formulas():
    y, f = np.array([1.0, 4.0, 0.0]), np.array([3.0, 4.0, 0.0])
    found = scores([y, y + 1], [f, f + 1], [2.0, 0.0])
    expected = [np.mean([200 * 2 / 4, 0, 0]), np.mean([200 * 2 / 6, 0, 0])]
    assert found["smape"] == pytest.approx(np.mean(expected))
    assert found["mase"] == pytest.approx((2 / 3) / 2)  # the second series never changed
    assert naive(y, 4).tolist() == [0] * 4
    assert seasonal_naive(np.arange(6.0), 5, 3).tolist() == [3, 4, 5, 3, 4]
    assert seasonal_scale(np.array([0.0, 1, 4, 9]), 2) == pytest.approx((4 + 8) / 2)


def test_windows_are_followed_by_what_follows_them(write):
    train, test = wide(4, 40, 3)
    data = Series(
        str(write("train.csv", train)), 3, season=2, test_path=str(write("test.csv", test)), window=6, windows=5
    )
    data.setup()
    assert data.facts["examples"] == {"train": 20, "val": 4, "test": 4}
    for split, back in (("val", 3), ("test", 0)):
        inputs, targets = data.dataset(split).__getitems__([0, 3])
        for row, i in enumerate((1, 4)):
            end = 100 * i + 40 + i - back
            restored = (inputs["window"][row] * inputs["level"][row]).tolist()
            assert restored == pytest.approx([end - 6 + t for t in range(6)], rel=1e-5)
            assert targets[row, :, 0].tolist() == [end + t for t in range(3)]
            assert targets[row, :, 1].tolist() == [2.0] * 3  # every value is two more than two steps before
            base = (inputs["base"][row] * inputs["level"][row]).tolist()
            assert base == pytest.approx([end - 2, end - 1, end - 2], rel=1e-5)


def test_training_never_sees_what_is_validated(write):
    data = Series(str(write("a.csv", wide(3, 30)[0])), 4, season=2, window=5, windows=200)
    data.setup()
    dataset = data.dataset("train")
    first_hidden = {i: 100 * i + 30 + i - 8 for i in (1, 2, 3)}  # four for the test, four before for validation
    seen = set()
    for index in range(len(dataset)):
        _, targets = dataset[index]
        i = index % 3 + 1
        assert targets[-1, 0] < first_hidden[i]
        seen.add(int(targets[-1, 0]) - 100 * i)
    assert max(seen) == 30 + 3 - 8 - 1  # and everything else is seen
    assert min(seen) == 5 + 4 - 1


def test_windows_are_a_function_of_seed_epoch_and_index(write):
    path = str(write("a.csv", wide(3, 60)[0]))

    def drawn(epoch, seed=0, indices=(0, 7, 11)):
        data = Series(path, 4, window=5, windows=10, seed=seed)
        data.setup()
        chosen = IndexList(indices)
        chosen.epoch = epoch
        return data.dataset("train").__getitems__(chosen)[1]

    assert torch.equal(drawn(1), drawn(1))
    assert torch.equal(drawn(1)[1:2], drawn(1, indices=(7,)))
    assert not torch.equal(drawn(1), drawn(2))
    assert not torch.equal(drawn(1), drawn(1, seed=5))


@pytest.mark.parametrize("own_test", [False, True])
def test_the_shortest_series_that_is_taken_leaves_validation_unseen(write, own_test):
    def build(length):
        values = [str(t * t) for t in range(length + 4)]
        train, test = (f"x,{','.join(part)}\n" for part in (values[:length], values[length:]))
        paths = str(write("a.csv", train)), str(write("b.csv", test)) if own_test else None
        data = Series(paths[0], 4, season=2, window=6, windows=50, test_path=paths[1])
        data.setup()
        return data

    shortest = 6 + 4 + (4 if own_test else 8)  # a window and what follows it; and what is held out
    data = build(shortest)
    targets = data.dataset("train").__getitems__(range(50))[1]
    assert targets[..., 0].unique().tolist() == [36, 49, 64, 81]
    assert data.dataset("val")[0][1][:, 0].tolist() == [100, 121, 144, 169]
    with pytest.raises(DataError, match=f"has {shortest - 1} values, and {shortest} are needed"):
        build(shortest - 1)


def test_naive_forecasts_need_a_season(write):
    row = ",".join(str(t % 5 + 1) for t in range(33))
    short = write("a.csv", f"x,{row.rsplit(',', 1)[0]}\n")
    with pytest.raises(DataError, match="has 32 values, and 33 are needed"):  # 25, and two horizons that are held out
        Series(str(short), 4, season=24, window=3, base=1).setup()
    data = Series(str(write("b.csv", f"x,{row}\n")), 4, season=24, window=3, base=1)
    data.setup()
    assert all(np.isfinite(value) for value in data.baselines().values())
    assert len(data.read(io.StringIO("y,1,2,3\n"))) == 1, "a model needs its window alone"


@pytest.mark.parametrize("scaling", ["mean", "max", "last", "none"])
def test_levels_can_be_taken_back(write, scaling):
    text = "x,-4,2,-6,0,0,8,1,1\ny,0,0,0,0,0,0,0,0\n"
    data = Series(str(write("a.csv", text)), 1, window=3, base=0, scaling=scaling)
    data.setup()
    inputs = data.dataset("test").__getitems__([0, 1])[0]
    assert (inputs["window"] * inputs["level"]).tolist() == [[0, 8, 1], [0, 0, 0]]
    assert (
        inputs["level"].squeeze(1).tolist() == {"mean": [3, 1], "max": [8, 1], "last": [1, 1], "none": [1, 1]}[scaling]
    )
    assert not inputs["base"].any()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"window": 50}, "series 'S1' has 31 values, and 62 are needed"),
        ({"window": 3, "base": 9}, r"data\.base: 9 steps before are not in a window of 3"),
    ],
)
def test_windows_that_do_not_fit_are_refused(write, options, problem):
    with pytest.raises((DataError, ConfigError), match=problem):
        Series(str(write("a.csv", wide(2, 30)[0])), 4, **options).setup()


def test_files_that_do_not_fit_together_are_refused(write, tmp_path):
    train, test = wide(2, 30, 4)
    write("m-train.csv", train)
    write("m-test.csv", test.replace('"S2"', '"S9"'))
    with pytest.raises(DataError, match=r"m-test\.csv: has no series 'S2'"):
        Series(str(tmp_path), 4, window=5).setup()
    write("m-test.csv", test)
    with pytest.raises(DataError, match=r"line 2: series 'S1' has 4 values, data\.horizon=3"):
        Series(str(tmp_path), 3, window=5).setup()
    Series(str(tmp_path), 4, window=5).setup()
    write("other-train.csv", train)
    with pytest.raises(DataError, match="has 2 files with 'train' in their name"):
        Series(str(tmp_path), 4, window=5).setup()


def test_what_is_known_ends_where_the_forecast_begins_and_naive_forecasts_have_the_scores_that_are_told(write):
    rng = np.random.default_rng(0)
    series = [5 + rng.random(40 + row) for row in range(6)]
    lines = [",".join([f"s{row}", *map(repr, map(float, one))]) for row, one in enumerate(series)]
    data = Series(str(write("wide.csv", "\n".join(lines))), horizon=4, season=3)
    data.setup()
    dataset = data.dataset("test")
    for found, one in zip(dataset.histories(), series, strict=True):
        np.testing.assert_array_equal(found, one[:-4])
    actual = [one[-4:] for one in series]
    scales = [np.mean(np.abs(one[3:-4] - one[:-7])) for one in series]
    for name, forecasts in dataset.naive_forecasts(3).items():
        told = {key: data.baselines()[f"test/{name.replace(' ', '_')}/{key}"] for key in ("smape", "mase")}
        assert scores(actual, forecasts, scales) == pytest.approx(told, rel=1e-9)
    last = [one[[-7, -6, -5, -7]] for one in series]
    np.testing.assert_array_equal(dataset.naive_forecasts(3)["seasonal naive"], last)
