"""timm's backbones for attention-zoo; the entry point names the module that holds the model."""
