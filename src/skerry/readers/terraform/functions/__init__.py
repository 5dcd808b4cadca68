"""Terraform's built-in functions.

`table` lists them all, calls one and refuses the rest by name. The others hold them by what they work on:
`text`, `collection`, `number`, `encoding`, `conversion`, `file`.
"""
