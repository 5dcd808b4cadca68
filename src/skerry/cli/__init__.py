"""The command line: one file a command, data first (`--json`), imports only what a command needs.

`tree` lists the commands, `main` starts one, `render` writes for people.
"""
