"""Where a value of a plan comes from: whether a variable, or a file, had a part in it, by whichever way.

A plan names the references of each expression and not their values, so a value that another resource hands on is
followed to that resource's own expressions. What cannot be followed counts as one that a variable had a part in.
"""

from __future__ import annotations

from collections.abc import Mapping

Json = dict[str, object]
INDIRECT = ("var.", "local.", "each.", "count.", "module.")  # what a variable may be behind
UNNAMED = "an expression"


class Provenance:
    """configured: address without indices → {"expressions": …, "prefix": address of the module, with its dot}."""

    def __init__(self, configured: Mapping[str, Json]) -> None:
        self._configured = configured
        self._known: dict[tuple[str, str], bool] = {}

    def variable_in(self, expression: object, prefix: str) -> str:
        """The first reference by which a variable may have had a part; empty where there is none.

        An expression without a reference that is no constant is a function's answer: it may have read a file.
        """
        if not isinstance(expression, dict) or "constant_value" in expression:
            return ""
        references = expression.get("references")
        if not isinstance(references, list) or not references:
            return UNNAMED
        return next((str(one) for one in references if self._is_through(str(one), prefix)), "")

    def _is_through(self, reference: str, prefix: str) -> bool:
        if reference.startswith(INDIRECT):
            return True
        words = reference.partition("[")[0].split(".")
        count = 3 if words[0] == "data" else 2
        thing, attribute = prefix + ".".join(words[:count]), "".join(words[count : count + 1])
        if thing not in self._configured:
            return False  # `path.module`, `terraform.workspace`: nobody's value
        if (thing, attribute) not in self._known:
            self._known[thing, attribute] = False  # a circle adds nothing
            self._known[thing, attribute] = self._has_variable(thing, attribute)
        return self._known[thing, attribute]

    def _has_variable(self, thing: str, attribute: str) -> bool:
        """Of an attribute that is not written but computed, any that is written may be a part: a name is in an ARN."""
        found = self._configured[thing]
        expressions = found.get("expressions")
        if not isinstance(expressions, dict):
            return False
        chosen = [expressions[attribute]] if attribute in expressions else [*expressions.values()]
        return any(self._within(one, str(found.get("prefix", ""))) for one in chosen)

    def _within(self, expression: object, prefix: str) -> bool:
        """An expression, or the blocks of that name."""
        if isinstance(expression, list):
            return any(
                self._within(inner, prefix)
                for block in expression
                if isinstance(block, dict)
                for inner in block.values()
            )
        return bool(self.variable_in(expression, prefix))
