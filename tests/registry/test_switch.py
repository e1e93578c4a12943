"""ZOO_PLUGINS: which distributions may take part, decided before anything is imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.registry import Component, UnknownComponentError, ZooError, discover
from zoo.registry.discovery import Switch
from zoo.registry.registry import Registry

INSTALLED = ("attention-zoo", "zoo-foo", "zoo-bar")


def test_everything_takes_part_by_default() -> None:
    assert all(Switch("").allows(name) for name in INSTALLED)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("off", {"attention-zoo"}),
        ("-zoo-foo", {"attention-zoo", "zoo-bar"}),
        ("-Zoo_Foo", {"attention-zoo", "zoo-bar"}),
        ("-zoo-foo,-zoo-bar", {"attention-zoo"}),
        (" -zoo-foo , -zoo-bar ", {"attention-zoo"}),
        ("only:zoo-foo", {"attention-zoo", "zoo-foo"}),
        ("only:zoo.foo,ZOO-BAR", {"attention-zoo", "zoo-foo", "zoo-bar"}),
        ("only:", {"attention-zoo"}),
        ("-attention-zoo", {"attention-zoo", "zoo-foo", "zoo-bar"}),
    ],
)
def test_the_documented_forms(text: str, allowed: set[str]) -> None:
    switch = Switch(text)
    assert {name for name in INSTALLED if switch.allows(name)} == allowed


@pytest.mark.parametrize("text", ["on", "zoo-foo", "-zoo-foo,zoo-bar", "-", "only", "OFF,"])
def test_any_other_form_is_an_error_that_shows_the_right_ones(text: str) -> None:
    with pytest.raises(ZooError) as caught:
        discover([], version="1", environ={"ZOO_PLUGINS": text})
    line = str(caught.value)
    assert line.startswith(f"ZOO_PLUGINS={text}: expected off, -name")
    assert "only:name" in line


@pytest.mark.parametrize("text", ["off", "-zoo-foo", "only:zoo-bar"])
def test_a_disabled_plugin_is_listed_never_imported_and_says_so_when_chosen(
    plugin: Callable[..., Any], tmp_path: Path, text: str
) -> None:
    flag = tmp_path / "imported"
    source = f"open({str(flag)!r}, 'w').close()\nclass LSTM: ...\n"
    plugin("zoo-foo", "0.3", entry_points={"zoo.models": {"lstm": "zoo_foo:LSTM"}}, modules={"zoo_foo.py": source})
    registry = Registry.of(discover(version="1", environ={"ZOO_PLUGINS": text}))
    (lstm,) = [one for one in registry.components("model") if one.name == "lstm"]
    assert lstm.status == "disabled"
    assert "lstm" not in registry.names("model")
    for name in ("lstm", "zoo-foo:lstm"):
        with pytest.raises(UnknownComponentError) as caught:
            registry.get("model", name)
        line = str(caught.value)
        assert "zoo-foo 0.3" in line
        assert "disabled" in line
        assert f"ZOO_PLUGINS={text}" in line
    assert not flag.exists()


def test_switching_one_of_two_rivals_off_gives_the_name_to_the_other(plugin: Callable[..., Any]) -> None:
    for name in ("zoo-foo", "zoo-bar"):
        plugin(name, entry_points={"zoo.models": {"lstm": "m:LSTM"}})
    registry = Registry.of(discover(version="1", environ={"ZOO_PLUGINS": "-zoo-bar"}))
    found: Component = registry.get("model", "lstm")
    assert found.distribution == "zoo-foo"
