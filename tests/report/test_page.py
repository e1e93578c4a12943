"""The page says what the run's files say, safely, and needs nothing but itself."""

from __future__ import annotations

import base64
import io
import re
import shlex
from typing import Any

import pytest
import torch
import yaml
from PIL import Image

from zoo.report import write_report
from zoo.report.page import command_line, number, seconds

EVIL = "<script>alert('x')</script>\"&"


def test_the_metrics_in_the_page_are_those_of_metrics_json(make_run: Any, read_page: Any) -> None:
    run = make_run()
    page = read_page(write_report(run))
    metrics = run.read_metrics()
    table = page.table("metric")
    assert {name: [float(cell) for cell in cells] for name, cells in table.items()} == {
        name: [metrics[f"test/{name}"], metrics[f"val/{name}"]] for name in ("loss", "accuracy")
    }
    exact = {float(str(attributes["value"])) for tag, attributes in page.tags if tag == "data"}
    assert exact >= set(metrics.values())


def test_a_metric_of_one_split_alone_leaves_the_other_empty(make_run: Any, read_page: Any) -> None:
    page = read_page(write_report(make_run(metrics={"test/wer": 0.5, "val/loss": 1.5})))
    assert page.table("metric") == {"wer": ["0.5", "–"], "loss": ["–", "1.5"]}


def test_components_are_named_with_distribution_version_and_commit(make_run: Any, read_page: Any) -> None:
    page = read_page(write_report(make_run()))
    assert ["model", "mlp", "attention-zoo", "0.1.0", "fedcba9876 editable"] in page.rows
    assert ["loss", "focal", "zoo-focal", "2.5", "–"] in page.rows


def test_the_configuration_can_be_read_back_from_the_page(make_run: Any, read_page: Any) -> None:
    run = make_run()
    page = read_page(write_report(run))
    text = page.text[page.text.index("config.yaml") + len("config.yaml") : page.text.rindex("Run folder")]
    assert yaml.safe_load(text) == run.read_config()


def test_environment_seed_state_of_the_code_and_duration_are_told(make_run: Any, read_page: Any) -> None:
    text = read_page(write_report(make_run())).text
    for words in ("torch2.6.0", "python3.11.7", "seed3", "0123456789abcdef0123456789abcdef01234567", "not committed"):
        assert words in text
    assert "1,300 steps, 2 epochs in 4 min 12 s" in text


def test_everything_from_outside_is_escaped(make_run: Any, read_page: Any) -> None:
    config: dict[str, Any] = {kind: {"name": EVIL} for kind in ("task", "data", "model")}
    record: dict[str, Any] = {
        "overrides": [f"data.path={EVIL}"],
        "packages": {EVIL: EVIL},
        "git": {"commit": EVIL},
        "components": [dict.fromkeys(("kind", "name", "distribution", "version", "commit"), EVIL)],
    }
    run = make_run(
        config={**config, "checkpoint": {"monitor": f"val/{EVIL}"}, EVIL: EVIL},
        record=record,
        metrics={f"test/{EVIL}": 0.5, f"val/{EVIL}": 0.5, f"{EVIL}/x": 1.0, "best/step": 3},
        log=[{"step": 3, f"val/{EVIL}": 0.5, f"lr/{EVIL}": 0.1, "lr/b": 0.2}],
    )
    outputs = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    facts = {"problem": "multiclass", "class_names": [EVIL, "b", "c"], "examples": {EVIL: 2}}
    page = read_page(write_report(run, outputs=outputs, targets=torch.tensor([0, 0]), facts=facts))
    assert EVIL not in page.source
    assert "<script" not in page.source.lower()
    assert not any(tag == "script" for tag, _ in page.tags)
    assert page.text.count("<script>") > 15
    assert all(set(attributes) <= _ATTRIBUTES for _, attributes in page.tags)


_ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "rel", "href", "class", "scope", "value"),
    *("src", "alt", "width", "height", "style", "title"),
}


def test_the_page_refers_to_nothing_outside_itself(make_run: Any, read_page: Any) -> None:
    outputs = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    page = read_page(write_report(make_run(), outputs=outputs, targets=torch.tensor([0, 1, 1])))
    assert not re.search(r"https?://|@import|url\(", page.source)
    references = [v for _, attributes in page.tags for k, v in attributes.items() if k in ("src", "href")]
    assert references
    assert all(str(reference).startswith("data:") for reference in references)
    assert not {"script", "iframe", "object", "embed", "base", "a", "form"} & {tag for tag, _ in page.tags}


def test_pictures_in_the_page_are_the_files_in_the_folder_and_can_be_decoded(make_run: Any, read_page: Any) -> None:
    run = make_run()
    outputs = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    page = read_page(write_report(run, outputs=outputs, targets=torch.tensor([0, 1, 1])))
    embedded = []
    for _, attributes in [tag for tag in page.tags if tag[0] == "img"]:
        content = base64.b64decode(str(attributes["src"]).removeprefix("data:image/png;base64,"), validate=True)
        image = Image.open(io.BytesIO(content))
        image.load()
        assert image.format == "PNG"
        ratio = int(str(attributes["width"])) / int(str(attributes["height"]))
        assert ratio == pytest.approx(image.width / image.height, rel=0.02)
        assert attributes["alt"]
        embedded.append(content)
    names = ("curves", "confusion", "probabilities", "reliability", "classes")
    assert embedded == [(run.path / "pictures" / f"{name}.png").read_bytes() for name in names]


def test_the_command_line_survives_a_shell_and_leaves_out_where_the_run_went() -> None:
    overrides = ["data.path=a folder/it's.csv", "model.dims=[1,2]", "~callback", "+x='$HOME'", "hydra.run.dir=/tmp/x"]
    command = command_line({"overrides": overrides, "command": ["/usr/lib/zoo/train.py"]})
    assert command is not None
    assert shlex.split(command) == ["python", "-m", "zoo.train", *overrides[:-1]]


def test_a_run_without_overrides_from_the_command_line_is_the_plain_command() -> None:
    assert command_line({"overrides": [], "command": ["/checkout/zoo/train.py"]}) == "python -m zoo.train"


def test_a_run_from_python_is_reproduced_from_its_configuration(make_run: Any, read_page: Any) -> None:
    page = read_page(write_report(make_run(record={"overrides": [], "command": ["notebook.py"]})))
    assert 'zoo.train(yaml.safe_load(open("config.yaml")))' in page.text
    assert "python -m zoo.train" not in page.text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.9694445, "0.969445"),
        (1300, "1,300"),
        (12.0, "12"),
        (-0.25, "−0.25"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (1.5e-7, "1.5e−07"),
    ],
)
def test_numbers_show_six_digits_and_keep_their_exact_value(value: float, shown: str) -> None:
    assert number(value) == f'<data value="{value!r}">{shown}</data>'


def test_decimals_can_be_fixed() -> None:
    assert number(1.0, decimals=3) == '<data value="1.0">1.000</data>'


@pytest.mark.parametrize(
    ("value", "words"),
    [(3.248, "3.2 s"), (252.4, "4 min 12 s"), (3600.0, "1 h 0 min"), (59.99, "60.0 s"), (float("nan"), "unknown")],
)
def test_durations_are_told_in_two_units(value: float, words: str) -> None:
    assert seconds(value) == words


def test_long_tables_are_folded(make_run: Any, read_page: Any) -> None:
    outputs = torch.eye(60).repeat(2, 1)
    page = read_page(write_report(make_run(), outputs=outputs, targets=torch.arange(60).repeat(2)))
    assert "60 rows, one a class" in page.text
    assert len([row for row in page.rows if len(row) == 9]) == 61


def test_the_same_files_give_the_same_page_and_others_another(make_run: Any) -> None:
    run = make_run()
    first = write_report(run).read_text(encoding="utf-8")
    assert write_report(run).read_text(encoding="utf-8") == first
    run.write_metrics({**run.read_metrics(), "test/accuracy": 0.5})
    assert write_report(run).read_text(encoding="utf-8") != first
