"""The table of commands: each word once, each module there, each `command` a click command."""

from __future__ import annotations

import importlib

import click

from skerry.cli.tree import COMMANDS, LATER


def test_no_word_is_both_here_and_later() -> None:
    assert not set(COMMANDS) & set(LATER)


def test_commands_are_where_the_table_says() -> None:
    for name, (module, summary) in COMMANDS.items():
        assert isinstance(importlib.import_module(module).command, click.Command), name
        assert 0 < len(summary) <= 72, name
        assert not summary.endswith("."), name
