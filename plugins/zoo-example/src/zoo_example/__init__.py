"""A model, an attention, a loss and an optimizer for attention-zoo; entry points name the modules that hold them."""
