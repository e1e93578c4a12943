import argparse
import json
import os

import numpy as np
import pytest
import torch
from torch import nn

from zoo.errors import ConfigError, DataError
from zoo.models.cifar_resnet import CIFARResNet
from zoo.models.weights import adapt_channels
from zoo.models.weights_file import read_weights


class RunsCode:
    """Pickled, it stands for a call that leaves a folder behind."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def theirs(classes: int = 10, depth: int = 20) -> dict[str, torch.Tensor]:
    """Weights of a network of another library: names of the backbone's tensors, and a classifier called `linear`."""
    torch.manual_seed(0)
    model = CIFARResNet(num_classes=classes, depth=depth)
    backbone = model.backbone.state_dict()
    for tensor in backbone.values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
    head = {f"linear.{name}": tensor for name, tensor in model.head.linear.state_dict().items()}
    return {name: tensor.clone() for name, tensor in {**backbone, **head}.items()}


def saved(folder, content, name: str = "weights.pth", **options) -> str:
    torch.save(content, folder / name, **options)
    return str(folder / name)


def assert_loaded(model: CIFARResNet, state: dict[str, torch.Tensor]) -> None:
    for name, tensor in model.backbone.state_dict().items():
        assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize(
    "prefix",
    ["", "module.", "backbone.", "_orig_mod.", "model.", "encoder.", "module._orig_mod.", "model.module.backbone."],
)
def test_prefixes_of_wrappers_are_taken_away(tmp_path, prefix):
    state = theirs()
    file = saved(tmp_path, {prefix + name: tensor for name, tensor in state.items()})
    model = CIFARResNet(num_classes=10, weights=file)
    assert_loaded(model, state)
    assert torch.equal(model.head.linear.weight, state["linear.weight"])
    assert (len(model.weights_report.loaded), model.weights_report.unused) == (len(state), ())


@pytest.mark.parametrize("nest", [("state_dict",), ("model",), ("model_state_dict",), ("model", "state_dict")])
@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_are_found_wherever_a_file_keeps_them(tmp_path, nest, zipped):
    content = state = theirs()
    for key in reversed(nest):
        content = {"epoch": 3, key: content, "optimizer": {"lr": 0.1}}
    file = saved(tmp_path, content, "weights.th", _use_new_zipfile_serialization=zipped)
    assert_loaded(CIFARResNet(num_classes=10, weights=file), state)


def test_safetensors_bring_what_their_metadata_say(tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    state = theirs(classes=2)
    metadata = {"class_names": json.dumps(["ant", "bee"]), "mean": "[0.5, 0.5, 0.5]", "size": "40", "format": "pt"}
    save_file(state, tmp_path / "weights.safetensors", metadata=metadata)
    file = str(tmp_path / "weights.safetensors")
    model = CIFARResNet(num_classes=2, weights=file)
    assert_loaded(model, state)
    assert model.weights_classes == ["ant", "bee"]
    assert model.normalise.mean.tolist() == [0.5, 0.5, 0.5]
    assert CIFARResNet.preprocessing({"weights": file}).size == 40


@pytest.mark.parametrize("key", ["zoo", "meta"])
def test_a_file_brings_its_preprocessing_and_classes(tmp_path, key):
    plan = {"size": 48, "resize": 50, "interpolation": "bicubic", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    file = saved(tmp_path, {"state_dict": theirs(2), key: {"class_names": ["ant", "bee"], "preprocessing": plan}})
    model = CIFARResNet(num_classes=2, weights=file)
    assert CIFARResNet.preprocessing({"weights": file}).to_dict() == plan
    assert model.normalise.std.tolist() == pytest.approx(plan["std"])
    assert model.weights_classes == ["ant", "bee"]


def test_a_checkpoint_of_a_run_is_a_file_of_weights(tmp_path):
    torch.manual_seed(1)
    trained = CIFARResNet(num_classes=3)
    trained.normalise.mean.fill_(0.25)
    state = {f"model.{name}": tensor for name, tensor in trained.state_dict().items()}
    header = {"facts": {"class_names": ["a", "b", "c"]}, "data": {"preprocessing": {"size": 36, "resize": 36}}}
    file = saved(tmp_path, {"state_dict": {**state, "loss.weight": torch.ones(3)}, "zoo": header}, "last.ckpt")
    model = CIFARResNet(num_classes=3, weights=file)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, trained.state_dict()[name]), name
    assert model.weights_classes == ["a", "b", "c"]
    assert model.weights_report.unused == ("loss.weight",)
    assert CIFARResNet.preprocessing({"weights": file}).size == 36


@pytest.mark.parametrize("own", [True, False])
def test_a_head_of_other_classes_stays_fresh_and_the_report_says_so(tmp_path, own):
    state = CIFARResNet(num_classes=10).state_dict() if own else theirs(10)
    torch.manual_seed(5)
    model = CIFARResNet(num_classes=3, weights=saved(tmp_path, state))
    torch.manual_seed(5)
    assert torch.equal(model.head.linear.weight, CIFARResNet(num_classes=3).head.linear.weight)
    assert model.weights_report.fresh == ("head.linear.weight", "head.linear.bias")
    assert len(model.weights_report.unused) == 2
    assert "a fresh head" in str(model.weights_report)


def test_a_head_of_another_kind_stays_fresh(tmp_path):
    model = CIFARResNet(num_classes=10, weights=saved(tmp_path, theirs(10)), head="mlp")
    assert not model.weights_report.head_loaded
    assert set(model.weights_report.unused) == {"linear.weight", "linear.bias"}


def test_files_from_before_batches_were_counted_load(tmp_path):
    state = {name: tensor for name, tensor in theirs().items() if not name.endswith("num_batches_tracked")}
    model = CIFARResNet(num_classes=10, weights=saved(tmp_path, state))
    assert torch.equal(model.backbone.conv1.weight, state["conv1.weight"])


def test_half_precision_files_fill_a_float32_model(tmp_path):
    state = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in theirs().items()}
    model = CIFARResNet(num_classes=10, weights=saved(tmp_path, state))
    assert model.backbone.conv1.weight.dtype == torch.float32
    assert torch.equal(model.backbone.conv1.weight, state["conv1.weight"].float())


def refused(file: str, **options) -> str:
    """The one line that the file is refused with."""
    with pytest.raises(DataError) as caught:
        CIFARResNet(num_classes=10, weights=file, **options)
    assert str(caught.value).startswith(file)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path, zipped):
    content = {"state_dict": theirs(), "extra": RunsCode(tmp_path / "broken_in")}
    message = refused(saved(tmp_path, content, _use_new_zipfile_serialization=zipped))
    assert f"{os.mkdir.__module__}.mkdir" in message
    assert not (tmp_path / "broken_in").exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [(nn.Linear(2, 2), "torch.nn.modules.linear.Linear"), ({"args": argparse.Namespace(lr=1)}, "argparse.Namespace")],
)
def test_whatever_is_no_plain_data_is_refused_by_name(tmp_path, content, named):
    message = refused(saved(tmp_path, content))
    assert named in message
    assert "save model.state_dict()" in message


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04 half of an archive"])
@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_damaged_files_are_refused(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    assert "fetch it again" in refused(str(tmp_path / name))


def test_a_file_without_tensors_is_refused(tmp_path):
    assert "holds no tensors by name (it has 'epoch')" in refused(saved(tmp_path, {"epoch": 3}))


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(ConfigError, match=r"^model\.weights: no such file: .*none\.pth; give a file"):
        CIFARResNet(num_classes=10, weights=str(tmp_path / "none.pth"))


def test_nothing_matched_is_an_error_with_names_of_both(tmp_path):
    file = saved(tmp_path, {f"generator.{name}": tensor for name, tensor in theirs().items()})
    message = refused(file)
    assert "none of its 116 tensors" in message
    assert "generator.conv1.weight" in message
    assert "the backbone conv1.weight" in message


def test_missing_tensors_are_an_error(tmp_path):
    message = refused(saved(tmp_path, theirs(depth=20)), depth=32)
    assert "60 of the backbone's 186 tensors are missing (layer1.3.conv1.weight" in message


def test_a_larger_backbone_is_an_error_and_not_cut_down(tmp_path):
    assert "72 are of a larger backbone (layer1.3.conv1.weight" in refused(saved(tmp_path, theirs(depth=32)), depth=20)
    own = CIFARResNet(num_classes=10, depth=32).state_dict()
    assert "72 are of a larger backbone (layer1.3.conv1.weight" in refused(saved(tmp_path, own), depth=20)


def test_other_shapes_outside_the_head_are_an_error_with_both_shapes(tmp_path):
    state = theirs()
    state["layer2.0.conv1.weight"] = torch.zeros(32, 8, 3, 3)
    assert "1 have another shape (layer2.0.conv1.weight (32, 8, 3, 3) for (32, 16, 3, 3))" in refused(
        saved(tmp_path, state)
    )


def test_one_tensor_under_two_prefixes_is_an_error(tmp_path):
    state = theirs()
    state["module.conv1.weight"] = state["conv1.weight"] + 1
    assert "holds conv1.weight twice" in refused(saved(tmp_path, state))


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_the_first_convolution_is_adapted_channel_by_channel(channels):
    weight = torch.randn(4, 3, 2, 2, dtype=torch.float64)
    expected = np.zeros((4, channels, 2, 2))
    for out, place in np.ndindex(4, channels):
        if channels == 1:
            expected[out, 0] = sum(weight[out, colour].numpy() for colour in range(3))
        else:
            expected[out, place] = weight[out, place % 3].numpy() * 3 / channels
    np.testing.assert_allclose(adapt_channels(weight, channels).numpy(), expected, rtol=1e-12)
    assert adapt_channels(weight, 3) is weight


def test_a_gray_image_is_what_it_is_given_three_times(tmp_path):
    even = {"mean": [0.4] * 3, "std": [0.2] * 3}
    file = saved(tmp_path, {"state_dict": theirs(), "meta": even})
    gray, coloured = (CIFARResNet(num_classes=10, in_channels=c, weights=file).eval() for c in (1, 3))
    image = torch.randint(0, 256, (2, 1, 16, 16), dtype=torch.uint8)
    # Features of these weights are large, so the comparison is relative to the largest.
    expected = coloured.run(image.expand(-1, 3, -1, -1), upto="pool")
    torch.testing.assert_close(
        gray.run(image, upto="pool"), expected, rtol=1e-4, atol=1e-5 * float(expected.detach().max())
    )


def test_weights_for_other_channels_come_back_as_they_were(tmp_path):
    trained = CIFARResNet(num_classes=10, in_channels=4)
    model = CIFARResNet(num_classes=10, in_channels=4, weights=saved(tmp_path, trained.state_dict()))
    assert torch.equal(model.backbone.conv1.weight, trained.backbone.conv1.weight)


def test_reading_leaves_the_default_device_alone(tmp_path):
    file = saved(tmp_path, theirs())
    with torch.device("meta"):
        assert read_weights(file).state["conv1.weight"].device.type == "cpu"
        assert CIFARResNet(num_classes=10, weights=file).backbone.conv1.weight.is_meta
