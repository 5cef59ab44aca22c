"""The far ends of lines, for tests: a pty's master, a loopback socket, each under the transport's promises."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from npr_daq.transport.base import Transport
from npr_daq.transport.lines import descriptor_line
from npr_daq.transport.memory import memory_pair
from npr_daq.transport.tcp import from_socket


@dataclass(frozen=True, slots=True)
class Pair:
    """The transport under test and what stands at its far end."""

    near: Transport
    far: Transport


PairMaker = Callable[[], AbstractContextManager[Pair]]
"""Makes one connected pair and closes both ends afterwards."""


@contextmanager
def pty_pair(open_near: Callable[[str], Transport]) -> Iterator[Pair]:
    """`open_near` gets the name of a fresh raw pty, as a simulator must leave it; the far end is its master."""
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    with _both(lambda: open_near(name), descriptor_line(f"pty:{name}", master, lambda: os.close(master))) as pair:
        # From here on the port under test holds the pty alone, so that closing it is noticed.
        os.close(slave)
        yield pair


@contextmanager
def loopback_pair(open_near: Callable[[int], Transport]) -> Iterator[Pair]:
    """`open_near` gets a listening port of 127.0.0.1; the far end is the accepted connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = open_near(server.getsockname()[1])
        accepted, _ = server.accept()
    with _both(lambda: near, from_socket("tcp:accepted", accepted)) as pair:
        yield pair


@contextmanager
def in_memory() -> Iterator[Pair]:
    """Both ends of a memory line."""
    near, far = memory_pair()
    with _both(lambda: near, far) as pair:
        yield pair


@contextmanager
def _both(open_near: Callable[[], Transport], far: Transport) -> Iterator[Pair]:
    with contextlib.ExitStack() as stack:
        stack.callback(far.close)
        near = open_near()
        stack.callback(near.close)
        yield Pair(near, far)
