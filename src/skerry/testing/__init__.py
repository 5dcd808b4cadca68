"""Tests of your own project, under pytest: real processes on free ports, or the request path alone.

`plugin` has the two fixtures and nothing else: `skerry_project` starts a folder as `skerry up` does (`running`), `walk`
puts one engine into the test's own process (`walk`), which takes milliseconds but calls no functions. Both answer with
`viewer.Answer`. `ports` finds what is free. Where Skerry is installed, pytest finds the plugin by itself; from a
checkout, `pytest_plugins = ["skerry.testing.plugin"]` in the topmost conftest.py does.
"""
