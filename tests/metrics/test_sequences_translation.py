"""BLEU, chrF and TER, against sacreBLEU on the whole corpus."""

import copy
import doctest
import json
import pickle
import random
import threading

import pytest
import sacrebleu
import sacrebleu.tokenizers.tokenizer_ja_mecab
import torch

import zoo
from zoo.harness.evaluation import evaluate
from zoo.metrics import translation
from zoo.metrics.translation import bleu, chrf, ter

WORDS = [
    "The",
    "the",
    "dog",
    "cat",
    "runs",
    "sat",
    "on",
    "grass",
    ",",
    "mat.",
    "it's",
    "über",
    "e\u0301te",
    "(hi)",
    "走る",
]
CASES = range(4)

OPTIONS = {
    "bleu": [
        *({"tokenize": one} for one in ("13a", "intl", "char", "zh", "none")),
        {"lowercase": True},
        {"smooth_method": "floor"},
        {"smooth_method": "floor", "smooth_value": 0.5},
        {"smooth_method": "add-k"},
        {"smooth_method": "add-k", "smooth_value": 2.0},
        {"smooth_method": "none"},
        {"effective_order": True},
    ],
    "chrf": [
        {},
        {"word_order": 2},
        {"beta": 3},
        {"char_order": 4},
        {"lowercase": True},
        {"whitespace": True},
        {"eps_smoothing": True},
    ],
    "ter": [
        {},
        {"normalized": True},
        {"no_punct": True},
        {"normalized": True, "asian_support": True},
        {"case_sensitive": True},
    ],
}
FACTORIES = {"bleu": bleu, "chrf": chrf, "ter": ter}
SCORERS = {"bleu": sacrebleu.BLEU, "chrf": sacrebleu.CHRF, "ter": sacrebleu.TER}
PAIRS = [(name, options) for name, several in OPTIONS.items() for options in several]


def corpus(case: int, fewest: int, most: int, examples: int = 30) -> tuple[list[str], list[list[str]]]:
    """Predictions that are changed right answers; a few of both are empty."""
    chance = random.Random(case)

    def text() -> list[str]:
        return chance.choices(WORDS, k=chance.choice([0, 3, 6, 9, 12]))

    references = [[text() for _ in range(chance.randint(fewest, most))] for _ in range(examples)]
    predicted = []
    for right in references:
        words = list(chance.choice(right))
        for _ in range(chance.randint(0, 3)):
            words.insert(chance.randint(0, len(words)), chance.choice(WORDS))
            words.pop(chance.randrange(len(words)))
        predicted.append(words)
    return [" ".join(words) for words in predicted], [[" ".join(words) for words in right] for right in references]


def streams(references: list[list[str]]) -> list[list[str | None]]:
    """References as sacreBLEU takes them: the first of every text, then the second, with None where there is none."""
    most = max(map(len, references))
    return [[right[n] if n < len(right) else None for right in references] for n in range(most)]


def in_batches(metric, predicted, references, case: int = 0):
    chance, start = random.Random(case), 0
    metric.update([], [])
    while start < len(predicted):
        end = start + chance.randint(1, 9)
        metric.update(predicted[start:end], references[start:end])
        start = end
    return metric


def on_two_ranks(metric, predicted, references, first: int):
    """The metric of the first of two ranks, computed through torchmetrics' own synchronisation."""
    other = copy.deepcopy(metric)
    metric.update(predicted[:first], references[:first])
    other.update(predicted[first:], references[first:])
    theirs = [getattr(other, name) for name in other._reductions]
    metric.distributed_available_fn = lambda: True
    metric.dist_sync_fn = lambda state, group: [state, theirs.pop(0)]
    return metric


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("counts", [(1, 1), (2, 2), (1, 4)])
@pytest.mark.parametrize(("name", "options"), PAIRS)
def test_the_score_of_batches_and_ranks_is_sacrebleus_of_the_whole_corpus(name, options, counts, case):
    predicted, references = corpus(case, *counts)
    scorer = SCORERS[name](**options)
    expected = scorer.corpus_score(predicted, streams(references))
    exactly = pytest.approx(expected.score, rel=1e-13) if name == "ter" else expected.score
    metric = in_batches(FACTORIES[name](**options), predicted, references, case)
    assert metric.compute().item() == exactly
    assert metric.signature == f"{expected.name}|{scorer.get_signature()}"
    both = on_two_ranks(FACTORIES[name](**options), predicted, references, first=11)
    assert both.compute().item() == exactly
    assert both.signature == f"{expected.name}|{scorer.get_signature()}"


@pytest.mark.parametrize("case", CASES)
def test_the_defaults_are_those_of_sacrebleus_functions(case):
    predicted, references = corpus(case, 1, 3)
    columns = streams(references)
    assert in_batches(bleu(), predicted, references).compute().item() == sacrebleu.corpus_bleu(predicted, columns).score
    assert in_batches(chrf(), predicted, references).compute().item() == sacrebleu.corpus_chrf(predicted, columns).score
    rate = sacrebleu.corpus_ter(predicted, columns).score
    assert in_batches(ter(), predicted, references).compute().item() == pytest.approx(rate, rel=1e-13)


@pytest.mark.parametrize(("name", "options"), PAIRS)
def test_every_option_changes_the_score_or_is_the_default(name, options):
    scores = set()
    for case in range(40):
        parts = corpus(case, 1, 1, examples=1)
        plain, other = in_batches(FACTORIES[name](), *parts), in_batches(FACTORIES[name](**options), *parts)
        scores.add((plain.compute().item(), other.compute().item()))
    assert all(one == other for one, other in scores) == (options in ({}, {"tokenize": "13a"}))


@pytest.mark.parametrize("name", FACTORIES)
def test_empty_texts_count_as_in_sacrebleu(name):
    for predicted, references in (
        ([""], [["a b"]]),
        (["a b"], [[""]]),
        ([""], [[""]]),
        (["", "a b"], [["a"], ["a b"]]),
    ):
        expected = SCORERS[name]().corpus_score(predicted, streams(references)).score
        assert in_batches(FACTORIES[name](), predicted, references).compute().item() == expected


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
@pytest.mark.parametrize("name", FACTORIES)
def test_without_examples_there_is_neither_number_nor_signature(name):
    metric = FACTORIES[name]()
    assert metric.compute().isnan()
    assert metric.signature == ""


def test_a_rank_without_examples_changes_nothing():
    predicted, references = corpus(0, 2, 2)
    metric = on_two_ranks(bleu(), predicted, references, first=0)
    assert metric.compute().item() == sacrebleu.corpus_bleu(predicted, streams(references)).score
    assert "nrefs:2" in metric.signature


@pytest.mark.parametrize("name", FACTORIES)
def test_what_cannot_be_compared_is_refused(name):
    with pytest.raises(ValueError, match="'b' has no right answer"):
        FACTORIES[name]().update(["a", "b"], [["a"], []])
    with pytest.raises(ValueError, match="2 predictions, and right answers to 1"):
        FACTORIES[name]().update(["a", "b"], [["a"]])


def test_options_without_effect_are_refused():
    with pytest.raises(ValueError, match="smooth_value: smooth_method=exp has none"):
        bleu(smooth_value=0.2)
    with pytest.raises(ValueError, match=r"asian_support: .* add normalized or no_punct"):
        ter(asian_support=True)


def test_a_tokenizer_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(sacrebleu.tokenizers.tokenizer_ja_mecab, "MeCab", None)
    with pytest.raises(ValueError, match=r"tokenize: .*pip install .*sacrebleu\[ja\]"):
        bleu(tokenize="ja-mecab")


def test_a_copy_makes_its_own_tokenizer_and_keeps_the_sums():
    predicted, references = corpus(1, 1, 1)
    metric = bleu(lowercase=True)
    metric.scorer.tokenizer.lock = threading.Lock()  # as little to be copied as a tokenizer written in C
    metric.update(predicted[:9], references[:9])
    expected = sacrebleu.corpus_bleu(predicted, streams(references), lowercase=True).score
    for other in (metric.clone(), pickle.loads(pickle.dumps(metric))):
        other.update(predicted[9:], references[9:])
        assert other.compute().item() == expected


@pytest.mark.parametrize("name", FACTORIES)
def test_the_state_is_small_and_loads_safely(name, tmp_path):
    predicted, references = corpus(2, 1, 2)
    metric, other = FACTORIES[name](), FACTORIES[name]()
    for one in (metric, other):
        one.persistent(True)
    in_batches(metric, predicted, references)
    torch.save(metric.state_dict(), tmp_path / "state.pt")
    assert sum(one.numel() for one in metric.state_dict().values()) <= 20
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    other._update_count = 1
    assert other.compute().item() == metric.compute().item()


def test_a_reset_forgets_the_corpus_but_not_what_the_last_value_was_called():
    predicted, references = corpus(3, 2, 2)
    metric = in_batches(bleu(), predicted, references)
    metric.compute()
    metric.reset()
    assert "nrefs:2" in metric.signature
    metric.update(["a b c d"], [["a b c d"]])
    assert metric.compute().item() == pytest.approx(100)
    assert "nrefs:1" in metric.signature


def test_directions_are_known():
    assert [one().higher_is_better for one in (bleu, chrf, ter)] == [True, True, False]


def test_the_examples_in_the_documentation_hold():
    results = doctest.testmod(translation)
    assert results.attempted
    assert results.failed == 0


def test_a_run_tells_the_signatures_of_its_metrics(tmp_path, capsys):
    words = ["data=copy", "data.train=40", "data.val=8", "data.test=8", "model=luong", "metric=[bleu,exact_match]"]
    words += ["model.embedding_size=8", "model.decoder_size=8", f"data.cache={tmp_path}", "logger=null"]
    words += ["trainer.accelerator=cpu", "trainer.devices=1", "trainer.max_epochs=1"]
    run = zoo.train(zoo.compose(words), tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["metrics"] == {
        "bleu": f"BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"
    }
    assert record["metrics"]["bleu"] in capsys.readouterr().err
    assert record["metrics"]["bleu"] in (tmp_path / "run" / "report.html").read_text()
    assert evaluate(run.dir)["test/bleu"] == run.metrics["test/bleu"]
    assert record["metrics"]["bleu"] in capsys.readouterr().err
