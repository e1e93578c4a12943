"""The package list, which the static table cannot say: `find` beside the folder conf/ mapped to zoo.conf."""

from pathlib import Path

from setuptools import find_packages, setup

presets = {"zoo.conf": "conf"}
for folder in sorted(path for path in Path("conf").rglob("*") if path.is_dir() and path.name != "__pycache__"):
    presets[f"zoo.{'.'.join(folder.parts)}"] = folder.as_posix()

setup(
    packages=[*find_packages(include=["zoo", "zoo.*"]), *presets],
    package_dir=presets,
    package_data={**{package: ["*.yaml"] for package in presets}, "zoo": ["py.typed", "**/template/**/*"]},
)
