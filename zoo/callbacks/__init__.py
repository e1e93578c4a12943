"""Lightning's callbacks by name, where their own constructors cannot be registered as they are."""
