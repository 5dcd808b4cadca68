"""The handler's second argument, with the names that AWS's Python runtime gives it."""

from __future__ import annotations

import sys
import time
from typing import Any


class Context:
    """What a call knows of itself. `client_context`, `identity` and `tenant_id` are None at the edge."""

    def __init__(
        self, told: dict[str, Any], log_group: str, log_stream: str
    ) -> None:  # Any: JSON of every shape
        self.aws_request_id: str = told.get("request_id", "")
        self.function_name: str = told.get("function", "")
        self.function_version: str = told.get("version", "")
        self.invoked_function_arn: str = told.get("arn", "")
        self.memory_limit_in_mb = str(told.get("memory_mb", ""))  # a string, as AWS has it
        self.log_group_name = log_group
        self.log_stream_name = log_stream
        self.client_context = None
        self.identity = None
        self.tenant_id = None
        self._deadline_ms = int(told.get("deadline_ms", 0))

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds to the deadline, never below 0. Without a deadline (a debugger): an hour."""
        if not self._deadline_ms:
            return 3_600_000
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message: object) -> None:
        """Write to the function's log, as `print` does, without a line end of its own."""
        sys.stdout.write(str(message))

    def __repr__(self) -> str:
        return (
            f"Context(aws_request_id={self.aws_request_id!r}, function_name={self.function_name!r})"
        )
