from __future__ import annotations

import os
import socket
import threading

import pytest

from skerry.process import descriptors


def test_inherited_by_name_and_close_on_exec_again() -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)
    told = {"SKERRY_FDS": f'{{"one": {read}, "many": [{read}, {write}]}}'}
    assert descriptors.inherited(told) == {"one": [read], "many": [read, write]}
    assert not os.get_inheritable(read)
    descriptors.close_all([read, write, write])  # one twice: no error


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "b"}', '{"a": null}'])
def test_what_init_never_writes(text: str) -> None:
    with pytest.raises(ValueError, match="SKERRY_FDS must be"):
        descriptors.inherited({"SKERRY_FDS": text})


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET])
def test_sent_and_received(kind: socket.SocketKind) -> None:
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    read, write = os.pipe()
    descriptors.send(one, b"two pipes\n", [read, write])
    data, numbers = descriptors.receive(other, 100, 2)
    assert data == b"two pipes\n"
    assert not any(map(os.get_inheritable, numbers))
    os.write(numbers[1], b"x")
    assert os.read(read, 1) == b"x"
    descriptors.send(one, b"none\n", [])
    assert descriptors.receive(other, 100, 2) == (b"none\n", [])
    descriptors.close_all([read, write, *numbers])
    one.close()
    other.close()


def test_a_peer_that_does_not_read_is_no_trap() -> None:
    one, other = socket.socketpair()
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with pytest.raises(BlockingIOError):
        descriptors.send(one, b"x" * 100_000, [])
    one.close()
    other.close()


def test_listed_is_what_is_open() -> None:
    before = descriptors.listed()
    number = os.open("/dev/null", os.O_RDONLY)
    assert set(descriptors.listed()) - set(before) == {number}
    os.close(number)
    assert descriptors.listed() == before


def test_keep_only_closes_the_rest() -> None:
    pid = os.fork()
    if pid == 0:
        number = os.open("/dev/null", os.O_RDONLY)
        os.open("/dev/null", os.O_RDONLY)
        descriptors.keep_only([number])
        os._exit(0 if [n for n in descriptors.listed() if n > 2] == [number] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_threads_are_counted_by_the_kernel() -> None:
    before = descriptors.task_count()
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    assert descriptors.task_count() == before + 1
    go.set()
    thread.join()
