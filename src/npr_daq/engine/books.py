"""The books of one shock at a time: how its intent ended, in the journal and in the dose ledger, once each."""

from dataclasses import replace
from typing import Literal

from npr_daq.engine import events as ev
from npr_daq.engine.effects import Shot
from npr_daq.engine.ports import ExamJournal
from npr_daq.errors import IllegalTransition
from npr_daq.recording import PulseReport, PulseResult, Sweep
from npr_daq.stimulus import SKIN_OHM, DoseLedger

ABORTED = "aborted before the pulse"

Ended = ev.ShotRefused | ev.ShotLost


def flowed(report: PulseReport) -> bool:
    """Whether the device reports any current; a pulse aborted before it began has a report too."""
    return report.result is not PulseResult.ABORTED or report.measured_ma != 0


class Books:
    """Every shock that is opened is closed exactly once, by `refuse`, `settle` or `sweep`, whatever breaks.

    The dose is booked before the journal is written, so that a journal that fails takes no delivered pulse with it.
    An outcome that no sweep follows is durable on return.
    """

    def __init__(self, journal: ExamJournal, *, boot_id: int) -> None:
        self._journal = journal
        self._shot: Shot | None = None
        self.boot_id = boot_id
        self.fired = False
        """Whether FIRE went out for the open shock: from then on only the device knows."""
        self.ended: Ended | None = None
        """How the shock ended, as far as is known, for a caller that `fire` broke off under; None while open."""
        self.ledger = DoseLedger()

    def open(self, shot: Shot) -> None:
        """Begin the books of `shot`."""
        self._shot, self.fired, self.ended = shot, False, None

    def refuse(self, text: str, report: PulseReport | None = None) -> ev.ShotRefused:
        """Nothing was delivered."""
        shot = self._open_shot()
        refused = ev.ShotRefused(shot.stim_seq, text, explained=True)
        self.ended = refused
        self._outcome(shot, "refused", report, text)
        return refused

    def settle(self, report: PulseReport | None, text: str) -> Ended:
        """Close the books of a shock without a sweep by what is in hand; harmless when they are closed."""
        if self.ended is not None:
            return self.ended
        if not self.fired:
            return self.refuse(text)
        if report is not None and not flowed(report):
            return self.refuse(ABORTED, report)
        shot = self._open_shot()
        lost = ev.ShotLost(shot.stim_seq, text, None if report is None else True, explained=True)
        self.ended = lost
        if report is not None:
            self._book(shot, report)
        self._outcome(shot, "unknown" if report is None else "delivered", report, text)
        return lost

    def sweep(self, sweep: Sweep) -> None:
        """The shock was delivered and this is its sweep: durable on return."""
        shot = self._open_shot()
        self.ended = ev.ShotLost(shot.stim_seq, "delivered; its sweep was not read", delivered=True, explained=True)
        self._book(shot, sweep.report)
        self._journal.sweep(sweep)

    def _open_shot(self) -> Shot:
        if self._shot is None or self.ended is not None:
            raise IllegalTransition("books: a shock is closed that is not open")
        return self._shot

    def _book(self, shot: Shot, report: PulseReport) -> None:
        load = report.load_ohm if report.load_ohm > 0 else SKIN_OHM
        given = replace(shot.stimulus, width_us=report.width_us) if report.width_us > 0 else shot.stimulus
        self.ledger.add(given, abs(report.measured_ma), load_ohm=load)

    def _outcome(
        self, shot: Shot, status: Literal["delivered", "refused", "unknown"], report: PulseReport | None, text: str
    ) -> None:
        self._journal.outcome(stim_seq=shot.stim_seq, boot_id=self.boot_id, status=status, report=report, text=text)
        self._journal.sync()
