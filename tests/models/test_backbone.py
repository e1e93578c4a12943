import numpy as np
import pytest
import torch
from torch import nn

from zoo.models.backbone import Stage, Staged, pooled
from zoo.models.preprocessing import Preprocessing


class Tiny(Staged):
    """Two convolutions, the second with an activation of its own in the stage's function."""

    def __init__(self, pooling="avg"):
        super().__init__(Preprocessing(8, 8), pooling)
        self.backbone = nn.ModuleDict({"one": nn.Conv2d(3, 4, 3), "two": nn.Conv2d(4, 5, 3)})
        self.head = nn.Linear(10 if pooling == "concat" else 5, 2)

    def backbone_stages(self):
        one, two = self.backbone["one"], self.backbone["two"]
        return {"one": Stage((one, nn.ReLU())), "two": Stage((two,), lambda features: two(features).tanh())}


def images(count: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_forward_is_the_stages_by_hand():
    model = Tiny()
    hidden = model.backbone["two"](model.backbone["one"](model.normalise(images())).relu()).tanh()
    torch.testing.assert_close(model(images()), model.head(hidden.mean((2, 3))))
    assert list(model.stages()) == ["input", "one", "two", "pool", "head"]


@pytest.mark.parametrize("pooling", ["avg", "concat"])
@pytest.mark.parametrize("stage", ["input", "one", "two", "pool", "head"])
def test_a_run_in_two_parts_is_forward(stage, pooling):
    model = Tiny(pooling)
    expected = model(images())
    assert torch.equal(model.run(model.run(images(), upto=stage), after=stage), expected)


def test_a_part_applies_its_stages_alone():
    model = Tiny()
    features = torch.randn(2, 4, 6, 6)
    assert torch.equal(model.run(features, after="one", upto="two"), model.backbone["two"](features).tanh())
    assert model.run(features, after="one", upto="one") is features


@pytest.mark.parametrize(
    ("after", "upto", "message"),
    [
        ("three", None, "no stage 'three'; the stages are input, one"),
        (None, "three", "no stage 'three'"),
        ("two", "one", "before"),
    ],
)
def test_stages_that_cannot_be_run_are_refused(after, upto, message):
    with pytest.raises(ValueError, match=message):
        Tiny().run(torch.zeros(1, 4, 6, 6), after=after, upto=upto)


def test_stages_follow_a_module_that_was_replaced():
    model = Tiny()
    model.backbone["one"] = nn.Conv2d(3, 4, 3)
    hidden = model.backbone["two"](model.backbone["one"](model.normalise(images())).relu()).tanh()
    torch.testing.assert_close(model(images()), model.head(hidden.mean((2, 3))))
    assert model.stage_modules()["one"][0] is model.backbone["one"]


def test_a_backbone_without_stages_cannot_be_built():
    class Unnamed(Staged):
        pass

    with pytest.raises(TypeError, match="backbone_stages"):
        Unnamed(Preprocessing())


@pytest.mark.parametrize("pooling", ["avg", "concat"])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 7, 3), (2, 3)])
def test_pooling_is_over_every_place(shape, pooling):
    features = torch.randn(shape, dtype=torch.float64)
    if len(shape) == 4:
        places = features.numpy().reshape(2, 3, -1)
    else:
        places = features.numpy().reshape(2, -1, 3).transpose(0, 2, 1)
    expected = places.mean(2) if pooling == "avg" else np.concatenate([places.mean(2), places.max(2)], 1)
    np.testing.assert_allclose(pooled(features, pooling).numpy(), expected, rtol=1e-12)


def test_features_without_a_known_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected \(B, F, H, W\)"):
        pooled(torch.zeros(1, 2, 3, 4, 5))
