import numpy as np
import pytest
import torch

from zoo.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Normalise, Preprocessing


def pictures(channels: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (2, channels, 5, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def plain(images: torch.Tensor, mean, std) -> np.ndarray:
    """The definition, value by value, in float64."""
    given = images.double().numpy()
    found = np.empty_like(given)
    for place in np.ndindex(*given.shape):
        found[place] = (given[place] / 255 - mean[place[1]]) / std[place[1]]
    return found


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_normalise_is_the_definition(dtype):
    images = pictures().to(dtype)
    found = Normalise()(images)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), plain(images, IMAGENET_MEAN, IMAGENET_STD), rtol=1e-5, atol=1e-6)


def test_mean_and_std_travel_with_the_state():
    moved = Normalise()
    moved.load_state_dict(Normalise((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)).state_dict())
    expected = plain(pictures(), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    np.testing.assert_allclose(moved(pictures()).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_half_precision_normalises_in_float32():
    half = Normalise((0.5,), (0.25,)).bfloat16()
    found = half(pictures(1))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(
        found.float(), torch.from_numpy(plain(pictures(1), [0.5], [0.25])).float(), rtol=4e-3, atol=0
    )


def test_channels_last_images_stay_so():
    assert Normalise()(pictures().to(memory_format=torch.channels_last)).is_contiguous(
        memory_format=torch.channels_last
    )


@pytest.mark.parametrize("shape", [(2, 1, 5, 4), (3, 5, 4), (2, 4, 5, 4)])
def test_images_of_other_channels_are_refused_and_never_broadcast(shape):
    with pytest.raises(ValueError, match=r"expected \(batch, 3, height, width\)"):
        Normalise()(torch.zeros(shape))


def test_plain_values_come_back():
    plan = Preprocessing(size=64, resize=73, interpolation="bicubic", mean=(0.5,), std=(0.25,))
    assert plan.to_dict() == {"size": 64, "resize": 73, "interpolation": "bicubic", "mean": [0.5], "std": [0.25]}
    assert Preprocessing.from_dict(plan.to_dict()) == plan


def test_a_new_size_alone_keeps_the_share_that_is_cropped():
    assert Preprocessing(224, 256).updated({"size": 112}).resize == 128
    assert Preprocessing(224, 256).updated({"size": 112, "resize": 112}).resize == 112


def test_other_channels_get_the_average_of_the_colours():
    plan = Preprocessing().for_channels(4)
    assert plan.mean == pytest.approx([np.mean(IMAGENET_MEAN)] * 4)
    assert plan.std == pytest.approx([np.mean(IMAGENET_STD)] * 4)
    assert Preprocessing().for_channels(3) == Preprocessing()


@pytest.mark.parametrize(
    "values",
    [
        {"size": 0},
        {"size": 224, "resize": 223},
        {"interpolation": "nearest"},
        {"mean": [0.5]},
        {"std": [0.2, 0.0, 0.2]},
        {"mean": "grey"},
        {"size": "large"},
    ],
)
def test_values_that_no_picture_could_have_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        Preprocessing.from_dict(values)
