"""Folders of photos: classes by name, splits, faults, duplicates, balance."""

from __future__ import annotations

import shutil
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.model_selection import train_test_split
from torchvision.transforms import v2

from zoo.data.images.images import Images
from zoo.errors import ConfigError, DataError
from zoo.harness.batches import batches_of


def labels_of(data, split):
    """Names of the classes of a split's pictures, by file."""
    dataset, names = data.dataset(split), data.facts["class_names"]
    return {str(path): names[target] for path, target in zip(dataset.paths, dataset.targets.tolist(), strict=True)}


def test_classes_are_those_of_the_folders(folder, images):
    data = images(folder({"train/bee": 3, "train/ant": 2, "val/ant": 1, "val/bee": 2, "test/bee": 1}))
    assert data.facts["class_names"] == ["ant", "bee"]
    assert data.facts["examples"] == {"train": 5, "val": 3, "test": 1}
    assert data.facts["class_counts"] == [2, 3]
    assert data.facts["problem"] == "binary"
    for split in ("train", "val", "test"):
        assert all(f"/{split}/{name}/" in path for path, name in labels_of(data, split).items())


def test_class_folders_10_and_2_keep_their_names(folder, images):
    data = images(folder({"train/10": 2, "train/2": 2, "train/1": 2, "val/2": 1, "val/10": 1}))
    assert data.facts["class_names"] == ["1", "10", "2"]
    assert all(
        path.split("/")[-2] == name for split in ("train", "val") for path, name in labels_of(data, split).items()
    )


def test_a_val_folder_that_lacks_a_class_keeps_its_meaning(folder, images):
    data = images(folder({"train/a": 2, "train/b": 2, "train/c": 2, "val/c": 2, "val/a": 1}))
    assert sorted(data.dataset("val").targets.tolist()) == [0, 2, 2]
    assert any("val has no picture of 'b'" in note for note in data.notes)


def test_an_unknown_class_is_named(folder):
    path = folder({"train/ant": 2, "train/bee": 2, "val/ant": 1, "val/wasp": 1})
    with pytest.raises(DataError, match=r"val: class 'wasp' is none of training, which has 'ant', 'bee'; .*000\.png"):
        Images(str(path)).setup()


@pytest.mark.parametrize("spelling", ["valid", "validation", "Val", "dev"])
def test_folders_of_splits_are_known_by_usual_names(folder, images, spelling):
    data = images(folder({"Train/a": 2, "Train/b": 2, f"{spelling}/a": 1, f"{spelling}/b": 1}))
    assert data.facts["examples"] == {"train": 4, "val": 2, "test": 0}


def test_two_folders_of_one_split_are_refused(folder):
    with pytest.raises(DataError, match="both 'val' and 'valid' are folders for val"):
        Images(str(folder({"train/a": 1, "train/b": 1, "val/a": 1, "valid/a": 1}))).setup()


def test_without_folders_of_splits_the_shares_of_classes_are_kept(folder, images):
    path = folder({"a": 20, "b": 40})
    data = images(path, val=0.1, test=0.2, seed=3)
    counts = {split: Counter(labels_of(data, split).values()) for split in ("train", "val", "test")}
    assert counts == {"train": {"a": 14, "b": 28}, "val": {"a": 2, "b": 4}, "test": {"a": 4, "b": 8}}
    every = sorted(path.glob("*/*.png"))
    _, expected = train_test_split(
        range(60), test_size=0.2, random_state=3, stratify=[one.parent.name for one in every]
    )
    assert set(data.dataset("test").paths) == {every[place] for place in expected}


def test_a_folder_for_validation_leaves_training_whole(folder, images):
    data = images(folder({"train/a": 10, "train/b": 10, "val/a": 1, "val/b": 1}))
    assert data.facts["examples"] == {"train": 20, "val": 2, "test": 0}
    own = images(folder({"a": 10, "b": 10}), val_path=str(folder({"a": 1, "b": 3})))
    assert own.facts["examples"] == {"train": 20, "val": 4, "test": 0}


def test_hidden_files_are_skipped_and_others_counted(folder, images):
    path = folder({"train/a": 2, "train/b": 2, "val/a": 1, "val/b": 1})
    for place in ("train/.ipynb_checkpoints", "__MACOSX/train", "train/a/.thumbnails"):
        (path / place).mkdir(parents=True)
        picture_of(path / place / "x.png")
    (path / "train/a/._000.png").write_bytes(b"resource fork")
    (path / "train/a/notes.txt").write_text("no picture")
    data = images(path)
    assert data.facts["class_names"] == ["a", "b"]
    assert data.facts["examples"]["train"] == 4
    assert "files that are no pictures are left out: 1 .txt" in data.notes


def picture_of(path, colour=(1, 2, 3)):
    Image.new("RGB", (9, 9), colour).save(path)


def test_pictures_may_lie_deeper_and_behind_links(folder, images, tmp_path):
    path = folder({"a/x/y": 2, "b": 2})
    (path / "b" / "more").symlink_to(folder({"c": 1}) / "c")
    (path / "b" / "again").symlink_to(path / "b")
    assert Counter(labels_of(images(path, val=0, test=0), "train").values()) == {"a": 2, "b": 3}


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ({"a": 2}, "has one class, 'a'"),
        ({"a": 2, "b": 0}, "has no pictures of 'b'"),
        ({"train": 2}, "has 2 pictures and no folders"),
        ({"a": 0}, "has no pictures"),
        ({"val/a": 2}, "has 'val' and no 'train'"),
    ],
)
def test_folders_that_cannot_be_are_named(folder, counts, problem):
    with pytest.raises(DataError, match=problem):
        Images(str(folder(counts))).setup()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        Images(str(tmp_path / "nowhere")).setup()
    with pytest.raises(DataError, match=r"data\.path: is not set"):
        Images("").setup()


def test_a_damaged_picture_stops_before_training_or_is_counted(folder, images):
    path = folder({"a": 6, "b": 6})
    (path / "a/002.png").write_bytes((path / "a/002.png").read_bytes()[:200])
    (path / "b/001.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"a/002\.png: .*on_error=skip.*; 1 more like it"):
        Images(str(path)).setup()
    data = images(path, on_error="skip", val=0.2, test=0)
    assert data.facts["examples"] == {"train": 8, "val": 2, "test": 0}
    assert any(note.startswith("2 pictures of") and "002.png" in note for note in data.notes)


def test_a_picture_in_two_splits_is_found(folder, images):
    path = folder({"train/a": 3, "train/b": 3, "val/a": 1, "val/b": 1})
    shutil.copy(path / "train/a/001.png", path / "val/a/copy.png")
    assert any(
        note.startswith("1 pictures of train are in val or test too") and "copy.png" in note
        for note in images(path).notes
    )
    with pytest.raises(DataError, match=r"duplicates=drop"):
        images(path, duplicates="error")
    data = images(path, duplicates="drop")
    assert data.facts["examples"] == {"train": 5, "val": 3, "test": 0}
    assert path / "train/a/001.png" not in data.dataset("train").paths


def test_a_table_lists_paths_labels_and_splits(folder, images):
    path = folder({"x": 6})
    rows = [(f"x/{n:03d}.png", "007" if n % 2 else "cat", "val" if n > 3 else "train") for n in range(6)]
    pd.DataFrame(rows, columns=["filename", "label", "part"]).to_csv(path / "list.csv", index=False)
    data = images(path / "list.csv", split_column="part")
    assert data.facts["class_names"] == ["007", "cat"]
    assert data.facts["examples"] == {"train": 4, "val": 2, "test": 0}
    pd.DataFrame(rows, columns=["one", "two", "part"]).to_parquet(path / "list.parquet")
    other = images(path / "list.parquet", path_column="one", label_column=1, val=0.5, test=0)
    assert other.facts["examples"] == {"train": 3, "val": 3, "test": 0}


def test_a_table_with_a_missing_picture_names_the_line(folder):
    path = folder({"x": 1})
    (path / "list.csv").write_text("path,label\nx/000.png,a\nx/nowhere.png,b\n")
    with pytest.raises(DataError, match=r"list\.csv, line 3: no such picture"):
        Images(str(path / "list.csv")).setup()
    (path / "other.csv").write_text("what,label\nx/000.png,a\n")
    with pytest.raises(DataError, match=r"data\.path_column"):
        Images(str(path / "other.csv")).setup()


def test_evaluation_pixels_are_those_of_torchvision_cache_or_not(folder, images):
    path = folder({"a": 2, "b": 2})
    expected = v2.Compose([v2.Resize(10, antialias=True), v2.CenterCrop(8)])
    for cache in ("auto", "none", "auto"):
        dataset = images(path, val=0, test=0, cache=cache).dataset("all")
        for place, one in enumerate(dataset.paths):
            whole = torch.from_numpy(np.array(Image.open(one))).permute(2, 0, 1)
            assert torch.equal(dataset[place][0], expected(whole))


def test_a_very_long_picture_has_its_centre_and_no_long_cache(tmp_path, images):
    for name in ("a", "b"):
        (tmp_path / "long" / name).mkdir(parents=True)
    array = np.random.default_rng(0).integers(0, 256, (10, 803, 3), dtype=np.uint8)
    Image.fromarray(array).save(tmp_path / "long/a/1.png")
    picture_of(tmp_path / "long/b/1.png")
    dataset = images(tmp_path / "long", val=0, test=0).dataset("all")
    assert dataset.look.evaluated.of(dataset.paths[0], dataset.keys[0]).shape[2] <= 43
    expected = v2.CenterCrop(8)(v2.Resize(10, antialias=True)(torch.from_numpy(array).permute(2, 0, 1)))
    assert torch.equal(dataset[0][0], expected)


def test_training_pictures_are_a_function_of_seed_epoch_and_index(folder, images):
    path = folder({"a": 6, "b": 6})

    def drawn(indices, epoch, **options):
        data = images(path, val=0, test=0, **options)
        batches = batches_of(data, "train", shuffle=True, seed=1)
        batches.set_epoch(epoch)
        chosen = next(iter(batches))
        del chosen[:]
        chosen += indices
        return data.dataset("train").__getitems__(chosen)[0]

    together = drawn([3, 5, 8], 2)
    assert torch.equal(together[1:2], drawn([5], 2))
    assert not torch.equal(together, drawn([3, 5, 8], 3))
    assert not torch.equal(together, drawn([3, 5, 8], 2, seed=9))
    assert torch.equal(together, drawn([3, 5, 8], 2, cache="none"))
    assert together.dtype == torch.uint8
    assert together.shape == (3, 3, 8, 8)


def test_mixed_batches_have_shares_of_classes(folder, images):
    data = images(folder({"a": 4, "b": 4, "c": 4}), val=0, test=0, mixup=0.4)
    inputs, shares = data.dataset("train").__getitems__([0, 5, 9, 2])
    assert inputs.dtype == torch.float32
    assert shares.shape == (4, 3)
    torch.testing.assert_close(shares.sum(1), torch.ones(4))
    assert data.dataset("all").__getitems__([0, 5])[1].dtype == torch.int64


@pytest.mark.parametrize(("tta", "count"), [("flip", 2), ("five", 5), ("ten", 10)])
def test_views_are_of_the_test_alone(folder, images, tta, count):
    data = images(folder({"a": 10, "b": 10}), tta=tta)
    assert data.dataset("test").__getitems__([0, 1])[0].shape == (2, count, 3, 8, 8)
    assert data.dataset("val").__getitems__([0])[0].shape == (1, 3, 8, 8)
    centre = data.dataset("test").plain([0])[0]
    views = data.dataset("test").__getitems__([0])[0][0]
    assert torch.equal(views[{"flip": 0, "five": 4, "ten": 4}[tta]], centre)


def test_weights_of_classes_are_inverse_to_their_counts(folder, images):
    path = folder({"a": 2, "b": 6, "c": 12})
    data = images(path, val=0, test=0, balance="weights")
    assert data.facts["class_weights"] == pytest.approx([20 / (3 * 2), 20 / (3 * 6), 20 / (3 * 12)])
    assert "class_weights" in images(path, val=0, test=0, balance="auto").facts
    assert "class_weights" not in images(path, val=0, test=0).facts
    assert "class_weights" not in images(folder({"a": 2, "b": 6}), val=0, test=0, balance="auto").facts


def test_the_sampler_draws_every_class_equally_often(folder, images):
    data = images(folder({"a": 3, "b": 30}), val=0, test=0, balance="sampler", batch_size=8)
    drawn = Counter()
    for epoch in range(40):
        batches = batches_of(data, "train", shuffle=True, seed=5)
        batches.set_epoch(epoch)
        order = [index for batch in batches for index in batch]
        assert len(order) == 33
        drawn.update(data.dataset("train").targets[order].tolist())
        again = batches_of(data, "train", shuffle=True, seed=5)
        again.set_epoch(epoch)
        assert [index for batch in again for index in batch] == order
    # 1,320 fair draws: five standard deviations of their number.
    assert abs(drawn[0] - 660) < 5 * (1320 / 4) ** 0.5
    evaluated = [index for batch in batches_of(data, "all", shuffle=False, seed=5) for index in batch]
    assert evaluated == list(range(33))


def test_a_state_gives_another_process_the_same_pictures(folder, images):
    path = folder({"a": 5, "b": 5, "c": 5})
    data = images(path, channels=1)
    other = Images(str(path), batch_size=2)
    other.load_state_dict(data.state_dict())
    new = folder({"b": 2, "c": 1})
    read = other.read(str(new))
    assert read.__getitems__([0, 1, 2]).shape == (3, 1, 8, 8)
    assert [one["file"] for one in map(read.identity, range(3))] == [str(one) for one in sorted(new.glob("*/*"))]
    moved = Images(str(new))
    moved.load_state_dict(data.state_dict())
    moved.setup()
    assert sorted(moved.dataset("all").targets.tolist()) == [1, 1, 2]
    assert moved.facts["class_names"] == ["a", "b", "c"]


def test_what_is_predicted_for_may_be_a_folder_a_file_a_list_or_a_table(folder, images, tmp_path):
    path = folder({"a": 3, "b": 2})
    data = images(path, val=0, test=0)
    first = path / "a/000.png"
    (path / "list.txt").write_text("a/000.png\n\nb/001.png\n")
    (path / "list.csv").write_text("file,other\nb/000.png,1\n")
    assert len(data.read(path)) == 5
    assert data.read(first).paths == [first]
    assert data.read(path / "list.txt").paths == [first, path / "b/001.png"]
    assert data.read(str(path / "list.csv")).paths == [path / "b/000.png"]
    assert data.read_records([{"file": first}, str(first)]).paths == [first, first]
    with pytest.raises(DataError, match="No such file"):
        data.read(tmp_path / "nowhere.png")


def test_a_cache_that_cannot_be_written_changes_nothing(folder, images, tmp_path):
    path = folder({"a": 3, "b": 3})
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    expected = images(path, cache="none", val=0, test=0).dataset("all").__getitems__([0, 3])[0]
    assert torch.equal(images(path, cache=str(blocked), val=0, test=0).dataset("all").__getitems__([0, 3])[0], expected)


def test_a_picture_that_changes_is_decoded_anew(folder, images):
    path = folder({"a": 2, "b": 2})
    before = images(path, val=0, test=0).dataset("all")
    picture_of(path / "a/000.png", (200, 10, 10))
    after = images(path, val=0, test=0).dataset("all")
    assert after.keys[0] != before.keys[0]
    assert after.keys[1:] == before.keys[1:]
    assert after[0][0].float().mean((1, 2)).tolist() == [200, 10, 10]


@pytest.mark.parametrize("options", [{"resize": 4}, {"scale": [2.0, 1.0]}, {"val": 0.6, "test": 0.5}])
def test_options_that_cannot_be_are_refused(folder, images, options):
    with pytest.raises(ConfigError):
        images(folder({"a": 6, "b": 6}), **options)
