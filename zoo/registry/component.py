"""One installed component, known from metadata alone until it is loaded."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from zoo.registry.errors import ComponentLoadError

#: Kind of component -> entry-point group.
GROUPS: dict[str, str] = {
    "model": "zoo.models",
    "head": "zoo.heads",
    "attention": "zoo.attentions",
    "finetune": "zoo.finetunes",
    "loss": "zoo.losses",
    "penalty": "zoo.penalties",
    "optimizer": "zoo.optimizers",
    "clip": "zoo.clips",
    "schedule": "zoo.schedules",
    "metric": "zoo.metrics",
    "data": "zoo.data",
    "task": "zoo.tasks",
    "callback": "zoo.callbacks",
    "logger": "zoo.loggers",
}
#: Group of the package that holds a distribution's YAML presets.
CONF_GROUP = "zoo.conf"
#: The distribution whose components are the built-ins.
HOST = "attention-zoo"

Status = Literal["ok", "disabled", "incompatible", "shadowed", "ambiguous"]


def normalized(name: str) -> str:
    """The comparable form of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Component:
    """One entry point, not yet imported.

    Attributes:
        kind: `model`, `loss` ...; a key of `GROUPS`.
        name: the name on the command line.
        target: `package.module:attribute`.
        distribution: name of the distribution that ships it.
        version: that distribution's version.
        status: `ok`, or why the bare name does not lead here.
        reason: one sentence for any other status than `ok`.
    """

    kind: str
    name: str
    target: str
    distribution: str
    version: str
    status: Status = "ok"
    reason: str = ""

    @property
    def builtin(self) -> bool:
        """Whether the toolkit itself ships it."""
        return normalized(self.distribution) == HOST

    @property
    def qualified_name(self) -> str:
        """The name that always leads here: `distribution:name`."""
        return f"{normalized(self.distribution)}:{self.name}"

    @property
    def origin(self) -> str:
        """Distribution and version, for people."""
        return f"{self.distribution} {self.version}"

    def load(self) -> Callable[..., Any]:
        """Import the target.

        Raises:
            ComponentLoadError: whatever the import raised, `SystemExit` included, as one line.
        """
        module, _, attribute = self.target.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in attribute.split(".") if attribute else ():
                found = getattr(found, part)
        except KeyboardInterrupt:
            raise
        except BaseException as cause:
            raise ComponentLoadError(self, f"failed to import: {type(cause).__name__}: {cause}") from cause
        if not callable(found):
            raise ComponentLoadError(self, f"is a {type(found).__name__}, expected a class or a factory")
        return found  # type: ignore[no-any-return]
