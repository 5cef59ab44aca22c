"""Device URIs, plug-ins, and identification by asking."""

from importlib.metadata import EntryPoint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.device import registry
from npr_daq.device.registry import DeviceUri, installed, load, open_device, parse_uri
from npr_daq.errors import OpenError, TimedOut, UsageError, WireError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serial:/dev/ttyACM0", DeviceUri(None, "serial", "/dev/ttyACM0")),
        ("frontend@serial:/dev/pts/5", DeviceUri("frontend", "serial", "/dev/pts/5")),
        (
            "frontend@serial:/dev/pts/5?control=unix:/run/c.sock&speed=1",
            DeviceUri("frontend", "serial", "/dev/pts/5", {"control": "unix:/run/c.sock", "speed": "1"}),
        ),
        ("tcp:[::1]:4242", DeviceUri(None, "tcp", "[::1]:4242")),
        ("visa:TCPIP::10.0.0.5::4242::SOCKET", DeviceUri(None, "visa", "TCPIP::10.0.0.5::4242::SOCKET")),
        ("visa:ASRL/dev/pts/5::INSTR", DeviceUri(None, "visa", "ASRL/dev/pts/5::INSTR")),
        ("tcp:user@host:1", DeviceUri(None, "tcp", "user@host:1")),
        ("sim:healthy", DeviceUri(None, "sim", "healthy")),
        (
            "sim:healthy?seed=7&speed=1&side=right&truth=t%20x.jsonl",
            DeviceUri(None, "sim", "healthy", {"seed": "7", "speed": "1", "side": "right", "truth": "t x.jsonl"}),
        ),
    ],
)
def test_uris(text, expected):
    assert parse_uri(text) == expected
    assert parse_uri(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the transport is missing"),
        ("/dev/ttyACM0", "the transport is missing"),
        (":x", "the transport is missing"),
        ("@serial:/dev/ttyACM0", "the driver's name before '@' is missing"),
        ("serial:", "the address after 'serial' is missing"),
        ("sim:", "the patient after 'sim' is missing"),
        ("frontend@sim:healthy", "chooses its own driver"),
        ("sim:healthy?", "is not KEY=VALUE"),
        ("sim:healthy?seed", "is not KEY=VALUE"),
        ("sim:healthy?seeds=7", "did you mean 'seed'?"),
        ("sim:healthy?control=unix:x", "allowed are seed, speed"),
        ("serial:/dev/x?seed=1", "no option 'seed'"),
        ("sim:healthy?seed=1&seed=2", "given twice"),
        ("sim:healthy?seed=-1", "not a whole number"),
        ("sim:healthy?speed=0", "not a number above 0 or max"),
        ("sim:healthy?speed=nan", "not a number above 0 or max"),
        ("sim:healthy?side=up", "not left or right"),
        ("sim:healthy?speed=1e308", "from 0.001 to 1000"),
        ("sim:healthy?speed=1e-320", "from 0.001 to 1000"),
        ("sim:healthy?truth=%00", "truth is '\\x00', a name that no file has"),
        ("sim:healthy?faults=a%00b", "a name that no file has"),
        ("serial:/dev/\0", "zero byte"),
    ],
)
def test_wrong_uris_say_what_and_show_an_example(text, says):
    with pytest.raises(UsageError) as caught:
        parse_uri(text)
    assert says in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5000,
        "x" * 5000 + ":y",
        "x" * 5000 + "@serial:y",
        "sim:" + "p" * 300,
        "sim:" + "p/" * 3000,
        "sim:healthy?truth=" + "t" * 300,
        "sim:healthy?seed=" + "9" * 5000,
        "sim:healthy?speed=" + "9" * 5000,
        "sim:healthy?side=" + "s" * 5000,
        "serial:x?" + "k" * 5000 + "=1",
        "serial:x?" + "k" * 5000,
        "@" + "x" * 5000,
    ],
)
def test_absurd_uris_are_not_repeated(text):
    with pytest.raises(UsageError) as caught:
        parse_uri(text)
    assert len(str(caught.value)) < 350


@given(st.text(max_size=40))
def test_any_text_is_a_uri_or_a_usage_error(text):
    try:
        uri = parse_uri(text)
    except UsageError:
        return
    assert uri.transport
    assert uri.address


@pytest.mark.parametrize(
    ("text", "simulated", "lock_stepped"),
    [
        ("serial:/dev/x", False, False),
        ("serial:/dev/x?control=unix:c", True, True),
        ("serial:/dev/x?control=unix:c&speed=1", True, False),
        ("sim:healthy", True, True),
        ("sim:healthy?speed=1", True, False),
        ("sim:healthy?speed=max", True, True),
        ("serial:/dev/x?control=unix:c&speed=4", True, False),
    ],
)
def test_simulated_and_lock_stepped(text, simulated, lock_stepped):
    uri = parse_uri(text)
    assert uri.simulated is simulated
    assert uri.lock_stepped is lock_stepped


def test_installed_lists_without_importing():
    assert {"serial", "tcp", "visa"} <= set(installed("transports"))
    assert "frontend" in installed("drivers")
    assert "frontend" in installed("simulators")


def test_unknown_kind_and_name():
    with pytest.raises(UsageError, match="drivers, transports, simulators"):
        installed("plugins")
    with pytest.raises(UsageError, match="no transport is called 'seriel'; did you mean 'serial'"):
        load("transports", "seriel")


@pytest.mark.parametrize("name", sorted(installed("transports")))
def test_every_installed_transport_can_be_opened_by_address(name):
    assert callable(load("transports", name).open)


def test_a_plug_in_that_fails_to_load_keeps_its_cause(monkeypatch):
    broken = EntryPoint("broken", "no_such_module_at_all:Thing", "npr_daq.drivers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken])
    with pytest.raises(UsageError, match="ModuleNotFoundError") as caught:
        load("drivers", "broken")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


class Wire:
    """A transport that remembers whether it was closed."""

    opened: list["Wire"]
    description = "wire:x"

    def __init__(self):
        self.closed = False

    @classmethod
    def open(cls, address):
        line = cls()
        cls.opened.append(line)
        return line

    def close(self):
        self.closed = True


class Answers:
    @classmethod
    def open(cls, transport, *, simulated_hint=False):
        return ("front-end", transport, simulated_hint)


class Silent:
    @classmethod
    def open(cls, transport, *, simulated_hint=False):
        raise TimedOut("nothing came")


class Foreign:
    @classmethod
    def open(cls, transport, *, simulated_hint=False):
        raise WireError("not my language")


@pytest.fixture
def plug_ins(monkeypatch):
    Wire.opened = []

    def install(**drivers):
        known = {"drivers": drivers, "transports": {"wire": Wire}}
        monkeypatch.setattr(registry, "installed", lambda kind: known[kind])
        monkeypatch.setattr(registry, "load", lambda kind, name: known[kind][name])

    return install


def test_a_named_driver_is_used(plug_ins):
    plug_ins(answers=Answers, silent=Silent)
    device = open_device("answers@wire:x?control=unix:c")
    assert device == ("front-end", Wire.opened[0], True)
    assert not Wire.opened[0].closed


def test_without_a_name_every_driver_asks_and_failed_lines_are_closed(plug_ins):
    plug_ins(silent=Silent, foreign=Foreign, answers=Answers)
    device = open_device("wire:x")
    assert device == ("front-end", Wire.opened[2], False)
    assert [line.closed for line in Wire.opened] == [True, True, False]


def test_when_nobody_knows_the_device_every_answer_is_told(plug_ins):
    plug_ins(silent=Silent, foreign=Foreign)
    with pytest.raises(OpenError, match=r"silent: nothing came; foreign: not my language") as caught:
        open_device("wire:x")
    assert isinstance(caught.value.__cause__, WireError)
    assert all(line.closed for line in Wire.opened)


def test_the_error_of_a_named_driver_is_raised_as_it_is(plug_ins):
    plug_ins(silent=Silent)
    with pytest.raises(TimedOut):
        open_device("silent@wire:x")
    assert Wire.opened[0].closed


def test_a_patient_is_not_a_line():
    with pytest.raises(UsageError, match="has to be started first"):
        open_device("sim:healthy")
