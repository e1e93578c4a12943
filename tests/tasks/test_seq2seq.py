"""What a sequence-to-sequence run leaves behind: exact metrics, heatmaps, a table of words."""

from __future__ import annotations

import csv
import re
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import ConfigError
from zoo.harness.evaluation import evaluate
from zoo.harness.run import LoadedModel, load
from zoo.runs.folder import RunFolder

#: Of the run with pictures.
VALIDATIONS = 3


@pytest.fixture(scope="module")
def model(reversing: Any) -> LoadedModel:
    return load(reversing.one)


@pytest.fixture(scope="module")
def tested(reversing: Any) -> tuple[list[str], list[str]]:
    """Sources and right answers of the test split, read by this toolkit and checked against the file."""
    config = zoo.load(reversing.one).config
    from zoo.harness.assembly import build_data

    data = build_data(config)
    data.setup()
    sources, references = list(data.sources("test")), [one for [one] in data.references("test")]
    assert len(sources) == 37
    assert set(zip(sources, references, strict=True)) <= {
        (source, target)
        for source, target in (line.split("\t") for line in reversing.files["one"].read_text().splitlines())
    }
    return sources, references


def test_the_loss_is_the_mean_over_tokens_of_a_plain_loop_in_float64(
    model: LoadedModel, tested: tuple[list[str], list[str]], reversing: Any
) -> None:
    """One pair at a time, without padding, by the step interface alone."""
    network = model.task.model.double()
    total, count = 0.0, 0
    for source, target in zip(*tested, strict=True):
        memory = network.encode(torch.tensor([model.data.encode_source(source)]))
        state, token = network.start(memory), 2
        for following in [*model.data.encode_target(target), 3]:
            logits, _, state = network.step(torch.tensor([[token]]), memory, state)
            total -= float(logits[0, 0].double().log_softmax(0)[following])
            count, token = count + 1, following
    network.float()
    measured = RunFolder(reversing.one).read_metrics()
    assert measured["test/loss"] == pytest.approx(total / count, abs=1e-5)
    assert measured["test/perplexity"] == pytest.approx(np.exp(total / count), rel=1e-4)


def test_exact_match_is_that_of_what_predict_says(
    model: LoadedModel, tested: tuple[list[str], list[str]], reversing: Any
) -> None:
    said = [record["prediction"] for record in model.predict(tested[0])]
    expected = np.mean([one == right for one, right in zip(said, tested[1], strict=True)])
    assert 0 < expected < 1
    measured = RunFolder(reversing.one).read_metrics()
    assert measured["test/exact_match"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_metrics_do_not_depend_on_the_batch_size(batch_size: int, reversing: Any) -> None:
    measured = evaluate(str(reversing.one), {"data.batch_size": batch_size}, "test")
    trained = RunFolder(reversing.one).read_metrics()
    for name, value in measured.items():
        assert value == pytest.approx(trained[name], abs=2e-6), name


def test_phrases_of_the_options_are_heeded_when_a_run_is_evaluated(reversing: Any) -> None:
    """No right answer holds three c in a row, in that place."""
    measured = evaluate(str(reversing.one), {"decode.must": ["c c c c c c c"]}, "test")
    assert measured["test/exact_match"] == 0


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_the_chosen_examples_are_drawn_at_every_validation(reversing: Any) -> None:
    with (reversing.one / "logs" / "metrics.csv").open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file) if row["val/loss"]]
    assert len(steps) == VALIDATIONS
    folder = reversing.one / "pictures" / "validation"
    expected = {f"example-{place}-step-{step:06d}.png" for place in (0, 7) for step in steps}
    assert {path.name for path in folder.iterdir()} == expected
    pixels = []
    for step in steps:
        with Image.open(folder / f"example-0-step-{step:06d}.png") as picture:
            pixels.append(picture.convert("RGB").tobytes())
    assert len(set(pixels)) == VALIDATIONS, "weights change"


def test_the_same_pictures_are_in_tensorboard(reversing: Any) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(reversing.one / "logs" / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert sorted(events.Tags()["images"]) == ["attention/example-0", "attention/example-7"]
    for name in ("attention/example-0", "attention/example-7"):
        for event in events.Images(name):
            path = reversing.one / "pictures" / "validation" / f"{name.split('/')[1]}-step-{event.step:06d}.png"
            with Image.open(path) as picture:
                assert (event.width, event.height) == picture.size


def test_no_examples_are_drawn_where_none_are_wanted(reversing: Any) -> None:
    assert not (reversing.other / "pictures").exists()


def test_the_report_has_a_table_of_words_in_the_order_of_the_split(
    tested: tuple[list[str], list[str]], model: LoadedModel, reversing: Any
) -> None:
    page = (reversing.one / "report.html").read_text()
    [table] = re.findall(
        r"<table[^>]*>(?:(?!</table>).)*>predicted</th>(?:(?!</table>).)*right answers.*?</table>", page
    )
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)[1:]]
    sources = tested[0]
    said = {record["source"]: record["prediction"] for record in model.predict(sources)}
    right = dict(zip(*tested, strict=True))
    assert len(rows) == 30
    places = [sources.index(row[0]) for row in rows]
    assert places == sorted(places)
    for source, predicted, answer, verdict, _ in rows:
        assert predicted == said[source]
        assert answer == right[source]
        assert verdict == ("yes" if predicted == answer else "no")
    assert (reversing.one / "pictures" / "attention-1.png").exists()
    assert (reversing.one / "pictures" / "lengths.png").exists()


# -- unknown tokens ----------------------------------------------------------------------------------------------------


class Copies(torch.nn.Module):
    """Says an unknown token for every source token, looking at it, and then ends."""

    def encode(self, source: torch.Tensor) -> torch.Tensor:
        return source

    def start(self, memory: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(memory), 1, dtype=torch.int64)

    def step(self, tokens: torch.Tensor, memory: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        place = state.clamp(max=memory.shape[1] - 1)
        ended = memory.gather(1, place) == 3
        logits = torch.full((*tokens.shape, 9), -9.0)
        logits[..., 1] = 9.0
        logits[..., 3] = torch.where(ended, 99.0, -9.0)
        weights = torch.nn.functional.one_hot(place, memory.shape[1]).float()
        return logits, weights, state + 1


def test_unknown_tokens_are_replaced_by_what_stands_in_their_own_source(reversing: Any) -> None:
    """Two sources with the same ids, of different words, in one batch."""
    model = load(reversing.one)
    model.task.translator.model = Copies()
    model.set_decode({"replace_unknown": True, "beam": 1})
    records = model.predict(["a qq b", "a ww b", "xx yy zz"])
    assert [record["prediction"] for record in records] == ["a qq b", "a ww b", "xx yy zz"]
    assert [record["source"] for record in records] == ["a qq b", "a ww b", "xx yy zz"]
    assert [record["source_tokens"][1] for record in records] == ["qq", "ww", "yy"]
    model.set_decode({"replace_unknown": False})
    assert "qq" not in model.predict(["a qq b"])[0]["prediction"]


# -- what cannot be ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [[20], [-1], [0, 3, 99]])
def test_an_example_that_does_not_exist_cannot_be_drawn(chosen: list[int], model: LoadedModel) -> None:
    from zoo.tasks.seq2seq import SequenceToSequence

    with pytest.raises(ConfigError, match=f"task.heatmaps: there is no validation example {chosen[-1]} of 20"):
        SequenceToSequence(
            model.task.model, model.task.loss, None, None, {}, model.facts, model.data, model.task.decode, chosen
        )
