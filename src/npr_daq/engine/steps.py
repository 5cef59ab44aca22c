"""The steps of a plan, as values: electrodes read, and sites stimulated, each with its task."""

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Any, ClassVar

from npr_daq.anatomy import Muscle, Side, Site
from npr_daq.stimulus import Dose, Stimulus, StimulusLimits

TYPICAL_SHOCKS = 12
"""Shocks a conduction site usually takes (clinical reference 2.4: about 139-151 for 12 sites); for estimates only."""

TYPICAL_SEARCH, TYPICAL_LADDER, TYPICAL_STAIRCASE = 10, 3, 10
"""Shocks of a supramaximal search alone, of a reflex ladder, of one staircase; for estimates only."""

REFLEX_WINDOW_MS = (8.0, 60.0)
"""Where R1 (10 ms) and R2 (30 to 41 ms) lie, clear of the artefact (clinical reference 4.2)."""

ARMING_HEADROOM = 1.6
"""The rate that the device allows in a train, over the rate of the train: arming takes part of every interval."""


class StepKind(StrEnum):
    """What a site is stimulated for, or the face recorded; the `kind` of the protocol's step, kept in the exam file."""

    REST = "rest"
    MOVEMENT = "movement"
    CONDUCTION = "conduction"
    CROSSTALK = "crosstalk"
    LATE = "late"
    REFLEX = "reflex"
    TRAIN = "train"
    EXCITABILITY = "excitability"


@dataclass(frozen=True, slots=True)
class ImpedanceReading:
    """Read every electrode of the montage."""

    name: str
    frequency_hz: int
    max_kohm: float
    max_pair_difference_kohm: float


@dataclass(frozen=True, slots=True)
class Conduction:
    """Supramaximal search, then sweeps that agree; of `crosstalk` steps too."""

    kind: StepKind = StepKind.CONDUCTION


@dataclass(frozen=True, slots=True)
class Late:
    """Supramaximal search, then a number of single shocks at `factor` times the first maximal current."""

    kind: ClassVar[StepKind] = StepKind.LATE
    factor: float


@dataclass(frozen=True, slots=True)
class Reflex:
    """A short ladder of currents until a reflex answers, then a number of single shocks far apart."""

    kind: ClassVar[StepKind] = StepKind.REFLEX


@dataclass(frozen=True, slots=True)
class Trains:
    """Supramaximal search, then `trains` of `count` shocks at `rate_hz`, each train confirmed, `rest_s` before each.

    Every shock is armed and fired by itself. `limits` are those of the device while trains are given.
    """

    kind: ClassVar[StepKind] = StepKind.TRAIN
    factor: float
    count: int
    trains: int
    rate_hz: float
    rest_s: float
    limits: StimulusLimits


@dataclass(frozen=True, slots=True)
class Excitability:
    """The threshold current by a staircase, at each of `widths_us` in turn."""

    kind: ClassVar[StepKind] = StepKind.EXCITABILITY
    widths_us: tuple[float, ...]


Task = Conduction | Late | Reflex | Trains | Excitability


@dataclass(frozen=True, slots=True)
class SiteSeries:
    """Noise, search and sweeps at one site, for one `task`.

    `reference` is the earlier step at the same site of the other side: its threshold starts this search, its
    supramaximal current bounds a search that finds nothing. `accepted_sweeps` are those that the task wants after its
    search, `extra_sweeps` how many more may be given for such that are no evidence.
    """

    name: str
    side: Side
    site: Site
    watched: tuple[Muscle, ...]
    headline: Muscle
    width_us: float
    rate_hz: float
    start_ma: float
    cap_ma: float
    warn_ma: float
    accepted_sweeps: int
    extra_sweeps: int
    noise_s: float
    max_shocks: int
    limits: StimulusLimits
    reference: str | None = None
    task: Task = Conduction()

    @property
    def kind(self) -> StepKind:
        """What the site is stimulated for."""
        return self.task.kind

    @property
    def interval_s(self) -> float:
        """Least time between two shocks, within a train excepted."""
        return 1.0 / self.rate_hz

    @property
    def watched_channels(self) -> frozenset[str]:
        """Names of the channels that steer the task: those of the stimulated side, of both where a reflex answers."""
        sides = tuple(Side) if isinstance(self.task, Reflex) else (self.side,)
        return frozenset(f"{side}.{muscle}" for side in sides for muscle in self.watched)

    @property
    def usual_shocks(self) -> int:
        """Shocks that this usually takes; for estimates only."""
        match self.task:
            case Conduction():
                usual = TYPICAL_SHOCKS
            case Late() | Trains():
                usual = TYPICAL_SEARCH + self.accepted_sweeps
            case Reflex():
                usual = TYPICAL_LADDER + self.accepted_sweeps
            case Excitability(widths_us=widths):
                usual = TYPICAL_STAIRCASE * len(widths)
        return min(usual, self.max_shocks)

    def seconds_for(self, shocks: int) -> float:
        """Device seconds that the last `shocks` of the task take."""
        match self.task:
            case Trains() as task:
                in_trains = min(shocks, task.count * task.trains)
                begun = ceil(in_trains / task.count)
                return (shocks - in_trains) * self.interval_s + begun * task.rest_s + in_trains / task.rate_hz
            case _:
                return shocks * self.interval_s

    @property
    def worst_case(self) -> Dose:
        """The dose if every allowed shock were given at the cap."""
        width_us = max(self.task.widths_us) if isinstance(self.task, Excitability) else self.width_us
        pulse = Stimulus(self.side, self.site, self.cap_ma, width_us)
        return Dose(
            side=self.side,
            site=self.site,
            pulses=self.max_shocks,
            charge_uc=self.max_shocks * pulse.charge_uc,
            peak_ma=self.cap_ma,
            energy_mj=self.max_shocks * pulse.energy_mj(),
            requested_ma_sum=self.max_shocks * self.cap_ma,
            delivered_ma_sum=self.max_shocks * self.cap_ma,
        )

    def course(self) -> str:
        """What is done here, in the words of a timeline."""
        shocks = f"~{self.usual_shocks} (max {self.max_shocks}) shocks, {self.start_ma:g}-{self.cap_ma:g} mA"
        match self.task:
            case Conduction():
                return shocks
            case Late():
                return f"{shocks}; {self.accepted_sweeps} of them for late responses"
            case Reflex():
                return f"{shocks}; blink reflex, one every {self.interval_s:g} s"
            case Trains() as task:
                trains = "1 train" if task.trains == 1 else f"{task.trains} trains"
                return f"{shocks}; {trains} of {task.count} at {task.rate_hz:g} Hz, {task.rest_s:g} s of rest"
            case Excitability(widths_us=widths):
                return f"{shocks}; threshold at {', '.join(f'{w:g}' for w in widths)} us"

    def record(self) -> dict[str, Any]:
        """What the exam's header keeps of the step, JSON-safe: which kind it is and how it was set."""
        kept: dict[str, Any] = {
            "name": self.name,
            "kind": str(self.kind),
            "side": str(self.side),
            "site": str(self.site),
            "muscles": [str(m) for m in self.watched],
            "width_us": self.width_us,
            "rate_hz": self.rate_hz,
            "cap_ma": self.cap_ma,
            "sweeps": self.accepted_sweeps,
        }
        match self.task:
            case Late(factor=factor):
                kept |= {"supramaximal_factor": factor}
            case Reflex():
                kept |= {"interval_s": self.interval_s}
            case Trains() as task:
                kept |= {
                    "supramaximal_factor": task.factor,
                    "count": task.count,
                    "trains": task.trains,
                    "train_rate_hz": task.rate_hz,
                    "rest_s": task.rest_s,
                }
            case Excitability(widths_us=widths):
                kept |= {"widths_us": list(widths)}
            case Conduction():
                pass
        return kept
