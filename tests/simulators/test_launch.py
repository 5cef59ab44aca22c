"""Starting a simulator: what it is started with, and why it does not start."""

from typing import Any

import pytest

from npr_daq.errors import RecordingError, UsageError
from npr_simulators.control import ControlClient
from npr_simulators.launch import _complaint, launch
from npr_simulators.options import Options, options_from
from npr_simulators.process import FRONTEND


def test_quit_ends_the_process() -> None:
    with launch("deep_nerve", listen="tcp:127.0.0.1:0") as process:
        with ControlClient(process.control) as client:
            client.call("quit")
        assert process.process.wait(20) == 0


def test_the_family_knows_its_patients_and_says_why_a_start_fails() -> None:
    names = {p["name"] for p in FRONTEND.patients()}
    assert {"healthy", "branch_loss", "deep_nerve"} <= names
    assert all(p["teaches"] and p["expect"] for p in FRONTEND.patients())


@pytest.mark.parametrize(
    ("patient", "options", "error", "says"),
    [
        ("-helthy", {}, UsageError, "no simulated patient is called '-helthy'; did you mean 'healthy'"),
        ("healthy", {"listen": "tcp:127.0.0.1:²"}, UsageError, "a port of 0 to 65535"),
        ("healthy", {"truth": "/dev/null/truth"}, RecordingError, "cannot be written"),
        ("healthy", {"truth": "a\0b"}, UsageError, "zero byte"),
    ],
)
def test_a_simulator_that_does_not_start_says_why_with_its_own_exit_code(
    patient: str, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        FRONTEND.launch(patient, **options)
    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_traceback_is_never_pasted() -> None:
    said = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nValueError: no such thing\n'
    assert str(_complaint(said, code=1, start_s=1.0)) == "the simulator did not start: ValueError: no such thing"
    assert "not ready within 1 s" in str(_complaint("", code=-9, start_s=1.0))
    assert "ended with signal 9 before it was ready" in str(_complaint("", code=-9, start_s=1.0, ended=True))


@pytest.mark.parametrize(
    ("named", "word"),
    [
        ({"speed": "0"}, "above 0"),
        ({"speed": "fast"}, "max"),
        ({"speed": "1e308"}, "1000"),
        ({"speed": "9" * 5000}, "1000"),
        ({"side": "up"}, "left or right"),
        ({"seed": -1}, "0 or more"),
        ({"kinds": ("toaster",)}, "frontend"),
    ],
)
def test_options_are_checked(named: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        options_from(**named)
    assert options_from(speed="max").speed is None
    assert options_from(speed="2.5").speed_text == "2.5"


@pytest.mark.parametrize(
    ("listen", "word"),
    [
        ("udp:1", "pty or tcp"),
        ("tcp:0.0.0.0:0", "this machine only"),
        ("tcp:x", "pty or tcp"),
        ("tcp:127.0.0.1:99999", "a port of 0 to 65535"),
        ("tcp:127.0.0.1:²", "a port of 0 to 65535"),
        ("tcp:127.0.0.1:" + "9" * 5000, "a port of 0 to 65535"),
    ],
)
def test_a_line_serves_this_machine_only(listen: str, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        FRONTEND.serve(Options(listen=listen))


def test_several_instruments_have_lines_of_their_own() -> None:
    both = options_from(kinds=("amplifier", "stimulator"), listen="tcp:127.0.0.1:5000", link="/tmp/line")
    assert [both.listen_of(kind) for kind in both.kinds] == ["tcp:127.0.0.1:5000", "tcp:127.0.0.1:5001"]
    assert [str(both.link_of(kind)) for kind in both.kinds] == ["/tmp/line-amplifier", "/tmp/line-stimulator"]
    free = options_from(kinds=("amplifier", "stimulator"), listen="tcp:127.0.0.1:0")
    assert [free.listen_of(kind) for kind in free.kinds] == ["tcp:127.0.0.1:0"] * 2
    last = options_from(kinds=("amplifier", "stimulator"), listen="tcp:127.0.0.1:65535")
    with pytest.raises(UsageError, match="2 instruments take as many ports"):
        FRONTEND.serve(last)


@pytest.mark.parametrize(
    ("named", "word"),
    [({"visit": 0}, "first visit is 1"), ({"visit": 1001}, "at most 1000"), ({"day": -1.0}, "0 to 3650"),
     ({"day": float("nan")}, "0 to 3650"), ({"kinds": ("frontend", "stimulator")}, "one handpiece")],
)  # fmt: skip
def test_visits_days_and_kinds_are_checked(named: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        options_from(**named)
