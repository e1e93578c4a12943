#!/usr/bin/env bash
# The main job on real data, from nothing: sets up its own environment, trains, evaluates and predicts.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
set_up ""

folder=${1:-$root/outputs/demo-$(date +%Y%m%d-%H%M%S)}
echo "== train a multilayer perceptron on handwritten digits"
"$PYTHON" -m zoo.train experiment=digits hydra.run.dir="$folder"

echo "== evaluate it again, from its folder"
"$PYTHON" -m zoo.evaluate run="$folder"

echo "== predict eight images it has not been trained on"
"$PYTHON" - "$folder/eight.csv" <<'PY'
import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

digits = load_digits(as_frame=True)
_, test = train_test_split(digits.frame, test_size=0.2, random_state=0, stratify=digits.target)
test.head(8).to_csv(sys.argv[1], index=False)
PY
"$PYTHON" -m zoo.predict run="$folder" input="$folder/eight.csv" output="$folder/eight-predicted.csv"
"$PYTHON" - "$folder" <<'PY'
import sys

import pandas

folder = sys.argv[1]
truth = pandas.read_csv(f"{folder}/eight.csv")["target"]
predicted = pandas.read_csv(f"{folder}/eight-predicted.csv")
print(predicted[["prediction", "probability"]].assign(truth=truth).to_string(index=False))
PY
echo "demo: everything is in $folder"
