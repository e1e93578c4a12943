"""Nothing in a configuration runs, wherever it stands; nothing outside the configuration folders is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.config.safety import refuse_targets
from zoo.registry import ZooError

FORBIDDEN = ["_target_", "_partial_", "_args_", "_recursive_", "_convert_", "class_path"]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A folder that code would make, were it run."""
    return tmp_path / "executed"


@pytest.fixture
def preset(tmp_path: Path) -> Callable[[str], Path]:
    """A user's folder with one experiment, `x`, of this text."""

    def write(text: str) -> Path:
        (tmp_path / "presets/experiment").mkdir(parents=True)
        (tmp_path / "presets/experiment/x.yaml").write_text("# @package _global_\n" + text)
        return tmp_path / "presets"

    return write


# -- overrides -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "override",
    [
        "+model._target_=os.makedirs",
        "++model._target_=os.makedirs",
        "model={name: mlp, _target_: os.makedirs}",
        "model.width=[{_target_: os.makedirs}]",
        "+model.deep={a: [{b: {_target_: os.makedirs}}]}",
        '+data={"_target_": os.makedirs}',
        "+optimizer._partial_=true",
        "+optimizer._args_=[1]",
        "+model.class_path=os.makedirs",
        "+a=${oc.create:{_target_:os.makedirs}}",
        "hydra.launcher._target_=os.makedirs",
        "++hydra.sweeper._target_=os.makedirs",
        "+hydra.callbacks.x._target_=os.makedirs",
        "+hydra.callbacks.x={_target_: os.makedirs}",
        "hydra.callbacks={x: {_target_: os.makedirs}}",
        "~model._target_",
    ],
)
def test_an_override_that_names_code_is_refused_in_one_line(
    refused_in_one_line: Callable[..., str], override: str
) -> None:
    line = refused_in_one_line("data=iris", override)
    assert line.startswith(f"{override}: ")
    assert "refused" in line


@pytest.mark.parametrize("name", ["target", "my_target_", "_target_size", "the_target_x"])
def test_a_word_that_only_looks_like_it_is_an_ordinary_unknown_option(
    refused_in_one_line: Callable[..., str], name: str
) -> None:
    assert "no such option" in refused_in_one_line(f"+model.{name}=1")


@pytest.mark.parametrize(
    "override", ["hydra.searchpath=[file:///tmp]", "+hydra.searchpath=[pkg://os]", "++hydra.searchpath=[pkg://zoo]"]
)
def test_the_search_path_cannot_be_extended_from_the_command_line(
    refused_in_one_line: Callable[..., str], override: str
) -> None:
    assert "--config-dir" in refused_in_one_line(override)


@pytest.mark.parametrize(
    "override",
    [
        "model=../train",
        "model=../../etc/passwd",
        "experiment=../../x",
        "experiment=..",
        "model=/etc/passwd",
        "trainer=/etc/passwd",
        "model=./mlp",
        "model=a/../../b",
        "callback=[../x]",
        "model=.hidden",
        "hydra/launcher=../x",
        "+../x=y",
        "+model/../..=train",
        "model='a b'",
        r"model='..\\train'",
    ],
)
def test_a_name_that_climbs_out_of_its_folder_is_refused(
    refused_in_one_line: Callable[..., str], tmp_path: Path, override: str
) -> None:
    (tmp_path / "presets" / "model").mkdir(parents=True)
    (tmp_path / "train.yaml").write_text("seed: 666\n")
    (tmp_path / "x.yaml").write_text("seed: 666\n")
    assert refused_in_one_line(override, config_dir=tmp_path / "presets")


def test_a_defaults_list_cannot_climb_out_either(
    preset: Callable[[str], Path], refused_in_one_line: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "outside.yaml").write_text("seed: 666\n")
    for line in ("/../outside", "../../outside", str(tmp_path / "outside")):
        folder = preset(f"defaults:\n  - {line}\n")
        assert "outside" in refused_in_one_line("experiment=x", config_dir=folder)
        (folder / "experiment/x.yaml").unlink()
        (folder / "experiment").rmdir()
        folder.rmdir()


# -- preset files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", FORBIDDEN)
@pytest.mark.parametrize(
    "text",
    ["{key}: os.makedirs\n", "model:\n  {key}: os.makedirs\n", "model:\n  width: [1, [{{{key}: os.makedirs}}]]\n"],
)
def test_a_preset_that_names_code_is_refused_with_its_file_and_key(
    preset: Callable[[str], Path], refused_in_one_line: Callable[..., str], key: str, text: str
) -> None:
    folder = preset(text.format(key=key))
    line = refused_in_one_line("experiment=x", config_dir=folder)
    assert line.startswith(f"{folder}/experiment/x.yaml: ")
    assert key in line


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.makedirs",
        "!!python/object:os.makedirs",
        "!!python/name:os.makedirs",
        "!!python/object/new:os.makedirs",
        "!anything",
    ],
)
def test_a_yaml_tag_is_refused_with_its_file_and_nothing_runs(
    preset: Callable[[str], Path], refused_in_one_line: Callable[..., str], trace: Path, tag: str
) -> None:
    folder = preset(f"seed: {tag} ['{trace}']\n")
    line = refused_in_one_line("experiment=x", config_dir=folder)
    assert line.startswith(f"{folder}/experiment/x.yaml: ")
    assert not trace.exists()


def test_a_plugins_preset_that_names_code_is_refused_too(
    plugin: Callable[..., Any], refused_in_one_line: Callable[..., str]
) -> None:
    plugin(conf={"model/evil.yaml": {"name": "mlp", "x": {"_target_": "os.makedirs"}}})
    line = refused_in_one_line("model=evil")
    assert "zoo_foo/conf/model/evil.yaml" in line
    assert "x._target_" in line


@pytest.mark.parametrize("text", [
    "model: {width: '${oc.create:{_target_:os.makedirs}}'}",
    "data: '${oc.create:{_target_:os.makedirs}}'",
    "word: et\nmodel: {width: '${oc.create:\"{_targ${word}_: os.makedirs}\"}'}",
    "call: oc.create\nmodel: {width: '${${call}:{_target_:os.makedirs}}'}",
])  # fmt: skip
def test_code_that_only_an_interpolation_spells_out_is_refused(
    preset: Callable[[str], Path], refused: Callable[..., str], text: str
) -> None:
    assert refused("experiment=x", config_dir=preset(text + "\n"))


# -- Hydra's own node, the one that Hydra instantiates -------------------------------------------------------------

MAKE = "{_target_:os.makedirs,name:TRACE}"
INJECTIONS = {
    "callback": f"callbacks: {{x: '${{oc.create:{MAKE}}}'}}",
    "nested callback": f"callbacks: {{x: {{a: [{{b: '${{oc.create:{MAKE}}}'}}]}}}}",
    "all callbacks": f"callbacks: '${{oc.create:{{x:{MAKE}}}}}'",
    "sweeper parameters": f"sweeper: {{params: '${{oc.create:{{a:{MAKE}}}}}'}}",
    "launcher that waits for the run": "launcher: {x: '${oc.create:{a:${hydra.runtime.output_dir}}}'}",
    "launcher by way of another node": "launcher: {x: '${hydra.job.env_set}'}",
    "logging handler": "job_logging: {version: 1, root: {}, handlers: {x: {class: os.makedirs, name: TRACE}}}",
    "logging factory": "job_logging: {version: 1, root: {}, handlers: {x: {(): os.makedirs, name: TRACE}}}",
    "logging class made up later": "job_logging: {version: 1, handlers: {x: {class: '${hydra.job.name}'}}}",
    "logging stream": "hydra_logging: {version: 1, root: {}, handlers: {x: {class: logging.StreamHandler, "
    "stream: 'ext://this.module'}}}",
    "logging formatter": "hydra_logging: {version: 1, root: {}, formatters: {x: {(): os.makedirs, name: TRACE}}}",
}


@pytest.mark.parametrize("place", INJECTIONS)
def test_code_smuggled_into_hydras_own_node_is_refused_and_not_run(
    preset: Callable[[str], Path], refused_in_one_line: Callable[..., str], trace: Path, place: str
) -> None:
    folder = preset("hydra:\n  " + INJECTIONS[place].replace("TRACE", str(trace)) + "\n")
    assert refused_in_one_line("experiment=x", config_dir=folder).startswith("hydra")
    assert not trace.exists()


def test_a_whole_launcher_from_an_interpolation_is_refused_and_not_run(
    preset: Callable[[str], Path], refused_in_one_line: Callable[..., str], trace: Path
) -> None:
    folder = preset(f"hydra:\n  launcher: '${{oc.create:{MAKE}}}'\n".replace("TRACE", str(trace)))
    assert "LauncherConf" in refused_in_one_line("experiment=x", config_dir=folder)
    assert not trace.exists()


def test_a_sweep_over_such_a_preset_is_refused_and_nothing_runs_or_is_written(
    preset: Callable[[str], Path], trace: Path, run_python: Callable[..., Any], tmp_path: Path
) -> None:
    folder = preset("hydra:\n  " + INJECTIONS["callback"].replace("TRACE", str(trace)) + "\n")
    done = run_python("-m", "zoo.train", "-m", "--config-dir", str(folder), "experiment=x", "data=iris")
    assert done.returncode == 2
    assert "hydra.callbacks" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not trace.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["presets"]


@pytest.mark.parametrize(
    "override",
    [
        "hydra.run.dir=elsewhere",
        "hydra.sweep.dir=there",
        "hydra.job.name=mine",
        "hydra/job_logging=default",
        "hydra/job_logging=stdout",
        "hydra/hydra_logging=default",
        "hydra.verbose=true",
    ],
)
def test_the_harmless_part_of_hydras_node_stays_usable(override: str) -> None:
    assert zoo.compose(["model=mlp", override])["model"]["name"] == "mlp"


# -- the walk itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", FORBIDDEN)
def test_a_forbidden_key_is_found_at_any_depth_and_its_path_told(key: str) -> None:
    with pytest.raises(ZooError, match=rf"^somewhere: a\.b\[1\]\.{key} is refused"):
        refuse_targets({"a": {"b": [0, {key: "os.makedirs"}]}}, "somewhere")


def test_a_dict_given_to_train_or_validate_is_refused_as_well() -> None:
    from zoo.config.validation import validate

    config = zoo.compose()
    config["model"]["_target_"] = "os.makedirs"
    with pytest.raises(ZooError, match="_target_"):
        validate(config)


def test_a_plain_value_may_say_target() -> None:
    refuse_targets({"a": "_target_", "target": 1, "b": ["_target_"]}, "somewhere")
