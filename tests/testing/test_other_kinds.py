"""Each wrong loss, optimizer, attention, schedule, metric and data set is caught by the check meant for it."""

import csv
from importlib import import_module

import pytest

import zoo.testing
from zoo.config.installed import registry

FAULTS = {
    "loss": {
        "FitsNonsense": "declared_problems",
        "OneLossAnExample": "finite_scalar",
        "CountsErrors": "gradient_reaches_prediction",
        "RewardsErrors": "perfect_beats_wrong",
        "SumsOverExamples": "mean_over_examples",
        "TakesLogOfProbability": "stable_at_large_predictions",
        "ScalesItsArgument": "leaves_inputs_alone",
        "TurnsIntoArray": "runs_in_bfloat16",
    },
    "optimizer": {
        "LosesSecondGroup": "builds",
        "MovesFirstGroupOnly": "every_parameter_moves",
        "HasOneLearningRate": "group_learning_rate",
        "RemembersFirstLearningRate": "current_learning_rate",
        "DecaysWithoutGradient": "missing_gradients_are_skipped",
        "IgnoresClosure": "uses_closure",
        "Climbs": "descends",
        "SavesObject": "state_dict_round_trip",
        "KeepsMomentumElsewhere": "resume_equals_uninterrupted",
    },
    "attention": {
        "ReturnsContextAlone": "attends",
        "AttendsInProjectedSpace": "output_shape_and_dtype",
        "AttendsToPadding": "no_weight_on_padding",
        "IsNaNWhenEmpty": "empty_row_gives_zeros",
        "DividesByLength": "padding_changes_nothing",
        "CentresOverBatch": "batch_of_one",
        "KeepsPreviousContext": "keeps_no_state",
        "HasUnusedLayer": "gradients_reach_every_parameter",
        "ForgetsItsProjection": "state_dict_round_trip",
    },
    "schedule": {
        "steps_hourly": "builds",
        "falls_below_zero": "rates_are_sane",
        "OneRateForAll": "groups_keep_their_proportion",
        "CountsInSecret": "resume_equals_uninterrupted",
    },
    "metric": {
        "IsForRanking": "builds",
        "NamesNoNumber": "finite_scalar",
        "NamesMeansOfBatches": "accumulates_over_examples",
        "ReadsPictures": "builds",
        "OneValueATarget": "finite_scalar",
        "AveragesBatches": "accumulates_over_examples",
        "AveragesBatchesOfTexts": "accumulates_over_examples",
        "AveragesBatchesOfLogits": "accumulates_over_examples",
        "AveragesBatchesOfWeights": "accumulates_over_examples",
        "KeepsCountAfterReset": "reset_forgets",
    },
    "data": {
        "HidesBatchSize": "builds",
        "KnowsNumPyFacts": "plain_facts",
        "ForgetsClassNames": "plain_facts",
        "HasFloatClasses": "batches",
        "NormalisesBatch": "items_equal_batches",
        "TestsOnTraining": "splits_disjoint",
        "IgnoresSeed": "deterministic",
        "SavesArrays": "state_dict_round_trip",
        "ForgetsItsMean": "reads_for_prediction",
    },
}
MODULES = {
    "loss": "losses",
    "optimizer": "optimizers",
    "attention": "attentions",
    "schedule": "schedules",
    "metric": "metrics",
    "data": "data",
}
CASES = [(kind, name, check) for kind, faults in FAULTS.items() for name, check in faults.items()]


def report_of(kind, name, tmp_path):
    """The report of one of the plugins in wrong/."""
    options = {}
    if kind == "data":
        (tmp_path / "rows.txt").write_text("1 2\n3 4\n")
        options["source"] = str(tmp_path / "rows.txt")
    checks = getattr(zoo.testing, f"{kind}_checks")
    return checks(f"zoo_wrong.{MODULES[kind]}:{name}", **options).report()


@pytest.mark.usefixtures("wrong_plugins")
@pytest.mark.parametrize("kind", FAULTS)
def test_a_right_component_passes_every_check(kind, tmp_path):
    report = report_of(kind, "right" if kind == "schedule" else "Right", tmp_path)
    assert [str(result) for result in report.results if result.status not in ("passed", "skipped")] == []
    assert [result.name for result in report.results if result.status == "skipped"] == ["yaml_in_wheel"]


@pytest.mark.usefixtures("wrong_plugins")
@pytest.mark.parametrize(("kind", "name", "check"), CASES)
def test_a_fault_is_caught_by_the_check_meant_for_it(kind, name, check, tmp_path):
    wrong = report_of(kind, name, tmp_path).wrong
    assert [result.name for result in wrong] == [check]
    assert len(wrong[0].message) > 20


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast_cancer", "diabetes"])
def test_built_in_data_conform(name, tmp_path):
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(bunch.feature_names)
        writer.writerows(bunch.data[:5].tolist())
    report = zoo.testing.check_data(registry().get("data", name).target, source=str(tmp_path / "rows.csv"))
    assert report["reads_for_prediction"].status == "passed"


def test_data_from_a_file_conform(tmp_path):
    lines = [f"{i},{i * i % 7},{'even' if i % 2 == 0 else 'odd'}" for i in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,parity", *lines]) + "\n")
    (tmp_path / "new.csv").write_text("a,b\n3,4\n5,6\n")
    report = zoo.testing.check_data(
        "zoo.data.csv:CSV",
        config={"path": str(tmp_path / "table.csv"), "target": "parity"},
        source=lambda: (tmp_path / "new.csv").open(),
    )
    assert report["reads_for_prediction"].status == "passed"


def test_every_wrong_component_has_its_test(wrong_plugins):
    helpers = {"Memory", "Rows", "Velocity", "Right", "right"}
    for kind, module in MODULES.items():
        found = import_module(f"zoo_wrong.{module}")
        defined = {name for name, one in vars(found).items() if getattr(one, "__module__", "") == found.__name__}
        assert defined - helpers == set(FAULTS[kind])
