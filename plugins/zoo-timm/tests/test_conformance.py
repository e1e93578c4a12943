"""The toolkit's own checks, one test each."""

import pytest
import torch
from zoo.testing import check_model, model_checks

MODEL = "zoo_timm.model:Timm"


def images(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8)


@pytest.mark.parametrize(
    "check", model_checks(MODEL, config={"backbone": "test_resnet", "weights": "none"}, inputs=images).checks()
)
def test_model_conforms(check):
    check()


def test_a_network_that_normalises_after_pooling_conforms():
    check_model(MODEL, config={"backbone": "test_convnext", "weights": "none", "drop_path": 0.1}, inputs=images)
