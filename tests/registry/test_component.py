"""Loading one component: what comes out of it, or one line that says whose fault it is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

from zoo.registry import Component, ComponentLoadError, normalized

FAULTS = {
    "module that imports a missing one": (
        {"zoo_foo.py": "import a_module_nobody_has\n"},
        "ModuleNotFoundError: No module named 'a_module_nobody_has'",
    ),
    "ImportError": ({"zoo_foo.py": "raise ImportError('libfoo.so.3')\n"}, "ImportError: libfoo.so.3"),
    "RuntimeError": ({"zoo_foo.py": "raise RuntimeError('no GPU here')\n"}, "RuntimeError: no GPU here"),
    "SystemExit": ({"zoo_foo.py": "import sys\nsys.exit(3)\n"}, "SystemExit: 3"),
    "SyntaxError": ({"zoo_foo.py": "class Net(:\n"}, "SyntaxError"),
    "exception of its own": ({"zoo_foo.py": "class Odd(BaseException): pass\nraise Odd('x')\n"}, "Odd: x"),
    "missing attribute": ({"zoo_foo.py": "class Other: pass\n"}, "has no attribute 'Net'"),
    "deleted module": ({}, "ModuleNotFoundError: No module named 'zoo_foo'"),
    "something that is not callable": ({"zoo_foo.py": "Net = 3\n"}, "is a int, expected a class or a factory"),
    "module-level __getattr__ that raises": (
        {"zoo_foo.py": "def __getattr__(name): raise RuntimeError('lazy ' + name)\n"},
        "RuntimeError: lazy Net",
    ),
}


def component(target: str, **changes: Any) -> Component:
    """A model named net of zoo-foo 0.3."""
    return Component(
        **{"kind": "model", "name": "net", "target": target, "distribution": "zoo-foo"} | changes, version="0.3"
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_target_gives_one_line_with_distribution_version_target_and_cause(
    plugin: Callable[..., Any], fault: str
) -> None:
    modules, cause = FAULTS[fault]
    plugin("zoo-foo", "0.3", modules=modules)
    with pytest.raises(ComponentLoadError) as caught:
        component("zoo_foo:Net").load()
    line = str(caught.value)
    assert line.startswith("model=net: zoo-foo 0.3 (zoo_foo:Net) ")
    assert cause in line
    assert "\n" not in line


def test_only_the_first_line_of_a_long_import_error_is_shown(plugin: Callable[..., Any]) -> None:
    plugin(modules={"zoo_foo.py": "raise RuntimeError('first\\nsecond\\nthird')\n"})
    with pytest.raises(ComponentLoadError, match=r"RuntimeError: first$"):
        component("zoo_foo:Net").load()


def test_the_error_carries_the_component_and_the_original_exception(plugin: Callable[..., Any]) -> None:
    plugin(modules={"zoo_foo.py": "raise RuntimeError('x')\n"})
    broken = component("zoo_foo:Net")
    with pytest.raises(ComponentLoadError) as caught:
        broken.load()
    assert caught.value.component is broken
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_ctrl_c_during_an_import_is_not_taken_for_a_broken_plugin(plugin: Callable[..., Any]) -> None:
    plugin(modules={"zoo_foo.py": "raise KeyboardInterrupt\n"})
    with pytest.raises(KeyboardInterrupt):
        component("zoo_foo:Net").load()


def test_a_target_is_a_class_a_nested_attribute_or_a_factory() -> None:
    assert component("collections:OrderedDict").load() is OrderedDict
    assert component("collections:OrderedDict.fromkeys").load()("ab") == OrderedDict(a=None, b=None)


def test_a_module_alone_is_no_target() -> None:
    with pytest.raises(ComponentLoadError, match="is a module, expected a class or a factory"):
        component("collections").load()


@pytest.mark.parametrize("spelling", ["zoo-foo", "Zoo_Foo", "zoo.foo", "ZOO--FOO"])
def test_spellings_of_one_distribution_name_compare_equal(spelling: str) -> None:
    assert normalized(spelling) == "zoo-foo"
    assert component("a:b", distribution=spelling).qualified_name == "zoo-foo:net"


def test_only_our_own_distribution_is_built_in() -> None:
    assert component("a:b", distribution="Attention_Zoo").builtin
    assert not component("a:b", distribution="attention-zoo-extras").builtin
