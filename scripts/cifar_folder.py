"""The test images of CIFAR-10 as a folder for each class.

    python scripts/cifar_folder.py SHEET LABELS FOLDER

SHEET is a picture 1,024 pixels wide with an image in each row: the 32 x 32 pixels after one another, each as RGB.
LABELS is a JSON list with the class of each row, a number from 0 to 9. FOLDER gets `airplane/00003.png` and so on; the
names in the order of the alphabet are the classes in the order of their numbers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32


def main() -> None:
    """Read the command line and write the images."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sheet, labels, folder = map(Path, sys.argv[1:])
    Image.MAX_IMAGE_PIXELS = None
    rows = np.asarray(Image.open(sheet).convert("RGB"))
    classes = json.loads(labels.read_text())
    if rows.shape[1] != SIDE * SIDE or len(rows) != len(classes):
        sys.exit(f"{sheet} is {rows.shape[1]} x {len(rows)}, and {labels} has {len(classes)}: 1024 x N and N expected")
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for place, (row, label) in enumerate(zip(rows.reshape(-1, SIDE, SIDE, 3), classes, strict=True)):
        Image.fromarray(row).save(folder / CLASSES[int(label)] / f"{place:05d}.png")
    print(f"{len(classes):,} images in {folder}")


if __name__ == "__main__":
    main()
