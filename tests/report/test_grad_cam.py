"""Grad-CAM against its equations written out, and against the closed form behind an average over places."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zoo
from zoo.errors import ConfigError
from zoo.report.grad_cam import draw_heat, grad_cam


@pytest.fixture
def model():
    torch.manual_seed(0)
    return zoo.build("model", "cifar_resnet", depth=20, num_classes=3).train()


def test_heat_is_that_of_the_equations(model):
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    heat = grad_cam(model, images, torch.tensor([2, 0]))
    assert model.training
    model.eval()
    maps = model.run(images, upto="layer3").detach().double()
    model.head.double()
    for row, one in enumerate((2, 0)):
        alone = maps[row : row + 1].clone().requires_grad_()
        logit = model.head(alone.mean((2, 3)))[0, one]
        (gradient,) = torch.autograd.grad(logit, alone)
        expected = np.zeros(maps.shape[2:])
        for k in range(maps.shape[1]):
            alpha = sum(float(value) for value in gradient[0, k].flatten()) / gradient[0, k].numel()
            expected += alpha * maps[row, k].numpy()
        np.testing.assert_allclose(heat[row].numpy(), np.maximum(expected, 0), rtol=1e-4, atol=1e-6)


def test_behind_an_average_it_is_the_class_activation_map(model):
    images = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    heat = grad_cam(model, images, torch.tensor([1]))
    model.eval()
    maps = model.run(images, upto="layer3").detach()
    weights = model.head.linear.weight[1].detach()
    activation = torch.einsum("k,khw->hw", weights, maps[0]) / maps[0, 0].numel()
    torch.testing.assert_close(heat[0], activation.relu(), rtol=1e-4, atol=1e-6)


def test_a_single_logit_speaks_for_both_classes():
    torch.manual_seed(0)
    model = zoo.build("model", "cifar_resnet", depth=20, out_features=1).eval()
    images = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    maps = model.run(images, upto="layer3").detach()
    signed = torch.einsum("k,khw->hw", model.head.linear.weight[0].detach(), maps[0]) / maps[0, 0].numel()
    for one, expected in ((1, signed.relu()), (0, (-signed).relu())):
        torch.testing.assert_close(grad_cam(model, images, torch.tensor([one]))[0], expected, rtol=1e-4, atol=1e-6)


def test_features_that_are_no_maps_are_refused(model):
    model.backbone_stages = lambda: {
        "flat": type("Flat", (), {"modules": (nn.Flatten(),), "__call__": lambda _, x: x.flatten(1)})()
    }
    with pytest.raises(ConfigError, match=r"pictures: the model's last features are .* no maps"):
        grad_cam(model, torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.tensor([0]))


@pytest.mark.parametrize("shape", [(3, 20, 30), (1, 30, 20), (4, 16, 16)])
def test_a_picture_of_heat_is_a_png(shape):
    png = draw_heat(torch.zeros(shape, dtype=torch.uint8), torch.rand(4, 5), "ant", 0.5)
    assert Image.open(io.BytesIO(png)).size[0] > 300
