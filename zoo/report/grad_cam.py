"""What of a picture speaks for a class: Grad-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo.errors import ConfigError
from zoo.report.drawing import finished, new_figure, short, style
from zoo.report.gallery import shown

if TYPE_CHECKING:
    from zoo.models.backbone import Staged


def grad_cam(model: Staged, images: Tensor, classes: Tensor) -> Tensor:
    """Heat of every place of the last features for a class; Selvaraju et al. (2017), equations 1 and 2.

    α_k is the gradient of the class's logit by feature map k, averaged over places, and the heat is
    ReLU(Σ_k α_k A_k). With an average over places and a linear layer behind the maps it is the class activation map of
    Zhou et al. (2016), up to a factor and the ReLU.

    Args:
        model: of stages, on the device of the images; it is evaluated, and keeps its gradients.
        images: (B, C, H, W), 0..255.
        classes: whose logits are explained, (B,).

    Returns:
        (B, h, w), float32, at least 0; h and w are those of the features.

    Raises:
        ConfigError: the last features are no maps.
    """
    stages = list(model.stages())
    last = stages[stages.index("pool") - 1]
    training = [one for one in model.modules() if one.training]
    model.eval()
    try:
        with torch.enable_grad():
            maps = model.run(images, upto=last).detach().requires_grad_()
            if maps.dim() != 4:
                problem = f"the model's last features are {tuple(maps.shape[1:])}, and no maps"
                raise ConfigError("pictures", problem, "leave it out")
            logits = model.run(maps, after=last)
            if logits.shape[1] == 1:  # of a binary problem: the other class has the opposite logit
                logits = torch.cat([-logits, logits], 1)
            chosen = logits.gather(1, classes.unsqueeze(1)).sum()
            (gradient,) = torch.autograd.grad(chosen, maps)
    finally:
        for one in training:
            one.training = True
    weights = gradient.mean((2, 3), keepdim=True)
    heat: Tensor = (weights * maps.detach()).sum(1).relu().float()
    return heat


def draw_heat(image: Tensor, heat: Tensor, name: str, probability: float) -> bytes:
    """A PNG file: the picture, and beside it the picture under its heat.

    Args:
        image: uint8 (C, H, W).
        heat: (h, w), at least 0.
        name: of the class.
        probability: of it.
    """
    height, width = image.shape[1:]
    scaled = torch.nn.functional.interpolate(heat[None, None], (height, width), mode="bilinear", align_corners=False)
    scaled = scaled[0, 0] / scaled.max().clamp(min=1e-12)
    with style():
        figure = new_figure(6.4, 3.5 * height / width if height > width else 3.5)
        left, right = figure.subplots(1, 2)
        for axes in (left, right):
            axes.set_axis_off()
            axes.imshow(shown(image), cmap="gray")
        right.imshow(scaled.numpy(), cmap="inferno", alpha=0.15 + 0.55 * scaled.numpy(), vmin=0, vmax=1)
        left.set_title(f"{short(name, 40)}  {probability:.3f}")
        right.set_title("what speaks for it")
        return finished(figure, "heat", caption="", alternative="").png
