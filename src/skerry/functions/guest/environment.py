"""What a handler finds around it: variables, working folder, import path and clean modules, as on AWS."""

from __future__ import annotations

import os
import site
import sys
import time
import types
from pathlib import Path
from typing import TypedDict


class Loading(TypedDict):
    """The LOAD frame.

    folder      the handler's own, working folder and first on the path; a frozen copy of `origin`
    origin      where the user wrote it: what messages and traces name
    packages    folders of packages of the project's own environment; may be empty
    guest       folder of packages that AWS would provide (boto3), last; may be empty
    env         variables besides the runtime's own
    """

    name: str
    version: str
    handler: str
    folder: str
    origin: str
    packages: list[str]
    guest: str
    memory_mb: int
    pop: str
    env: dict[str, str]
    debug: bool
    debug_tty: str


RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LIBRARY = Path(os.__file__).parent
_HERE = Path(__file__).parent
_STANDARD = [
    str(path)
    for path in (
        Path(sys.base_prefix, sys.platlibdir, f"{RUNTIME.replace('.', '')}.zip"),
        _LIBRARY,
        _LIBRARY / "lib-dynload",
    )
    if path.exists()
]
# What AWS's own runtime and the interpreter have imported before a handler's module: there, too, a file of
# the user's with such a name is never seen.
LOADED_ON_AWS = frozenset(
    [
        "abc",
        "builtins",
        "codecs",
        "collections",
        "contextlib",
        "copyreg",
        "datetime",
        "decimal",
        "encodings",
        "enum",
        "errno",
        "functools",
        "genericpath",
        "heapq",
        "importlib",
        "io",
        "itertools",
        "json",
        "keyword",
        "linecache",
        "logging",
        "operator",
        "os",
        "posix",
        "posixpath",
        "re",
        "reprlib",
        "signal",
        "site",
        "socket",
        "stat",
        "string",
        "sys",
        "threading",
        "time",
        "token",
        "tokenize",
        "traceback",
        "types",
        "typing",
        "warnings",
        "weakref",
        "zipimport",
    ]
)


def variables(loading: Loading) -> dict[str, str]:
    """The whole environment of a worker. Pure.

    The reserved names of Lambda's documentation ("Defined runtime environment variables"). Lambda@Edge
    allows no variables of the user's own; `env` is Skerry's extension and cannot override these.
    """
    name = loading["name"]
    region = loading["env"].get("AWS_REGION", "us-east-1")
    reserved = {
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(loading["memory_mb"]),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": loading["version"],
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/us-east-1.{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{loading['pop']}/[{loading['version'][:12]}]",
        "AWS_REGION": region,
        "LAMBDA_RUNTIME_DIR": str(_HERE),
        "LAMBDA_TASK_ROOT": loading["folder"],
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "SKERRY_POP": loading["pop"],
        "TZ": ":UTC",
        "_HANDLER": loading["handler"],
    }
    return {**loading["env"], **reserved}


def prepare() -> None:
    """Once, in the image of all workers: what every handler's world has in common, so that no worker pays.

    Modules that are no part of Python are taken out of sight (whoever imported them keeps them): an import
    finds what it would find on AWS, which is the user's own or nothing.
    """
    os.environ.clear()
    os.environ["TZ"] = ":UTC"
    time.tzset()
    # Workers must not write into the frozen copy; what it needs compiled was compiled when it was frozen.
    sys.dont_write_bytecode = True
    sys.path[:] = _STANDARD
    sys.meta_path[:] = [
        f for f in sys.meta_path if getattr(f, "__module__", "").startswith("_frozen")
    ]
    sys.path_importer_cache.clear()
    for name in list(sys.modules):
        if name.partition(".")[0] not in sys.stdlib_module_names:
            del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")


def enter(loading: Loading) -> None:
    """Make this process the handler's: variables, path, folder, and modules of theirs before Python's.

    Raises OSError where the folder is gone.
    """
    os.environ.update(variables(loading))
    os.chdir(loading["folder"])
    sys.argv = [loading["handler"]]
    sys.path.insert(0, loading["folder"])
    forget_shadowed(loading["folder"])
    for folder in loading["packages"]:
        site.addsitedir(folder)  # honours .pth files, which editable installs stand on
    if loading["guest"]:
        sys.path.append(loading["guest"])


def forget_shadowed(folder: str) -> None:
    """Forget modules of Python's that only the launcher needed where the user has a file of that name."""
    for entry in os.listdir(folder):  # noqa: PTH208 - 20 µs of each worker's start against pathlib's 60
        name = entry.partition(".")[0]
        if name in sys.modules and name not in LOADED_ON_AWS and not name.startswith("_"):
            for loaded in [m for m in sys.modules if m.partition(".")[0] == name]:
                del sys.modules[loaded]
