"""`zoo plot`: what a run's learning rate will be, and activations."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from PIL import Image

from zoo.commands.main import main_command
from zoo.commands.plot import plot_command
from zoo.errors import ZooError
from zoo.models.activations import ACTIVATIONS
from zoo.report.activations import draw_activations, value_and_gradient
from zoo.report.rates import draw_rates


def pixels(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def test_a_schedule_is_drawn_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "cosine.png"
    words = ["plot", "schedule=cosine", "optimizer.lr=0.02", "epochs=4", "steps=50", f"output={output}"]
    assert main_command(words) == 0
    last = 0.01 * (1 + math.cos(math.pi * 199 / 200))
    told = capsys.readouterr().out
    assert f"cosine: 0.02 at first, 0.02 at the highest (step 1 of 200), {last:.3g} at last" in told
    assert pixels(output.read_bytes()).size[0] > 600


def test_options_of_the_schedule_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["schedule=step", "schedule.every=2", "schedule.factor=0.5", "optimizer.lr=0.08", "epochs=7", "steps=3"]
    plot_command([*words, f"output={tmp_path / 'step.png'}"])
    assert "0.08 at the highest (step 1 of 21), 0.01 at last" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["trainer.max_epochs=3"], "60"),
        (["trainer.max_epochs=3", "trainer.max_steps=50"], "50"),
        (["trainer.max_epochs=-1"], "200"),
        (["trainer.max_steps=50", "epochs=4"], "80"),
    ],
)
def test_a_picture_is_as_long_as_the_run(
    words: list[str], steps: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot_command(["schedule=linear", "steps=20", *words, f"output={tmp_path / 'linear.png'}"])
    assert f"(step 1 of {steps})" in capsys.readouterr().out


def test_several_schedules_are_one_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "several.png"
    plot_command(["schedule=[constant,linear,plateau]", "optimizer=sgd", "epochs=3", "steps=2", f"output={output}"])
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told] == ["constant", "linear", "plateau (no progress)", "drawn"]
    assert output.stat().st_size > 5000


def test_the_schedule_of_an_experiment_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot_command(["experiment=digits", f"output={tmp_path / 'digits.png'}"])
    assert "at the highest" in capsys.readouterr().out


def test_two_schedules_look_different() -> None:
    falling = draw_rates({"a": [4.0, 3.0, 2.0, 1.0]}, 2)
    assert falling == draw_rates({"a": [4.0, 3.0, 2.0, 1.0]}, 2)
    assert falling != draw_rates({"a": [4.0, 4.0, 2.0, 1.0]}, 2)
    many = draw_rates({str(number): [1.0, 0.5] for number in range(12)}, 1)
    assert pixels(many).size[1] > pixels(falling).size[1]


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_is_drawn(name: str, tmp_path: Path) -> None:
    output = tmp_path / "one.png"
    plot_command([f"activation={name}", f"output={output}"])
    colours = {colour for _, colour in pixels(output.read_bytes()).getcolors(1 << 20) or []}
    assert (0, 0x72, 0xB2) in colours, "the curve of the function"


def test_gradients_are_those_of_closed_forms() -> None:
    import numpy as np

    points = np.linspace(-3, 3, 50)
    value, gradient = value_and_gradient({"name": "elu", "alpha": 2.0}, points)
    np.testing.assert_allclose(value, np.where(points > 0, points, 2 * np.expm1(points)), atol=1e-12)
    np.testing.assert_allclose(gradient, np.where(points > 0, 1, 2 * np.exp(points)), atol=1e-12)
    _, gradient = value_and_gradient("softmax", points)
    one = 1 / (1 + np.exp(-points))
    np.testing.assert_allclose(gradient, one * (1 - one), atol=1e-12)


def test_several_activations_share_a_sheet() -> None:
    one, five = pixels(draw_activations(["relu"])), pixels(draw_activations(["relu", "gelu", "mish", "elu", "tanh"]))
    assert five.size[0] > one.size[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["schedule=cosin"], "did you mean 'cosine'"),
        (["activation=rlu"], "did you mean 'relu'"),
        (["schedule=step", "schedule.evry=3"], "schedule.evry: no such option"),
        (["schedule=step", "steps=0"], "steps: expected a whole number from 1 on"),
        (["schedule=step", "epochs=two"], "epochs: expected a whole number from 1 on"),
        (["schedule=step", "output=a.jpg"], "output: .jpg cannot be written; choose .png"),
        (["schedule=step", "output=nowhere/a.png"], "there is no folder nowhere"),
        (["activation=relu", "epochs=3"], "epochs: an activation has no epochs"),
        (["activation="], "nothing to draw"),
        (["cosine"], "cosine: is no KEY=VALUE"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZooError, match=r"^[^\n]+$") as caught:
        plot_command(words)
    assert said in str(caught.value)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert plot_command(["--help"]) == 0
    assert "zoo plot schedule=NAME" in capsys.readouterr().out
