"""From a name on the command line to one component, or to a line that says why not."""

from __future__ import annotations

import pytest

from zoo.registry import (
    AmbiguousComponentError,
    Component,
    Discovery,
    Registry,
    UnknownComponentError,
    discover,
)
from zoo.registry.discovery import _resolved


def component(name: str, distribution: str = "attention-zoo", version: str = "1.0", **changes: str) -> Component:
    """A model."""
    target = f"{distribution.replace('-', '_')}:{name}"
    return Component(
        **{"kind": "model", "status": "ok", "reason": ""} | changes,
        name=name,
        target=target,
        distribution=distribution,
        version=version,
    )  # type: ignore[arg-type]


def registry(*components: Component) -> Registry:
    """A registry with collisions found, as after a scan."""
    return Registry.of(Discovery(_resolved(list(components))))


def line(found: Registry, name: str, kind: str = "model") -> str:
    """The one line a name is refused with."""
    with pytest.raises(UnknownComponentError) as caught:
        found.get(kind, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


MLP = component("mlp")
LINEAR = component("linear")


# -- two plugins, one name -----------------------------------------------------------------------------------------

RIVALS = (component("lstm", "zoo-foo", "0.3"), component("lstm", "zoo-bar", "2.1"))


def test_of_two_plugins_with_one_name_neither_wins_and_the_error_lists_both() -> None:
    found = registry(MLP, *RIVALS)
    with pytest.raises(AmbiguousComponentError):
        found.get("model", "lstm")
    said = line(found, "lstm")
    for text in ("zoo-foo 0.3", "zoo-bar 2.1", "model=zoo-foo:lstm", "model=zoo-bar:lstm"):
        assert text in said


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("name", ["zoo-foo:lstm", "Zoo_Foo:lstm", "zoo.foo:lstm"])
def test_the_qualified_name_chooses_between_rivals(order: tuple[int, int], name: str) -> None:
    found = registry(*(RIVALS[position] for position in order))
    assert found.get("model", name).distribution == "zoo-foo"


def test_rivals_are_offered_by_qualified_name_alone_and_reported() -> None:
    found = registry(MLP, *RIVALS)
    assert found.names("model") == ["mlp", "zoo-bar:lstm", "zoo-foo:lstm"]
    reported = [problem for problem in found.problems() if "ambiguous" in problem.problem]
    assert len(reported) == 2
    assert all(
        "zoo-foo" in f"{one.subject} {one.problem}" and "zoo-bar" in f"{one.subject} {one.problem}" for one in reported
    )


def test_the_same_name_for_two_kinds_is_no_collision() -> None:
    found = registry(component("mse", "zoo-foo"), component("mse", "zoo-bar", kind="loss"))
    assert found.get("model", "mse").status == "ok"
    assert found.get("loss", "mse").status == "ok"


def test_one_plugin_that_declares_a_name_twice_is_told_so() -> None:
    assert "zoo-foo 1.0" in line(registry(component("lstm", "zoo-foo"), component("lstm", "zoo-foo")), "zoo-foo:lstm")


# -- a plugin against a built-in -----------------------------------------------------------------------------------


@pytest.mark.parametrize("builtin_first", [True, False])
def test_a_built_in_keeps_its_name_and_the_plugins_is_shadowed_but_reachable(builtin_first: bool) -> None:
    theirs = component("mlp", "zoo-foo", "0.3")
    found = registry(*((MLP, theirs) if builtin_first else (theirs, MLP)))
    assert found.get("model", "mlp").builtin
    assert found.get("model", "zoo-foo:mlp").distribution == "zoo-foo"
    assert found.get("model", "attention-zoo:mlp").builtin
    assert found.names("model") == ["mlp", "zoo-foo:mlp"]
    (shadowed,) = [one for one in found.components("model") if one.status == "shadowed"]
    assert shadowed.distribution == "zoo-foo"
    (problem,) = found.problems()
    assert "shadowed" in problem.problem
    assert "zoo-foo:mlp" in problem.problem


def test_two_plugins_that_take_a_built_ins_name_are_both_shadowed() -> None:
    found = registry(MLP, component("mlp", "zoo-foo"), component("mlp", "zoo-bar"))
    assert found.get("model", "mlp").builtin
    assert found.get("model", "zoo-bar:mlp").distribution == "zoo-bar"


# -- unknown, disabled, incompatible -------------------------------------------------------------------------------


def test_an_unknown_name_gets_the_nearest_one_and_everything_available() -> None:
    said = line(registry(MLP, LINEAR), "mpl")
    assert said.startswith("model=mpl: not installed")
    assert "did you mean 'mlp'?" in said
    assert "linear, mlp" in said


def test_a_name_like_no_other_gets_no_wild_guess() -> None:
    assert "did you mean" not in line(registry(MLP, LINEAR), "xyzzy")


def test_a_kind_without_components_says_none() -> None:
    assert line(registry(MLP), "dot", kind="attention").endswith("available: none")


@pytest.mark.parametrize("name", ["lstm", "zoo-foo:lstm"])
@pytest.mark.parametrize("status", ["disabled", "incompatible"])
def test_an_installed_but_unusable_name_says_whose_it_is_and_why(status: str, name: str) -> None:
    said = line(registry(MLP, component("lstm", "zoo-foo", "0.3", status=status, reason="because of that")), name)
    assert "zoo-foo 0.3" in said
    assert status in said
    assert "because of that" in said


def test_an_unusable_rival_leaves_the_name_to_the_usable_one() -> None:
    found = registry(component("lstm", "zoo-foo", status="incompatible", reason="old"), component("lstm", "zoo-bar"))
    assert found.get("model", "lstm").distribution == "zoo-bar"


def test_incompatible_components_are_reported_and_disabled_ones_are_the_users_wish() -> None:
    found = registry(
        component("lstm", "zoo-foo", status="incompatible", reason="old"),
        component("gru", "zoo-bar", status="disabled", reason="off"),
    )
    (problem,) = found.problems()
    assert "incompatible: old" in problem.problem


def test_the_wrong_distribution_does_not_lead_to_a_component_of_the_name() -> None:
    assert "not installed" in line(registry(MLP), "zoo-foo:mlp")


def test_an_unknown_kind_gets_the_nearest_one_and_the_list() -> None:
    with pytest.raises(UnknownComponentError, match="did you mean 'model'") as caught:
        registry(MLP).components("modle")
    assert "optimizer" in str(caught.value)


# -- names that look alike -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("twin", ["Tab_Net", "tab-net", "TAB_NET"])
def test_names_that_differ_by_case_or_hyphen_alone_are_reported_and_both_usable(twin: str) -> None:
    found = registry(component("tab_net", "zoo-foo"), component(twin, "zoo-bar"))
    assert found.get("model", "tab_net").distribution == "zoo-foo"
    assert found.get("model", twin).distribution == "zoo-bar"
    (problem,) = found.problems()
    assert "case or hyphen" in problem.problem
    assert {"tab_net", twin} <= set(f"{problem.subject} {problem.problem}".replace(",", " ").split())


def test_names_that_differ_otherwise_are_not_reported() -> None:
    assert registry(component("tabnet", "zoo-foo"), component("tab_net", "zoo-bar")).problems() == []


def test_an_empty_environment_has_an_empty_registry() -> None:
    empty = Registry.of(discover([], version="1", environ={}))
    assert empty.components() == []
    assert empty.names("model") == []
    assert empty.problems() == []
