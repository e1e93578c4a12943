"""A component's options, types and ranges are those of its constructor, and are checked before it is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import zoo
from zoo.registry import ZooError

NET = """
from __future__ import annotations
from typing import Annotated, Any, Dict, List, Literal, Optional, Union
from annotated_types import Ge, Gt, Interval, MinLen

class Net:
    def __init__(
        self,
        in_features: Annotated[int, Ge(1)],
        size: int = 1,
        rate: float = 0.5,
        flag: bool = False,
        text: str = "a",
        maybe: Optional[int] = None,
        perhaps: float | None = 3,
        sizes: list[int] = [1, 2],
        words: List[str] = ["a"],
        table: dict[str, int] = {"a": 1},
        deep: Dict[str, list[int]] = {"a": [1]},
        choice: Literal["relu", "gelu"] = "relu",
        number: Literal[1, 2] = 1,
        optional_choice: Literal["x"] | None = None,
        either: int | list[int] = 1,
        text_or_number: Union[int, str] = 1,
        pair: tuple[float, float] = (0.9, 0.999),
        many: tuple[int, ...] = (),
        share: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
        positive: Annotated[int, Gt(0)] = 1,
        share_or_none: Annotated[float, Gt(0)] | None = None,
        grid: list[list[int]] = [[1]],
        widths: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)] = [1],
        anything: Any = None,
        untyped=3,
    ):
        self.given = {key: value for key, value in locals().items() if key != "self"}
"""

DEFAULTS = {
    "size": 1, "rate": 0.5, "flag": False, "text": "a", "maybe": None, "perhaps": 3, "sizes": [1, 2], "words": ["a"],
    "table": {"a": 1}, "deep": {"a": [1]}, "choice": "relu", "number": 1, "optional_choice": None, "either": 1,
    "text_or_number": 1, "pair": [0.9, 0.999], "many": [], "share": 0.1, "positive": 1, "share_or_none": None,
    "grid": [[1]], "widths": [1], "anything": None, "untyped": 3,
}  # fmt: skip

GOOD = [
    ("size=3", 3), ("size=-3", -3), ("rate=1", 1.0), ("rate=1e-3", 0.001), ("flag=true", True), ("text=hello", "hello"),
    ("text='two words'", "two words"), ("maybe=4", 4), ("maybe=null", None), ("perhaps=null", None),
    ("perhaps=0.25", 0.25), ("sizes=[3]", [3]), ("sizes=[]", []), ("words=[x,y]", ["x", "y"]),
    ("table={a:2}", {"a": 2}), ("deep={a:[3,4]}", {"a": [3, 4]}),
    ("choice=gelu", "gelu"), ("number=2", 2), ("optional_choice=x", "x"),
    ("either=5", 5), ("either=[5,6]", [5, 6]), ("text_or_number=word", "word"), ("pair=[0.1,0.2]", [0.1, 0.2]),
    ("many=[1,2,3]", [1, 2, 3]), ("share=0", 0.0), ("share=0.99", 0.99), ("positive=1", 1), ("share_or_none=0.5", 0.5),
    ("grid=[[1,2],[3]]", [[1, 2], [3]]), ("widths=[4,5]", [4, 5]), ("anything={a:[1]}", {"a": [1]}), ("untyped=x", "x"),
    ("in_features=12", 12),
]  # fmt: skip

BAD = [
    "size=1.5", "size=abc", "size=null", "size=true", "size=[1]", "rate=abc", "rate=null", "flag=perhaps", "text=[a]",
    "maybe=x", "maybe=1.5", "perhaps=x", "sizes=[a]", "sizes=3", "sizes=[1.5]", "words=[[a]]", "table={a:x}", "table=3",
    "deep={a:[x]}", "deep={a:1}", "choice=tanh", "choice=null", "number=3", "optional_choice=y", "either=abc",
    "either=[a]", "either=null", "text_or_number=[1]", "pair=[1]", "pair=[1,2,3]", "pair=[1,b]", "many=[a]", "share=1",
    "share=-0.1", "share=abc", "positive=0", "positive=-1", "share_or_none=0", "share_or_none=-1", "grid=[1]",
    "grid=[[a]]", "widths=[]", "widths=[0]", "widths=[1,0]", "in_features=0", "in_features=abc",
]  # fmt: skip


@pytest.fixture(autouse=True)
def net(plugin: Callable[..., Any]) -> None:
    """A model `net` with one option of each type."""
    plugin("zoo-net", entry_points={"zoo.models": {"net": "zoo_net:Net"}}, modules={"zoo_net.py": NET})


def test_the_signatures_defaults_are_the_configuration_with_tuples_as_lists() -> None:
    assert zoo.compose(["model=net"])["model"] == {"name": "net", "in_features": None} | DEFAULTS


@pytest.mark.parametrize(("override", "value"), GOOD)
def test_a_value_of_the_declared_type_is_taken(override: str, value: Any) -> None:
    taken = zoo.compose(["model=net", f"model.{override}"])["model"][override.partition("=")[0]]
    assert taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize("override", BAD)
def test_any_other_value_is_refused_with_its_full_key(refused_in_one_line: Callable[..., str], override: str) -> None:
    line = refused_in_one_line("model=net", f"model.{override}")
    assert line.startswith(f"model.{override.partition('=')[0]}")
    assert ": " in line


@pytest.mark.parametrize(("override", "said"), [
    ("share=1", "less than 1"), ("positive=0", "greater than 0"), ("choice=tanh", "'relu' or 'gelu'"),
    ("widths=[4,0]", "widths[1]"), ("widths=[]", "at least 1 item"), ("grid=[[1],[x]]", "grid[1][0]"),
    ("pair=[1,2,3]", "2"), ("choice=tanh", "'tanh'"),
])  # fmt: skip
def test_the_line_says_what_is_allowed_or_where_it_is_wrong(
    refused_in_one_line: Callable[..., str], override: str, said: str
) -> None:
    assert said in refused_in_one_line("model=net", f"model.{override}")


def test_every_error_of_the_second_stage_is_reported_at_once(refused: Callable[..., str]) -> None:
    lines = refused("model=net", "model.share=2", "model.choice=tanh", "optimizer.lr=-1", "seed=-1").splitlines()
    assert [line.partition(":")[0] for line in sorted(lines)] == ["model.choice", "model.share", "optimizer.lr", "seed"]


@pytest.mark.parametrize(("key", "meant"), [("siez", "size"), ("sahre", "share"), ("posititve", "positive")])
@pytest.mark.parametrize("prefix", ["", "+", "++"])
def test_an_unknown_option_gets_the_nearest_one(
    refused_in_one_line: Callable[..., str], key: str, meant: str, prefix: str
) -> None:
    line = refused_in_one_line("model=net", f"{prefix}model.{key}=3")
    assert line.startswith(f"model.{key}: no such option")
    assert f"did you mean '{meant}'" in line


def test_an_option_like_no_other_gets_the_list(refused_in_one_line: Callable[..., str]) -> None:
    line = refused_in_one_line("model=mlp", "model.zzzzzz=3")
    assert "width" in line
    assert "dropout" in line


@pytest.mark.parametrize(
    ("override", "meant"),
    [("modle=mlp", "model"), ("optimiser.lr=1", "optimizer"), ("sed=3", "seed"), ("dataa=iris", "data")],
)
def test_an_unknown_group_or_setting_gets_the_nearest_one(
    refused_in_one_line: Callable[..., str], override: str, meant: str
) -> None:
    assert f"did you mean '{meant}'" in refused_in_one_line(override)


def test_a_changed_configuration_leaves_the_next_ones_defaults_alone() -> None:
    first = zoo.compose(["model=net"])
    first["model"]["sizes"].append(99)
    first["model"]["table"]["z"] = 99
    assert zoo.compose(["model=net"])["model"]["sizes"] == [1, 2]
    assert zoo.build("model", "net", in_features=1).given["table"] == {"a": 1}


def test_what_is_built_gets_the_types_it_declares() -> None:
    config = zoo.compose(["model=net", "model.pair=[0.1,0.2]", "model.many=[1,2]", "model.rate=2"])["model"]
    from zoo.config.building import build_node

    given = build_node("model", config, {"in_features": 4}).given
    assert given["pair"] == (0.1, 0.2)
    assert given["many"] == (1, 2)
    assert type(given["rate"]) is float
    assert given == {**DEFAULTS, "in_features": 4, "pair": (0.1, 0.2), "many": (1, 2), "rate": 2.0}


def test_a_required_option_must_be_given_unless_the_run_knows_it(
    plugin: Callable[..., Any], refused_in_one_line: Callable[..., str]
) -> None:
    source = "class Need:\n    def __init__(self, in_features: int, num_classes: int, depth: int): ...\n"
    plugin(entry_points={"zoo.models": {"need": "zoo_foo:Need"}}, modules={"zoo_foo.py": source})
    line = refused_in_one_line("model=need")
    assert line.startswith("model.depth: must be given")
    config = zoo.compose(["model=need", "model.depth=2"])["model"]
    assert config == {"name": "need", "in_features": None, "num_classes": None, "depth": 2}


def test_an_option_without_default_may_be_left_out_of_a_dict_no_more_than_of_a_command_line(
    plugin: Callable[..., Any],
) -> None:
    from zoo.config.validation import validate

    source = "class Need:\n    def __init__(self, depth: int): ...\n"
    plugin(entry_points={"zoo.models": {"need": "zoo_foo:Need"}}, modules={"zoo_foo.py": source})
    config = zoo.compose(["model=need", "model.depth=2"])
    del config["model"]["depth"]
    with pytest.raises(ZooError, match=r"model\.depth: must be given"):
        validate(config)


def test_a_string_annotated_plugin_needs_no_torch_to_be_described(plugin: Callable[..., Any]) -> None:
    source = (
        "from __future__ import annotations\n"
        "from pathlib import Path\n"
        "class Files:\n    def __init__(self, folder: Path = Path('here'), where: Path | None = None): ...\n"
    )
    plugin(entry_points={"zoo.models": {"files": "zoo_foo:Files"}}, modules={"zoo_foo.py": source})
    assert zoo.compose(["model=files", "model.where=there"])["model"] == {
        "name": "files",
        "folder": "here",
        "where": "there",
    }


def test_a_default_that_is_no_data_stays_the_constructors(plugin: Callable[..., Any]) -> None:
    source = "KEEP = object()\nclass Odd:\n    def __init__(self, how: object = KEEP, size: int = 1): self.how = how\n"
    plugin(entry_points={"zoo.models": {"odd": "zoo_foo:Odd"}}, modules={"zoo_foo.py": source})
    from zoo.config.building import build_node

    config = zoo.compose(["model=odd"])["model"]
    built = build_node("model", config, {})
    assert config == {"name": "odd", "size": 1}
    assert type(built.how) is object
    assert zoo.compose(["model=odd", "+model.how=x"])["model"]["how"] == "x"
