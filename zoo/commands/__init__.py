"""The commands: what stands behind `python -m zoo.train` and `zoo`."""
