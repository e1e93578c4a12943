"""What a run looked like: pictures, and one self-contained page."""

from zoo.report.report import write_report

__all__ = ["write_report"]
