"""The toolkit's own checks, one test each."""

import pytest
import torch
from zoo.testing import model_checks


def images(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)


CHECKS = model_checks("zoo_efficientnet_lite.model:EfficientNetLite0", config={"weights": "none"}, inputs=images)


@pytest.mark.parametrize("check", CHECKS.checks())
def test_model_conforms(check):
    check()
