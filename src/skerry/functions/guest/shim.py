"""A worker's life: say hello, load the handler, then one call after another until the socket ends."""

from __future__ import annotations

import os
import platform
import socket
import time
from typing import Any

import orjson

from . import debugger, frames  # noqa: TID252 - a guest names no skerry
from .context import Context  # noqa: TID252 - a guest names no skerry
from .encode import EncodeError, encode_result  # noqa: TID252 - a guest names no skerry
from .environment import RUNTIME, Loading, enter  # noqa: TID252 - a guest names no skerry
from .load import Handler, LoadError, load  # noqa: TID252 - a guest names no skerry
from .output import Output, set_up_logging  # noqa: TID252 - a guest names no skerry
from .trace import describe, format_trace, rename  # noqa: TID252 - a guest names no skerry

# Bound here, since a user's module may hide or replace what these names mean in sys.modules.
_loads = orjson.loads
_dumps = orjson.dumps


class Shim:
    """One worker. Descriptors 0, 1, 2 are its own pipes, `number` its socket."""

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=number)
        self._pid = os.getpid()
        self._word = os.urandom(8).hex()
        self._output = Output(1, 2, self._word)
        self._folder = self._origin = ""
        self._log_group = self._log_stream = ""

    def send(self, kind: int, call_id: int, payload: bytes) -> None:
        """Send a frame. A child that the handler forked must not answer its parent's call: it ends."""
        if os.getpid() != self._pid:
            os._exit(0)
        self._socket.sendall(frames.encode(kind, call_id, payload))

    def fail(self, call_id: int, stage: str, kind: str, message: str, trace: str = "") -> None:
        """Send an ERROR, in the user's own paths."""
        said = rename(message, self._folder, self._origin)
        error = {"type": kind, "message": said, "trace": trace, "stage": stage}
        self.send(frames.ERROR, call_id, _dumps(error))

    def fail_by(self, call_id: int, stage: str, error: BaseException) -> None:
        """Send an ERROR for an exception of the user's code."""
        if isinstance(error, LoadError | EncodeError):
            self.fail(call_id, stage, error.kind, str(error))
            return
        kind, message = describe(error)
        if isinstance(error, SystemExit):
            kind, message = "Runtime.ExitError", f"the code called sys.exit({message})"
        elif isinstance(error, SyntaxError) and stage == "init":
            kind = "Runtime.UserCodeSyntaxError"
        self.fail(call_id, stage, kind, message, format_trace(error, self._folder, self._origin))

    def start(self, loading: Loading) -> Handler | None:
        """Enter the handler's world and load it. None: it could not be, and the engine was told."""
        self._folder, self._origin = loading["folder"], loading["origin"]
        began = time.perf_counter()
        try:
            enter(loading)
            self._log_group = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
            self._log_stream = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
            set_up_logging(self._output)
            if loading["debug_tty"]:
                debugger.attach_terminal(loading["debug_tty"])
            handler = load(loading["handler"], self._folder, self._origin)
        # broad: user code at import raises what it likes, SystemExit too
        except BaseException as error:
            self._output.flush()
            self.fail_by(0, "init", error)
            return None
        self._output.flush()
        init_ms = (time.perf_counter() - began) * 1000
        self.send(frames.READY, 0, _dumps({"init_ms": round(init_ms, 3)}))
        return handler

    def call(self, handler: Handler, call_id: int, payload: bytes) -> bool:
        """One call. False: the worker must end, for the code asked to leave."""
        context_json, event_json = frames.split_invoke(payload)
        context = Context(_loads(context_json), self._log_group, self._log_stream)
        output = self._output
        output.begin(call_id, context.aws_request_id)
        try:
            result: Any = handler(
                _loads(event_json), context
            )  # Any: whatever the user's code returns
            answer = encode_result(result)
        # broad: the user's code raises what it likes, SystemExit too
        except BaseException as error:
            output.end(call_id)
            self.fail_by(call_id, "call", error)
            return not isinstance(error, SystemExit | KeyboardInterrupt)
        output.end(call_id)
        self.send(frames.RESULT, call_id, answer)
        return True


def serve(number: int) -> None:
    """Be a worker until the socket ends. Never raises for what the user's code does.

    number    the socket; 1 and 2 are pipes, the process is limited and has its identity already
    """
    shim = Shim(number)
    hello = {
        "pid": os.getpid(),
        "python": platform.python_version(),
        "runtime": RUNTIME,
        "word": shim._word,
    }
    shim.send(frames.HELLO, 0, _dumps(hello))
    reader = frames.Reader(shim._socket.recv)
    first = reader.read()
    if first is None or first.kind != frames.LOAD:
        return
    handler = shim.start(_loads(first.payload))
    while handler is not None:
        frame = reader.read()
        if frame is None:
            return
        if frame.kind != frames.INVOKE:
            raise frames.WireError(f"frame type {frame.kind} where INVOKE was due")
        if not shim.call(handler, frame.call_id, frame.payload):
            return
