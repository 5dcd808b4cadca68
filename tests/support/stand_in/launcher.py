"""A launcher for tests of the tree: accepts, checks the token, knows `define`, makes no workers.

`{"op": "lend"}` makes a child of init's kind to show that a lease is watched: it forks `cat`, hands
(pidfd, lifeline) to init and keeps the lifeline's write end until its connection closes.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import subprocess

fds = json.loads(os.environ["SKERRY_FDS"])
listener = socket.socket(fileno=fds["launcher"])
channel = socket.socket(fileno=fds["init"])
listener.setblocking(True)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def lend(held: list[int]) -> dict[str, object]:
    worker = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
    pidfd = os.pidfd_open(worker.pid)
    read_end, write_end = os.pipe()
    rights = array.array("i", [pidfd, read_end])
    channel.sendmsg(
        [json.dumps({"pid": worker.pid}).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
    )
    os.close(read_end)
    os.close(pidfd)
    held.append(write_end)
    assert worker.stdin is not None
    held.append(os.dup(worker.stdin.fileno()))
    return {"ok": True, "worker": worker.pid}


while True:
    connection, _ = listener.accept()
    held: list[int] = []
    with connection, connection.makefile("rwb") as stream:
        for line in stream:
            message = json.loads(line)
            if "token" in message and "op" not in message:
                continue
            answer = lend(held) if message["op"] == "lend" else {"ok": True}
            stream.write(json.dumps(answer).encode() + b"\n")
            stream.flush()
    for number in held[:1]:
        os.close(number)
