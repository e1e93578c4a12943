"""Hydra glue: composition, validation, and building by name. Import from its modules; `zoo` itself re-exports."""
