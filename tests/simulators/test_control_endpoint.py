"""The control endpoint as a line that anybody may talk into, and its client."""

import contextlib
import json
import selectors
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from npr_daq.errors import InstrumentError, OpenError, UsageError
from npr_simulators.control import ControlClient, LockStepClock
from npr_simulators.endpoint import ControlEndpoint
from npr_simulators.launch import Launched, launch


@pytest.fixture(scope="module")
def running() -> Iterator[Launched]:
    with launch("healthy") as process:
        yield process


LONG = b"9" * 400
UNREASONABLE = [
    b"\xff\xfe\x00garbage",
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b'{"op": "' + b"x" * 60_000 + b'"}',
    b'{"op": "\\ud800"}',
    b'{"op": "place", "side": [], "site": {}}',
    b'{"op": "place", "side": NaN, "site": Infinity}',
    b'{"op": "run_to", "stream_id": 1, "sample": ' + LONG + b"}",
    b'{"op": "run_to", "stream_id": -1, "sample": 1.5}',
    b'{"op": "cue", "task": []}',
    b'{"op": "electrode", "action": "loosen", "side": "left", "muscle": ["x"]}',
    *(
        b'{"op": "fault", "layer": "frame", "what": "drop", ' + rest + b"}"
        for rest in (b'"count": Infinity', b'"count": 1e30', b'"count": 1e999', b'"at_s": NaN', b'"at_s": ' + LONG)
    ),
    *(
        b'{"op": "fault", "layer": "process", "what": "hang", "seconds": ' + number + b"}"
        for number in (b"1e999", b"NaN", b"1e308", LONG)
    ),
]


@pytest.mark.skipif(sys.platform == "win32", reason="the endpoint is a Unix socket here")
def test_no_line_kills_the_simulator(running: Launched) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(running.control.removeprefix("unix:"))
        answers = raw.makefile("rb")
        for line in UNREASONABLE:
            raw.sendall(line + b"\n")
            answer = json.loads(answers.readline())
            assert answer["ok"] is False, line[:80]
            assert len(answer["error"]) < 400
        raw.sendall(b'{"op": "status"}\n')
        assert json.loads(answers.readline())["ok"] is True
        answers.close()
    assert running.process.poll() is None


def test_a_fault_of_the_simulator_is_told_to_who_asked() -> None:
    def breaks(request: Any) -> Any:
        raise RecursionError("too deep")

    with selectors.DefaultSelector() as selector:
        endpoint = ControlEndpoint(selector, breaks)
        try:
            reply = endpoint._reply(b'{"op": "status"}')
        finally:
            endpoint.close()
    assert reply["ok"] is False
    assert "RecursionError: too deep" in reply["error"]


@pytest.mark.skipif(sys.platform == "win32", reason="the endpoint is a Unix socket here")
def test_a_new_simulator_removes_what_dead_ones_left_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def folder(name: str, *, listens: bool | None) -> tuple[Path, socket.socket]:
        made = tmp_path / name
        made.mkdir()
        end = socket.socket(socket.AF_UNIX)
        if listens is not None:
            end.bind(str(made / "control"))
        if listens:
            end.listen(1)
        return made, end

    dead, a = folder("npr-sim-dead", listens=False)
    alive, b = folder("npr-sim-alive", listens=True)
    starting, c = folder("npr-sim-starting", listens=None)
    foreign, d = folder("other-dead", listens=False)
    (tmp_path / "npr-sim-file").write_text("")
    (tmp_path / "npr-sim-link").symlink_to(foreign)
    with selectors.DefaultSelector() as selector:
        endpoint = ControlEndpoint(selector, lambda request: {})
        assert not dead.exists()
        assert alive.exists()
        assert starting.exists()
        assert (foreign / "control").exists()
        assert (tmp_path / "npr-sim-file").exists()
        assert (tmp_path / "npr-sim-link").is_symlink()
        second = ControlEndpoint(selector, lambda request: {})
        assert Path(endpoint.address.removeprefix("unix:")).exists()
        second.close()
        endpoint.close()
    for end in (a, b, c, d):
        end.close()


@pytest.mark.skipif(sys.platform == "win32", reason="the endpoint is a Unix socket here")
def test_many_may_connect_before_the_simulator_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        endpoint = ControlEndpoint(selector, lambda request: {})
        stack.callback(endpoint.close)
        for _ in range(50):
            caller = stack.enter_context(socket.socket(socket.AF_UNIX))
            caller.settimeout(0.0)
            caller.connect(endpoint.address.removeprefix("unix:"))


@pytest.mark.skipif(sys.platform == "win32", reason="the endpoint is a Unix socket here")
def test_those_who_are_too_many_are_hung_up_on_and_no_descriptor_left_is_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("npr_simulators.endpoint.CLIENTS_MAX", 2)
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        endpoint = ControlEndpoint(selector, lambda request: {})
        stack.callback(endpoint.close)
        callers = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(3)]
        for caller in callers:
            caller.settimeout(5.0)
            caller.connect(endpoint.address.removeprefix("unix:"))
            endpoint._accept(0)
        assert callers[2].recv(1) == b""
        callers[0].sendall(b'{"op": "x"}\n')
        for key, mask in selector.select(5.0):
            key.data(mask)
        assert json.loads(callers[0].recv(100)) == {"ok": True}

        def none_free() -> Any:
            raise OSError(24, "Too many open files")

        listener = endpoint._listener
        monkeypatch.setattr(endpoint, "_listener", type("Listener", (), {"accept": staticmethod(none_free)}))
        endpoint._accept(0)
        monkeypatch.setattr(endpoint, "_listener", listener)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"not json\n", "no JSON"),
        (b"\xff\xfe\n", "no JSON"),
        (b"[" * 100_000 + b"\n", "no JSON"),
        (b"[1]\n", "something else than an object"),
        (b"x" * ((1 << 20) + 1), "without an end"),
        (b'{"ok": false, "error": "\\u001b[31m' + b"e" * 5000 + b'"}\n', r"refuses hello: \[31meee"),
        (b"{}\n", "no reason given"),
    ],
)
def test_an_endpoint_that_is_no_simulator_is_told_apart(answer: bytes, says: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = ControlClient(f"tcp:127.0.0.1:{server.getsockname()[1]}")
        far, _ = server.accept()
        talker = threading.Thread(target=lambda: (far.recv(100), far.sendall(answer)))
        talker.start()
        try:
            with pytest.raises(InstrumentError, match=says) as caught:
                client.call("hello")
        finally:
            client.close()
            far.close()
            talker.join()
    assert len(str(caught.value)) < 700
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["tcp:127.0.0.1:99999", "tcp:127.0.0.1:²", "tcp:x", "tcp:a..b:1", "tcp:" + "9" * 5000, "unix:" + "a" * 300],
)
def test_an_address_that_nobody_has(address: str) -> None:
    with pytest.raises(OpenError, match="no simulator answers") as caught:
        ControlClient(address)
    assert len(str(caught.value)) < 500


@pytest.mark.skipif(sys.platform == "win32", reason="the endpoint is a Unix socket here")
def test_garbage_on_the_endpoint_is_answered_and_several_clients_are_served(running: Launched) -> None:
    with ControlClient(running.control) as one, ControlClient(running.control) as two:
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(10)
        raw.connect(running.control.removeprefix("unix:"))
        raw.sendall(b'nonsense\n[1]\n{"op": 5}\n{"op": "hel')
        assert one.call("hello")["pid"] == running.pid
        raw.sendall(b'lo"}\n')
        answers = b""
        while answers.count(b"\n") < 4:
            answers += raw.recv(65536)
        assert [json.loads(line)["ok"] for line in answers.splitlines()] == [False, False, False, True]
        assert two.call("status")["state"] == "SAFE"
        with contextlib.suppress(ConnectionError):  # a line without an end is dropped, maybe while it is sent
            raw.sendall(b"x" * 200_000)
            assert raw.recv(1) == b""
        with contextlib.suppress(ConnectionError), socket.socket(socket.AF_UNIX) as long:  # with an end it is as long
            long.settimeout(10)
            long.connect(running.control.removeprefix("unix:"))
            long.sendall(b'{"op": "hello", "x": "' + b"x" * 65536 + b'"}\n')
            assert long.recv(1) == b""
        raw.close()
        assert one.call("status")["state"] == "SAFE"


def test_a_refusal_reaches_the_caller_as_a_sentence(running: Launched) -> None:
    with ControlClient(running.control) as client:
        with pytest.raises(InstrumentError, match="trunk"):
            client.call("place", side="left", site="elbow")
        with pytest.raises(InstrumentError, match="never started"):
            LockStepClock(client).run_to(9, 10)


def test_no_simulator_is_said_so(tmp_path: Any) -> None:
    with pytest.raises(OpenError, match="no simulator answers"):
        ControlClient(f"unix:{tmp_path}/none")
    with pytest.raises(UsageError, match="unix:PATH"):
        ControlClient("smoke:signals")
