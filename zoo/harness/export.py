"""A trained model as one file that other programs run: ONNX, a torch program, or weights with what they need."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError, RunError
from zoo.finetuning.merging import merge
from zoo.harness.run import LoadedModel
from zoo.tasks.task import Task

Format = Literal["onnx", "torch_export", "safetensors"]

#: Suffix of each format's files.
SUFFIXES = {"onnx": ".onnx", "torch_export": ".pt2", "safetensors": ".safetensors"}
#: Greatest difference from the model that a file may have, as a share of the greatest output, or of one.
TOLERANCE = 1e-4
#: Batches that a file is tried with.
TRIED = (1, 3)
#: The key under which a file says what it needs.
KEY = "zoo"


class Exported(nn.Module):
    """What a file computes: inputs to logits, or to values in original units.

    Args:
        task: with its weights.
    """

    def __init__(self, task: nn.Module) -> None:
        super().__init__()
        self.model = cast(nn.Module, task.model)
        self.register_buffer("temperature", getattr(task, "temperature", None))
        self.original: Callable[[Tensor], Tensor] | None = None
        if getattr(task, "problem", None) is None:
            self.task = task
            self.original = cast(Any, task).outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """A batch of inputs (B, ...) to logits (B, C), values (B, T), or embeddings (B, D)."""
        prediction: Tensor = self.model(inputs)
        if self.original is not None:
            return self.original(prediction)
        return prediction if self.temperature is None else prediction / cast(Tensor, self.temperature)


def export(model: LoadedModel, kind: Format, output: Path) -> float:
    """Write a file, read it back, and compare what it computes with what the model computes.

    Args:
        model: a finished run; adapters are merged into it, and it stays on the CPU.
        kind: `onnx`, `torch_export` or `safetensors`.
        output: the file.

    Returns:
        The greatest difference, as a share of the greatest output or of one.

    Raises:
        ConfigError: the format cannot hold this model, or needs a package that is not installed.
        RunError: the format cannot hold this model, the file cannot be written, or it does not compute what the
            model computes; no file is left then.
    """
    if kind not in get_args(Format):
        raise ConfigError("format", f"{kind!r}", f"choose one of {', '.join(get_args(Format))}")
    if model.generates:
        raise ConfigError("run", "a model for sequences is searched, and no file holds a search", "use zoo predict")
    if type(model.task).model_inputs is not Task.model_inputs:
        problem = f"task={model.config['task']['name']} does more with its inputs than give them to the model"
        raise ConfigError("run", problem, "use zoo predict")
    _require(kind)
    model.task.cpu().eval()
    merge(model.task.model)
    computed = Exported(model.task).eval()
    tried = [_inputs(model, size) for size in TRIED]
    with torch.no_grad():
        expected = [computed(one) for one in tried]
    partial = output.with_name(f".{output.name}.{os.getpid()}{SUFFIXES[kind]}")
    try:
        partial.touch()  # says best what is wrong with a folder
        try:
            with _quietly():
                _WRITERS[kind](computed, model, tried[-1], described(model, kind), partial)
                found = _READERS[kind](partial, model, tried)
        except Exception as error:  # a plugin's model may do what no format knows
            cause = textwrap.shorten(f"{type(error).__name__}: {error}", 160, placeholder=" ...")
            raise RunError(output, f"format={kind} cannot hold this model ({cause})", "try another format") from error
        difference = _difference(expected, found)
        if not difference <= TOLERANCE:
            problem = f"what the file computes differs by {difference:.2g} from the model, and was removed"
            raise RunError(output, problem, "try another format")
        os.umask(mask := os.umask(0))
        partial.chmod(0o666 & ~mask)  # as any file; one of the writers keeps its own for its owner
        os.replace(partial, output)
    except OSError as error:
        raise RunError(output, f"cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    return difference


def _difference(expected: list[Tensor], found: list[Tensor]) -> float:
    """The greatest one, as a share of the greatest output or of one; NaN where either has one."""
    shares = []
    for one, other in zip(expected, found, strict=True):
        if one.shape != other.shape:
            return float("inf")
        shares.append((one - other).abs().max() / one.abs().max().clamp(min=1))
    return float(torch.stack(shares).max())


def described(model: LoadedModel, kind: Format) -> dict[str, Any]:
    """What a file says of itself beside its numbers, as plain data: inputs, outputs, classes, preprocessing.

    Programs divide logits by the temperature of a calibrated run, and bring values back to their units. Weights alone
    do not: beside them stands what is left to do, `temperature`, or `target_mean` and `target_scale`.
    """
    facts, state, task = model.facts, model.data.state_dict(), model.task
    image = "preprocessing" in state
    about: dict[str, Any] = {
        "model": model.config["model"]["name"],
        "problem": facts["problem"],
        "output": _output(task),
        "class_names": [str(name) for name in facts.get("class_names", [])] or None,
        "input": "uint8 (batch, channels, height, width), 0..255" if image else "float32 (batch, features), prepared",
    }
    if kind == "safetensors":
        left = {"temperature": "temperature", "target_mean": "mean", "target_scale": "scale"}
        rest = {key: getattr(task, name, None) for key, name in left.items()}
        about |= {key: value.tolist() for key, value in rest.items() if isinstance(value, Tensor)}
    if image:
        return about | {"preprocessing": state["preprocessing"], "channels": facts["in_channels"]}
    return about | {"feature_names": facts.get("feature_names"), "data": _plain(state)}


def _output(task: Any) -> str:
    """What a file gives: logits, values, or embeddings."""
    if getattr(task, "predicts", "scores") == "embedding":
        return "embeddings"
    return "values" if getattr(task, "problem", None) is None else "logits"


def _plain(value: Any) -> Any:
    """As JSON has it: what is no plain data is told in words."""
    return json.loads(json.dumps(value, default=str))


def _inputs(model: LoadedModel, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(size)
    facts = model.facts
    if "image_size" in facts:
        shape = (size, facts["in_channels"], facts["image_size"], facts["image_size"])
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    if "in_features" not in facts:
        raise ConfigError("run", "its inputs are neither pictures nor rows of a table", "no format can hold it")
    return torch.randn(size, int(facts["in_features"]), generator=generator)


def _require(kind: Format) -> None:
    """The packages of a format.

    Raises:
        ConfigError: one is not installed.
    """
    packages = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "safetensors": ("safetensors",)}.get(kind, ())
    for name in packages:
        try:
            __import__(name)
        except ImportError as error:
            extra = "export" if kind == "onnx" else "safetensors"
            raise ConfigError(f"format={kind}", f"needs {name}", f"pip install 'attention-zoo[{extra}]'") from error


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Exporters tell their own story, which is no user's."""
    with (
        warnings.catch_warnings(),
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def _write_program(computed: Exported, inputs: Tensor) -> Any:
    batch = torch.export.Dim("batch", min=1)
    return torch.export.export(computed, (inputs,), dynamic_shapes={"inputs": {0: batch}})


def _write_onnx(computed: Exported, model: LoadedModel, inputs: Tensor, about: dict[str, Any], path: Path) -> None:
    import onnx

    program = torch.onnx.export(
        computed,
        (inputs,),
        dynamo=True,
        input_names=["inputs"],
        output_names=[about["output"]],
        dynamic_shapes={"inputs": {0: torch.export.Dim("batch", min=1)}},
        verbose=False,
    )
    assert program is not None
    program.save(str(path))
    written = onnx.load(str(path))
    onnx.helper.set_model_props(written, {KEY: json.dumps(about)})
    onnx.save(written, str(path))


def _read_onnx(path: Path, model: LoadedModel, tried: list[Tensor]) -> list[Tensor]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [torch.from_numpy(session.run(None, {"inputs": one.numpy()})[0]) for one in tried]


def _write_torch(computed: Exported, model: LoadedModel, inputs: Tensor, about: dict[str, Any], path: Path) -> None:
    torch.export.save(_write_program(computed, inputs), path, extra_files={f"{KEY}.json": json.dumps(about)})


def _read_torch(path: Path, model: LoadedModel, tried: list[Tensor]) -> list[Tensor]:
    program = torch.export.load(path).module()
    with torch.no_grad():
        return [program(one) for one in tried]


def _write_safetensors(
    computed: Exported, model: LoadedModel, inputs: Tensor, about: dict[str, Any], path: Path
) -> None:
    from safetensors.torch import save_file

    state = {name: tensor.contiguous().clone() for name, tensor in computed.model.state_dict().items()}
    save_file(state, path, metadata={"format": "pt", KEY: json.dumps(about)})


def _read_safetensors(path: Path, model: LoadedModel, tried: list[Tensor]) -> list[Tensor]:
    from safetensors.torch import load_file

    from zoo.harness.assembly import assemble

    fresh = assemble({**model.config, "finetune": None}, model.facts, model.data, train=False)
    fresh.model.load_state_dict(load_file(path))
    if getattr(fresh, "temperature", None) is not None:
        fresh.temperature.fill_(float(model.task.temperature))  # type: ignore[operator, arg-type]
    computed = Exported(fresh).eval()
    with torch.no_grad():
        return [computed(one) for one in tried]


_WRITERS = {"onnx": _write_onnx, "torch_export": _write_torch, "safetensors": _write_safetensors}
_READERS = {"onnx": _read_onnx, "torch_export": _read_torch, "safetensors": _read_safetensors}
