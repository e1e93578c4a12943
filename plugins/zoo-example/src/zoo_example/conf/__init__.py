"""YAML presets, found by the entry point in the group `zoo.conf`."""
