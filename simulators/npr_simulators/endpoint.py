"""The control endpoint beside the wire: JSON lines on a private Unix socket, for hands and voice."""

import json
import os
import selectors
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from npr_daq.errors import NprError
from npr_daq.quoting import shortened
from npr_daq.text_file import NotReadable, parse_json
from npr_simulators.leftovers import PREFIX, SOCKET, remove_leftovers

WAITING_CONNECTS = 64
LINE_BYTES_MAX = 65536
QUEUE_BYTES_MAX = 1 << 20
CLIENTS_MAX = 64
"""More would take the descriptors that lines and files need; one beyond is hung up on."""

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class _Client:
    """One connection, its half-read line and its unsent answers."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = bytearray()
        self.unsent = bytearray()


class ControlEndpoint:
    """Serves up to `CLIENTS_MAX` clients from one selector; one that does not read its answers is dropped."""

    def __init__(self, selector: selectors.BaseSelector, answer: Answer) -> None:
        self._selector = selector
        self._answer = answer
        self._clients: dict[int, _Client] = {}
        self._folder: str | None = None
        if hasattr(socket, "AF_UNIX"):
            remove_leftovers(Path(tempfile.gettempdir()))
            self._folder = tempfile.mkdtemp(prefix=PREFIX)  # mkdtemp makes it 0700
            path = os.path.join(self._folder, SOCKET)
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(f"{path}.new")
            os.chmod(f"{path}.new", 0o600)
            # It gets its name once it listens: before, it refuses, and who looks would take it for a dead one's.
            self._listener.listen(WAITING_CONNECTS)
            os.rename(f"{path}.new", path)
            self.address = f"unix:{path}"
        else:
            self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._listener.bind(("127.0.0.1", 0))
            self._listener.listen(WAITING_CONNECTS)
            self.address = f"tcp:127.0.0.1:{self._listener.getsockname()[1]}"
        self._listener.settimeout(0.0)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self, _mask: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # nobody after all, or no descriptor is free: the simulator goes on
            return
        if len(self._clients) >= CLIENTS_MAX:
            connection.close()
            return
        connection.settimeout(0.0)
        client = _Client(connection)
        self._clients[connection.fileno()] = client
        self._selector.register(connection, selectors.EVENT_READ, lambda mask: self._serve(client, mask))

    def _serve(self, client: _Client, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                data = client.connection.recv(LINE_BYTES_MAX)
                if not data:
                    self._drop(client)
                    return
                client.received += data
                self._answer_lines(client)
            if client.unsent:
                sent = client.connection.send(client.unsent)
                del client.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        if len(client.unsent) > QUEUE_BYTES_MAX or len(client.received) > LINE_BYTES_MAX:
            self._drop(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        if self._selector.get_key(client.connection).events != wanted:
            data = self._selector.get_key(client.connection).data
            self._selector.modify(client.connection, wanted, data)

    def _answer_lines(self, client: _Client) -> None:
        while (end := client.received.find(b"\n")) >= 0:
            if end > LINE_BYTES_MAX:
                return  # what is left is above the limit, so the client is dropped
            line = bytes(client.received[:end])
            del client.received[: end + 1]
            client.unsent += json.dumps(self._reply(line)).encode() + b"\n"

    def _reply(self, line: bytes) -> Mapping[str, Any]:
        try:
            request = parse_json(line)
        except NotReadable as cause:
            return {"ok": False, "error": f"not JSON: {cause}"}
        if not isinstance(request, dict) or not isinstance(request.get("op"), str):
            return {"ok": False, "error": 'a request is an object with an "op"'}
        try:
            return {"ok": True, **self._answer(request)}
        except NprError as refusal:
            return {"ok": False, "error": str(refusal)}
        except Exception as cause:  # noqa: BLE001 - outermost: one client's request must not end another's exam
            words = shortened(f"{type(cause).__name__}: {cause}", 200)
            return {"ok": False, "error": f"the simulator failed at this request ({words}); report this"}

    def _drop(self, client: _Client) -> None:
        self._clients.pop(client.connection.fileno(), None)
        self._selector.unregister(client.connection)
        client.connection.close()

    def close(self) -> None:
        """Close every connection and remove the socket and its folder."""
        for client in list(self._clients.values()):
            self._drop(client)
        self._selector.unregister(self._listener)
        self._listener.close()
        if self._folder is not None:
            shutil.rmtree(Path(self._folder), ignore_errors=True)
