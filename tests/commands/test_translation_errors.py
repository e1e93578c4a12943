"""What users of sequence-to-sequence runs get wrong: one line each, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

#: Options of `predict` on a file of one source, and what is said.
SEARCHES = {
    "unknown option": (["decode.beem=3"], "decode.beem: no such option (did you mean 'beam'?)"),
    "group": (["decode=3"], "decode: is a group of options; set decode.OPTION=VALUE"),
    "range": (["decode.beam=0"], "decode.beam: input should be greater than or equal to 1, got 0"),
    "choice": (["decode.strategy=sampling"], "decode.strategy: input should be 'beam', 'sample', 'diverse' or 'mbr'"),
    "without effect": (["decode.temperature=2"], "temperature=2.0 does nothing with strategy=beam"),
    "more than there are": (["decode.n_best=9"], "n_best=9 is more than beam=3; raise beam"),
    "unknown word": (["decode.must=[qq]"], "decode.must: 'qq' cannot appear"),
    "contradiction": (["decode.must=[a b]", "decode.must_not=[b]"], "line 1: a phrase of must holds one of must_not"),
    "no room": (["decode.must=[a b]", "decode.max_length=1"], "line 1: its prefix and phrases have 2 tokens"),
    "drawn": (["decode.strategy=sample", "decode.must=[a]"], "decode: must=('a',) does nothing with strategy=sample"),
    "batch size": (["batch_size=0"], "batch_size: expected a whole number from 1 on, got 0"),
    "yes or no": (["average=3"], "average: expected true or false, got 3"),
}


@pytest.fixture
def refused(command: Command, tmp_path: Path, reversing: Any) -> Callable[..., str]:
    """What `predict`, or another command, says when it ends with status 2 and has written nothing."""

    def call(name: str, *words: str, content: str = "a b\n", suffix: str = ".txt") -> str:
        source, target = tmp_path / f"in{suffix}", tmp_path / "out.jsonl"
        source.write_text(content)
        given = {word.partition("=")[0] for word in words}
        defaults = {"run": str(reversing.one), "input": str(source), "output": str(target)}
        outcome = command(name, *words, *(f"{key}={value}" for key, value in defaults.items() if key not in given))
        assert (outcome.status, outcome.out) == (2, "")
        assert not target.exists()
        lines = [line for line in outcome.err.splitlines() if not line.startswith("note: ")]
        assert len(lines) <= 2
        assert lines[0].startswith("error: ")
        return "\n".join(lines)

    return call


@pytest.mark.parametrize("case", SEARCHES)
def test_a_search_that_cannot_be_is_explained(case: str, refused: Callable[..., str]) -> None:
    words, message = SEARCHES[case]
    assert message in refused("predict", *words)


ROWS: dict[str, tuple[Any, str]] = {
    "own contradiction": ({"source": "a", "must": "a b", "must_not": ["b"]}, "line 2: a phrase of must holds one"),
    "no text": ({"source": "a", "prefix": 3}, "line 2: 'prefix' is 3, no text"),
    "no source": ({"sourc": "a"}, "line 2: has no 'source'; it has 'sourc'"),
    "unknown word": ({"source": "a", "must": ["a", "qq"]}, "line 2: 'qq' cannot appear"),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_row_that_cannot_be_is_named_with_its_line(case: str, refused: Callable[..., str]) -> None:
    row, message = ROWS[case]
    content = '{"source": "a b"}\n' + json.dumps(row) + "\n"
    said = refused("predict", content=content, suffix=".jsonl")
    assert message in said
    assert "in.jsonl" in said


def test_rows_with_phrases_cannot_be_drawn(refused: Callable[..., str]) -> None:
    content = '{"source": "a"}\n{"source": "a", "must": ["b"]}\n'
    said = refused("predict", "decode.strategy=sample", content=content, suffix=".jsonl")
    assert "decode.strategy: sample cannot heed phrases that must appear; choose beam or diverse" in said


def test_places_that_cannot_be_written_are_found_before_anything_is_predicted(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.harness.run.LoadedModel.predict", lambda *_, **__: pytest.fail("predicted"))
    (tmp_path / "taken").write_text("")
    assert f"no folder {tmp_path / 'no'}" in refused("predict", f"output={tmp_path / 'no' / 'out.txt'}")
    assert "Is a directory" in refused("predict", f"output={tmp_path}")
    assert ".pdf cannot be written" in refused("predict", f"output={tmp_path / 'out.pdf'}")
    assert "File exists" in refused("predict", f"pictures={tmp_path / 'taken'}")
    assert "is the input itself" in refused("predict", f"output={tmp_path / 'in.txt'}")


def test_runs_that_are_no_ensemble_are_named(
    refused: Callable[..., str], train: Callable[..., Path], reversing: Any
) -> None:
    one, capital = reversing.one, reversing.capital
    message = f"{capital}: its target vocabulary differs from that of {one}"
    for name in ("predict", "evaluate"):
        given = () if name == "predict" else ("mode=score",)
        content = "a b\n" if name == "predict" else "a b\tb a\n"
        assert message in refused(name, f"run=[{one},{capital}]", *given, content=content)
    irises = train()
    assert f"{irises}: only sequence-to-sequence runs can be an ensemble" in refused("predict", f"run=[{one},{irises}]")
    assert "run: names no folder" in refused("predict", "run=[]")
    assert "nowhere: no run here" in refused("predict", f"run=[{one},nowhere]")
    assert "kept one checkpoint" in refused("predict", f"run={reversing.other}", "average=true")
    assert "has nothing to decode" in refused("predict", f"run={irises}", "decode.beam=2")
    assert "score is for sequence-to-sequence runs" in refused("evaluate", f"run={irises}", "mode=score")


SCORES = {
    "mode": (["mode=scores"], "mode: 'scores'; choose metrics or score"),
    "format": (["mode=score", "output=x.txt"], "output: .txt cannot be written; choose .csv, .tsv or .jsonl"),
    "option": (["mode=score", "data.path=x"], "data.path: no such option"),
    "targets": (["mode=score"], "line 1: has no target to score"),
    "batch size": (["mode=score", "batch_size=x"], "batch_size: expected a whole number from 1 on, got 'x'"),
}


@pytest.mark.parametrize("case", SCORES)
def test_scores_that_cannot_be_had_are_explained(case: str, refused: Callable[..., str]) -> None:
    words, message = SCORES[case]
    assert message in refused("evaluate", *words)


PHRASES = {"decode.must=[qq]": "'qq' cannot appear", "task.heatmaps=[0,20]": "no validation example 20 of 20"}


@pytest.mark.parametrize("override", PHRASES)
def test_what_a_run_could_not_do_at_its_end_is_refused_before_it_begins(
    override: str, command: Command, tmp_path: Path, reversing: Any
) -> None:
    words = ["task=seq2seq", "data=pairs", f"data.path={reversing.files['one']}", "data.tokenizer=space", "data.val=20"]
    outcome = command("train", *words, "model=luong", override, f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.status == 2
    assert PHRASES[override] in outcome.err
    assert not (tmp_path / "run").exists()
