import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from zoo.models.cifar_resnet import Block, CIFARResNet
from zoo.models.preprocessing import Preprocessing
from zoo.testing import check_model

DEPTHS = [20, 32, 44, 56, 110]


def images(count: int = 2, side: int = 16) -> torch.Tensor:
    shape = (count, 3, side, side)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


# Parameters in millions: He et al. (2015), table 6.
@pytest.mark.parametrize(("depth", "millions"), list(zip(DEPTHS, [0.27, 0.46, 0.66, 0.85, 1.7], strict=True)))
def test_depth_is_the_number_of_layers_with_weights(depth, millions):
    with torch.device("meta"):
        model = CIFARResNet(num_classes=10, depth=depth)
    assert sum(isinstance(one, nn.Conv2d | nn.Linear) for one in model.modules()) == depth
    assert sum(one.numel() for one in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.035)


def test_option_a_takes_every_second_place_and_adds_zeros_around():
    features = torch.randn(2, 4, 6, 6)
    expected = np.zeros((2, 8, 3, 3), dtype=np.float32)
    for place in np.ndindex(2, 4, 3, 3):
        example, channel, row, column = place
        expected[example, channel + 2, row, column] = features[example, channel, 2 * row, 2 * column]
    assert np.array_equal(Block(4, 8, 2).identity(features).numpy(), expected)
    assert Block(4, 4, 1).identity(features) is features


def test_a_block_adds_its_input_before_the_last_activation():
    block = Block(3, 3, 1).eval()
    nn.init.zeros_(block.bn2.weight)
    features = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(block(features), features.relu())


def test_weights_start_as_the_paper_says():
    weight = CIFARResNet(num_classes=10).backbone.layer3[1].conv2.weight
    assert float(weight.detach().std()) == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)


def test_stages_are_disjoint_cover_everything_and_compose_to_forward():
    model = CIFARResNet(num_classes=10).eval()
    owned = [one for modules in model.stage_modules().values() for module in modules for one in module.parameters()]
    assert sorted(map(id, owned)) == sorted(map(id, model.parameters()))
    assert list(model.stages()) == ["input", "stem", "layer1", "layer2", "layer3", "pool", "head"]
    assert torch.equal(model.run(model.run(images(), upto="layer2"), after="layer2"), model(images()))


def test_images_are_thirty_two_wide_and_nothing_is_cropped():
    assert CIFARResNet.preprocessing({}) == Preprocessing(32, 32)


def test_the_number_of_outputs_goes_by_either_name_and_must_be_one():
    assert CIFARResNet(out_features=4, num_classes=4).head.linear.out_features == 4
    with pytest.raises(ValueError, match="neither is given"):
        CIFARResNet()
    with pytest.raises(ValueError, match="they differ"):
        CIFARResNet(out_features=1, num_classes=2)


def test_it_conforms():
    check_model("zoo.models.cifar_resnet:CIFARResNet", config={"depth": 20}, inputs=images)


@pytest.fixture
def published() -> Path:
    """Folder of the published weights and of the test images."""
    folder = os.environ.get("ZOO_TEST_DATA")
    if folder is None:
        pytest.skip("ZOO_TEST_DATA is not set: it names the folder of real data sets")
    return Path(folder)


def test_published_weights_know_their_test_images(published):
    sheet = Image.open(published / "cifar10_test" / "test_batch.png").crop((0, 0, 1024, 120)).convert("RGB")
    rows = np.asarray(sheet).reshape(120, 32, 32, 3)
    pixels = torch.from_numpy(rows.copy()).permute(0, 3, 1, 2)
    labels = torch.tensor(json.loads((published / "cifar10_test" / "test_lables.json").read_text())[:120])
    model = CIFARResNet(num_classes=10, weights=str(published / "cifar_resnet" / "resnet20-12fca82f.th")).eval()
    with torch.inference_mode():
        right = int((model(pixels).argmax(1) == labels).sum())
    assert model.weights_report.head_loaded
    assert right >= 105  # of 120; 91.73 % of all 10,000
