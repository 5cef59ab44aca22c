"""What the runner needs from the outside besides device, clock and operator: a journal, a stop flag, a measurement."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle, Side
from npr_daq.engine.reading import Response
from npr_daq.expression import Task
from npr_daq.recording import Capture, Event, Gap, PulseReport, Role, Sweep
from npr_daq.stimulus import Stimulus


class ExamJournal(Protocol):
    """The part of `storage.journal.Journal` that the engine writes; who opened it closes it."""

    def intent(
        self, *, stim_seq: int, boot_id: int, step: str, stimulus: Stimulus, role: Role, why: Mapping[str, Any]
    ) -> None:
        """Durable on return."""
        ...

    def outcome(
        self,
        *,
        stim_seq: int,
        boot_id: int,
        status: Literal["delivered", "refused", "unknown"],
        report: PulseReport | None = None,
        text: str = "",
    ) -> None:
        """How an intent ended that has no sweep."""
        ...

    def sweep(self, sweep: Sweep) -> None:
        """Durable on return."""
        ...

    def capture(self, capture: Capture) -> None:
        """A stretch of continuous recording."""
        ...

    def samples(self, stream_id: int, first_sample: int, counts: NDArray[np.int32]) -> None:
        """Consecutive samples (channel, time) of a capture that was announced without any."""
        ...

    def event(self, event: Event) -> None:
        """Something that happened."""
        ...

    def gap(self, gap: Gap) -> None:
        """Samples that never arrived."""
        ...

    def search(self, step: str, evidence: Mapping[str, Any]) -> None:
        """The evidence of a search."""
        ...

    def impedance(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Electrode readings."""
        ...

    def judgement(self, *, n: int, role: Role, reason: str) -> None:
        """A decision about a stored sweep."""
        ...

    def sync(self) -> None:
        """Make everything written so far durable."""
        ...


class Measurement(Protocol):
    """Reads single sweeps between two shocks."""

    def responses(self, sweep: Sweep, muscles: tuple[Muscle, ...]) -> Mapping[Muscle, Response]:
        """The answers of `muscles` on the stimulated side in one valid sweep."""
        ...

    def floors_mv(self, noise: Capture, side: Side, muscles: tuple[Muscle, ...]) -> Mapping[Muscle, float]:
        """Peak to peak that an empty sweep can reach in each muscle; what is not above it is no response.

        Raises AnalysisError where gaps leave nothing to read.
        """
        ...


class FaceMeasurement(Protocol):
    """Judges repetitions of movements while they are made."""

    def learn_rest(self, counts: NDArray[np.int32], rate_hz: float) -> None:
        """Take the resting face (channel, time) as what movements are held against."""
        ...

    def judge(
        self, task: Task, counts: NDArray[np.int32], rate_hz: float, *, cue_sample: int, release_sample: int
    ) -> tuple[str, ...]:
        """What is wrong with a repetition, in words; `counts` (channel, time) from about 1 s before the cue."""
        ...


class StopRequest:
    """A flag that any thread or signal handler may raise; the first cause stays."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._cause: Literal["interrupted", "terminated"] | None = None

    def request(self, cause: Literal["interrupted", "terminated"]) -> None:
        """Ask the run to stop: it makes safe within one wait and ends in good order."""
        if self._cause is None:
            self._cause = cause
        self._event.set()

    @property
    def cause(self) -> Literal["interrupted", "terminated"] | None:
        """Why, once requested."""
        return self._cause if self._event.is_set() else None
