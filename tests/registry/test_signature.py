"""A component's options are its constructor's arguments, or it is refused with a clear line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt

from zoo.registry import Component, ComponentLoadError, options, options_of


def options_in(plugin: Callable[..., Any], source: str) -> dict[str, Any]:
    """The options of `Net` in this source."""
    plugin("zoo-foo", "0.3", modules={"zoo_foo.py": source})
    return options(Component("model", "net", "zoo_foo:Net", "zoo-foo", "0.3"))


def test_names_defaults_and_annotations_are_the_constructors() -> None:
    class Net:
        def __init__(self, size: int, rate: float = 0.1, kind: Literal["a", "b"] = "a") -> None: ...

    found = options_of(Net)
    assert list(found) == ["size", "rate", "kind"]
    assert found["size"].required
    assert (found["rate"].annotation, found["rate"].default, found["rate"].required) == (float, 0.1, False)
    assert found["kind"].annotation == Literal["a", "b"]


def test_a_factory_is_as_good_as_a_class() -> None:
    def make(lr: Annotated[float, Gt(0)] = 0.1) -> object: ...

    assert options_of(make)["lr"].annotation == Annotated[float, Gt(0)]


def test_string_annotations_are_evaluated_where_they_were_written(plugin: Callable[..., Any]) -> None:
    found = options_in(
        plugin,
        "from __future__ import annotations\n"
        "from typing import Literal as OneOf\n"
        "class Net:\n"
        "    def __init__(self, size: int = 1, kind: OneOf['a', 'b'] = 'a', more: list[int] | None = None): ...\n",
    )
    assert found["size"].annotation is int
    assert found["kind"].annotation == Literal["a", "b"]
    assert found["more"].annotation == list[int] | None


def test_an_argument_without_annotation_may_be_anything() -> None:
    def make(size=3): ...

    assert options_of(make)["size"].annotation is Any


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("size: int = 1, *rest: int", "takes *rest"),
        ("size: int = 1, **others: int", "others"),
        ("size: int, /", "takes size by position only"),
        ("size: 'NoSuchType' = 1", "NoSuchType"),
    ],
)
def test_arguments_that_no_schema_can_hold_are_refused_in_one_line(
    plugin: Callable[..., Any], arguments: str, complaint: str
) -> None:
    with pytest.raises(ComponentLoadError) as caught:
        options_in(plugin, f"class Net:\n    def __init__(self, {arguments}): ...\n")
    line = str(caught.value)
    assert line.startswith("model=net: zoo-foo 0.3 (zoo_foo:Net) ")
    assert complaint in line
    assert "\n" not in line


def test_a_target_without_readable_signature_is_refused() -> None:
    with pytest.raises(ComponentLoadError, match="no readable signature"):
        options(Component("model", "net", "builtins:iter", "zoo-foo", "0.3"))


def test_a_keyword_only_argument_is_an_option() -> None:
    def make(*, size: int = 1) -> None: ...

    assert options_of(make)["size"].default == 1


def test_a_torch_module_without_a_constructor_of_its_own_has_no_options() -> None:
    from torch import nn

    class Bare(nn.Module):
        pass

    assert options_of(Bare) == {}
