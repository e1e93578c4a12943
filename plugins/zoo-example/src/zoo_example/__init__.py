"""A model, a loss and an optimizer for attention-zoo; its entry points name the modules that hold them."""
