"""Named checks over one component, run lazily and once each."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar, overload

from zoo.harness.random_state import random_state, set_random_state
from zoo.registry import ZooError, did_you_mean
from zoo.testing.randomness import seed_everything

#: `expected`: it failed, as `expected_failures` says. `stale`: it passed, although `expected_failures` says not.
Status = Literal["passed", "failed", "skipped", "expected", "stale"]
#: A check: a function of the subject, named as what it checks, that returns when all is well.
Rule = Callable[[Any], None]
RuleT = TypeVar("RuleT", bound=Rule)
Arguments = ParamSpec("Arguments")


class Nonconformity(AssertionError):  # noqa: N818 - an AssertionError, for pytest
    """What a check found wrong.

    Args:
        problem: what is wrong.
        remedy: what the author of the component can do.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem + (f"; {remedy}" if remedy else ""))


class NotApplicable(Exception):  # noqa: N818 - no error: the check has nothing to look at here
    """Why a check does not apply to this component."""


def needs(*names: str) -> Callable[[RuleT], RuleT]:
    """Says which checks must pass before this one means anything; it is skipped where one of them fails."""

    def write(rule: RuleT) -> RuleT:
        vars(rule)["needs"] = names
        return rule

    return write


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        name: of the check.
        status: see `Status`.
        message: what is wrong and what to do, or why the check was skipped; empty when it passed.
    """

    name: str
    status: Status
    message: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the author has something to do."""
        return self.status in ("failed", "stale")

    def __str__(self) -> str:
        return f"{self.status:8} {self.name}" + (f": {self.message}" if self.message else "")


@dataclass(frozen=True)
class Report:
    """The outcome of every check of one component."""

    target: str
    results: tuple[CheckResult, ...]

    @property
    def wrong(self) -> tuple[CheckResult, ...]:
        """Unexpected failures, and expected ones that did not happen."""
        return tuple(result for result in self.results if result.wrong)

    def __getitem__(self, name: str) -> CheckResult:
        return next(result for result in self.results if result.name == name)

    def __str__(self) -> str:
        return "\n".join([self.target, *(f"  {result}" for result in self.results)])

    def assert_conforms(self) -> None:
        """Raise where something is wrong.

        Raises:
            AssertionError: names every unexpected failure and what to do about it.
        """
        if self.wrong:
            lines = [f"{self.target} does not conform ({len(self.wrong)} of {len(self.results)} checks):"]
            raise AssertionError("\n".join([*lines, *(f"  {one.name}: {one.message}" for one in self.wrong)]))


class Suite(Sequence["Check"]):
    """The checks of one component: a sequence of them, for pytest's parametrisation, or a report of all.

    Args:
        subject: what every check is given.
        target: the component, as reports call it.
        rules: the checks, in the order of the report.
        expected_failures: reason by check name. Strict: the check must fail.

    Raises:
        ValueError: `expected_failures` names no check, or gives no reason.
    """

    def __init__(
        self, subject: Any, target: str, rules: Sequence[Rule], expected_failures: Mapping[str, str] | None
    ) -> None:
        self.subject, self.target = subject, target
        self.rules = {rule.__name__: rule for rule in rules}
        self.expected = dict(expected_failures or {})
        for name, reason in self.expected.items():
            if name not in self.rules:
                hint = did_you_mean(name, self.rules) or f"; checks: {', '.join(self.rules)}"
                raise ValueError(f"expected_failures: no check {name!r}{hint}")
            if not reason.strip():
                raise ValueError(f"expected_failures: {name} has no reason; say why it may fail")
        self._results: dict[str, CheckResult] = {}

    def result(self, name: str) -> CheckResult:
        """The outcome of one check, which runs at the first call, with those that it needs."""
        if name not in self._results:
            self._results[name] = self._result(name)
        return self._results[name]

    def _result(self, name: str) -> CheckResult:
        rule = self.rules[name]
        for other in getattr(rule, "needs", ()):
            if self.result(other).status != "passed":
                return CheckResult(name, "skipped", f"needs {other}")
        problem = self._problem(rule)
        if isinstance(problem, NotApplicable):
            return CheckResult(name, "skipped", str(problem))
        if problem is None and name in self.expected:
            return CheckResult(
                name, "stale", f"passes, although expected to fail ({self.expected[name]}); take it out of the list"
            )
        if problem is None:
            return CheckResult(name, "passed")
        message = _sentence(problem)
        if name in self.expected:
            return CheckResult(name, "expected", f"{self.expected[name]} ({message})")
        return CheckResult(name, "failed", message)

    def _problem(self, rule: Rule) -> BaseException | None:
        """What a check raises, the random state of the process left as it was."""
        before = random_state()
        seed_everything(0)
        try:
            rule(self.subject)
        except (Exception, SystemExit) as error:
            return error
        finally:
            set_random_state(before)
        return None

    def report(self) -> Report:
        """Every outcome."""
        return Report(self.target, tuple(self.result(name) for name in self.rules))

    def checks(self) -> list[Check]:
        """The checks one by one."""
        return [Check(self, name) for name in self.rules]

    def __len__(self) -> int:
        return len(self.rules)

    @overload
    def __getitem__(self, index: int) -> Check: ...

    @overload
    def __getitem__(self, index: slice) -> list[Check]: ...

    def __getitem__(self, index: int | slice) -> Check | list[Check]:
        return self.checks()[index]


class Check:
    """One check, to be called. pytest shows it by its name.

    Raises:
        AssertionError: when called: it fails unexpectedly, or passes although expected to fail.
        unittest.SkipTest: when called: it does not apply, or a check that it needs has failed.
    """

    def __init__(self, suite: Suite, name: str) -> None:
        self.suite, self.name, self.__name__ = suite, name, name

    def __call__(self) -> None:
        result = self.suite.result(self.name)
        if result.wrong:
            raise AssertionError(f"{self.suite.target}: {self.name}: {result.message}")
        if result.status == "skipped":
            raise unittest.SkipTest(result.message)

    def __repr__(self) -> str:
        return f"<{self.name} of {self.suite.target}>"


def asserting(checks: Callable[Arguments, Suite]) -> Callable[Arguments, Report]:
    """Of a function that lists checks, the one that runs them all.

    It takes the same arguments, returns the report, and raises AssertionError naming each unexpected failure with
    what to do, and each expected failure that passes.
    """

    def check(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Report:
        report = checks(*args, **kwargs).report()
        report.assert_conforms()
        return report

    check.__name__ = check.__qualname__ = f"check_{checks.__name__.removesuffix('_checks')}"
    check.__doc__ = f"Run `{checks.__name__}`, with the same arguments, and raise AssertionError where one fails."
    check.__wrapped__ = checks  # type: ignore[attr-defined]
    return check


def _sentence(problem: BaseException) -> str:
    if isinstance(problem, AssertionError | ZooError):
        return str(problem) or type(problem).__name__
    lines = str(problem).strip().splitlines()
    return f"raises {type(problem).__name__}" + (f": {lines[0]}" if lines else "")
