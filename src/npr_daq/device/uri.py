"""Device URIs: the driver, the line, its address and options, as users type them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import quote, unquote

from npr_daq.errors import UsageError
from npr_daq.quoting import quoted, shortened

SIM = "sim"
EXAMPLES = "serial:/dev/ttyACM0, frontend@tcp:10.0.0.5:4242, visa:TCPIP::10.0.0.5::4242::SOCKET or sim:healthy"
LINE_OPTIONS = ("control", "speed")
SIM_OPTIONS = ("seed", "speed", "side", "visit", "day", "truth", "listen", "faults")
PATHS = ("truth", "faults")
SEED_DIGITS = 18
VISITS, DAYS = (1, 1000), (0.0, 3650.0)
"""Visits of a simulated patient, and days since her lesion: the first and the last."""
SPEEDS = (0.001, 1000.0)
"""The slowest and the fastest that a simulated clock runs, in its seconds per second."""
NAME_BYTES, PATH_BYTES = 255, 4095
"""What the common file systems take; longer ones name nothing."""


@dataclass(frozen=True, slots=True)
class DeviceUri:
    """`[DRIVER@]TRANSPORT:ADDRESS[?KEY=VALUE&...]`, taken apart.

    `transport` is an entry point's name, or `sim`, whose address is a patient. `driver` is None where the device is to
    be asked what it is.
    """

    driver: str | None
    transport: str
    address: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Whether the URI itself says that it is a simulator; the device may say so too."""
        return self.transport == SIM or "control" in self.options

    @property
    def lock_stepped(self) -> bool:
        """Whether its sample clock runs only as far as the control endpoint is told; a number as speed runs freely."""
        return self.simulated and self.options.get("speed", "max") == "max"

    def __str__(self) -> str:
        driver = f"{self.driver}@" if self.driver else ""
        options = "&".join(f"{key}={quote(value, safe='/:,')}" for key, value in self.options.items())
        return f"{driver}{self.transport}:{self.address}{'?' if options else ''}{options}"


def parse_uri(text: str) -> DeviceUri:
    """Take `text` apart; raises UsageError that names what is wrong and shows an example."""
    if "\0" in text:
        raise UsageError(f"device {quoted(text)}: it holds a zero byte; write for example {EXAMPLES}")
    place, question, query = text.strip().partition("?")
    driver, at, rest = place.partition("@")
    if not at or ":" in driver:
        # An @ after the first colon belongs to the address.
        driver, rest = "", place
    elif not driver:
        raise UsageError(
            f"device {quoted(text)}: the driver's name before '@' is missing; write frontend@{shortened(rest)}"
        )
    transport, colon, address = rest.partition(":")
    if not colon or not transport or len(driver + transport) > NAME_BYTES:
        raise UsageError(f"device {quoted(text)}: the transport is missing; write for example {EXAMPLES}")
    if not address:
        missing = "patient" if transport == SIM else "address"
        raise UsageError(
            f"device {quoted(text)}: the {missing} after {transport!r} is missing; write for example {EXAMPLES}"
        )
    if transport == SIM and driver:
        raise UsageError(f"device {quoted(text)}: a sim: address chooses its own driver; write {shortened(rest)}")
    if transport == SIM and not is_path(address):
        raise UsageError(f"device {quoted(text)}: no patient and no file is called {quoted(address)}")
    allowed = SIM_OPTIONS if transport == SIM else LINE_OPTIONS
    options = _options(text, query, allowed) if question else {}
    return DeviceUri(driver or None, transport, address, options)


def _options(text: str, query: str, allowed: tuple[str, ...]) -> dict[str, str]:
    options: dict[str, str] = {}
    for item in query.split("&"):
        key, equals, value = item.partition("=")
        if not (key and equals and value):
            raise UsageError(
                f"device {quoted(text)}: the option {quoted(item)} is not KEY=VALUE; write for example ?{allowed[0]}=1"
            )
        if key not in allowed:
            near = get_close_matches(key, allowed, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(allowed)}"
            raise UsageError(f"device {quoted(text)}: there is no option {quoted(key)}; {hint}")
        if key in options:
            raise UsageError(f"device {quoted(text)}: the option {key!r} is given twice; keep one")
        options[key] = unquote(value)
    _check(text, options)
    return options


def _check(text: str, options: Mapping[str, str]) -> None:
    seed, speed, side = options.get("seed", "1"), options.get("speed", "1"), options.get("side", "left")
    if not (seed.isascii() and seed.isdigit() and len(seed) <= SEED_DIGITS):
        raise UsageError(
            f"device {quoted(text)}: seed is {quoted(seed)}, not a whole number from 0 "
            f"of at most {SEED_DIGITS} digits; write ?seed=7"
        )
    if speed != "max" and not is_speed(speed):
        raise UsageError(
            f"device {quoted(text)}: speed is {quoted(speed)}, not a number above 0 or max, "
            f"from {SPEEDS[0]:g} to {SPEEDS[1]:g}; write ?speed=1"
        )
    _check_time(text, options)
    for key in PATHS:
        if not is_path(path := options.get(key, "")):
            raise UsageError(f"device {quoted(text)}: {key} is {quoted(path)}, a name that no file has")
    if side not in ("left", "right"):
        raise UsageError(f"device {quoted(text)}: side is {quoted(side)}, not left or right; write ?side=right")


def _check_time(text: str, options: Mapping[str, str]) -> None:
    visit, day = options.get("visit", "1"), options.get("day", "0")
    if not (visit.isascii() and visit.isdigit() and len(visit) <= SEED_DIGITS and is_visit(int(visit))):
        raise UsageError(
            f"device {quoted(text)}: visit is {quoted(visit)}, not a whole number from {VISITS[0]} to {VISITS[1]}; "
            "write ?visit=2"
        )
    if not is_day(day):
        raise UsageError(
            f"device {quoted(text)}: day is {quoted(day)}, not a number of days from {DAYS[0]:g} to {DAYS[1]:g}; "
            "write ?day=120"
        )


def is_visit(number: int) -> bool:
    """Whether a patient has a visit of this number."""
    return VISITS[0] <= number <= VISITS[1]


def is_day(text: str) -> bool:
    """Whether `text` is a number within `DAYS`."""
    return _within(text, DAYS)


def is_speed(text: str) -> bool:
    """Whether `text` is a number within `SPEEDS`."""
    return _within(text, SPEEDS)


def _within(text: str, bounds: tuple[float, float]) -> bool:
    try:
        return bounds[0] <= float(text) <= bounds[1]
    except ValueError:
        return False


def is_path(text: str) -> bool:
    """Whether a file could have this path."""
    path = text.encode(errors="surrogatepass")
    return "\0" not in text and len(path) <= PATH_BYTES and max(map(len, path.split(b"/"))) <= NAME_BYTES
