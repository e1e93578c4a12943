"""The scores of the papers, one a module, each with the factory that its entry point names."""
