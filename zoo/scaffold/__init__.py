"""Writing a new plugin package: `zoo plugins new NAME`."""

from zoo.scaffold.writing import KINDS, write_plugin

__all__ = ["KINDS", "write_plugin"]
