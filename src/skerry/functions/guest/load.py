"""Find `module.function` in the handler's folder; say clearly what is wrong where it cannot be found."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A handler takes and returns whatever JSON can say: AWS types it no closer.
Handler = Callable[[Any, Any], Any]


class LoadError(Exception):
    """The handler cannot be had. `kind` is the error type that AWS's runtime reports for it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def load(handler: str, folder: str, origin: str) -> Handler:
    """Import the handler. What its module raises comes through as it is, save a module that is missing.

    folder   where the code is, first on sys.path already
    origin   the folder's name for people
    Raises LoadError.
    """
    module_name, dot, function_name = handler.rpartition(".")
    if not dot or not module_name or not function_name:
        raise LoadError(
            "Runtime.MalformedHandlerName",
            f"handler {handler!r} must be `module.function`: `app.handler` for `def handler` in app.py",
        )
    module_name = module_name.replace(
        "/", "."
    )  # AWS takes both `lib/app.handler` and `lib.app.handler`
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(missing + "."):
            raise LoadError(
                "Runtime.ImportModuleError", _no_module(missing, folder, origin)
            ) from None
        raise LoadError(
            "Runtime.ImportModuleError",
            f"unable to import module {module_name!r}: no module named {missing!r}; put it into {origin}, "
            f'or name the environment that has it: python = ".venv"',
        ) from error
    found = getattr(module, function_name, None)
    if found is None:
        raise LoadError(
            "Runtime.HandlerNotFound", _no_function(function_name, module_name, vars(module))
        )
    if not callable(found):
        raise LoadError(
            "Runtime.HandlerNotFound",
            f"{handler!r} is {type(found).__name__}, not a function",
        )
    return found  # type: ignore[no-any-return]  # callable() is all that can be known of it


def _no_module(name: str, folder: str, origin: str) -> str:
    there = sorted(path.stem for path in Path(folder).glob("*.py"))
    has = f"it has {', '.join(f'{n}.py' for n in there[:8])}" if there else "it has no .py file"
    near = difflib.get_close_matches(name, there, 1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"unable to import module {name!r}: there is no {name}.py in {origin}, {has}{meant}"


def _no_function(name: str, module: str, names: dict[str, Any]) -> str:  # Any: a module's globals
    there = sorted(n for n, v in names.items() if callable(v) and not n.startswith("_"))
    own = [n for n in there if getattr(names[n], "__module__", "") == module]
    has = f"it has {', '.join(own[:8])}" if own else "it defines no function"
    near = difflib.get_close_matches(name, own, 1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"module {module!r} has no {name!r}: {has}{meant}"
