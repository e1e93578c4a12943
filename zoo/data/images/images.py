"""`data=images`: a folder of photos, or a table of their paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import numpy as np
import torch
from annotated_types import Ge, Le, Lt

from zoo.data.arrays import ArrayStore
from zoo.data.images.content import ContentKeys
from zoo.data.images.dataset import ImageDataset, Look
from zoo.data.images.decoding import Channels
from zoo.data.images.folders import Labelled, read_classes, split_folders
from zoo.data.images.mixing import Mix
from zoo.data.images.pixels import Pixels
from zoo.data.images.requests import requested
from zoo.data.images.sound import decodable, distinct, store_with_room
from zoo.data.images.splits import check_classes, cut
from zoo.data.images.tables import is_table, read_labels
from zoo.data.images.transforms import Augment, TestViews
from zoo.data.splits import SPLITS, check_fractions
from zoo.data.table import listed
from zoo.data.text.cache import cache_folder
from zoo.errors import ConfigError, DataError
from zoo.models.preprocessing import Preprocessing

Fraction = Annotated[float, Ge(0), Lt(1)]
#: The largest class over the smallest, from which `balance=auto` weighs them.
UNEVEN = 3


class Images:
    """Pictures in a folder for each class, or in a table, for classification.

    A folder has folders `train`, `val` and `test` (or the first alone), each with a folder of pictures for every class;
    or the folders of classes themselves, of which `val` and `test` are then fractions, the same shares of each class.
    A table (.csv, .tsv, .parquet) has a column of paths, one of classes, and perhaps one of splits.

    There is one list of classes, of the training split, in the order of their names as plain text. It is kept by name:
    a split that lacks a class keeps the meaning of the others, and one that has another class is refused.

    Before training every picture is decoded once, so that a damaged one is found then. What it became, resized, is kept
    on disk under a key of what is in the file, and read from there ever after.

    Args:
        path: the folder or table.
        val: fraction of the training pictures for validation, where it has no folder; None: 0.1.
        test: fraction for the test, where it has no folder; None: 0.2, and none where there are folders of splits.
        val_path: folder of classes, or table, of the validation.
        test_path: folder of classes, or table, of the test.
        path_column: of a table, by name or position.
        label_column: of a table, by name or position.
        split_column: of a table, by name or position.
        size: side of what the model is fed, in pixels; None: what its weights were trained with.
        resize: short side before the centre is cut out, in pixels; None: in proportion to `size`.
        interpolation: how pictures are resized; None: as the weights were trained.
        channels: 1: grey, 3: RGB, 4: RGB and opacity.
        augment: what training varies, see `Augment`. `auto`: `standard`, and nothing where features are cached.
        erase: probability that a rectangle is erased.
        scale: least and greatest share of a picture in a random part.
        mixup: α of mixup; 0: none.
        cutmix: α of CutMix; 0: none.
        tta: views whose probabilities are averaged in the test and in predictions: `none`, `flip`, `five` or `ten`.
        balance: what is done about classes of unequal size. `weights`: the loss weighs an example of class c by
            n / (C n_c). `sampler`: every class is drawn equally often. `auto`: `weights` where the largest class is
            more than three times the smallest. `none`: nothing.
        on_error: `raise` at a picture that cannot be decoded, or `skip` and count it.
        duplicates: what is done where two splits have the same picture, byte for byte: `warn`, `error`, or `drop` it
            from the earlier of train, val, test.
        cache: where resized pictures are kept: `auto`, in the user's cache folder (XDG_CACHE_HOME); `none`; or a
            folder.
        seed: of the splits, and of all that is drawn; None: 0.
        batch_size: pictures a batch.
        num_workers: processes that load batches.
        preprocessing: what the model wants, of `Preprocessing.to_dict`; the harness gives it.
    """

    #: What an evaluation may change.
    changeable = (
        "path",
        "val_path",
        "test_path",
        "batch_size",
        "num_workers",
        "tta",
        "cache",
        "on_error",
        "duplicates",
    )

    def __init__(
        self,
        path: str,
        val: Fraction | None = None,
        test: Fraction | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        path_column: str | int | None = None,
        label_column: str | int | None = None,
        split_column: str | int | None = None,
        size: Annotated[int, Ge(1)] | None = None,
        resize: Annotated[int, Ge(1)] | None = None,
        interpolation: Literal["bilinear", "bicubic"] | None = None,
        channels: Channels = 3,
        augment: Literal["auto", "none", "flip", "standard", "trivial"] = "auto",
        erase: Annotated[float, Ge(0), Le(1)] = 0.0,
        scale: list[float] | None = None,
        mixup: Annotated[float, Ge(0)] = 0.0,
        cutmix: Annotated[float, Ge(0)] = 0.0,
        tta: TestViews = "none",
        balance: Literal["none", "weights", "sampler", "auto"] = "none",
        on_error: Literal["raise", "skip"] = "raise",
        duplicates: Literal["warn", "error", "drop"] = "warn",
        cache: str = "auto",
        seed: int | None = None,
        batch_size: Annotated[int, Ge(1)] = 32,
        num_workers: Annotated[int, Ge(0)] = 0,
        preprocessing: Mapping[str, Any] | None = None,
    ) -> None:
        check_fractions(val or 0.0, test or 0.0)
        self.path, self.val, self.test = path, val, test
        self.own_paths = {"val": val_path, "test": test_path}
        self.columns = path_column, label_column, split_column
        self.channels, self.augment, self.erase, self.scale = channels, augment, erase, scale or [0.35, 1.0]
        self.mixup, self.cutmix, self.tta, self.balance = mixup, cutmix, tta, balance
        self.on_error, self.duplicates, self.seed = on_error, duplicates, seed or 0
        self.batch_size, self.num_workers = batch_size, num_workers
        self.notes: list[str] = []
        given = {"size": size, "resize": resize, "interpolation": interpolation}
        self._plan = _planned(preprocessing, {key: value for key, value in given.items() if value is not None})
        self.folder = None if cache == "none" else cache_folder(None if cache == "auto" else cache) / "images"
        self._store = None if self.folder is None else ArrayStore(self.folder)
        self._names: list[str] | None = None
        self._counts: dict[str, Any] = {}
        self._datasets: dict[str, ImageDataset] = {}

    # -- what the harness asks for -------------------------------------------------------------------------------------

    def setup(self) -> None:
        """Find, check, split and decode the pictures.

        Raises:
            DataError: whatever is wrong with them.
        """
        if self._datasets:
            return
        splits = self._found()
        if self._counts == {}:
            train = Counter(splits["train"].classes)
            self._counts = {"class_counts": [train[name] for name in self._class_names()]}
            self._counts["examples"] = {split: len(splits[split]) for split in SPLITS}
        self.notes += check_classes(splits, self._class_names())
        self._datasets = {
            split: self._dataset(pictures, self._keys[split], split) for split, pictures in splits.items()
        }
        self._say_if_uneven()

    @property
    def facts(self) -> dict[str, Any]:
        """What the pictures are, as plain data; after `setup` or `load_state_dict`."""
        names = self._class_names()
        known = {
            "problem": "binary" if len(names) == 2 else "multiclass",
            "num_classes": len(names),
            "class_names": list(names),
            "in_channels": self.channels,
            "image_size": self._plan.size,
            **self._counts,
        }
        if self._resolved_balance() == "weights":
            counts = np.maximum(1.0, self._counts["class_counts"])
            known["class_weights"] = (counts.sum() / (len(counts) * counts)).tolist()
        return known

    def dataset(self, split: str) -> ImageDataset:
        """Pictures of "train", "val", "test", or "all" of them, as they are evaluated."""
        if split not in (*SPLITS, "all"):
            raise KeyError(f"no split {split!r}: train, val, test or all")
        self.setup()
        if split == "all":
            every = list(self._datasets.values())
            targets = torch.cat([one.targets for one in every if one.targets is not None])
            paths, keys = [path for one in every for path in one.paths], [key for one in every for key in one.keys]
            return ImageDataset(paths, keys, self._look(train=False, tta=self.tta), targets)
        return self._datasets[split]

    def order(self, split: str, *, seed: int, epoch: int) -> np.ndarray | None:
        """Training examples in the order of an epoch, every class equally often; None: all of them, in any order."""
        if split != "train" or self.balance != "sampler":
            return None
        targets = self._datasets["train"].targets
        assert targets is not None
        shares = 1 / np.array(self._counts["class_counts"], dtype=np.float64)[targets.numpy()]
        draw = np.random.default_rng([seed, epoch])
        return draw.choice(len(targets), len(targets), p=shares / shares.sum())

    def uncacheable(self, views: int) -> str:
        """Why training pictures are no function of the file and one of so many views, as a sentence; empty: they are.

        Args:
            views: drawings of a picture that are kept, and seen in turn; 0: the picture as it is evaluated.
        """
        if self.mixup or self.cutmix:
            return "data.mixup and data.cutmix mix pictures anew in every epoch"
        if views or (self.augment in ("auto", "none") and not self.erase):
            return ""
        drawn = "data.erase" if self.augment in ("auto", "none") else f"data.augment={self.augment}"
        return f"{drawn} draws pictures anew in every epoch; finetune.views=8 would keep eight drawings of each"

    def feature_folder(self) -> Path | None:
        """Where what models make of the pictures is kept; None: nowhere."""
        return None if self.folder is None else self.folder.parent / "features"

    def read(self, source: str | Path | TextIO) -> ImageDataset:
        """Pictures to predict for: a folder at any depth, one picture, a table, or a list of paths.

        Raises:
            DataError: there are none, or one cannot be decoded.
        """
        return self._to_predict(requested(source, self.columns[0]))

    def read_records(self, records: Sequence[Any]) -> ImageDataset:
        """The same for a list of paths, or of mappings with a `file` or `path`."""
        paths = [one.get("file", one.get("path", "")) if isinstance(one, Mapping) else one for one in records]
        return self._to_predict([Path(one) for one in paths])

    def state_dict(self) -> dict[str, Any]:
        """Everything that prediction needs, in plain containers."""
        plan = self._plan.to_dict()
        return {"preprocessing": plan, "class_names": self._class_names(), "channels": self.channels, **self._counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over classes and preprocessing; a later `setup` keeps them."""
        self._plan = Preprocessing.from_dict(state["preprocessing"])
        self._names, self.channels = list(state["class_names"]), state["channels"]
        self._counts = {key: state[key] for key in ("class_counts", "examples")}
        self._datasets, self.notes = {}, []

    @staticmethod
    def collate(batch: Any) -> Any:
        """The batch as it is."""
        return batch

    # -- finding -------------------------------------------------------------------------------------------------------

    def _found(self) -> dict[str, Labelled]:
        """Pictures by split, all of which can be decoded; their keys are in `_keys`."""
        if not self.path:
            raise DataError("data.path", problem="is not set", remedy="name the folder: data.path=FOLDER")
        path = Path(self.path).expanduser()
        given = self._own_splits(path)
        for split, own in self.own_paths.items():
            if own is not None:
                given[split] = self._whole(Path(own).expanduser())
        self._say_others(given)
        given = {split: self._sound(pictures) for split, pictures in given.items()}
        whole = given.pop("train")
        if self._names is None:
            self._names = _classes(whole)
        divided = bool(given) or self._divided
        val = 0.0 if "val" in given else 0.1 if self.val is None else self.val
        test = 0.0 if "test" in given or (self.test is None and divided) else 0.2 if self.test is None else self.test
        try:
            splits, notes = cut(whole, val, test, self.seed)
        except DataError:
            if self._names is None:
                raise
            splits, notes = {"train": whole, "val": whole.chosen([]), "test": whole.chosen([])}, []  # of a loaded run
        self.notes += notes
        splits, self._keys = distinct(splits | given, self.folder, self.duplicates, self.notes)
        return splits

    def _own_splits(self, path: Path) -> dict[str, Labelled]:
        """What the path has, by split; all of it is for training where it has no splits."""
        self._divided = False
        if path.is_dir():
            folders = split_folders(path)
            self._divided = bool(folders)
            return {split: read_classes(folder) for split, folder in folders.items()} or {"train": read_classes(path)}
        if not is_table(path) and path.exists():
            raise DataError(
                path, problem="is no folder, and no table of paths", remedy="give a folder, .csv or .parquet"
            )
        tables = read_labels(path, *self.columns) if path.exists() else {"train": read_classes(path)}
        self._divided = "all" not in tables
        return {"train" if split == "all" else split: one for split, one in tables.items() if len(one)}

    def _whole(self, path: Path) -> Labelled:
        if path.is_dir() or not is_table(path):
            return read_classes(path)
        return read_labels(path, self.columns[0], self.columns[1], None)["all"]

    def _say_others(self, given: Mapping[str, Labelled]) -> None:
        empty = [name for one in given.values() for name in one.empty]
        if given["train"].empty and self._names is None:
            problem = f"has no pictures of {listed(given['train'].empty, at_most=5)}"
            raise DataError(given["train"].label, problem=problem, remedy="remove the empty folder, or fill it")
        if empty:
            self.notes.append(f"folders without pictures: {listed(empty, at_most=5)}")
        others: Counter[str] = sum((one.others for one in given.values()), Counter())
        if others:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in others.most_common(5))
            self.notes.append(f"files that are no pictures are left out: {kinds}")

    def _sound(self, pictures: Labelled) -> Labelled:
        """Those that can be decoded."""
        self._store = store_with_room(self._store, len(pictures), self.channels, self._plan.resize, self.notes)
        pixels = self._look(train=False).evaluated
        return decodable(pictures, pixels, self.folder, skip=self.on_error == "skip", notes=self.notes)

    # -- seeing --------------------------------------------------------------------------------------------------------

    def _look(self, *, train: bool, tta: TestViews = "none") -> Look:
        plan, store = self._plan, self._store
        evaluated = Pixels.evaluated(plan, self.channels, store)
        detailed = Pixels.detailed(plan, self.channels, store)
        if not train:
            return Look(plan, evaluated, detailed, tta=tta, seed=self.seed)
        kind = "standard" if self.augment == "auto" else self.augment
        augment = Augment(plan, kind, self.erase, self.scale) if kind != "none" or self.erase else None
        mix = Mix(self.mixup, self.cutmix, len(self._class_names())) if self.mixup or self.cutmix else None
        return Look(plan, evaluated, detailed, augment, mix, seed=self.seed)

    def _dataset(self, pictures: Labelled, keys: list[str], split: str) -> ImageDataset:
        places = {name: place for place, name in enumerate(self._class_names())}
        targets = torch.tensor([places[name] for name in pictures.classes], dtype=torch.int64)
        tta: TestViews = "none" if split == "val" else self.tta
        return ImageDataset(pictures.paths, keys, self._look(train=split == "train", tta=tta), targets)

    def _to_predict(self, paths: list[Path]) -> ImageDataset:
        pictures = self._sound(Labelled("the input", paths, [""] * len(paths)))
        if not len(pictures):
            raise DataError(
                "the input", problem="has no pictures", remedy="give a folder, a picture, or a list of paths"
            )
        look = self._look(train=False, tta=self.tta)
        return ImageDataset(pictures.paths, ContentKeys(self.folder).of(pictures.paths), look)

    def _resolved_balance(self) -> str:
        if self.balance != "auto":
            return self.balance
        counts = self._counts["class_counts"]
        return "weights" if max(counts) > UNEVEN * min(counts) else "none"

    def _say_if_uneven(self) -> None:
        counts = dict(zip(self._class_names(), self._counts["class_counts"], strict=True))
        least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
        if counts[most] > UNEVEN * counts[least]:
            sizes = f"{counts[most]:,} pictures of {most!r} and {counts[least]:,} of {least!r}"
            done = {"weights": "the loss weighs classes", "sampler": "every class is drawn equally often"}
            self.notes.append(f"{sizes}: {done.get(self._resolved_balance(), 'see data.balance')}")

    def _class_names(self) -> list[str]:
        if self._names is None:
            raise RuntimeError("call setup() or load_state_dict() first")
        return self._names


def _classes(pictures: Labelled) -> list[str]:
    """The list of classes: of all pictures that training pictures are chosen from."""
    names = sorted(set(pictures.classes))
    if len(names) < 2:
        problem = f"has one class, {names[0]!r}" if names else "has no pictures to train on"
        raise DataError(pictures.label, problem=problem, remedy="give pictures of two classes or more")
    return names


def _planned(preprocessing: Mapping[str, Any] | None, given: Mapping[str, Any]) -> Preprocessing:
    plan = Preprocessing() if preprocessing is None else Preprocessing.from_dict(preprocessing)
    try:
        return plan.updated(given)
    except ValueError as error:
        raise ConfigError("data.resize", str(error)) from None
