"""A PoP from Python's side: what it is told (`snapshot`), the process it runs in (`engine`), what it tells."""
