"""Prediction, search and pictures of sequence-to-sequence runs, as a user asks for them."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.harness.run import load

SOURCES = ["a b c", "e d", "c c a b e", "b", "d a zz c b a", "a", "e e e e", "b c d e a b"]
Command = Callable[..., Any]
Predict = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    path = tmp_path / "sources.txt"
    path.write_text("".join(f"{line}\n" for line in SOURCES))
    return path


@pytest.fixture
def predict(command: Command, sources: Path, tmp_path: Path, reversing: Any) -> Predict:
    """The records of `predict ... output=FILE.jsonl` on the eight sources; `decode.` stands before options."""

    def call(*options: str, run: Any = None, source: Path | None = None) -> list[dict[str, Any]]:
        target = tmp_path / "out.jsonl"
        outcome = command(
            "predict", f"run={run or reversing.one}", f"input={source or sources}", f"output={target}", *options
        )
        assert outcome.status == 0, outcome.err
        return [json.loads(line) for line in target.read_text().splitlines()]

    return call


def hypotheses(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for record in records for one in record["hypotheses"]]


def texts(records: list[dict[str, Any]]) -> list[str]:
    return [record["prediction"] for record in records]


# -- formats -----------------------------------------------------------------------------------------------------------


def test_plain_text_is_a_line_a_source_and_the_same_as_in_json(
    command: Command, predict: Predict, sources: Path, tmp_path: Path, reversing: Any
) -> None:
    said = command("predict", f"run={reversing.one}", f"input={sources}", "output=-")
    assert said.status == 0
    assert "1 of 28 source tokens are not in the vocabulary" in said.err
    assert said.out.splitlines() == texts(predict())
    for name in ("out.txt", "out"):
        assert command("predict", f"run={reversing.one}", f"input={sources}", f"output={tmp_path / name}").status == 0
        assert (tmp_path / name).read_text() == said.out
    assert command("predict", f"run={reversing.one}", f"input={sources}", f"output={tmp_path / 'out.tsv'}").status == 0
    table = [line.split("\t") for line in (tmp_path / "out.tsv").read_text().splitlines()]
    assert table[0] == ["source", "prediction", "probability", "score"]
    assert [row[:2] for row in table[1:]] == [list(pair) for pair in zip(SOURCES, said.out.splitlines(), strict=True)]


def test_json_lines_tell_everything_about_every_hypothesis(predict: Predict) -> None:
    records = predict("decode.beam=5", "decode.n_best=3")
    assert [record["source"] for record in records] == SOURCES
    for record in records:
        assert record["source_tokens"] == [*record["source"].split(), "</s>"]
        ranked = record["hypotheses"]
        assert len({one["text"] for one in ranked}) == len(ranked) == 3
        assert [one["score"] for one in ranked] == sorted((one["score"] for one in ranked), reverse=True)
        assert (record["prediction"], record["score"]) == (ranked[0]["text"], ranked[0]["score"])
        assert record["probability"] == pytest.approx(math.exp(ranked[0]["log_probability"]))
        for one in ranked:
            assert one["text"].split() == one["tokens"]
            assert one["log_probability"] == pytest.approx(sum(one["token_log_probabilities"]), abs=1e-5)
            weights = np.array(one["alignment"])
            assert weights.shape == (len(one["tokens"]) + 1, len(record["source_tokens"]))
            np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)


def test_standard_input_is_read_as_files_are(
    command: Command, predict: Predict, sources: Path, monkeypatch: pytest.MonkeyPatch, reversing: Any
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sources.read_bytes()), encoding="utf-8"))
    said = command("predict", f"run={reversing.one}", "input=-", "output=-")
    assert said.out.splitlines() == texts(predict())


@pytest.mark.parametrize("strategy", ["beam", "sample", "mbr", "diverse"])
def test_the_batch_size_changes_nothing(strategy: str, predict: Predict, reversing: Any) -> None:
    """No text, and no number but for the rounding of float32: in float64 they agree to nine places."""
    options: dict[str, Any] = {"strategy": strategy, "n_best": 2}
    options |= {"samples": 4} if strategy in ("sample", "mbr") else {"beam": 4}
    words = [f"decode.{key}={value}" for key, value in options.items()]
    whole = predict(*words)
    for size in (1, 3):
        parts = predict(*words, f"batch_size={size}")
        assert [one["text"] for one in hypotheses(parts)] == [one["text"] for one in hypotheses(whole)]
        for one, other in zip(hypotheses(parts), hypotheses(whole), strict=True):
            np.testing.assert_allclose(one["token_log_probabilities"], other["token_log_probabilities"], atol=2e-5)
    model = load(reversing.one)
    model.set_decode(options)
    model.task.double()
    exactly = hypotheses(model.predict(SOURCES))
    for size in (1, 3):
        for one, other in zip(hypotheses(model.predict(SOURCES, batch_size=size)), exactly, strict=True):
            assert one["score"] == pytest.approx(other["score"], abs=1e-9)
            np.testing.assert_allclose(one["alignment"], other["alignment"], atol=1e-5)  # written with six digits


def test_pipes_are_written_to_and_links_stay_links(
    command: Command, sources: Path, tmp_path: Path, reversing: Any
) -> None:
    """A device such as /dev/null is never replaced by a file."""
    pipe, link, real = tmp_path / "pipe", tmp_path / "link.jsonl", tmp_path / "real"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert command("predict", f"run={reversing.one}", f"input={sources}", f"output={pipe}").status == 0
    assert os.read(reader, 1 << 16).count(b"\n") == len(SOURCES)
    os.close(reader)
    assert pipe.is_fifo()
    real.write_text("before")
    link.symlink_to(real)
    assert command("predict", f"run={reversing.one}", f"input={sources}", f"output={link}").status == 0
    assert link.is_symlink()
    assert [json.loads(line)["source"] for line in real.read_text().splitlines()] == SOURCES


# -- every option of the search ----------------------------------------------------------------------------------------


def test_penalties_make_the_score_of_equation_14(predict: Predict) -> None:
    """Wu et al. (2016): log P / ((5 + |Y|) / 6)^α + β Σ log min(Σ p, 1)."""
    for one in hypotheses(predict("decode.length_penalty=0.7", "decode.coverage_penalty=0.3", "decode.n_best=3")):
        length = len(one["tokens"]) + 1
        covered = np.minimum(np.array(one["alignment"]).sum(0), 1)
        expected = one["log_probability"] / ((5 + length) / 6) ** 0.7 + 0.3 * np.log(covered).sum()
        assert one["score"] == pytest.approx(expected, abs=2e-3)


def test_the_widest_beam_finds_nothing_less_probable_than_greedy(predict: Predict) -> None:
    greedy, wide = predict("decode.beam=1"), predict("decode.beam=8")
    assert texts(greedy) != texts(wide)
    assert sum(one["score"] for one in wide) > sum(one["score"] for one in greedy)


#: The run's own beam of three is forgotten.
DRAWN = ("decode.strategy=sample",)


@pytest.mark.parametrize("option", ["decode.temperature=0.001", "decode.top_k=1", "decode.top_p=0.0001"])
def test_draws_from_the_one_best_token_are_greedy(option: str, predict: Predict) -> None:
    assert texts(predict(*DRAWN, option)) == texts(predict("decode.beam=1"))
    assert texts(predict(*DRAWN)) != texts(predict("decode.beam=1"))


def test_a_seed_decides_the_draws(predict: Predict) -> None:
    first, again, other = (texts(predict(*DRAWN, f"decode.seed={seed}")) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_samples_of_minimum_bayes_risk_score_between_nothing_and_one(predict: Predict) -> None:
    options = ("decode.strategy=mbr", "decode.samples=6", "decode.mbr_utility=edit_distance")
    assert all(0 <= one["score"] <= 1 for one in hypotheses(predict(*options)))
    chrf = predict(*options[:2])
    assert [one["score"] for one in chrf] != [one["score"] for one in predict(*options)]


def test_groups_that_must_differ_begin_differently(predict: Predict) -> None:
    options = ("decode.strategy=diverse", "decode.beam=3", "decode.groups=3", "decode.diversity=100", "decode.n_best=3")
    for record in predict(*options):
        assert len({(*one["tokens"], "</s>")[0] for one in record["hypotheses"]}) == 3


def test_lengths_stay_within_their_limits(predict: Predict) -> None:
    assert all(len(one["tokens"]) >= 9 for one in hypotheses(predict("decode.min_length=9")))
    assert all(len(one["tokens"]) <= 2 for one in hypotheses(predict("decode.max_length=2")))
    short = predict("decode.max_ratio=0.5", "decode.max_extra=0")
    for record in short:
        assert len(record["hypotheses"][0]["tokens"]) <= len(record["source_tokens"]) // 2


def test_no_token_comes_twice_where_that_is_asked(predict: Predict) -> None:
    assert any(len(set(one["tokens"])) < len(one["tokens"]) for one in hypotheses(predict()))
    for one in hypotheses(predict("decode.no_repeat_ngram=1")):
        assert len(set(one["tokens"])) == len(one["tokens"])


def test_phrases_appear_and_do_not_appear(predict: Predict) -> None:
    for one in hypotheses(predict("decode.beam=8", "decode.must=[d d]", "decode.must_not=[a, zz]")):
        assert "d d" in one["text"]
        assert "a" not in one["tokens"]


def test_rows_bring_their_own_prefixes_and_phrases(predict: Predict, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    asked = [
        {"source": "a b c"},
        {"source": "a b c", "prefix": "e"},
        {"source": "a b c", "must": ["d d", "e"]},
        {"source": "a b c", "must_not": "c"},
    ]
    rows.write_text("".join(json.dumps(row) + "\n" for row in asked))
    plain, begun, held, kept_out = texts(predict("decode.beam=8", source=rows))
    assert begun.startswith("e ")
    assert "d d" in held
    assert "e" in held
    assert "c" not in kept_out
    assert plain not in (begun, held)


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_there_is_a_picture_of_every_prediction(
    command: Command, sources: Path, tmp_path: Path, reversing: Any
) -> None:
    folder = tmp_path / "new" / "pictures"
    words = (f"run={reversing.one}", f"input={sources}", "output=-", f"pictures={folder}")
    outcome = command("predict", *words)
    assert outcome.status == 0
    assert f"8 pictures in {folder}" in outcome.err
    found = sorted(folder.iterdir())
    assert [path.name for path in found] == [f"{number:04d}.png" for number in range(1, 9)]
    heights = []
    for path in found:
        with Image.open(path) as picture:
            heights.append(picture.height)
    lengths = [len(line.split()) for line in outcome.out.splitlines()]
    order = np.argsort(lengths, kind="stable")
    assert "No installed font" not in outcome.err
    assert heights[order[0]] < heights[order[-1]], "a row a token"


def test_what_pictures_cannot_show_is_said(command: Command, tmp_path: Path, reversing: Any) -> None:
    """Egyptian hieroglyphs, which no usual font has."""
    path = tmp_path / "hieroglyphs.txt"
    path.write_text("a \U00013153 b\n")
    words = (f"run={reversing.one}", f"input={path}", "output=-", f"pictures={tmp_path / 'pictures'}")
    assert "No installed font has U+13153, shown as code points" in command("predict", *words).err


# -- scores ------------------------------------------------------------------------------------------------------------


def test_scores_of_what_was_found_are_those_that_it_was_found_with(
    command: Command, predict: Predict, tmp_path: Path, reversing: Any
) -> None:
    options = ("decode.length_penalty=0.6", "decode.coverage_penalty=0.2")
    found = predict(*options)
    pairs, target = tmp_path / "pairs.tsv", tmp_path / "scores.jsonl"
    pairs.write_text("".join(f"{one['source']}\t{one['prediction']}\n" for one in found))
    words = (f"run={reversing.one}", "mode=score", f"input={pairs}", f"output={target}")
    outcome = command("evaluate", *words, *options, "batch_size=3")
    assert outcome.status == 0, outcome.err
    scored = [json.loads(line) for line in target.read_text().splitlines()]
    for one, record in zip(scored, found, strict=True):
        best = record["hypotheses"][0]
        assert (one["source"], one["target"], one["tokens"]) == (record["source"], best["text"], best["tokens"])
        assert one["score"] == pytest.approx(best["score"], abs=1e-5)
        np.testing.assert_allclose(one["token_log_probabilities"], best["token_log_probabilities"], atol=1e-5)
    summary = json.loads(outcome.out.splitlines()[-1])
    assert summary["pairs"] == 8
    assert summary["tokens"] == sum(len(one["tokens"]) + 1 for one in scored)
    assert summary["log_probability"] == pytest.approx(sum(one["log_probability"] for one in scored))


# -- ensembles and means -----------------------------------------------------------------------------------------------


def score(command: Command, run: str, pairs: Path, *options: str) -> list[list[float]]:
    """The log-probability of every token of every pair."""
    target = pairs.with_suffix(".jsonl")
    outcome = command("evaluate", f"run={run}", "mode=score", f"input={pairs}", f"output={target}", *options)
    assert outcome.status == 0, outcome.err
    return [json.loads(line)["token_log_probabilities"] for line in target.read_text().splitlines()]


@pytest.mark.parametrize("partner", ["other", "wider"])
def test_an_ensemble_has_the_mean_of_the_probabilities(
    partner: str, command: Command, tmp_path: Path, reversing: Any
) -> None:
    """Of each token given those before it; also where the other model reads another vocabulary."""
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("a b zz\tb a\ne d c\tc d e\na\ta b\n")
    one, other = reversing.one, getattr(reversing, partner)
    first, second = score(command, str(one), pairs), score(command, str(other), pairs)
    both = score(command, f"[{one},{other}]", pairs)
    for alone, beside, together in zip(first, second, both, strict=True):
        expected = np.log((np.exp(alone) + np.exp(beside)) / 2)
        np.testing.assert_allclose(together, expected, atol=2e-5)


def test_an_ensemble_is_evaluated_as_one_model(command: Command, tmp_path: Path, reversing: Any) -> None:
    """Its loss over all pairs is that of the scores of all pairs; so is its perplexity."""
    run = f"[{reversing.one},{reversing.wider}]"
    outcome = command("evaluate", f"run={run}", "split=all")
    assert outcome.status == 0, outcome.err
    measured = json.loads(outcome.out.splitlines()[-1])
    every = np.concatenate(score(command, run, _copy(reversing.files["one"], tmp_path)))
    assert measured["test/loss"] == pytest.approx(-every.mean(), abs=1e-5)
    assert measured["test/perplexity"] == pytest.approx(math.exp(-every.mean()), rel=1e-4)


def _copy(path: Path, folder: Path) -> Path:
    copy = folder / "copy.tsv"
    copy.write_text(path.read_text())
    return copy


def test_an_ensemble_of_a_run_with_itself_says_what_the_run_says(predict: Predict, reversing: Any) -> None:
    alone, twice = predict(), predict(run=f"[{reversing.one},{reversing.one}]")
    assert texts(twice) == texts(alone)
    assert [one["score"] for one in twice] == pytest.approx([one["score"] for one in alone], abs=1e-5)


def test_average_is_the_mean_of_the_kept_checkpoints(command: Command, tmp_path: Path, reversing: Any) -> None:
    """As torch alone computes it, put into a checkpoint of its own."""
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("a b c\tc b a\ne d\td e\n")
    kept = sorted((reversing.one / "checkpoints").glob("*/*.ckpt"))
    assert len(kept) == 3
    contents = [torch.load(path, weights_only=True)["state_dict"] for path in kept]
    mean = torch.load(reversing.one / "checkpoints" / "best.ckpt", weights_only=True)
    mean["state_dict"] = {
        name: torch.stack([one[name].double() for one in contents]).mean(0).to(value.dtype)
        for name, value in contents[0].items()
    }
    torch.save(mean, tmp_path / "mean.ckpt")
    averaged = score(command, str(reversing.one), pairs, "average=true")
    assert np.concatenate(averaged) == pytest.approx(
        np.concatenate(score(command, str(tmp_path / "mean.ckpt"), pairs)), abs=1e-6
    )
    last = score(command, str(kept[0]), pairs)
    assert np.abs(np.concatenate(averaged) - np.concatenate(last)).max() > 1e-3
