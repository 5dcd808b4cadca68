"""A package that is not built yet."""
