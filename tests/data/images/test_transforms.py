"""Pictures as they are evaluated, as training varies them, and in several views at test time."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from zoo.data.images.boxes import crop_box, erase_box
from zoo.data.images.transforms import Augment, erased, evaluate, views
from zoo.data.images.trivial_augment import BINS, OPERATIONS, draw_operation, trivial_augment
from zoo.errors import ConfigError
from zoo.models.preprocessing import Preprocessing

v2 = pytest.importorskip("torchvision.transforms.v2")

PLAN = Preprocessing(size=32, resize=36)
AUGMENTATIONS = ["none", "flip", "standard", "trivial"]
MODES = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(height: int = 40, width: int = 52, channels: int = 3, seed: int = 0) -> torch.Tensor:
    """Noise over a slope, so that every place and every direction looks different."""
    slope = torch.linspace(0, 100, height)[:, None] + torch.linspace(0, 50, width)
    noise = torch.randint(0, 100, (channels, height, width), generator=seeded(seed))
    return (slope + noise).to(torch.uint8)


def apart(samples: np.ndarray, others: np.ndarray) -> float:
    """p of the hypothesis that two samples are of one distribution."""
    return float(stats.ks_2samp(samples, others).pvalue)


def is_uniform(samples: np.ndarray, low: float, high: float) -> bool:
    return float(stats.kstest(samples, "uniform", (low, high - low)).pvalue) > 0.01


# Evaluation.


@pytest.mark.parametrize("size", [(40, 61), (61, 40), (37, 37), (13, 9), (28, 28), (24, 90), (3, 200)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("side", [28, 24, 23])
def test_evaluation_is_resize_and_centre_crop_of_torchvision_bit_for_bit(size, interpolation, side):
    mode = v2.InterpolationMode(interpolation)
    reference = v2.Compose([v2.Resize(28, interpolation=mode, antialias=True), v2.CenterCrop(side)])
    plan = Preprocessing(size=side, resize=28, interpolation=interpolation)
    for channels in (1, 3, 4):
        image = picture(*size, channels)
        assert torch.equal(evaluate(image, plan), reference(image))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(64, 64), (96, 96), (17, 17)])
def test_evaluation_is_what_pillow_makes_of_the_picture(size, interpolation):
    image = picture(*size)
    found = evaluate(image, Preprocessing(size=32, resize=32, interpolation=interpolation))
    expected = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((32, 32), MODES[interpolation])
    difference = found.permute(1, 2, 0).numpy().astype(int) - np.asarray(expected).astype(int)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("augment", ["none", "flip", "standard"])
@pytest.mark.parametrize("size", [(5, 7), (1, 1), (40, 3)])
def test_small_pictures_are_enlarged_and_never_padded(augment, size):
    image = torch.full((3, *size), 200, dtype=torch.uint8)
    for seed in range(10):
        found = Augment(PLAN, augment)(image, seeded(seed))
        assert found.shape == (3, 32, 32)
        assert (found == 200).all()


# Random parts.


def test_parts_have_uniform_areas_uniform_log_ratios_and_uniform_places():
    height = width = 100_000  # so large that the rounding to pixels does not matter
    generator = seeded(1)
    boxes = np.array([crop_box(height, width, (0.1, 0.5), generator) for _ in range(4000)])
    top, left, high, wide = boxes.T.astype(float)
    area, aspect = high * wide / (height * width), np.log(wide / high)
    down, across = top / (height - high), left / (width - wide)
    assert is_uniform(area, 0.1, 0.5)
    assert is_uniform(aspect, np.log(3 / 4), np.log(4 / 3))
    assert is_uniform(down, 0, 1)
    assert is_uniform(across, 0, 1)
    correlations = np.corrcoef([area, aspect, down, across])[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(4000)


@pytest.mark.parametrize(
    ("size", "scale"), [((300, 500), (0.08, 1.0)), ((500, 300), (0.35, 1.0)), ((64, 64), (0.9, 1.0))]
)
def test_parts_are_distributed_as_those_of_torchvision(size, scale):
    generator = seeded(2)
    ours = np.array([crop_box(*size, scale, generator) for _ in range(3000)])
    reference, image = v2.RandomResizedCrop(32, scale=scale), torch.zeros(3, *size)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        drawn = [reference.make_params([image]) for _ in range(3000)]
    for column, name in enumerate(("top", "left", "height", "width")):
        assert apart(ours[:, column], np.array([params[name] for params in drawn])) > 0.01


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((10, 1000), (0, 493, 10, 13)),
        ((1000, 12), (492, 0, 16, 12)),
        ((50, 50), (0, 0, 50, 50)),
        ((1, 1), (0, 0, 1, 1)),
    ],
)
def test_where_no_part_fits_it_is_the_greatest_in_the_centre(size, box):
    assert {crop_box(*size, (1.0, 1.0), seeded(seed)) for seed in range(20)} == {box}


def test_places_reach_both_edges_of_the_picture():
    boxes = [crop_box(4, 4, (0.25, 0.25), seeded(seed)) for seed in range(200)]
    places = {(top, left) for top, left, height, width in boxes if (height, width) == (2, 2)}
    assert places == {(top, left) for top in range(3) for left in range(3)}


@pytest.mark.parametrize("scale", [(0.35, 1.0), (0.08, 0.2)])
def test_a_training_picture_is_a_resized_part_mirrored_or_not(scale):
    image, mirrored = picture(), 0
    for seed in range(60):
        found = Augment(PLAN, "standard", scale=scale)(image, seeded(seed))
        top, left, height, width = crop_box(40, 52, scale, seeded(seed))
        part = v2.functional.resized_crop(image, top, left, height, width, [32, 32], antialias=True)
        mirrored += torch.equal(found, part.flip(-1))
        assert torch.equal(found, part) or torch.equal(found, part.flip(-1))
    assert 15 < mirrored < 45


def test_flip_mirrors_half_of_the_evaluation_pictures():
    image, generator = picture(), seeded()
    plain, augment = evaluate(image, PLAN), Augment(PLAN, "flip")
    drawn = [augment(image, generator) for _ in range(400)]
    mirrored = sum(torch.equal(found, plain.flip(-1)) for found in drawn)
    assert mirrored + sum(torch.equal(found, plain) for found in drawn) == 400
    assert abs(mirrored - 200) < 40  # four standard deviations


def test_none_is_evaluation_whatever_the_draw():
    assert torch.equal(Augment(PLAN, "none")(picture(), seeded(7)), evaluate(picture(), PLAN))


# What every augmentation promises.


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_a_training_picture_is_a_function_of_picture_and_generator_alone(augment):
    image, options = picture(), Augment(PLAN, augment, erase=0.5)
    torch.manual_seed(1)
    first = [options(image, seeded(seed)) for seed in range(20)]
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert all(torch.equal(options(image, seeded(seed)), found) for seed, found in enumerate(first))
    assert torch.equal(torch.get_rng_state(), before)
    assert len({found.numpy().tobytes() for found in first}) > 5


@pytest.mark.parametrize("augment", AUGMENTATIONS)
@pytest.mark.parametrize("size", [(40, 52), (32, 32), (36, 36)])
def test_the_picture_itself_is_never_changed(augment, size):
    image, options = picture(*size), Augment(PLAN, augment, erase=1.0, scale=(1.0, 1.0))
    for seed in range(40):
        options(image, seeded(seed))
    assert torch.equal(image, picture(*size))


@pytest.mark.parametrize("augment", AUGMENTATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_draw_is_a_square_of_bytes(augment, channels):
    for seed in range(30):
        found = Augment(PLAN, augment, erase=0.5)(picture(channels=channels), seeded(seed))
        assert (found.dtype, found.shape) == (torch.uint8, (channels, 32, 32))


def test_pictures_whose_channels_come_last_in_memory_give_the_same():
    image = picture()
    decoded = image.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    for augment in AUGMENTATIONS:
        for seed in range(5):
            expected = Augment(PLAN, augment, erase=0.5)(image, seeded(seed))
            assert torch.equal(Augment(PLAN, augment, erase=0.5)(decoded, seeded(seed)), expected)


def test_loader_processes_can_have_it():
    options = Augment(PLAN, "trivial", erase=0.25, scale=[0.08, 1.0])
    copied = pickle.loads(pickle.dumps(options))
    assert torch.equal(copied(picture(), seeded(4)), options(picture(), seeded(4)))


def test_the_key_tells_apart_what_makes_other_pixels_and_nothing_else():
    def key(plan: Preprocessing = PLAN, **options: object) -> str:
        return Augment(plan, **options).key  # type: ignore[arg-type]

    other_resize, other_mean = PLAN.updated({"resize": 40}), PLAN.updated({"mean": [0.5] * 3})
    assert len({key(augment=augment) for augment in AUGMENTATIONS}) == 4
    assert len({key(), key(scale=(0.08, 1)), key(erase=0.25), key(PLAN.updated({"size": 24}))}) == 4
    assert key(PLAN.updated({"interpolation": "bicubic"})) != key()
    assert key(scale=[0.35, 1]) == key(other_mean) == key(other_resize) == key()  # a random part is not resized first
    assert key(other_resize, augment="flip") != key(augment="flip") == key(augment="flip", scale=(0.08, 1))


# Erasing.


def test_rectangles_are_distributed_as_those_of_torchvision_with_the_shares_of_the_paper():
    generator = seeded(5)
    ours = np.array([erase_box(200, 300, generator) for _ in range(3000)])
    assert (ours[:, 2] / ours[:, 3]).max() > 3.2
    reference = v2.RandomErasing(p=1, scale=(0.02, 0.4), ratio=(0.3, 1 / 0.3))
    with torch.random.fork_rng():
        torch.manual_seed(6)
        drawn = [reference.make_params([torch.zeros(3, 200, 300)]) for _ in range(3000)]
    for column, name in enumerate("ijhw"):
        assert apart(ours[:, column], np.array([params[name] for params in drawn])) > 0.01


@pytest.mark.parametrize("erase", [0.1, 0.5])
def test_so_many_pictures_are_erased_as_the_option_says(erase):
    generator, options = seeded(8), Augment(PLAN, "none", erase=erase)
    plain = evaluate(picture(), PLAN)
    changed = sum(not torch.equal(options(picture(), generator), plain) for _ in range(600))
    assert abs(changed - 600 * erase) < 4 * np.sqrt(600 * erase * (1 - erase))


def test_erasing_leaves_what_is_around_the_rectangle_and_fills_it_with_every_byte():
    image, inside = picture(64, 80), []
    for seed in range(40):
        top, left, height, width = erase_box(64, 80, seeded(seed))
        found = erased(image, seeded(seed))
        inside.append(found[:, top : top + height, left : left + width].flatten())
        found[:, top : top + height, left : left + width] = image[:, top : top + height, left : left + width]
        assert torch.equal(found, image)
    counts = torch.bincount(torch.cat(inside).long(), minlength=256)
    assert stats.chisquare(counts.numpy()).pvalue > 0.01


def test_erasing_does_not_change_what_is_drawn_before_it():
    for augment in ("flip", "standard", "trivial"):
        for seed in range(10):
            plain = Augment(PLAN, augment)(picture(), seeded(seed))
            changed = (Augment(PLAN, augment, erase=1.0)(picture(), seeded(seed)) != plain).any(0)
            rows, columns = changed.any(1).nonzero(), changed.any(0).nonzero()
            box = (int(rows.max() - rows.min()) + 1) * (int(columns.max() - columns.min()) + 1)
            assert box < 32 * 32 * 0.5
            assert changed.sum() > 0.9 * box


# TrivialAugment.


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("channels", [1, 3])
def test_operations_and_strengths_are_those_of_torchvision_bit_for_bit(operation, channels):
    name = operation.name.title().replace("_", "")
    reference = v2.TrivialAugmentWide()
    strengths_of, signed = reference._AUGMENTATION_SPACE[name]
    strengths = strengths_of(BINS, 48, 56)
    assert signed == operation.signed
    assert (strengths is None) == (operation.strengths is None)
    image = picture(48, 56, channels)
    for bin_ in range(0, BINS, 5):
        given = operation.strength(bin_)
        whole = round(given) if name == "Posterize" else given
        assert strengths is None or float(strengths[bin_]) == pytest.approx(whole, rel=1e-6)
        for sign in (1, -1) if signed else (1,):
            expected = reference._apply_image_or_video_transform(image, name, sign * whole, "nearest", reference._fill)
            assert torch.equal(operation.apply(v2.functional, image, sign * given), expected)


def test_no_operation_is_missing():
    names = {operation.name.title().replace("_", "") for operation in OPERATIONS}
    assert names == set(v2.TrivialAugmentWide._AUGMENTATION_SPACE)


def test_operations_strengths_and_signs_are_as_likely_each():
    generator = seeded(9)
    drawn = [draw_operation(generator) for _ in range(15500)]
    counts = [sum(operation.name == one.name for operation, _ in drawn) for one in OPERATIONS]
    assert stats.chisquare(counts).pvalue > 0.01
    bins = [
        round(abs(strength - operation.strengths[0]) / abs(operation.strengths[1] - operation.strengths[0]) * 30)
        for operation, strength in drawn
        if operation.strengths and not operation.signed
    ]
    assert stats.chisquare(np.bincount(bins, minlength=BINS)).pvalue > 0.01
    signed = [(round(abs(strength) / operation.strengths[1] * 30), strength > 0)
              for operation, strength in drawn if operation.strengths and operation.signed]  # fmt: skip
    assert stats.chisquare(np.bincount([bin_ for bin_, _ in signed], minlength=BINS)).pvalue > 0.01
    positive = [sign for bin_, sign in signed if bin_]
    assert stats.binomtest(sum(positive), len(positive)).pvalue > 0.01


def test_trivial_changes_the_parts_that_standard_draws():
    kept = 0
    for seed in range(60):
        generator = seeded(seed)
        standard = Augment(PLAN, "standard")(picture(), generator)
        found = Augment(PLAN, "trivial")(picture(), seeded(seed))
        assert torch.equal(found, trivial_augment(standard, v2.functional, generator))
        kept += torch.equal(found, standard)
    assert kept < 30


def test_trivial_refuses_pictures_without_colours():
    with pytest.raises(ConfigError, match=r"data\.augment: trivial .* 4 channels; choose standard"):
        Augment(PLAN, "trivial")(picture(channels=4), seeded())
    assert Augment(PLAN, "standard")(picture(channels=4), seeded()).shape == (4, 32, 32)


# Views at test time.


def test_views_are_the_corners_the_centre_and_their_mirror_images():
    images = torch.stack([picture(32, 32, seed=seed) for seed in range(2)])
    low, high = slice(0, 24), slice(8, 32)
    centre = images[..., 4:28, 4:28]
    five = [images[..., row, column] for row in (low, high) for column in (low, high)] + [centre]
    mirrored = images.flip(-1)
    other_five = [mirrored[..., row, column] for row in (low, high) for column in (low, high)] + [centre.flip(-1)]
    assert torch.equal(views(images, "none"), images.unsqueeze(1))
    assert torch.equal(views(images, "flip"), torch.stack([images, mirrored], 1))
    assert torch.equal(views(images, "five", 24), torch.stack(five, 1))
    assert torch.equal(views(images, "ten", 24), torch.stack(five + other_five, 1))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(("tta", "count"), [("none", 1), ("flip", 2), ("five", 5), ("ten", 10)])
def test_views_have_the_size_of_the_pictures_unless_another_is_given(tta, count, dtype):
    images = torch.stack([picture(32, 32, seed=seed) for seed in range(2)]).to(dtype)
    found = views(images, tta)
    assert (found.shape, found.dtype) == ((2, count, 3, 32, 32), dtype)
    if count >= 5:
        for one, part in zip(found.unbind(1), views(images, tta, 28).unbind(1), strict=True):
            assert torch.equal(one, v2.functional.resize(part, [32, 32], antialias=True))


def test_the_mirror_image_has_the_same_ten_views():
    images = picture(32, 32).unsqueeze(0)
    one, other = ({view.numpy().tobytes() for view in views(x, "ten")[0]} for x in (images, images.flip(-1)))
    assert one == other
    assert len(one) == 10


# What a user can get wrong.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": "trival"}, r"data\.augment: 'trival' is none of .* \(did you mean 'trivial'\?\)"),
        ({"erase": 1.5}, r"data\.erase: 1\.5 is no probability; give 0 to 1"),
        ({"erase": float("nan")}, r"data\.erase"),
        ({"scale": (0.0, 1.0)}, r"data\.scale: \[0\.0, 1\.0\] is no range"),
        ({"scale": (0.8, 0.3)}, r"data\.scale"),
        ({"scale": (0.5, 1.5)}, r"data\.scale"),
        ({"scale": [0.5]}, r"data\.scale"),
    ],
)
def test_options_out_of_range_are_refused_when_they_are_given(options, message):
    with pytest.raises(ConfigError, match=message):
        Augment(PLAN, **options)


def test_unknown_and_too_large_views_are_refused():
    with pytest.raises(ConfigError, match=r"data\.tta: 'fiv' is none of .*did you mean 'five'"):
        views(picture().unsqueeze(0), "fiv")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="views of 41 pixels do not fit into images of 40 by 52"):
        views(picture().unsqueeze(0), "five", 41)


@pytest.mark.parametrize("image", [torch.zeros(3, 8, 8), torch.zeros(8, 8, dtype=torch.uint8), picture()[:, :0]])
def test_what_is_no_picture_is_refused(image):
    for call in (lambda: evaluate(image, PLAN), lambda: Augment(PLAN)(image, seeded())):
        with pytest.raises(ValueError, match=r"expected uint8 \(channels, height, width\)"):
            call()


def test_without_torchvision_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.transforms", None)
    with pytest.raises(ConfigError, match=r"needs torchvision; pip install 'attention-zoo\[images\]'"):
        evaluate(picture(), PLAN)
