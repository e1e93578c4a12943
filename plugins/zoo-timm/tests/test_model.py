import re

import pytest
import timm
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from torch import nn
from zoo.errors import ConfigError, DataError

from zoo_timm import fetching
from zoo_timm.model import Timm

# Among them: a class token, tokens averaged, maps (B, H, W, F), layers after pooling, a network in one piece.
NETWORKS = [
    "test_resnet",
    "test_efficientnet",
    "test_convnext",
    "test_vit",
    "test_vit3",
    "test_mambaout",
    "test_maxvit",
    "test_nfnet",
    "test_vit_relpos",
]


def images(count: int = 2, channels: int = 3, side: int = 160) -> torch.Tensor:
    shape = (count, channels, side, side)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def theirs(name: str, classes: int = 5) -> nn.Module:
    """timm's own network, every tensor off its start."""
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=classes)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    return network.eval()


def saved(folder, state) -> str:
    torch.save(state, folder / "weights.pth")
    return str(folder / "weights.pth")


def normalised(name: str, given: torch.Tensor) -> torch.Tensor:
    known = timm.get_pretrained_cfg(name)
    mean, std = (torch.tensor(one).view(-1, 1, 1) for one in (known.mean, known.std))
    return (given.float() / 255 - mean) / std


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_of_timms_gives_timms_logits_whole_and_in_stages(name, tmp_path):
    network = theirs(name)
    model = Timm(num_classes=5, backbone=name, weights=saved(tmp_path, network.state_dict())).eval()
    with torch.no_grad():
        expected = network(normalised(name, images()))
        torch.testing.assert_close(model(images()), expected, rtol=1e-3, atol=1e-4)
        for stage in model.stages():
            parts = model.run(model.run(images(), upto=stage), after=stage)
            torch.testing.assert_close(parts, expected, rtol=1e-3, atol=1e-4)
    assert model.weights_report.head_loaded
    assert {f"backbone.{key}" for key in model.backbone.state_dict()} <= set(model.state_dict())


def test_concat_pooling_adds_the_maximum_over_places():
    for name, places in (("test_resnet", (2, 3)), ("test_vit", (1,))):
        model = Timm(num_classes=3, backbone=name, weights="none", head="mlp").eval()
        last = list(model.stages())[-3]
        with torch.no_grad():
            features = model.run(images(), upto=last)
            vectors = model.run(images(), upto="pool")
        average = features.mean(places) if name == "test_resnet" else features[:, 0]
        torch.testing.assert_close(vectors, torch.cat([average, features.amax(places)], 1))


def test_maps_with_channels_last_are_pooled_over_their_places():
    with torch.device("meta"):
        model = Timm(num_classes=3, backbone="swin_tiny_patch4_window7_224", weights="none", head="mlp").eval()
    features = torch.randn(2, 7, 7, 768)
    torch.testing.assert_close(model.pool(features), torch.cat([features.mean((1, 2)), features.amax((1, 2))], 1))


@pytest.mark.parametrize("channels", [1, 4])
def test_the_first_convolution_is_adapted_to_the_channels(channels, tmp_path):
    network = theirs("test_resnet")
    model = Timm(
        num_classes=5, in_channels=channels, backbone="test_resnet", weights=saved(tmp_path, network.state_dict())
    )
    weight, own = network.conv1[0].weight, model.backbone.conv1[0].weight
    if channels == 1:
        expected = weight.sum(1, keepdim=True)
        # Mean and deviation of this network are even, so a gray image is what it is given three times.
        gray = model.eval().run(images(channels=1), upto="pool")
        given = normalised("test_resnet", images(channels=1).expand(-1, 3, -1, -1))
        coloured = network.forward_head(network.forward_features(given), pre_logits=True)
        torch.testing.assert_close(gray, coloured, rtol=1e-3, atol=1e-4)
    else:
        expected = torch.cat([weight, weight[:, :1]], 1) * 3 / 4
    torch.testing.assert_close(own, expected)


def test_names_of_the_authors_are_translated(tmp_path):
    network = theirs("test_convnext")
    state = {}
    for name, tensor in network.state_dict().items():  # as the authors of ConvNeXt call them
        name = name.replace("stem.", "downsample_layers.0.").replace("head.norm", "norm").replace("head.fc", "head")
        name = re.sub(r"stages.(\d+).blocks.(\d+)", r"stages.\1.\2", name)
        name = re.sub(r"stages.(\d+).downsample.(\d+)", r"downsample_layers.\1.\2", name)
        state[name.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")] = tensor
    model = Timm(num_classes=5, backbone="test_convnext", weights=saved(tmp_path, {"model": state})).eval()
    expected = network(normalised("test_convnext", images()))
    torch.testing.assert_close(model(images()), expected, rtol=1e-3, atol=1e-4)


def test_a_file_of_another_network_is_an_error_with_names(tmp_path):
    with pytest.raises(DataError, match="none of its 8"):
        Timm(num_classes=5, backbone="test_resnet", weights=saved(tmp_path, theirs("test_vit").state_dict()))


def test_images_look_as_timm_says():
    plan = Timm.preprocessing({"backbone": "test_resnet"})
    assert (plan.size, plan.resize, plan.interpolation, plan.mean) == (160, 168, "bilinear", (0.5, 0.5, 0.5))
    plan = Timm.preprocessing({"backbone": "vit_tiny_patch16_224", "weights": "none"})
    assert (plan.size, plan.resize, plan.interpolation) == (224, 248, "bicubic")


@pytest.mark.parametrize(
    ("name", "message"),
    [("resnet5O", r"timm has no 'resnet5O'; did you mean .*resnet50"), ("resnet50.b9", r"did you mean .*resnet50\.")],
)
def test_an_unknown_backbone_is_one_line_with_those_that_are_near(name, message):
    with pytest.raises(ConfigError, match=message):
        Timm(num_classes=3, backbone=name, weights="none")


def test_drop_path_is_for_networks_that_have_it():
    model = Timm(num_classes=3, backbone="test_convnext", weights="none", drop_path=0.5)
    assert any(getattr(one, "drop_prob", 0) for one in model.backbone.modules())
    with (
        pytest.raises(ConfigError, match=r"^model\.drop_path: densenet121 has none; leave it out$"),
        torch.device("meta"),
    ):
        Timm(num_classes=3, backbone="densenet121", weights="none", drop_path=0.5)


def test_without_network_one_line_says_what_to_do(monkeypatch):
    def absent(*_, local_files_only=False, **__):
        assert local_files_only, "asked the hub without a connection"
        raise LocalEntryNotFoundError("not in the cache")

    def unreachable(*_):
        raise OSError("Name or service not known")

    monkeypatch.setattr(fetching, "hf_hub_download", absent)
    monkeypatch.setattr(fetching.urllib.request, "getproxies", dict)
    monkeypatch.setattr(fetching.socket, "create_connection", unreachable)
    with pytest.raises(ConfigError) as caught:
        Timm(num_classes=3, backbone="test_resnet")
    assert re.fullmatch(
        r"model\.weights: https://\S+/timm/test_resnet\.r160_in1k/resolve/main/model\.safetensors cannot be fetched "
        r"\(Name or service not known\); fetch it elsewhere and give model\.weights=FILE, or give model\.weights=none",
        str(caught.value),
    )


def test_weights_by_default_are_those_in_the_hubs_cache(tmp_path, monkeypatch):
    network = theirs("test_resnet", classes=1000)
    file = saved(tmp_path, network.state_dict())
    asked = []
    monkeypatch.setattr(fetching, "hf_hub_download", lambda *given, **options: asked.append((given, options)) or file)
    model = Timm(num_classes=3, backbone="test_resnet.r160_in1k")
    assert asked == [
        (("timm/test_resnet.r160_in1k", "model.safetensors"), {"revision": None, "local_files_only": True})
    ]
    assert torch.equal(model.backbone.layer4[0].conv1.weight, network.layer4[0].conv1.weight)
    assert not model.weights_report.head_loaded


def test_a_network_without_weights_says_so():
    with pytest.raises(ConfigError, match=r"timm has no weights for darknet17; give model\.weights=FILE or"):
        Timm(num_classes=3, backbone="darknet17")


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_it_can_be_exported_for_any_number_of_images(name):
    model = Timm(num_classes=3, backbone=name, weights="none").eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(model, (images(2),), dynamic_shapes={"inputs": {0: batch}})
    with torch.no_grad():
        torch.testing.assert_close(program.module()(images(3)), model(images(3)), rtol=1e-4, atol=1e-5)
