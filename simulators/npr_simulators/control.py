"""The host's side of the control endpoint: a client, and the clock that lets a simulated device run."""

import contextlib
import json
import socket
import threading
from types import TracebackType
from typing import Any

from npr_daq.errors import Closed, InstrumentError, OpenError, TimedOut, UsageError
from npr_daq.quoting import quoted, shortened, shown_path
from npr_daq.text_file import NotReadable, parse_json
from npr_daq.transport.tcp import host_and_port

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 1 << 20


class ControlClient:
    """Speaks to one simulator process; several threads may call.

    A call raises InstrumentError with the simulator's own sentence when it refuses, Closed when it has gone, and
    TimedOut when it does not answer; after TimedOut the client is closed, so that no late answer is taken for
    another's.
    """

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = shown_path(address)
        self._lock = threading.Lock()
        self._received = bytearray()
        kind, _, rest = address.partition(":")
        try:
            if kind == "unix":
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                where: Any = rest
            elif kind == "tcp":
                where = host_and_port(rest)
                self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            else:
                raise UsageError(f"control address {quoted(address)}: use unix:PATH or tcp:HOST:PORT")
            self._socket.settimeout(timeout_s)
            self._socket.connect(where)
        except (OSError, ValueError) as cause:
            with contextlib.suppress(AttributeError):
                self._socket.close()
            why = shortened(str(cause), 200)
            raise OpenError(f"no simulator answers at {self.address}: {why}; was it started?") from cause

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        """Ask for `op` and return its answer, a JSON object without the `ok`."""
        line = json.dumps({"op": op, **fields}).encode() + b"\n"
        with self._lock:
            answer = self._exchange(op, line)
        if not answer.pop("ok", False):
            reason = shortened(str(answer.get("error", "no reason given")), 500)
            raise InstrumentError(f"the simulator refuses {op}: {reason}")
        return answer

    def _exchange(self, op: str, line: bytes) -> dict[str, Any]:
        try:
            self._socket.sendall(line)
            while (end := self._received.find(b"\n")) < 0:
                data = self._socket.recv(65536)
                if not data:
                    raise Closed(f"the simulator at {self.address} has gone")
                self._received += data
                if len(self._received) > ANSWER_BYTES_MAX:
                    raise self._foreign(op, "an answer without an end")
        except TimeoutError as cause:
            self._socket.close()
            raise TimedOut(f"the simulator at {self.address} does not answer {op}") from cause
        except OSError as cause:
            raise Closed(f"the simulator at {self.address} has gone: {cause}") from cause
        try:
            reply = parse_json(bytes(self._received[:end]))
        except NotReadable as cause:
            raise self._foreign(op, f"no JSON: {cause}") from cause
        del self._received[: end + 1]
        if not isinstance(reply, dict):
            raise self._foreign(op, "something else than an object")
        return reply

    def _foreign(self, op: str, what: str) -> InstrumentError:
        self._socket.close()
        return InstrumentError(
            f"what listens at {self.address} is no simulator: it answered {op} with {what}; "
            "copy the whole uri that the simulator printed"
        )

    def close(self) -> None:
        """Hang up; harmless twice."""
        self._socket.close()

    def __enter__(self) -> "ControlClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LockStepClock:
    """The sample clock of a simulator at `speed=max`: it never passes what was granted here.

    `instrument` says whose streams are meant where the simulator is several instruments; they share the clock.
    """

    wall = False

    def __init__(self, client: ControlClient, instrument: str | None = None) -> None:
        self._client = client
        self._named = {} if instrument is None else {"instrument": instrument}

    def run_to(self, stream_id: int, sample: int) -> None:
        """Allow the device to reach `sample` of `stream_id`; returns when the grant has arrived.

        A stream that has ended meanwhile takes no grant; the device's own event says why it ended.
        """
        self._client.call("run_to", stream_id=stream_id, sample=sample, **self._named)
