"""Each wrong model is caught by the check meant for it, and by no other."""

import pytest
import torch

from zoo.testing import check_model, model_checks

FAULTS = {
    "SwallowsOptions": "schema_derivable",
    "LeavesOptionUntyped": "schema_derivable",
    "DefaultsToObject": "plain_defaults",
    "DefaultsOutOfRange": "plain_defaults",
    "ReadsWeightsWhenBuilt": "builds_on_meta",
    "NamesItsDevice": "builds_on_meta",
    "ReturnsPair": "predicts",
    "OneOutputTooMany": "output_shape_and_dtype",
    "PredictsDoubles": "output_shape_and_dtype",
    "WritesIntoInputs": "leaves_inputs_alone",
    "HasUnusedLayer": "gradients_reach_every_parameter",
    "DetachesHidden": "gradients_reach_every_parameter",
    "FillsFloat32Table": "runs_in_bfloat16",
    "DropsInEvaluation": "evaluation_deterministic",
    "LearnsInEvaluation": "evaluation_deterministic",
    "CentresOverBatch": "batch_of_one",
    "SqueezesOutputs": "batch_of_one",
    "ForgetsItsProjection": "state_dict_round_trip",
    "SavesObject": "state_dict_round_trip",
    "HasItsOwnGenerator": "resume_equals_uninterrupted",
    "CountsStepsInSecret": "resume_equals_uninterrupted",
}


@pytest.mark.usefixtures("wrong_plugins")
def test_a_right_model_passes_every_check():
    report = check_model("zoo_wrong.models:Right", config={"width": 8})
    assert {result.name: result.status for result in report.results if result.status != "passed"} == {
        "yaml_in_wheel": "skipped"
    }


@pytest.mark.usefixtures("wrong_plugins")
@pytest.mark.parametrize(("name", "check"), FAULTS.items())
def test_a_fault_is_caught_by_the_check_meant_for_it(name, check):
    wrong = model_checks(f"zoo_wrong.models:{name}").report().wrong
    assert [result.name for result in wrong] == [check]
    assert len(wrong[0].message) > 20


@pytest.mark.parametrize(
    ("target", "config"),
    [
        ("zoo.models.linear:Linear", {}),
        ("zoo.models.linear:Linear", {"init": "zeros"}),
        ("zoo.models.mlp:MLP", {}),
        ("zoo.models.mlp:MLP", {"dropout": 0.3, "norm": "batch", "residual": True, "width": [16, 8]}),
        ("zoo.models.mlp:MLP", {"norm": "layer", "activation": "gelu", "init": "orthogonal"}),
    ],
)
def test_built_in_models_conform(target, config):
    check_model(target, config=config)


def test_inputs_may_be_a_tensor_a_dict_or_a_function(wrong_plugins):
    target = "zoo_wrong.models:Right"
    check_model(target, inputs=torch.randn(4, 8))
    check_model(target, inputs={"inputs": torch.randn(4, 8)})
    check_model(target, inputs=lambda size: (torch.randn(size, 8),))
    check_model(target, facts={"in_features": 5, "out_features": 2})


def test_output_shape_is_what_the_test_says(wrong_plugins):
    checks = model_checks("zoo_wrong.models:OneOutputTooMany", output_shape=(4,))
    assert not checks.report().wrong
