"""Pictures of every odd kind become the pixels that they show, or are named."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.data.images.decoding import decode
from zoo.errors import DataError

RED, BLUE = (200, 30, 40), (20, 40, 210)


def two_halves(mode: str = "RGB") -> Image.Image:
    """The left half red, the right half blue, 12 wide and 6 high."""
    image = Image.new("RGB", (12, 6), RED)
    image.paste(BLUE, (6, 0, 12, 6))
    return image.quantize(8) if mode == "P" else image.convert(mode)


def saved(path, image: Image.Image, **options):
    image.save(path, **options)
    return path


def colours(pixels: torch.Tensor) -> tuple[list[int], list[int]]:
    """In the middle of the left and of the right half."""
    return pixels[:, 3, 2].tolist(), pixels[:, 3, 9].tolist()


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "RGB"), ("b.png", "RGBA"), ("c.png", "P"), ("d.gif", "P"), ("e.bmp", "RGB"), ("f.webp", "RGB")],
)
def test_colours_are_those_of_the_picture(tmp_path, name, mode):
    options = {"lossless": True} if name.endswith("webp") else {}
    assert colours(decode(saved(tmp_path / name, two_halves(mode), **options))) == (list(RED), list(BLUE))


def test_a_cmyk_jpeg_has_its_colours(tmp_path):
    pixels = decode(saved(tmp_path / "print.jpg", two_halves("CMYK"), quality=95))
    assert pixels.shape == (3, 6, 12)
    (red, _, less_blue), (less_red, _, blue) = colours(pixels)
    assert red > less_red + 80
    assert blue > less_blue + 80


def test_sixteen_bits_become_eight(tmp_path):
    values = np.array([[0, 257, 65535], [32896, 128, 129]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    expected = [[0, 1, 255], [128, 0, 1]]  # the nearest of 255 v / 65535
    assert decode(tmp_path / "deep.png", 1).tolist() == [expected]
    assert decode(tmp_path / "deep.png", 3).tolist() == [expected] * 3


def test_grey_values_of_no_known_range_are_refused(tmp_path):
    Image.fromarray(np.array([[-5.0, 1e6]], dtype=np.float32)).save(tmp_path / "odd.tiff")
    with pytest.raises(DataError, match=r"odd\.tiff: .*no known range"):
        decode(tmp_path / "odd.tiff")


def test_transparent_pixels_are_white(tmp_path):
    image = two_halves("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    assert colours(decode(saved(tmp_path / "a.png", image))) == ([255] * 3, [255] * 3)
    assert decode(tmp_path / "a.png", 4)[3].unique().tolist() == [0]
    grey = Image.new("LA", (4, 4), (0, 128))
    assert abs(int(decode(saved(tmp_path / "la.png", grey))[0, 0, 0]) - 127) <= 1


def test_a_palette_with_transparency_is_over_white(tmp_path):
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    pixels = decode(saved(tmp_path / "p.png", image, transparency=0))
    assert pixels[:, 0, 0].tolist() == [255] * 3
    assert pixels[:, 0, 1].tolist() == [40, 50, 60]


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [(3, lambda array: array[::-1, ::-1]), (6, lambda array: np.rot90(array, -1)), (8, lambda array: np.rot90(array))],
)
def test_a_photo_is_turned_as_its_camera_says(tmp_path, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = two_halves()
    pixels = decode(saved(tmp_path / "turned.png", image, exif=exif))
    np.testing.assert_array_equal(pixels.permute(1, 2, 0).numpy(), turned(np.asarray(image)))


def test_an_animation_is_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert decode(tmp_path / "moving.webp")[:, 0, 0].tolist() == list(RED)


def test_channels_are_those_asked_for(tmp_path):
    path = saved(tmp_path / "a.png", two_halves())
    assert [decode(path, channels).shape[0] for channels in (1, 3, 4)] == [1, 3, 4]
    assert decode(path, 4)[3].unique().tolist() == [255]
    np.testing.assert_array_equal(decode(path, 1)[0].numpy(), np.asarray(two_halves("L")))


def test_a_truncated_photo_is_named(tmp_path):
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole, "JPEG")
    (tmp_path / "half.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(DataError, match=r"half\.jpg: is truncated"):
        decode(tmp_path / "half.jpg")


@pytest.mark.parametrize(("content", "problem"), [(b"", "is empty"), (b"not at all", "is no picture")])
def test_what_is_no_picture_is_named(tmp_path, content, problem):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.jpg: {problem}"):
        decode(tmp_path / "a.jpg")


def test_a_bomb_is_named(tmp_path, monkeypatch):
    path = saved(tmp_path / "bomb.png", two_halves())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(DataError, match=r"bomb\.png: has more pixels"):
        decode(path)
