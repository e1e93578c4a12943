"""Use of processor, GPU and memory during training."""

from __future__ import annotations

from importlib.util import find_spec

from pytorch_lightning.callbacks import DeviceStatsMonitor

from zoo.errors import ZooError


def device_stats(cpu_stats: bool | None = None) -> DeviceStatsMonitor:
    """Log the use of the device at every logged step.

    Args:
        cpu_stats: log the processor too; by default only when training runs on it.

    Raises:
        ZooError: the extra `device-stats` is not installed.
    """
    if find_spec("psutil") is None:
        raise ZooError("callback=device_stats needs an extra: pip install 'attention-zoo[device-stats]'")
    return DeviceStatsMonitor(cpu_stats)
