"""What a simulator process is started with."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from npr_daq.anatomy import Side
from npr_daq.device.uri import DAYS, SPEEDS, VISITS, is_day, is_speed, is_visit
from npr_daq.errors import UsageError
from npr_daq.quoting import quoted, shortened
from npr_simulators.kinds import FRONTEND, Kind, kinds_from

LOCK_STEP = "max"
MEMORY = "memory"
"""What `listen` is where instruments run in a thread of the process that uses them."""
PORT_MAX = 65535
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment of a simulator process, set before NumPy loads: its products are small, and threads that wait for each
other made it three times slower and stole the host's processor."""


@dataclass(frozen=True, slots=True)
class Options:
    """One simulator process: the instruments of `kinds` with one patient behind them.

    `speed` is None in lock-step (`max`: device time passes only as granted at the control endpoint), else device
    seconds per wall second. `side` is the side of the lesion; `visit` counts the patient's visits from 1, `day` is the
    day since the lesion, None where the patient's file says it. `exit_with` is a process id: when it has gone, so does
    the simulator.
    """

    patient: str = "healthy"
    seed: int = 1
    speed: float | None = None
    side: Side = Side.LEFT
    listen: str = "pty"
    link: Path | None = None
    truth: Path | None = None
    faults: Path | None = None
    exit_with: int | None = None
    kinds: tuple[Kind, ...] = (FRONTEND,)
    visit: int = 1
    day: float | None = None

    def listen_of(self, kind: Kind) -> str:
        """Where the wire of `kind` ends: a port that was named is the first instrument's, the next ones follow it."""
        place, colon, port = self.listen.rpartition(":")
        number = self.kinds.index(kind)
        if not (number and colon and port.isascii() and port.isdigit() and int(port)):
            return self.listen
        if int(port) + number > PORT_MAX >= int(port):
            raise UsageError(
                f"--listen {quoted(self.listen)}: {len(self.kinds)} instruments take as many ports from there on, "
                f"and the highest is {PORT_MAX}; give a lower one"
            )
        return f"{place}:{int(port) + number}"

    def link_of(self, kind: Kind) -> Path | None:
        """The stable link to the line of `kind`: with several instruments its name ends in `-KIND`."""
        if self.link is None or len(self.kinds) == 1:
            return self.link
        return self.link.with_name(f"{self.link.name}-{kind.name}")

    @property
    def speed_text(self) -> str:
        """`max`, or the number as a person would write it."""
        return LOCK_STEP if self.speed is None else f"{self.speed:g}"


def parse_speed(text: str | float) -> float | None:
    """`max` as None, a number within `SPEEDS` as itself; raises UsageError otherwise."""
    if text == LOCK_STEP:
        return None
    if not is_speed(str(text)):
        low, high = SPEEDS
        raise UsageError(f"--speed {shortened(str(text))}: use max or a number above 0, from {low:g} to {high:g}")
    return float(text)


def options_from(
    *,
    patient: str = "healthy",
    seed: int = 1,
    speed: str | float = "1",
    side: str = "left",
    listen: str = "pty",
    link: Path | str | None = None,
    truth: Path | str | None = None,
    faults: Path | str | None = None,
    exit_with: int | None = None,
    kinds: Iterable[str] = ("frontend",),
    visit: int = 1,
    day: float | None = None,
) -> Options:
    """Options as a person writes them on a command line; raises UsageError that says what is allowed."""
    chosen = kinds_from(kinds)
    if not is_visit(visit):
        raise UsageError(f"--visit {quoted(visit)}: the first visit is {VISITS[0]}; give at most {VISITS[1]}")
    if day is not None and not is_day(str(day)):
        raise UsageError(f"--day {quoted(day)}: give the days since the lesion, {DAYS[0]:g} to {DAYS[1]:g}")
    if seed < 0:
        raise UsageError(f"--seed {quoted(seed)}: give 0 or more")
    return Options(
        patient=patient,
        seed=seed,
        speed=parse_speed(speed),
        side=parse_side(side),
        listen=listen,
        link=None if link is None else Path(link),
        truth=None if truth is None else Path(truth),
        faults=None if faults is None else Path(faults),
        exit_with=exit_with,
        kinds=chosen,
        visit=visit,
        day=day,
    )


def parse_side(text: str) -> Side:
    """A side by its name; raises UsageError otherwise."""
    try:
        return Side(text)
    except ValueError as cause:
        raise UsageError(f"--side {shortened(text)}: use left or right") from cause
