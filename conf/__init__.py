"""Configuration presets, installed as the package `zoo.conf`."""
