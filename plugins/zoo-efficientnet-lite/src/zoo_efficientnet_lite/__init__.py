"""EfficientNet-Lite0 for attention-zoo; the entry point names the module that holds it."""
