"""`--help`, from metadata alone: nothing heavy is imported."""

from __future__ import annotations

from zoo.config.groups import SEVERAL, SINGLE
from zoo.config.installed import registry
from zoo.config.presets import list_presets

TRAIN = """\
Train a model: compose a configuration, train it, test it with its best checkpoint.

usage: python -m zoo.train [GROUP=NAME ...] [GROUP.OPTION=VALUE ...] [flags]
       python -m zoo.train -m optimizer.lr=0.01,0.001 model.depth=2,3     a sweep over every combination
       python -m zoo.train resume=RUN_FOLDER                              go on exactly where a run stopped

flags:
  --cfg job             print the composed configuration and stop
  --config-dir FOLDER   also look for presets here
  -m, --multirun        sweep over comma-separated values
  --debug               show a traceback for every error
  --hydra-help          Hydra's own flags

groups and what can be chosen:
{groups}
  trainer      any option of Lightning's Trainer, such as trainer.max_epochs=20 trainer.precision=auto
  checkpoint   checkpoint.monitor=val/accuracy checkpoint.mode=max checkpoint.every_n_seconds=60
  seed         seed=1

options of a component:  zoo plugins show model mlp
"""

EVALUATE = """\
Metrics of a finished run, on its own test split or on other data. The last line is JSON.

usage: python -m zoo.evaluate run=RUN_FOLDER [split=test|val|train|all] [data.OPTION=VALUE ...]
       python -m zoo.evaluate run=RUN_FOLDER mode=score input=FILE [output=FILE]     scores given pairs of texts
       python -m zoo.evaluate model=MODEL model.weights=FILE data=DATA ...      pretrained weights as they are, no run

Other data, such as data.path=FILE, are evaluated whole unless a split is given; preprocessing stays as trained.

for sequence-to-sequence models:
  run=[RUN,RUN,...]     an ensemble: the mean of the probabilities of several runs
  average=true          the mean of the weights that checkpoint.keep has kept
  decode.OPTION=VALUE   how to search, see python -m zoo.predict --help
  mode=score            input holds a source and a target a line, separated by a tab, or JSON lines with these keys;
                        output is .tsv, .csv or .jsonl, and standard output by default
"""

PREDICT = """\
Predictions of a finished run, one row a row of input.

usage: python -m zoo.predict run=RUN_FOLDER input=FILE output=FILE [batch_size=N] [pictures=FOLDER]

Either file may be `-` for a standard stream. The output is CSV, or JSON lines when its name ends in .jsonl; models that
write text give lines of plain text, or more when the name ends in .csv, .tsv or .jsonl.

for sequence-to-sequence models:
  run=[RUN,RUN,...]     an ensemble: the mean of the probabilities of several runs
  average=true          the mean of the weights that checkpoint.keep has kept
  decode.OPTION=VALUE   how to search: decode.beam=5 decode.n_best=3 decode.strategy=sample decode.length_penalty=0.6
  pictures=FOLDER       draws the attention of every prediction
"""

EXPORT = """\
A trained model as one file for other programs, with its classes and preprocessing inside.

usage: zoo export run=RUN_FOLDER format=onnx|torch_export|safetensors output=FILE

The file takes batches of any size, of pictures uint8 (batch, channels, height, width) or of prepared rows, and gives
logits, calibrated if the run is, or values. Weights alone (safetensors) are as trained: what is left to do stands
beside them, `temperature`, or `target_mean` and `target_scale`. The file is read back and compared with the model
before it is kept. Under the key `zoo` (ONNX: metadata_props, torch.export: the extra file zoo.json, safetensors:
metadata) it says in JSON what its classes are and what pictures must look like. A file of safetensors is taken by
model.weights=FILE, too.
"""

SOUP = """\
A run whose weights are the mean of those of several runs of one model; Wortsman et al. (2022).

usage: zoo soup run=[RUN,RUN,...] output=FOLDER [method=greedy|uniform]

greedy     from the best run on, adds one after the other and keeps what validation likes (the default)
uniform    all of them

Adapters are merged first; statistics of batch normalisation are averaged too; a temperature is fitted anew. Runs that
differ in seed need one data.seed: they are validated on the same examples, which none of them may have trained on.
"""

LR = """\
Which learning rate to take: trains a little while with one that grows, and watches the loss; Smith (2017).

usage: zoo lr [what zoo train takes ...] [steps=100] [from=1e-7] [to=10] [phase=1] [output=FOLDER]

Every parameter group keeps its share of the learning rate. Nothing of a later training changes. The suggestion is
printed, and drawn as lr.png where output is given. The trial of a fine-tuning stays in one of its phases.
"""

PLOT = """\
Draw what needs no training: the learning rate of a schedule over a run, or an activation and its gradient.

usage: zoo plot schedule=NAME[,NAME ...] [schedule.OPTION=VALUE ...] [optimizer.lr=0.001] [epochs=10] [steps=100]
                [output=schedule.png]
       zoo plot activation=NAME[,NAME ...] [output=activation.png]

steps is the number of optimizer steps in an epoch. Whatever zoo train takes may be given: experiment=digits draws
the schedule of that experiment. A plateau is drawn for a run that makes no progress.
"""

TRANSLATE = """\
Translate line by line, with the alignment drawn in the terminal.

usage: zoo translate run=RUN_FOLDER [decode.OPTION=VALUE ...] [alignment=false]

Reads standard input until it ends. run=[RUN,RUN,...] and average=true are as for zoo predict.
"""


def train_help() -> str:
    """The help of `zoo.train`, with everything installed."""
    lines = []
    for kind in (*SINGLE, *SEVERAL, "experiment"):
        names = list_presets(kind)
        if kind != "experiment":
            names = sorted({*names, *registry().names(kind)})
        if names:
            label = f"{kind}{'=[..]' if kind in SEVERAL else ''}"
            lines.append(f"  {label:<12} {', '.join(names)}")
    return TRAIN.format(groups="\n".join(lines))
