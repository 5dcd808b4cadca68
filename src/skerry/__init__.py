"""Skerry: an edge computing platform that a team runs itself.

Public names are exported lazily, so that `import skerry` costs nothing until one is used.
"""

__version__ = "0.1.0"
