import sys
import urllib.error
from typing import get_args

import pytest
import torch
from torch import nn

from zoo.errors import ConfigError
from zoo.models.preprocessing import Preprocessing
from zoo.models.resnet import BackboneName, ResNet
from zoo.testing import check_model

torchvision = pytest.importorskip("torchvision")

NAMES = get_args(BackboneName)


def images(count: int = 2, side: int = 32, channels: int = 3) -> torch.Tensor:
    shape = (count, channels, side, side)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def theirs(classes: int = 1000) -> nn.Module:
    """torchvision's own network, its statistics not the initial ones."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None, num_classes=classes).train()
    network(torch.randn(4, 3, 32, 32))
    return network.eval()


@pytest.fixture(scope="module")
def trained() -> ResNet:
    torch.manual_seed(0)
    model = ResNet(num_classes=5, weights="none").train()
    model(images(4))
    return model.eval()


def test_a_file_of_torchvisions_gives_torchvisions_logits(tmp_path):
    network = theirs(classes=7)
    torch.save(network.state_dict(), tmp_path / "resnet18.pth")
    model = ResNet(num_classes=7, weights=str(tmp_path / "resnet18.pth")).eval()
    transform = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    expected = network(transform(images().float() / 255))
    torch.testing.assert_close(model(images()), expected, rtol=1e-4, atol=1e-4)
    assert len(model.weights_report.loaded) == len(network.state_dict())


@pytest.mark.parametrize("name", NAMES)
def test_every_backbone_has_torchvisions_tensors(name):
    with torch.device("meta"):
        model = ResNet(out_features=3, backbone=name, weights="none")
        expected = {key: one.shape for key, one in getattr(torchvision.models, name)().state_dict().items()}
    own = {key: one.shape for key, one in model.backbone.state_dict().items()}
    assert own == {key: shape for key, shape in expected.items() if not key.startswith("fc.")}
    assert model.head.linear.in_features == expected["fc.weight"][1]


def test_stages_are_disjoint_and_cover_everything(trained):
    owned = [one for modules in trained.stage_modules().values() for module in modules for one in module.parameters()]
    buffers = [one for modules in trained.stage_modules().values() for module in modules for one in module.buffers()]
    assert sorted(map(id, owned)) == sorted(map(id, trained.parameters()))
    assert sorted(map(id, buffers)) == sorted(map(id, trained.buffers()))
    assert list(trained.stages()) == ["input", "stem", "layer1", "layer2", "layer3", "layer4", "pool", "head"]


@pytest.mark.parametrize("stage", ["stem", "layer3", "layer4", "pool"])
def test_a_run_in_two_parts_is_forward(trained, stage):
    assert torch.equal(trained.run(trained.run(images(), upto=stage), after=stage), trained(images()))


def test_concat_pooling_gives_the_head_average_and_maximum(trained):
    model = ResNet(num_classes=5, weights="none", head="mlp").eval()
    model.backbone.load_state_dict(trained.backbone.state_dict())
    features = trained.run(images(side=64), upto="layer4")
    expected = model.head(torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1))
    torch.testing.assert_close(model(images(side=64)), expected)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_channels_start_from_the_first_convolution_of_the_weights(tmp_path, channels):
    network = theirs()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    model = ResNet(num_classes=3, in_channels=channels, weights=str(tmp_path / "weights.pth")).eval()
    normalised = torch.randn(2, 1, 32, 32)
    # One value in every channel is the same image, whatever their number, where the colours share it evenly.
    expected = network.conv1(normalised.expand(-1, 3, -1, -1))
    found = model.backbone.conv1(normalised.expand(-1, channels, -1, -1))
    if channels == 1:
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert found.shape == expected.shape
    assert model(images(channels=channels)).shape == (2, 3)


def test_channels_last_and_bfloat16_predict_the_same(trained):
    expected = trained(images())
    last = ResNet(num_classes=5, weights="none").eval()
    last.load_state_dict(trained.state_dict())
    last = last.to(memory_format=torch.channels_last)
    torch.testing.assert_close(last(images().to(memory_format=torch.channels_last)), expected, rtol=1e-4, atol=1e-5)
    features = last.run(images().to(memory_format=torch.channels_last), upto="layer2")
    assert features.is_contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(last(images()).float(), expected, rtol=0.05, atol=0.05)
    half = last.bfloat16()(images())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), expected, rtol=0.05, atol=0.05)


def test_it_can_be_exported_for_any_number_of_images(trained):
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(trained, (images(2),), dynamic_shapes={"inputs": {0: batch}})
    torch.testing.assert_close(program.module()(images(3)), trained(images(3)), rtol=1e-4, atol=1e-5)


def test_weights_by_default_are_those_in_torchs_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    entry = torchvision.models.ResNet18_Weights.DEFAULT
    network = theirs()
    (tmp_path / "checkpoints").mkdir()
    torch.save(network.state_dict(), tmp_path / "checkpoints" / entry.url.rpartition("/")[2])
    model = ResNet(num_classes=3)
    assert torch.equal(model.backbone.layer4[1].conv2.weight, network.layer4[1].conv2.weight)
    assert model.weights_classes == entry.meta["categories"]


def test_without_network_one_line_says_where_to_put_the_file(tmp_path, monkeypatch):
    def fail(url, *_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(ConfigError) as caught:
        ResNet(num_classes=3, backbone="resnet50", weights="IMAGENET1K_V1")
    file = torchvision.models.ResNet50_Weights.IMAGENET1K_V1.url
    name = file.rpartition("/")[2]
    assert str(caught.value) == (
        f"model.weights: {file} cannot be fetched (Name or service not known); put the file at "
        f"{tmp_path / 'checkpoints' / name}, or give model.weights=FILE or model.weights=none"
    )


def test_a_download_is_checked_against_the_hash_in_its_name(tmp_path, monkeypatch):
    def write(url, path, hash_prefix, progress):
        assert hash_prefix == "f37072fd"
        raise RuntimeError('invalid hash value (expected "f37072fd", got "00")')

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", write)
    with pytest.raises(ConfigError, match="invalid hash value"):
        ResNet(num_classes=3)


def test_a_name_that_is_neither_weights_nor_a_file_is_refused():
    with pytest.raises(ConfigError, match=r"did you mean 'IMAGENET1K_V1'.*; give default, none, IMAGENET1K_V1, IMA"):
        ResNet(num_classes=3, backbone="resnet50", weights="IMAGENET_V1")
    with pytest.raises(ConfigError, match="no such file"):
        ResNet.preprocessing({"weights": "elsewhere/resnet18.pth"})


def test_without_torchvision_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ConfigError, match=r"^model=resnet: needs torchvision; pip install 'attention-zoo\[images\]'$"):
        ResNet(num_classes=3, weights="none")


@pytest.mark.parametrize(
    ("backbone", "weights", "resize"),
    [
        ("resnet18", "none", 256),
        ("resnet18", "default", 256),
        ("resnet50", "default", 232),
        ("resnet50", "IMAGENET1K_V1", 256),
    ],
)
def test_images_look_as_those_that_the_weights_were_trained_on(backbone, weights, resize):
    plan = ResNet.preprocessing({"backbone": backbone, "weights": weights})
    assert plan == Preprocessing(224, resize, "bilinear")


def test_it_conforms():
    check_model("zoo.models.resnet:ResNet", config={"weights": "none"}, inputs=images)
