"""Every built-in schedule against the conformance kit."""

import pytest

import zoo
from zoo.testing import schedule_checks

OPTIONS = {
    "multistep": [{"milestones": [2, 5]}],
    "noam": [{"warmup_steps": 10}],
    "inverse_sqrt": [{"warmup_steps": 10}],
    "cyclic": [{}, {"shape": "exp_range", "decay": 0.99}],
    "warmup": [{}, {"after": {"name": "luong", "after": 1}}, {"after": "plateau"}],
}
BUILT_IN = {one.name: one for one in zoo.components("schedule") if one.distribution == "attention-zoo"}
#: Checks of the package rather than of one schedule, which start a process or build a wheel.
OF_THE_PACKAGE = {"imports_quietly", "yaml_in_wheel"}


@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name in BUILT_IN for options in OPTIONS.get(name, [{}])], ids=str
)
def test_conforms(name, options):
    suite = schedule_checks(BUILT_IN[name].target, config=options)
    results = [suite.result(rule) for rule in suite.rules if rule not in OF_THE_PACKAGE]
    assert [str(one) for one in results if one.status != "passed"] == []


def test_every_schedule_of_the_catalogue_is_registered():
    assert set(BUILT_IN) >= {
        *("constant", "step", "multistep", "exponential", "polynomial", "linear", "cosine", "warm_restarts"),
        *("one_cycle", "plateau", "warmup", "noam", "inverse_sqrt", "luong", "cyclic"),
    }
