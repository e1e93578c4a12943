"""Templates, as package data."""
