"""Everything a run knows, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType

from npr_daq.engine.continuous_steps import MovementSeries, RestRecording
from npr_daq.engine.effects import Shot
from npr_daq.engine.plan import Plan, PlanStep, SiteSeries
from npr_daq.engine.reading import Reading
from npr_daq.engine.run import RunState
from npr_daq.engine.search import Finished, SearchSettings
from npr_daq.engine.series import Complete, SeriesSettings


class Awaiting(Enum):
    """The one thing the reducer is waiting for; an answer to anything else is a mistake of the caller."""

    NOTHING = auto()
    IMPEDANCE = auto()
    LIMITS = auto()
    PLACE = auto()
    NOISE = auto()
    CONFIRM = auto()
    TRAIN = auto()
    PREPARED = auto()
    INTENT = auto()
    SHOT = auto()
    JUDGE = auto()
    READY = auto()
    RECORDED = auto()
    REPEATED = auto()
    PAUSED = auto()
    LATCHED = auto()
    ACKNOWLEDGED = auto()
    RESUMED = auto()
    CLOSED = auto()
    SALVAGED = auto()


@dataclass(frozen=True, slots=True)
class SiteProgress:
    """Where the work at one site stands. A redo begins a new pass; `spent` counts the shocks of all of them."""

    search: SearchSettings
    spent: int = 0
    limited: bool = False
    placed: bool = False
    noise: bool = False
    confirmed: bool = False
    pass_number: int = 1
    history: tuple[Reading, ...] = ()
    verdict: Finished | None = None
    series_settings: SeriesSettings | None = None
    series: tuple[Reading, ...] = ()
    complete: Complete | None = None
    doubtful: int = 0
    """Shocks in a row that were no evidence."""
    refused: int = 0
    """Shocks in a row that the device refused."""
    trains_confirmed: int = 0
    """How many trains of this pass the operator has confirmed; from the first on the device holds their limits."""
    intervals_s: tuple[float | None, ...] = ()
    """From the onset before to that of each shock of the series; None for the first of a stream."""
    leave: str = ""
    """Why the operator skips this site as soon as the run goes on; empty where the work here goes on."""
    ended: str = ""
    """Why no further shock is given here, by the operator's word; empty while shocks may be given."""


@dataclass(frozen=True, slots=True)
class FaceProgress:
    """Where a step of rest or movements stands. After a pause it goes on in a recording of its own: another pass."""

    ready: bool = False
    pass_number: int = 1
    tries: int = 0
    """Repetitions made, in all passes: the number of the last one."""
    here: int = 0
    """Repetitions made since the step was begun, or begun anew by a redo."""
    good: tuple[int, ...] = ()
    flaws: tuple[str, ...] = ()
    """What was wrong with those that do not count, first word of each."""
    leave: str = ""
    """Why the operator skips the step as soon as the run goes on; empty where it goes on."""


@dataclass(frozen=True, slots=True)
class ExamState:
    """A run: where it stands, what it waits for, what it has learned."""

    plan: Plan
    next_seq: int
    next_n: int
    run: RunState = RunState.PLANNED
    awaiting: Awaiting = Awaiting.NOTHING
    step_index: int = 0
    site: SiteProgress | None = None
    face: FaceProgress | None = None
    in_row: bool = False
    """Whether the operator has begun a row of movements, so that the next of the row follows without a question."""
    pending: Shot | None = None
    results: Mapping[str, Finished] = field(default_factory=lambda: MappingProxyType({}))
    shocks: int = 0
    repetitions: int = 0
    """Repetitions of movements that were accepted."""
    trips: int = 0
    pauses: int = 0
    cause: str = ""
    error: Exception | None = None

    @property
    def step(self) -> PlanStep | None:
        """The step it is at; None past the last."""
        return self.plan.steps[self.step_index] if self.step_index < len(self.plan.steps) else None

    @property
    def shocks_expected(self) -> int:
        """Shocks given plus those that the rest will probably take."""
        return self.shocks + sum(n for _, n in self._ahead())

    @property
    def repetitions_expected(self) -> int:
        """Repetitions accepted plus those that are still wanted."""
        return self.repetitions + sum(wanted for _, wanted in self._movements_ahead())

    @property
    def time_left_s(self) -> float:
        """Device seconds that the rest will probably take, the placing by hand not counted."""
        left = sum(wanted * (step.hold_s + step.rest_s) for step, wanted in self._movements_ahead())
        left += sum(s.seconds for s in self._steps_ahead() if isinstance(s, RestRecording))
        for number, (step, shocks) in enumerate(self._ahead()):
            begun = number == 0 and self.site is not None and self.site.noise
            left += step.seconds_for(shocks) + (0.0 if begun else step.noise_s)
        return left

    def _ahead(self) -> list[tuple[SiteSeries, int]]:
        ahead = []
        for step in self._steps_ahead():
            if isinstance(step, SiteSeries):
                here = step is self.step and self.site is not None
                ahead.append((step, self._left_here(step, step.usual_shocks) if here else step.usual_shocks))
        return ahead

    def _movements_ahead(self) -> list[tuple[MovementSeries, int]]:
        """Steps of movements that are not over, and how many repetitions each still wants."""
        ahead = []
        for step in self._steps_ahead():
            if isinstance(step, MovementSeries):
                done = len(self.face.good) if step is self.step and self.face is not None else 0
                ahead.append((step, max(0, step.repetitions - done)))
        return ahead

    def _steps_ahead(self) -> tuple[PlanStep, ...]:
        return () if self.run.final else self.plan.steps[self.step_index :]

    def _left_here(self, step: SiteSeries, usual: int) -> int:
        site = self.site
        if site is None or site.complete is not None:
            return 0
        if site.verdict is not None:
            wanted = step.accepted_sweeps if site.series_settings is None else site.series_settings.wanted
            return max(1, wanted - len(site.series))
        return max(step.accepted_sweeps, usual - len(site.history))
