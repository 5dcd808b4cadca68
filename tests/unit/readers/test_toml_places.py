from __future__ import annotations

from skerry.readers.toml_places import find

TEXT = '''# [comment]
format = 1
reads = [
  "a",   # x = 1
  "b = 2",
]

[function.request]
source = "x"   # [no.table]

[function."odd.name"]
handler = """
y = 1
[z]
"""

[local]
vars = { environment = "dev" }
  http_port = 8080
pop.us-east = { at = "iad" }
[local.origin]
"graphql.example.com" = "u"
'API' = 'v'
'''


def test_keys_and_tables_have_places() -> None:
    found = find(TEXT)
    assert found == {
        ("format",): (2, 1),
        ("reads",): (3, 1),
        ("function", "request"): (8, 1),
        ("function", "request", "source"): (9, 1),
        ("function", "odd.name"): (11, 1),
        ("function", "odd.name", "handler"): (12, 1),
        ("local",): (17, 1),
        ("local", "vars"): (18, 1),
        ("local", "http_port"): (19, 3),
        ("local", "pop"): (20, 1),
        ("local", "pop", "us-east"): (20, 1),
        ("local", "origin"): (21, 1),
        ("local", "origin", "graphql.example.com"): (22, 1),
        ("local", "origin", "API"): (23, 1),
    }


def test_lists_of_lists_are_no_tables() -> None:
    assert find("m = [\n  [1, 2],\n  [3],\n]\nk = 1\n") == {("m",): (1, 1), ("k",): (5, 1)}
