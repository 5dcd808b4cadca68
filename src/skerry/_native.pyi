"""The Rust core. One engine a process."""

class Engine:
    """The request path of one PoP.

    config: JSON {"pop": str, "threads": int, "http_fds": [int], "https_fds": [int], "cache_bytes_max": int,
    "object_bytes_max": int, "state_dir": str (purge journal), "access_log": str (path, empty = none),
    "access_log_format": "standard" | "json", "launcher": str (path of the launcher's socket), "launcher_token": str,
    "tls_dir": str (folder of certificates, found by the names inside them, and `tickets`), "function_log": str (path),
    "log_bytes_max": int (of each log, then it is begun anew; 0 = never), "no_deadline": bool,
    "trusted_roots": [str] (PEM files), "is_private": bool (others of our user may not look in)}.
    Descriptors are taken over. Raises ValueError naming the key that is wrong.
    """

    def __init__(self, config: bytes) -> None: ...
    def apply(self, snapshot: bytes) -> None:
        """Swap the snapshot; requests under way keep theirs. Raises ValueError."""
    def purge(self, request: bytes) -> tuple[int, int]:
        """JSON {"paths": [..], "hosts": [..], "tags": [..], "all": bool, "soft": bool} → its sequence, durable, and how
        many objects were stored when it came. Hosts beside paths: the paths of the distributions that answer for them.
        """
    def share_journal(self, shares: bool) -> None:
        """Whether another engine of the PoP may acknowledge purges (so at first): then each request looks for them."""
    def status(self) -> bytes:
        """JSON of counters and gauges (docs/reference/metrics.md)."""
    def explain_request(self, request_id: str) -> bytes | None:
        """JSON of what happened to a request that is still in the ring."""
    def explain_url(self, request: bytes) -> bytes:
        """JSON {"url": str, "method": str, "headers": [[name, value]]} → what would happen, nothing changed."""
    def last_request(self) -> str | None:
        """The id of the newest request in the ring."""
    def run(self) -> None:
        """Serve until drained. Releases the GIL; call from a thread of its own."""
    def drain(self, deadline_s: float) -> None:
        """Close listeners (never shut them down), finish what was accepted, then let run() return."""
