"""An exception as its writer wants to read it: their lines, their paths, nothing of ours."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from types import TracebackType

TEXT_BYTES_MAX = 32 * 1024
_HERE = str(Path(__file__).resolve().parent)


def describe(error: BaseException) -> tuple[str, str]:
    """Type and message. The message's own __str__ is the user's code and may raise too."""
    try:
        message = str(error)
    except Exception as second:  # broad: whatever a user's __str__ raises
        message = f"(its message raised {type(second).__name__})"
    return type(error).__name__, _clip(message)


def format_trace(error: BaseException, folder: str, origin: str) -> str:
    """The traceback from the user's first frame on, the frozen folder named as the one they wrote."""
    try:
        text = "".join(
            traceback.format_exception(type(error), error, _user_part(error.__traceback__))
        )
    # broad: a user's __str__, __repr__ or source loader may raise anything
    except Exception as second:
        return f"(no trace: {type(second).__name__})"
    return _clip(rename(text, folder, origin))


def rename(text: str, folder: str, origin: str) -> str:
    """Say the user's folder for its frozen copy."""
    return text.replace(folder + os.sep, origin + os.sep) if folder and folder != origin else text


def _user_part(trace: TracebackType | None) -> TracebackType | None:
    """From the first frame that is neither the shim's nor the import machinery's; all where there is none
    (a syntax error in the handler's module has no frame of its own: its place is in the message)."""
    at = trace
    while at is not None:
        name = at.tb_frame.f_code.co_filename
        # importlib.import_module is in a real file, what it calls is frozen
        ours = name.startswith((_HERE, "<frozen ")) or name.endswith(
            os.sep + "importlib/__init__.py"
        )
        if not ours:
            return at
        at = at.tb_next
    return None


def _clip(text: str) -> str:
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= TEXT_BYTES_MAX:
        return data.decode()
    half = TEXT_BYTES_MAX // 2
    head, tail = data[:half].decode("utf-8", "ignore"), data[-half:].decode("utf-8", "ignore")
    return f"{head}\n… {len(data) - 2 * half} bytes left out …\n{tail}"
