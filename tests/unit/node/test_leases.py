"""Channel to a launcher: what is a lease, what is thrown away. Kills are tried in test_init."""

from __future__ import annotations

import os
import selectors
import socket

import pytest

from skerry.node.leases import Leases
from skerry.process.descriptors import listed, send


def tend(selector: selectors.BaseSelector) -> None:
    for key, _events in selector.select(0):
        if callable(key.data):
            key.data()


def test_a_message_without_its_two_descriptors_is_closed_not_kept() -> None:
    with selectors.DefaultSelector() as selector:
        leases = Leases(selector)
        before = len(listed())
        with leases.open_channel() as theirs:
            read_end, write_end = os.pipe()
            send(theirs, b"{}", [read_end])
            os.close(read_end)
            tend(selector)
            assert len(leases) == 0
            with pytest.raises(BrokenPipeError):
                os.write(write_end, b"x")  # nobody holds the other end
            os.close(write_end)
        tend(selector)
        assert len(listed()) == before, "the channel of a dead launcher is closed too"


def test_boundaries_are_kept() -> None:
    with selectors.DefaultSelector() as selector, Leases(selector).open_channel() as theirs:
        assert theirs.type == socket.SOCK_SEQPACKET
        theirs.close()
        tend(selector)
