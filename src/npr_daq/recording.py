"""What was recorded: markers, gaps, sweeps, continuous captures, and the recording that holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Side, Site
from npr_daq.calibration import Calibration
from npr_daq.montage import Montage
from npr_daq.stimulus import Stimulus


class MarkerKind(StrEnum):
    """What an in-band marker says."""

    STIMULUS = "stimulus"
    BLANKING_START = "blanking_start"
    BLANKING_END = "blanking_end"
    TTL_RISING = "ttl_rising"
    TTL_FALLING = "ttl_falling"
    BUTTON = "button"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Marker:
    """An event inside the sample stream; `sample + subsample` is its time on the sample clock of `stream_id`.

    `subsample` is a fraction of a sample period in [0, 1).
    """

    stream_id: int
    sample: int
    subsample: float
    kind: MarkerKind
    stim_seq: int = 0
    pulse: int = 0
    value: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples that never arrived: [first_sample, first_sample + missing) of `stream_id`."""

    stream_id: int
    first_sample: int
    missing: int
    cause: str


class PulseResult(StrEnum):
    """How a pulse went, as the device reports it."""

    OK = "ok"
    COMPLIANCE = "compliance"
    OPEN = "open"
    SHORT = "short"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class PulseReport:
    """The device's report of one delivered pulse."""

    stim_seq: int
    pulse: int
    onset_sample: int
    subsample: float
    commanded_ma: float
    measured_ma: float
    width_us: float
    charge_uc: float
    compliance_v: float
    load_ohm: float
    result: PulseResult

    def trusted(self, requested_ma: float) -> bool:
        """Whether the delivered current is within 10 % of the requested; otherwise it is no evidence for anything."""
        return self.result is PulseResult.OK and abs(self.measured_ma - requested_ma) <= 0.1 * requested_ma


class Role(StrEnum):
    """Why a shock was given."""

    SEARCH = "search"
    CONFIRM = "confirm"
    ACCEPT = "accept"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """One shock and what followed, raw.

    `counts` has shape (channel, time), int32, `MISSING` where a sample never arrived: a sweep with a gap is
    invalid, never shorter. `onset` is the stimulus onset in samples from the first column, with its fraction.
    """

    n: int
    step: str
    role: Role
    stimulus: Stimulus
    stim_seq: int
    boot_id: int
    stream_id: int
    rate_hz: float
    first_sample: int
    onset: float
    counts: NDArray[np.int32]
    report: PulseReport
    why: Mapping[str, Any]
    reject_reasons: tuple[str, ...] = ()
    clipped: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the sweep may be analysed."""
        return not self.reject_reasons


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """A stretch of continuous recording: `counts` (channel, time), int32, `MISSING` where samples never arrived."""

    name: str
    step: str
    stream_id: int
    rate_hz: float
    first_sample: int
    counts: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: prompts, answers, decisions, device events, faults. `detail` is JSON-safe."""

    kind: str
    text: str
    stream_id: int = 0
    sample: int = 0
    host_ns: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A whole exam as recorded: everything analysis may look at, and nothing else.

    `header` is the journal's header (JSON-safe): exam id, subject, affected, protocol text and name, the planned
    steps that stimulate (`steps`: name, kind, side, site, settings), device snapshot, intake, software, created.
    `searches` maps a step name to its search evidence (`engine.search`).
    """

    header: Mapping[str, Any]
    montage: Montage
    calibration: Calibration
    sweeps: tuple[Sweep, ...] = ()
    captures: tuple[Capture, ...] = ()
    gaps: tuple[Gap, ...] = ()
    events: tuple[Event, ...] = ()
    searches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    impedances: tuple[Mapping[str, Any], ...] = ()
    recovered: bool = False
    dropped_tail_bytes: int = 0

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps that have sweeps, in the order they were begun."""
        return tuple(dict.fromkeys(s.step for s in self.sweeps))

    def kind_of(self, step: str) -> str:
        """What kind the step called `step` is: conduction, late, reflex, train or excitability.

        A file from before kinds were kept has conduction steps only.
        """
        return next((str(s["kind"]) for s in self.header.get("steps") or () if s["name"] == step), "conduction")

    def of(self, side: Side, site: Site) -> tuple[Sweep, ...]:
        """Sweeps of one stimulation site, whatever kind of step gave them."""
        return tuple(s for s in self.sweeps if s.stimulus.side == side and s.stimulus.site == site)
