from __future__ import annotations

import socket

from skerry.testing import ports


def test_they_are_different_and_free() -> None:
    found = ports.free(20)
    assert len(set(found)) == 20
    for port in found:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_a_listener_can_be_called() -> None:
    with ports.listener() as made, socket.create_connection(made.getsockname()):
        accepted, _address = made.accept()
        accepted.close()
