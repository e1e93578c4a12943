"""What the toolkit sees of this package once it is installed."""

from importlib.metadata import version

import pytest
import zoo
from zoo.errors import ZooError

FOR_TABLES = {("model", "tabular_resnet"), ("loss", "focal"), ("optimizer", "lion")}
MINE = FOR_TABLES | {("attention", "location_aware")}


def test_every_component_is_found_under_its_name():
    found = [one for one in zoo.components() if one.distribution == "zoo-example"]
    assert {(one.kind, one.name) for one in found} == MINE
    assert {one.version for one in found} == {version("zoo-example")}
    # "shadowed" is one whose name a built-in of the toolkit has: it goes by the package's name and its own.
    assert {one.status for one in found} <= {"ok", "shadowed"}


@pytest.mark.parametrize("data", ["breast_cancer", "digits"])
def test_everything_composes_together(data):
    config = zoo.compose(
        ["model=tabular_resnet", "loss=zoo-example:focal", "optimizer=zoo-example:lion", f"data={data}"]
    )
    assert config["model"]["width"] == 192
    assert config["loss"]["gamma"] == 2.0
    assert config["optimizer"]["betas"] == [0.9, 0.99]


def test_the_small_preset_changes_sizes_and_can_be_changed():
    model = zoo.compose(["model=tabular_resnet_small", "model.width=32"])["model"]
    assert (model["name"], model["width"], model["depth"], model["hidden_factor"]) == ("tabular_resnet", 32, 1, 2.0)


@pytest.mark.parametrize("model", ["bahdanau", "luong", "local"])
def test_the_attention_goes_into_every_preset_of_the_toolkit(model):
    words = [f"model={model}", "data=copy", "attention=location_aware", "attention.kernel_width=5"]
    attention = zoo.compose([*words, "attention.scope=local_p", "attention.coverage=true"])["attention"]
    own = {name: attention[name] for name in ("name", "filters", "kernel_width", "scope", "coverage")}
    assert own == {
        "name": "location_aware",
        "filters": 10,
        "kernel_width": 5,
        "scope": "local_p",
        "coverage": True,
    }


def test_the_experiment_chooses_the_three_for_tables_and_can_be_changed():
    config = zoo.compose(["experiment=focal_lion", "data=digits", "loss.gamma=1", "model.width=96"])
    chosen = {(kind, config[kind]["name"].removeprefix("zoo-example:")) for kind in ("model", "loss", "optimizer")}
    assert chosen == FOR_TABLES
    assert (config["optimizer"]["lr"], config["loss"]["gamma"], config["model"]["width"]) == (0.0003, 1, 96)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.hidden_dropout=1", "model.hidden_dropout"),
        ("model.norm=instance", "model.norm"),
        ("optimizer.betas=[0.9,1.5]", "optimizer.betas"),
        ("optimizer.lr=-1", "optimizer.lr"),
        ("loss.gamma=-1", "loss.gamma"),
        ("loss.alpha=2", "loss.alpha"),
    ],
)
def test_values_out_of_range_are_refused_by_name(override, message):
    with pytest.raises(Exception, match=message):
        zoo.compose(["model=tabular_resnet", "loss=zoo-example:focal", "optimizer=zoo-example:lion", override])


@pytest.mark.parametrize(
    ("option", "value"), [("filters", 0), ("kernel_width", 0), ("hidden_size", 0), ("scope", "near"), ("window", 0)]
)
def test_options_of_the_attention_out_of_range_are_refused_by_name(option, value):
    with pytest.raises(ZooError, match=rf"attention\.{option}"):
        zoo.compose(["model=bahdanau", "data=copy", "attention=location_aware", f"attention.{option}={value}"])


def test_components_can_be_built_by_name():
    assert zoo.build("model", "tabular_resnet", in_features=5, out_features=2).first.in_features == 5
    assert zoo.build("loss", "zoo-example:focal", num_classes=2, alpha=0.25).alpha.tolist() == [0.75, 0.25]
    attention = zoo.build("attention", "location_aware", query_size=4, key_size=6, filters=3)
    assert attention.score.filters.out_channels == 3


def test_an_even_kernel_is_one_line_that_says_what_to_give():
    with pytest.raises(ZooError, match=r"^attention=location_aware: kernel_width=4 is even, .*; give 3 or 5$"):
        zoo.build("attention", "location_aware", query_size=4, key_size=6, kernel_width=4)


@pytest.mark.parametrize(("data", "enough"), [("breast_cancer", 0.93), ("digits", 0.93)])
def test_it_learns_and_the_run_loads(tmp_path, data, enough):
    overrides = ["model=tabular_resnet_small", "loss=zoo-example:focal", "optimizer=zoo-example:lion", f"data={data}"]
    config = zoo.compose([*overrides, "optimizer.lr=0.001", "trainer.max_epochs=10", "logger=[]"])
    assert zoo.train(config, tmp_path / "run").metrics["test/accuracy"] >= enough
    used = zoo.load(tmp_path / "run").components
    assert {(one["kind"], one["name"]) for one in used if one["distribution"] == "zoo-example"} == FOR_TABLES
