"""Sequence to sequence: attention."""
