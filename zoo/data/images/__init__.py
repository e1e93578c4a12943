"""Folders and lists of pictures: found, split, decoded, cached, prepared for a model."""
