"""What a suite does with the outcomes of its checks."""

import random
import unittest

import pytest
import torch

from zoo.testing import Suite, model_checks
from zoo.testing.suite import Nonconformity, NotApplicable, needs

FAULTY = "zoo_wrong.models:HasUnusedLayer"


def passes(subject):
    pass


def fails(subject):
    raise Nonconformity("two is not one", "subtract one")


def does_not_apply(subject):
    raise NotApplicable("nothing to look at")


@needs("fails")
def depends(subject):
    raise RuntimeError("never reached")


def suite(*rules, **expected):
    return Suite(None, "a.b:C", rules, expected)


def statuses(report):
    return {result.name: result.status for result in report.results}


def test_each_check_has_its_own_outcome():
    report = suite(passes, fails, does_not_apply, depends).report()
    expected = {"passes": "passed", "fails": "failed", "does_not_apply": "skipped", "depends": "skipped"}
    assert statuses(report) == expected
    assert [result.name for result in report.wrong] == ["fails"]


def test_the_error_names_every_failure_and_what_to_do():
    with pytest.raises(AssertionError, match=r"a\.b:C does not conform \(1 of 2") as caught:
        suite(passes, fails).report().assert_conforms()
    assert "fails: two is not one; subtract one" in str(caught.value)


def test_an_expected_failure_is_excused():
    report = suite(passes, fails, fails="a known limit").report()
    assert statuses(report) == {"passes": "passed", "fails": "expected"}
    report.assert_conforms()


def test_an_expected_failure_that_passes_is_an_error():
    with pytest.raises(AssertionError, match="passes: passes, although expected to fail"):
        suite(passes, passes="used to fail").report().assert_conforms()


def test_an_expected_failure_must_name_a_check_and_a_reason():
    with pytest.raises(ValueError, match="did you mean 'fails'"):
        suite(passes, fails, fail="typo")
    with pytest.raises(ValueError, match="no reason"):
        suite(passes, fails, fails=" ")


def test_an_exception_in_a_check_is_a_failure_of_that_check():
    def breaks(subject):
        raise KeyError("width")

    assert suite(breaks).report()["breaks"].message == "raises KeyError: 'width'"


def test_checks_can_be_called_one_by_one():
    good, bad, idle = suite(passes, fails, does_not_apply)
    good()
    with pytest.raises(AssertionError, match="fails: two is not one"):
        bad()
    with pytest.raises(unittest.SkipTest, match="nothing to look at"):
        idle()
    assert bad.__name__ == "fails"


@pytest.mark.parametrize("check", suite(passes, does_not_apply))
def test_checks_fit_pytest_parametrisation(check):
    check()


def test_a_check_leaves_the_random_state_as_it_was():
    def draws(subject):
        torch.rand(3)
        random.random()

    torch.manual_seed(1)
    random.seed(1)
    expected = torch.rand(2), random.random()
    torch.manual_seed(1)
    random.seed(1)
    suite(draws).report()
    assert torch.equal(torch.rand(2), expected[0])
    assert random.random() == expected[1]


@pytest.mark.usefixtures("wrong_plugins")
def test_a_real_fault_can_be_excused_and_the_excuse_must_hold():
    excuse = {"gradients_reach_every_parameter": "the layer is for a later stage"}
    assert not model_checks(FAULTY, expected_failures=excuse).report().wrong
    right = model_checks("zoo_wrong.models:Right", expected_failures=excuse).report()
    assert [(one.name, one.status) for one in right.wrong] == [("gradients_reach_every_parameter", "stale")]


@pytest.mark.usefixtures("wrong_plugins")
def test_options_that_do_not_fit_are_named():
    report = model_checks("zoo_wrong.models:Right", config={"wdith": 8}).report()
    assert [one.name for one in report.wrong] == ["schema_derivable"]
    assert "did you mean 'width'" in report.wrong[0].message


def test_a_target_that_does_not_exist_is_one_failure():
    report = model_checks("zoo.models.linear:Missing").report()
    assert {one.name for one in report.wrong} == {"schema_derivable", "entry_point_name"}
    assert "has no attribute 'Missing'" in report["schema_derivable"].message
