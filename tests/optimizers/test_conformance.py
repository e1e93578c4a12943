"""Every built-in optimizer against the conformance kit, and what needs exceptions."""

import pytest
import torch

import zoo
from zoo.testing import optimizer_checks

OPTIONS = {
    "sgd": [{}, {"momentum": 0.9, "nesterov": True}],
    "adam": [{}, {"amsgrad": True}],
    "momentum": [{}, {"convention": "average"}],
    "rmsprop": [{}, {"momentum": 0.9, "centered": True}],
    "nadam": [{}, {"decoupled": True, "weight_decay": 0.1}],
    "radam": [{}, {"decoupled": True, "weight_decay": 0.1}],
    "lars": [{}, {"scaled": "all"}],
    "lamb": [{}, {"scaled": "all"}],
    "lbfgs": [{}, {"line_search": "none"}],
    "muon": [{}, {"scale": "original"}],
    "schedule_free": [{}, {"base": "sgd", "lr": 0.1, "warmup_steps": 3}],
    "sam": [{}, {"inner": {"name": "adamw", "lr": 0.01}, "adaptive": True}],
    "lookahead": [{}, {"inner": {"name": "sgd", "momentum": 0.9}, "k": 3}, {"inner": "lion", "k": 1}],
    "switch": [
        {},
        {"when": "step", "at": 2, "estimate": True},
        {"when": "step", "at": 4, "second": {"name": "adagrad", "lr": 0.1}},
    ],
}
EXPECTED = {
    "lbfgs": {"group_learning_rate": "L-BFGS has one learning rate, and says so"},
    "lars": {"current_learning_rate": "the paper has the learning rate in the velocity, which goes on for a while"},
}
BUILT_IN = {one.name: one for one in zoo.components("optimizer") if one.distribution == "attention-zoo"}
CASES = [(name, options) for name in BUILT_IN for options in OPTIONS.get(name, [{}])]


#: Checks of the package rather than of one optimizer, which start a process or build a wheel.
OF_THE_PACKAGE = {"imports_quietly", "yaml_in_wheel"}


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_conforms(name, options):
    suite = optimizer_checks(BUILT_IN[name].target, config=options, expected_failures=EXPECTED.get(name))
    results = [suite.result(rule) for rule in suite.rules if rule not in OF_THE_PACKAGE]
    assert len(results) > 10
    assert [str(one) for one in results if one.status not in ("passed", "expected")] == []


def test_every_optimizer_of_the_catalogue_is_registered():
    assert set(BUILT_IN) >= {
        *("sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamax", "nadam", "adamw"),
        *("radam", "lbfgs", "lamb", "lars", "lion", "muon", "schedule_free", "sam", "switch", "lookahead"),
    }


def test_a_group_with_its_own_rate_is_refused_by_lbfgs():
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.5}]
    with pytest.raises(zoo.errors.ZooError, match=r"L-BFGS has one; set optimizer\.lr"):
        zoo.build("optimizer", "lbfgs", params=groups)
