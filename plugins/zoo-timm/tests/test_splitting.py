import pytest
import timm
import torch

from zoo_timm.model import Timm
from zoo_timm.splitting import split_of

BLOCKS = [f"blocks{place}" for place in range(12)]
STAGES = {
    "resnet50": ["stem", "layer1", "layer2", "layer3", "layer4"],
    "convnext_tiny": ["stem", "stages0", "stages1", "stages2", "stages3", "top"],
    "efficientnet_b0": ["stem", *BLOCKS[:7], "top"],
    "mobilenetv3_small_100": ["stem", *BLOCKS[:6], "top"],
    "regnety_008": ["stem", "s1", "s2", "s3", "s4"],
    "dla34": ["stem", "level0", "level1", "level2", "level3", "level4", "level5"],
    "swin_tiny_patch4_window7_224": ["stem", "layers0", "layers1", "layers2", "layers3", "top"],
    "vit_tiny_patch16_224": ["stem", *BLOCKS, "top"],
    "deit_tiny_distilled_patch16_224": ["stem", *BLOCKS, "top"],
    # Positions go into every block, several scales side by side, or code that looks at values: one piece.
    "eva02_tiny_patch14_224": ["backbone"],
    "hrnet_w18": ["backbone"],
    "crossvit_9_240": ["backbone"],
}


@pytest.mark.parametrize("name", STAGES)
def test_networks_are_split_where_one_tensor_goes_from_part_to_part(name):
    with torch.device("meta"):
        model = Timm(num_classes=3, backbone=name, weights="none").eval()
        size = Timm.preprocessing({"backbone": name}).size
        logits = model(torch.zeros(2, 3, size, size, dtype=torch.uint8))
    assert list(model.stages()) == ["input", *STAGES[name], "pool", "head"]
    assert logits.shape == (2, 3)
    owned = [one for modules in model.stage_modules().values() for module in modules for one in module.parameters()]
    assert sorted(map(id, owned)) == sorted(map(id, model.parameters()))


def test_features_are_counted_before_the_classifier():
    assert split_of("mobilenetv3_small_100", 3).features == 1024
    assert split_of("vit_tiny_patch16_224", 3).features == 192


def test_a_network_that_adds_something_between_its_parts_is_one_stage(monkeypatch):
    original = timm.models.resnet.ResNet.forward_features

    def shifted(self, x):
        handle = self.layer3.register_forward_pre_hook(lambda _, given: (given[0] + 1,))
        try:
            return original(self, x)
        finally:
            handle.remove()

    monkeypatch.setattr(timm.models.resnet.ResNet, "forward_features", shifted)
    assert split_of("test_resnet", 3).stages == {}
